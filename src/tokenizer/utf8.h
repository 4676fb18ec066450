// UTF-8 as SentencePiece reads it (util.cc, DecodeUTF8): shortest forms only, no surrogates,
// nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace thimble {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

/// Bytes of the character at the front of `text`, or 0 if `text` is empty or starts with none.
inline size_t utf8_length(std::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto trail = [&](size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  if (text.empty()) return 0;
  const uint8_t b = byte(0);
  if (b < 0x80) return 1;
  if (b < 0xC2) return 0;  // a trail byte, or a long form of ASCII
  if (b < 0xE0) return trail(1) ? 2 : 0;
  if (!trail(1) || !trail(2)) return 0;
  if (b < 0xF0) {
    const bool long_form = b == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = b == 0xED && byte(1) >= 0xA0;
    return long_form || surrogate ? 0 : 3;
  }
  if (!trail(3) || b > 0xF4) return 0;
  const bool long_form = b == 0xF0 && byte(1) < 0x90;
  const bool beyond_unicode = b == 0xF4 && byte(1) >= 0x90;
  return long_form || beyond_unicode ? 0 : 4;
}

inline bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace thimble
