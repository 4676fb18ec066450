// Matchers of the values without inner structure, byte by byte: literals, strings and numbers. All
// states are small and trivially copyable.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "grammar/tool_schema.h"

namespace thimble {

/// Which of the sorted texts still fit: [low, high), after `depth` bytes.
struct LiteralState {
  uint32_t low = 0, high = 0, depth = 0;
};

struct StringState {
  // pair: the first half of a surrogate pair is complete, its second half comes
  enum Phase : uint8_t { quote, space, body, more_bytes, escape, unicode0, unicode1, unicode2, unicode3, pair, pair_u, end };
  Phase phase = quote;
  uint8_t pending = 0;       // bytes of the character that are still to come
  CharDfa::State dfa = 0;
  char32_t partial = 0;      // the bits of a character so far; from unicode0 on: first half of a pair << 16 | digits
  uint32_t length = 0;       // code points
  uint64_t hash = 0;         // of the bytes of the body
};

/// One alternative of a value with what has been read of it.
struct ScalarState {
  ScalarKind kind = ScalarKind::literal;
  uint32_t spec = 0;
  union {
    LiteralState literal;
    StringState string;
    NumberRange::State number;
  };
  ScalarState() : literal() {}
};

ScalarState start_scalar(const ToolSet& set, Scalar scalar);

/// Whether `byte` can follow, on the way to some complete value. `used`: keys (scalar_key) of the
/// values that an array with uniqueItems holds already.
bool scalar_legal(const ToolSet& set, const ScalarState& s, uint8_t byte, std::span<const uint64_t> used);
/// Only for a legal byte.
void scalar_advance(const ToolSet& set, ScalarState& s, uint8_t byte);
/// Adds the bytes that are scalar_legal() to `out`.
void add_scalar_bytes(const ToolSet& set, const ScalarState& s, std::span<const uint64_t> used, ByteSet& out);
bool scalar_complete(const ToolSet& set, const ScalarState& s, std::span<const uint64_t> used);
/// Equal for equal complete values of one spec. (Strings: 64 bits of hash; a collision would forbid
/// a value, never allow a wrong one.)
uint64_t scalar_key(const ScalarState& s);
/// The key of the string that `s`, between two characters of a string, becomes by `plain` and its end.
uint64_t string_key(const ScalarState& s, std::string_view plain);
/// Whether a further value exists that is not in `used`.
bool scalar_left(const ToolSet& set, Scalar scalar, std::span<const uint64_t> used);

/// Whether `text`, the whole answer_text of a value, is one of `scalar`.
bool scalar_accepts(const ToolSet& set, Scalar scalar, std::string_view text);

/// Sorted texts: narrows [low, high), equal in their first `depth` bytes, to those that go on with
/// `byte`.
template <class Texts>
void narrow(const Texts& texts, uint32_t depth, uint8_t byte, uint32_t& low, uint32_t& high);
/// The bytes with which those of [low, high) go on that `holds(low, high)`, asked for each byte's own.
template <class Texts, class Holds>
void add_next_bytes(const Texts& texts, LiteralState s, const Holds& holds, ByteSet& out);

}  // namespace thimble

template <class Texts>
void thimble::narrow(const Texts& texts, uint32_t depth, uint8_t byte, uint32_t& low, uint32_t& high) {
  const auto at = [&](uint32_t i) { return texts[i].size() <= depth ? -1 : static_cast<uint8_t>(texts[i][depth]); };
  const auto bisect = [&](uint32_t a, uint32_t b, int limit) {  // the first with at() >= limit
    while (a < b) {
      const uint32_t mid = a + (b - a) / 2;
      if (at(mid) < limit) a = mid + 1;
      else b = mid;
    }
    return a;
  };
  const uint32_t first = bisect(low, high, byte);
  high = bisect(first, high, byte + 1);
  low = first;
}

template <class Texts, class Holds>
void thimble::add_next_bytes(const Texts& texts, LiteralState s, const Holds& holds, ByteSet& out) {
  while (s.low < s.high) {
    if (texts[s.low].size() <= s.depth) {  // complete
      ++s.low;
      continue;
    }
    const auto byte = static_cast<uint8_t>(texts[s.low][s.depth]);
    uint32_t low = s.low, high = s.high;
    narrow(texts, s.depth, byte, low, high);
    if (holds(low, high)) out.set(byte);
    s.low = high;
  }
}
