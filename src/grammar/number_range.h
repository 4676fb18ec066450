// Numbers within bounds, written digit by digit: at each digit only what can still become a legal
// number is allowed.
//
// The text is plain decimal as JavaScript's String(x) writes it: no exponent, no leading zeros, no
// "-0", no zeros at the end of a fraction (unless trailing_zeros: Python writes 5.0). Without a fraction up to 2^53 - 1 in magnitude (beyond,
// JavaScript's numbers skip integers), with a fraction at most 15 digits: then decimal order and
// the order of doubles agree, and bounds hold for whoever parses the text.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace thimble {

class NumberRange {
 public:
  static constexpr int kMaxFraction = 14;
  static constexpr int64_t kMaxInteger = (int64_t{1} << 53) - 1;

  /// What has been written. Trivially copyable.
  struct State {
    int64_t magnitude = 0;  // of all digits, the point left out
    int8_t fraction = -1;   // digits after the point; -1 without a point
    bool negative = false;
    bool digits = false;    // any digit yet
  };

  /// Without bounds.
  explicit NumberRange(bool integer, bool trailing_zeros = false);
  /// `text`: a JSON number; exponents too. Narrows the range.
  void add_minimum(std::string_view text, bool exclusive);
  void add_maximum(std::string_view text, bool exclusive);
  /// Multiples of m > 0 only; these are integers.
  void set_multiple(int64_t m);

  /// `used`: keys of numbers that may not come again (uniqueItems).
  bool legal(const State& state, uint8_t byte, std::span<const uint64_t> used) const;
  bool complete(const State& state, std::span<const uint64_t> used) const;
  /// The number of legal completions, or some number above `enough`. Before the first digit: of different numbers.
  uint64_t count(const State& state, uint64_t enough, std::span<const uint64_t> used) const;
  static void advance(State& state, uint8_t byte);
  /// One number, one key.
  static uint64_t key(const State& state);

 private:
  bool viable(const State& s, std::span<const uint64_t> used) const { return count(s, 0, used) > 0; }
  uint64_t count_at(int scale, bool negative, int64_t first, int64_t last,
                    std::span<const uint64_t> used, bool trailing_zeros) const;

  std::array<int64_t, kMaxFraction + 1> low_, high_;  // [digits after the point]: bounds * 10^digits
  int max_fraction_;
  int64_t multiple_ = 1;
  bool trailing_zeros_;
};

}  // namespace thimble
