#include "grammar/scalar_state.h"

#include <algorithm>

namespace thimble {
namespace {

using Used = std::span<const uint64_t>;

constexpr uint64_t kHashStart = 0xcbf29ce484222325;  // FNV-1a
uint64_t hashed(uint64_t hash, uint8_t byte) { return (hash ^ byte) * 0x100000001b3; }

bool contains(Used used, uint64_t key) { return std::find(used.begin(), used.end(), key) != used.end(); }

// Literals: the key is the index.

uint32_t unused_in(uint32_t low, uint32_t high, Used used) {
  uint32_t n = high - low;
  for (const uint64_t k : used) n -= low <= k && k < high;
  return n;
}

bool literal_legal(const LiteralSpec& spec, LiteralState s, uint8_t byte, Used used) {
  narrow(spec.texts, s.depth, byte, s.low, s.high);
  return unused_in(s.low, s.high, used) > 0;
}

bool literal_complete(const LiteralSpec& spec, const LiteralState& s, Used used) {
  return s.low < s.high && spec.texts[s.low].size() == s.depth && !contains(used, s.low);
}

// Strings.

/// Control characters that have no short escape.
constexpr bool is_long_control(uint32_t c) {
  return c < 0x20 && c != '\b' && c != '\t' && c != '\n' && c != '\f' && c != '\r';
}

int short_escape(uint8_t letter) {
  switch (letter) {
    case '"': return '"';
    case '\\': return '\\';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return -1;
  }
}

/// Whether a character of [first, last] may come next. `hash`: of the body with that character, if
/// it is only one and complete, for the last place of a string that must differ from others: there
/// at least 32 other characters remain as long as it is not complete, more than kMaxUnique.
bool takes(const StringSpec& spec, const StringState& s, char32_t first, char32_t last, Used used, uint64_t hash) {
  if (s.length >= spec.max) return false;
  if (spec.dfa != nullptr) {
    const uint32_t rest = spec.dfa->distance_after(s.dfa, first, last);
    return rest != CharDfa::kFar && rest < spec.max - s.length;
  }
  return s.length + 1 < spec.max || first != last || !contains(used, hash);
}

// There are fewer of these than kMaxUnique, so they never fill the last place of a string that must
// differ from others.
bool takes_control(const StringSpec& spec, const StringState& s, uint32_t first, uint32_t last, Used used) {
  if (!used.empty() && spec.max - s.length <= 1) return false;
  for (uint32_t c = first; c <= std::min(last, 0x7Fu); ++c)
    if ((is_long_control(c) || (c == 0x7F && spec.ascii)) && takes(spec, s, c, c, used, 0)) return true;
  return false;
}

constexpr uint32_t kHighHalf = 0xD800, kLowHalf = 0xDC00, kAfterHalves = 0xE000;

char32_t joined(uint32_t high, uint32_t low) { return 0x10000 + ((high - kHighHalf) << 10) + (low - kLowHalf); }

/// Whether an escape \uxxxx of [first, last] may come: one, or at least 16 beginning with a multiple of 16. `hash`: as
/// takes() has it.
bool takes_units(const StringSpec& spec, const StringState& s, uint32_t first, uint32_t last, Used used, uint64_t hash) {
  const auto within = [&](uint32_t from, uint32_t to, const auto& point) {
    from = std::max(from, first);
    to = std::min(to, last);
    return from <= to && takes(spec, s, point(from), point(to), used, hash);
  };
  const bool in_digits = s.phase >= StringState::unicode0 && s.phase <= StringState::unicode3;
  const uint32_t high = in_digits ? s.partial >> 16 : 0;
  if (high != 0) return within(kLowHalf, kAfterHalves - 1, [&](uint32_t low) { return joined(high, low); });
  if (takes_control(spec, s, first, last, used)) return true;
  if (!spec.ascii) return false;
  const auto itself = [](uint32_t unit) { return static_cast<char32_t>(unit); };
  if (within(0x80, kHighHalf - 1, itself) || within(kAfterHalves, 0xFFFF, itself)) return true;
  const uint32_t from = std::max(kHighHalf, first), to = std::min(kLowHalf - 1, last);
  return from <= to && takes(spec, s, joined(from, kLowHalf), joined(to, kAfterHalves - 1), used, 0);
}

/// Small letters only. -1: none.
int hex_digit(uint8_t b) { return b >= '0' && b <= '9' ? b - '0' : b >= 'a' && b <= 'f' ? b - 'a' + 10 : -1; }

bool digit_legal(const StringSpec& spec, const StringState& s, uint8_t b, Used used) {
  const int digit = hex_digit(b);
  if (digit < 0) return false;
  const int rest = 4 * (StringState::unicode3 - s.phase);
  const uint32_t first = ((s.partial & 0xFFFF) << 4 | static_cast<uint32_t>(digit)) << rest;
  return takes_units(spec, s, first, first + (1u << rest) - 1, used, hashed(s.hash, b));
}

bool takes_escape(const StringSpec& spec, const StringState& s, Used used) {
  for (const uint8_t letter : {'"', '\\', 'b', 'f', 'n', 'r', 't'}) {
    const auto point = static_cast<char32_t>(short_escape(letter));
    if (takes(spec, s, point, point, used, hashed(hashed(s.hash, '\\'), letter))) return true;
  }
  return takes_units(spec, s, 0, 0xFFFF, used, 0);
}

/// The code points that a lead byte or a partial character can become; empty (first > last) if none.
CharRange reach(uint32_t bits, int pending, int total) {
  static constexpr char32_t kFirst[] = {0, 0, 0x80, 0x800, 0x10000};
  const int shift = 6 * pending;
  CharRange r{static_cast<char32_t>(bits << shift), static_cast<char32_t>((bits << shift) | ((1u << shift) - 1))};
  r.first = std::max(r.first, kFirst[total]);
  r.last = std::min(r.last, kLastCodePoint);
  if (r.first >= 0xD800 && r.first <= 0xDFFF) r.first = 0xE000;
  if (r.last >= 0xD800 && r.last <= 0xDFFF) r.last = 0xD7FF;
  return r;
}

int total_bytes(uint8_t lead) { return lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2; }

bool body_legal(const StringSpec& spec, const StringState& s, uint8_t b, Used used) {
  if (spec.ascii && b >= 0x7F) return false;
  if (b < 0x20 || b == 0xC0 || b == 0xC1 || b > 0xF4 || (b >= 0x80 && b < 0xC0)) return false;
  if (b == '"') {
    if (contains(used, s.hash)) return false;
    return spec.dfa != nullptr ? spec.dfa->accepts(s.dfa) : s.length >= spec.min;
  }
  if (b == '\\') return takes_escape(spec, s, used);
  if (b < 0x80) return takes(spec, s, b, b, used, hashed(s.hash, b));
  const int total = total_bytes(b);
  const CharRange r = reach(b & (0x7Fu >> total), total - 1, total);
  return takes(spec, s, r.first, r.last, used, 0);
}

// Bits and length of the character are in `partial`, which keeps a marker bit above them: the lead
// byte's length is found again from pending and this count.
bool more_legal(const StringSpec& spec, const StringState& s, uint8_t b, Used used) {
  if ((b & 0xC0) != 0x80) return false;
  const int total = static_cast<int>(s.partial >> 24);
  const uint32_t bits = (s.partial & 0xFFFFFF) << 6 | (b & 0x3F);
  const CharRange r = reach(bits, s.pending - 1, total);
  return r.first <= r.last && takes(spec, s, r.first, r.last, used, hashed(s.hash, b));
}

bool string_legal(const StringSpec& spec, const StringState& s, uint8_t b, Used used) {
  switch (s.phase) {
    case StringState::quote: return b == '"';
    case StringState::space: return b == ' ';
    case StringState::body: return body_legal(spec, s, b, used);
    case StringState::more_bytes: return more_legal(spec, s, b, used);
    case StringState::escape: {
      if (b == 'u') return takes_units(spec, s, 0, 0xFFFF, used, 0);
      const int point = short_escape(b);
      const auto c = static_cast<char32_t>(point);
      return point >= 0 && takes(spec, s, c, c, used, hashed(s.hash, b));
    }
    case StringState::unicode0:
    case StringState::unicode1:
    case StringState::unicode2:
    case StringState::unicode3: return digit_legal(spec, s, b, used);
    case StringState::pair: return b == '\\';
    case StringState::pair_u: return b == 'u';
    case StringState::end: return false;
  }
  return false;
}

/// What can stand in a string as it is, by first byte.
ByteSet raw_bytes(size_t last) {
  ByteSet out;
  for (size_t b = 0x20; b <= last; ++b) out[b] = b != '"' && b != '\\' && (b < 0x80 || b >= 0xC2);
  return out;
}

/// Whether one more character fits, whichever it is.
bool has_room(const StringSpec& spec, const StringState& s, Used used) {
  if (spec.max == kNoLimit) return true;
  const size_t rest = spec.dfa != nullptr ? spec.dfa->size() : !used.empty();
  return s.length + rest < spec.max;
}

void add_string_bytes(const StringSpec& spec, const StringState& s, Used used, ByteSet& out) {
  static const ByteSet kRaw = raw_bytes(0xF4), kAscii = raw_bytes(0x7E);
  const auto add = [&](auto bytes) {
    for (const auto b : bytes)
      if (string_legal(spec, s, static_cast<uint8_t>(b), used)) out.set(static_cast<uint8_t>(b));
  };
  if (s.phase == StringState::body && has_room(spec, s, used)) {
    const ByteSet& raw = spec.ascii ? kAscii : kRaw;
    out |= spec.dfa == nullptr ? raw : raw & spec.dfa->first_bytes(s.dfa);
    return add(std::string_view("\"\\"));
  }
  if (s.phase == StringState::body && s.length >= spec.max) return add(std::string_view("\""));
  if (s.phase != StringState::body && s.phase != StringState::more_bytes)
    return add(std::string_view("\" \\bfnrtu0123456789acde"));
  for (size_t b = 0; b < out.size(); ++b)
    if (string_legal(spec, s, static_cast<uint8_t>(b), used)) out.set(b);
}

void take(const StringSpec& spec, StringState& s, char32_t point) {
  s.phase = StringState::body;
  ++s.length;
  if (spec.dfa != nullptr) s.dfa = spec.dfa->next(s.dfa, point);
}

void body_advance(const StringSpec& spec, StringState& s, uint8_t b) {
  if (b == '\\') {
    s.phase = StringState::escape;
  } else if (b < 0x80) {
    take(spec, s, b);
  } else {
    const int total = total_bytes(b);
    s.phase = StringState::more_bytes;
    s.pending = static_cast<uint8_t>(total - 1);
    s.partial = static_cast<char32_t>(total) << 24 | (b & (0x7Fu >> total));
  }
}

void more_advance(const StringSpec& spec, StringState& s, uint8_t b) {
  const uint32_t bits = (s.partial & 0xFFFFFF) << 6 | (b & 0x3F);
  s.partial = (s.partial & 0xFF000000) | bits;
  if (--s.pending == 0) take(spec, s, bits);
}

void digit_advance(const StringSpec& spec, StringState& s, uint8_t b) {
  const uint32_t high = s.partial >> 16, unit = (s.partial & 0xFFFF) << 4 | static_cast<uint32_t>(hex_digit(b));
  if (s.phase != StringState::unicode3) {
    s.partial = high << 16 | unit;
    s.phase = static_cast<StringState::Phase>(s.phase + 1);
  } else if (high != 0) {
    take(spec, s, joined(high, unit));
  } else if (unit >= kHighHalf && unit < kLowHalf) {
    s.partial = unit << 16;
    s.phase = StringState::pair;
  } else {
    take(spec, s, unit);
  }
}

void string_advance(const StringSpec& spec, StringState& s, uint8_t b) {
  using P = StringState::Phase;
  if (s.phase == P::body && b == '"') {
    s.phase = P::end;
    return;
  }
  if (s.phase >= P::body) s.hash = hashed(s.hash, b);
  switch (s.phase) {
    case P::quote: s.phase = spec.ascii ? P::body : P::space; break;
    case P::space: s.phase = P::body; break;
    case P::body: body_advance(spec, s, b); break;
    case P::more_bytes: more_advance(spec, s, b); break;
    case P::escape:
      s.partial = 0;
      if (b == 'u') s.phase = P::unicode0;
      else take(spec, s, static_cast<char32_t>(short_escape(b)));
      break;
    case P::unicode0:
    case P::unicode1:
    case P::unicode2:
    case P::unicode3: digit_advance(spec, s, b); break;
    case P::pair: s.phase = P::pair_u; break;
    case P::pair_u: s.phase = P::unicode0; break;
    case P::end: break;
  }
}

}  // namespace

ScalarState start_scalar(const ToolSet& set, Scalar scalar) {
  ScalarState s;
  s.kind = scalar.kind;
  s.spec = scalar.spec;
  switch (scalar.kind) {
    case ScalarKind::literal:
      s.literal = {0, static_cast<uint32_t>(set.literals[scalar.spec].texts.size()), 0};
      break;
    case ScalarKind::string:
      s.string = {};
      s.string.hash = kHashStart;
      break;
    case ScalarKind::number: s.number = {}; break;
  }
  return s;
}

bool scalar_legal(const ToolSet& set, const ScalarState& s, uint8_t byte, Used used) {
  switch (s.kind) {
    case ScalarKind::literal: return literal_legal(set.literals[s.spec], s.literal, byte, used);
    case ScalarKind::string: return string_legal(set.strings[s.spec], s.string, byte, used);
    case ScalarKind::number: return set.numbers[s.spec].legal(s.number, byte, used);
  }
  return false;
}

void add_scalar_bytes(const ToolSet& set, const ScalarState& s, Used used, ByteSet& out) {
  switch (s.kind) {
    case ScalarKind::literal: {
      const auto any_left = [&](uint32_t low, uint32_t high) { return unused_in(low, high, used) > 0; };
      return add_next_bytes(set.literals[s.spec].texts, s.literal, any_left, out);
    }
    case ScalarKind::string: return add_string_bytes(set.strings[s.spec], s.string, used, out);
    case ScalarKind::number:
      for (const uint8_t b : std::string_view("-.0123456789"))
        if (set.numbers[s.spec].legal(s.number, b, used)) out.set(b);
  }
}

void scalar_advance(const ToolSet& set, ScalarState& s, uint8_t byte) {
  switch (s.kind) {
    case ScalarKind::literal:
      narrow(set.literals[s.spec].texts, s.literal.depth, byte, s.literal.low, s.literal.high);
      ++s.literal.depth;
      break;
    case ScalarKind::string: string_advance(set.strings[s.spec], s.string, byte); break;
    case ScalarKind::number: NumberRange::advance(s.number, byte); break;
  }
}

bool scalar_complete(const ToolSet& set, const ScalarState& s, Used used) {
  switch (s.kind) {
    case ScalarKind::literal: return literal_complete(set.literals[s.spec], s.literal, used);
    case ScalarKind::string: return s.string.phase == StringState::end;
    case ScalarKind::number: return set.numbers[s.spec].complete(s.number, used);
  }
  return false;
}

uint64_t scalar_key(const ScalarState& s) {
  switch (s.kind) {
    case ScalarKind::literal: return s.literal.low;
    case ScalarKind::string: return s.string.hash;
    case ScalarKind::number: return NumberRange::key(s.number);
  }
  return 0;
}

uint64_t string_key(const ScalarState& s, std::string_view plain) {
  uint64_t hash = s.string.hash;
  for (const char c : plain) hash = hashed(hash, static_cast<uint8_t>(c));
  return hash;
}

bool scalar_left(const ToolSet& set, Scalar scalar, Used used) {
  switch (scalar.kind) {
    case ScalarKind::literal: return set.literals[scalar.spec].texts.size() > used.size();
    case ScalarKind::string: return true;  // compile_tools lets only endless sets be unique
    case ScalarKind::number: return set.numbers[scalar.spec].count({}, 0, used) + set.numbers[scalar.spec].count({.negative = true}, 0, used) > 0;
  }
  return false;
}

bool scalar_accepts(const ToolSet& set, Scalar scalar, std::string_view text) {
  ScalarState s = start_scalar(set, scalar);
  for (const char c : text) {
    if (!scalar_legal(set, s, static_cast<uint8_t>(c), {})) return false;
    scalar_advance(set, s, static_cast<uint8_t>(c));
  }
  return scalar_complete(set, s, {});
}

}  // namespace thimble
