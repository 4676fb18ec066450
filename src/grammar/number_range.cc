#include "grammar/number_range.h"

#include <algorithm>

namespace thimble {
namespace {

constexpr int64_t kMaxScaled = 999'999'999'999'999;  // 15 digits

constexpr int64_t limit(int scale) { return scale == 0 ? NumberRange::kMaxInteger : kMaxScaled; }

constexpr auto kPowers = [] {
  std::array<int64_t, 19> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();
int64_t power(int exponent) { return kPowers[static_cast<size_t>(exponent)]; }

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

/// Multiples of m > 0 in [first, last].
uint64_t multiples(int64_t first, int64_t last, int64_t m) {
  return static_cast<uint64_t>(floor_div(last, m) - floor_div(first - 1, m));
}

/// digits * 10^exponent, exactly.
struct Decimal {
  uint64_t digits = 0;
  int exponent = 0;
  bool negative = false;
  bool more = false;  // digits that did not fit follow
};

Decimal parse(std::string_view text) {
  Decimal out;
  int written = 0;
  bool point = false, negative_exponent = false;
  size_t i = 0;
  for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    if (text[i] == '-') out.negative = true;
    else if (text[i] == '.') point = true;
    else if (out.digits > 100'000'000'000'000'000) {
      out.more = out.more || text[i] != '0';
      out.exponent += !point;
    } else {
      out.digits = out.digits * 10 + static_cast<uint64_t>(text[i] - '0');
      out.exponent -= point;
    }
  }
  for (++i; i < text.size(); ++i) {
    if (text[i] == '-') negative_exponent = true;
    else if (text[i] >= '0' && text[i] <= '9') written = std::min(written * 10 + (text[i] - '0'), 100'000);
  }
  out.exponent += negative_exponent ? -written : written;
  return out;
}

/// The value times 10^scale, rounded to minus infinity, cut to what limit() can compare with.
/// `exact`: nothing was rounded.
int64_t scaled_floor(const Decimal& d, int scale, bool& exact) {
  constexpr uint64_t kBig = uint64_t{1} << 60;
  uint64_t value = d.digits;
  bool rest = d.more;
  for (int e = d.exponent + scale; e > 0 && value != 0 && value < kBig; --e) value *= 10;
  for (int e = d.exponent + scale; e < 0 && value != 0; ++e) {
    rest = rest || value % 10 != 0;
    value /= 10;
  }
  exact = !rest;
  const auto magnitude = static_cast<int64_t>(std::min(value, kBig));
  return d.negative ? -magnitude - rest : magnitude;
}

}  // namespace

NumberRange::NumberRange(bool integer, bool trailing_zeros)
    : max_fraction_(integer ? 0 : kMaxFraction), trailing_zeros_(trailing_zeros) {
  for (int k = 0; k <= kMaxFraction; ++k) {
    low_[static_cast<size_t>(k)] = -limit(k);
    high_[static_cast<size_t>(k)] = limit(k);
  }
}

void NumberRange::add_minimum(std::string_view text, bool exclusive) {
  const Decimal bound = parse(text);
  for (int k = 0; k <= kMaxFraction; ++k) {
    bool exact = true;
    const int64_t floor = scaled_floor(bound, k, exact);
    const int64_t first = floor + (!exact || exclusive);
    low_[static_cast<size_t>(k)] = std::max(low_[static_cast<size_t>(k)], first);
  }
}

void NumberRange::add_maximum(std::string_view text, bool exclusive) {
  const Decimal bound = parse(text);
  for (int k = 0; k <= kMaxFraction; ++k) {
    bool exact = true;
    const int64_t floor = scaled_floor(bound, k, exact);
    const int64_t last = floor - (exact && exclusive);
    high_[static_cast<size_t>(k)] = std::min(high_[static_cast<size_t>(k)], last);
  }
}

void NumberRange::set_multiple(int64_t m) {
  multiple_ = m;
  max_fraction_ = 0;
}

// [first, last]: magnitudes at this scale.
uint64_t NumberRange::count_at(int scale, bool negative, int64_t first, int64_t last,
                               std::span<const uint64_t> used, bool trailing_zeros) const {
  if (negative) {
    first = std::max<int64_t>(first, 1);
    std::swap(first, last);
    first = -first;
    last = -last;
  }
  first = std::max(first, low_[static_cast<size_t>(scale)]);
  last = std::min(last, high_[static_cast<size_t>(scale)]);
  if (first > last) return 0;
  uint64_t n = multiples(first, last, scale > 0 ? 1 : multiple_);
  if (scale > 0 && !trailing_zeros) n -= multiples(first, last, 10);
  for (const uint64_t k : used) {
    State s{static_cast<int64_t>(k >> 5), static_cast<int8_t>((k >> 1 & 15) - 1), (k & 1) != 0, true};
    const int zeros = scale - std::max<int>(s.fraction, 0);
    if (zeros < 0 || (zeros > 0 && !trailing_zeros) || s.magnitude > limit(scale) / power(zeros)) continue;
    const int64_t value = (s.negative ? -s.magnitude : s.magnitude) * power(zeros);
    n -= first <= value && value <= last;
  }
  return n;
}

uint64_t NumberRange::count(const State& s, uint64_t enough, std::span<const uint64_t> used) const {
  uint64_t n = 0;
  if (!s.digits) {
    for (int k = 0; k <= max_fraction_ && n <= enough; ++k) n += count_at(k, s.negative, 0, limit(k), used, false);
    return n;
  }
  // Up to `whole` more digits before the point, then the fraction filled to k digits.
  const bool open = s.fraction < 0 && s.magnitude != 0;
  for (int whole = 0; whole <= (open ? 16 : 0); ++whole) {
    for (int k = std::max<int>(s.fraction, 0); k <= max_fraction_; ++k) {
      if (s.fraction == 0 && k == 0) continue;
      const int more = whole + k - std::max<int>(s.fraction, 0);
      if (more > 16 || s.magnitude > limit(k) / power(more)) break;
      const int64_t first = s.magnitude * power(more);
      n += count_at(k, s.negative, first, std::min(first + power(more) - 1, limit(k)), used, trailing_zeros_);
      if (n > enough) return n;
    }
  }
  return n;
}

bool NumberRange::legal(const State& s, uint8_t byte, std::span<const uint64_t> used) const {
  State next = s;
  if (byte == '-') {
    if (s.negative || s.digits) return false;
  } else if (byte == '.') {
    if (!s.digits || s.fraction >= 0 || max_fraction_ == 0) return false;
  } else if (byte >= '0' && byte <= '9') {
    if (s.digits && s.fraction < 0 && s.magnitude == 0) return false;
    if (s.fraction >= max_fraction_ || s.magnitude > limit(std::max<int>(s.fraction + 1, 0)) / 10) return false;
  } else {
    return false;
  }
  advance(next, byte);
  return viable(next, used);
}

void NumberRange::advance(State& s, uint8_t byte) {
  if (byte == '-') {
    s.negative = true;
  } else if (byte == '.') {
    s.fraction = 0;
  } else {
    s.magnitude = s.magnitude * 10 + (byte - '0');
    s.digits = true;
    s.fraction = static_cast<int8_t>(s.fraction + (s.fraction >= 0));
  }
}

uint64_t NumberRange::key(const State& state) {
  State s = state;
  while (s.fraction > 0 && s.magnitude % 10 == 0) {
    s.magnitude /= 10;
    if (--s.fraction == 0) s.fraction = -1;
  }
  return static_cast<uint64_t>(s.magnitude) << 5 | static_cast<uint64_t>(s.fraction + 1) << 1 | s.negative;
}

bool NumberRange::complete(const State& s, std::span<const uint64_t> used) const {
  if (!s.digits || s.fraction == 0) return false;
  const int scale = std::max<int>(s.fraction, 0);
  return count_at(scale, s.negative, s.magnitude, s.magnitude, used, trailing_zeros_) > 0;
}

}  // namespace thimble
