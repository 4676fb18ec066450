// Deterministic automata over code points: what a string schema allows, whole strings only.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace thimble {

/// Code points [first, last]. Surrogates never occur: they are no characters of UTF-8.
struct CharRange {
  char32_t first, last;
};

inline constexpr char32_t kLastCodePoint = 0x10FFFF;

using ByteSet = std::bitset<256>;

/// Every state can reach an accepting one (trim() saw to it), so a string that was never refused
/// can always be completed. State 0 is the start.
class CharDfa {
 public:
  using State = uint16_t;
  static constexpr State kDead = 0xFFFF;
  static constexpr size_t kMaxStates = 8192;
  static constexpr uint32_t kFar = std::numeric_limits<uint32_t>::max();

  /// `starts`, sorted, from 0: where each range of equal code points begins; `classes`: the class
  /// of each range.
  CharDfa(std::vector<char32_t> starts, std::vector<uint16_t> classes, size_t class_count);

  State add_state(bool accepts);
  void set_next(State from, size_t char_class, State to) { next_[from * classes_ + char_class] = to; }
  /// Drops the states that cannot reach acceptance, and measures distance(). False if the start is
  /// one of them: no string is accepted.
  bool trim();

  size_t size() const { return accepts_.size(); }
  size_t class_count() const { return classes_; }
  bool accepts(State s) const { return accepts_[s] != 0; }
  State next_of_class(State s, size_t c) const { return next_[s * classes_ + c]; }
  State next(State s, char32_t point) const { return next_of_class(s, class_of(point)); }
  /// Code points that the shortest completion from `s` still needs.
  uint32_t distance(State s) const { return distance_[s]; }
  /// First bytes, in UTF-8, of the code points that may come next.
  ByteSet first_bytes(State s) const;
  /// The smallest distance after one code point of [first, last]; kFar if none is allowed.
  uint32_t distance_after(State s, char32_t first, char32_t last) const;

  const std::vector<char32_t>& starts() const { return starts_; }
  size_t class_of(char32_t point) const {
    return point < ascii_.size() ? ascii_[point] : classes_of_ranges_[range_of(point)];
  }

 private:
  size_t range_of(char32_t point) const;
  void measure();
  void find_first_bytes();

  size_t classes_;
  std::vector<char32_t> starts_;
  std::vector<uint16_t> classes_of_ranges_;
  std::array<uint16_t, 128> ascii_{};
  std::vector<ByteSet> first_bytes_;  // of each class
  std::vector<State> next_;  // states x classes
  std::vector<uint8_t> accepts_;
  std::vector<uint32_t> distance_;
};

/// The strings that both accept, into `out`. False if there are none or kMaxStates is passed
/// (`too_large` says which).
bool intersect(const CharDfa& a, const CharDfa& b, CharDfa& out, bool& too_large);

/// All strings of at least `min_points` code points; min_points < kMaxStates.
CharDfa at_least(size_t min_points);

}  // namespace thimble
