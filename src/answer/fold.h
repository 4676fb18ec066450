// Text without regard to case: enough for comparing what was said with what a schema lists.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tokenizer/utf8.h"

namespace thimble {

/// The code point at text[i], i < text.size(); `i` moves behind it. A byte that is no UTF-8 counts as
/// U+FFFD.
inline char32_t next_code_point(std::string_view text, size_t& i) {
  const size_t length = utf8_length(text.substr(i));
  const auto lead = static_cast<uint8_t>(text[i]);
  if (length < 2) return ++i, length == 0 ? 0xFFFD : lead;
  char32_t point = lead & (0x7Fu >> length);
  for (size_t k = 1; k < length; ++k) point = point << 6 | (static_cast<uint8_t>(text[i + k]) & 0x3F);
  i += length;
  return point;
}

/// The small letter of a Latin, Greek or Cyrillic capital, a space for any white space, else itself.
inline char32_t fold(char32_t c) {
  if ((c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F))
    return c + 32;
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177)) return c | 1;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c + (c & 1);
  if ((c >= '\t' && c <= '\r') || c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x3000) return ' ';
  return c;
}

/// The letters and digits of `text`, folded: equal for "Living Room", "living-room" and "living_room".
inline std::u32string folded_words(std::string_view text) {
  std::u32string out;
  for (size_t i = 0; i < text.size();) {
    const char32_t c = fold(next_code_point(text, i));
    if (c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')) out += c;
  }
  return out;
}

}  // namespace thimble
