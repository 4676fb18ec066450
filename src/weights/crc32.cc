// Slicing-by-16 (Kounavis and Berry, "A Systematic Approach to Building High Performance
// Software-Based CRC Generators", 2005). The tables are computed, since 16 KB that do not compress
// would be a seventh of the module.
#include "weights/crc32.h"

#include <array>
#include <bit>
#include <cstring>

namespace thimble {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr size_t kSlices = 16;
using Tables = std::array<std::array<uint32_t, 256>, kSlices>;

Tables make_tables() {
  Tables t;
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320u : 0);
    t[0][i] = crc;
  }
  for (size_t s = 1; s < kSlices; ++s) {
    for (size_t i = 0; i < 256; ++i) t[s][i] = (t[s - 1][i] >> 8) ^ t[0][t[s - 1][i] & 255];
  }
  return t;
}

// Contribution of the four bytes of `word` that are followed by `after` bytes of the block.
inline uint32_t slice(const Tables& t, uint32_t word, size_t after) {
  return t[after + 3][word & 255] ^ t[after + 2][word >> 8 & 255] ^ t[after + 1][word >> 16 & 255] ^
         t[after][word >> 24];
}

}  // namespace

uint32_t crc32(uint32_t crc, std::span<const uint8_t> bytes) {
  static const Tables t = make_tables();
  crc = ~crc;
  const uint8_t* p = bytes.data();
  size_t left = bytes.size();
  for (; left >= kSlices; left -= kSlices, p += kSlices) {
    uint32_t w[4];
    std::memcpy(w, p, sizeof w);
    crc = slice(t, w[0] ^ crc, 12) ^ slice(t, w[1], 8) ^ slice(t, w[2], 4) ^ slice(t, w[3], 0);
  }
  for (; left > 0; --left, ++p) crc = (crc >> 8) ^ t[0][(crc ^ *p) & 255];
  return ~crc;
}

}  // namespace thimble
