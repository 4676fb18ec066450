// The bits of `flags` in FORMAT.md, and the character that stands for a space in pieces.
#pragma once

#include <cstdint>
#include <string_view>

namespace thimble {

inline constexpr uint32_t kAddDummyPrefix = 1;
inline constexpr uint32_t kRemoveExtraWhitespaces = 2;
inline constexpr uint32_t kEscapeWhitespaces = 4;
inline constexpr uint32_t kTreatWhitespaceAsSuffix = 8;
inline constexpr uint32_t kByteFallback = 16;
inline constexpr uint32_t kAllFlags = 31;

inline constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81";  // U+2581

}  // namespace thimble
