// CRC-32 as in zlib and PNG: polynomial 0xEDB88320, reflected, complemented at both ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace thimble {

/// Checksum of the bytes seen so far followed by `bytes`; start with `crc` 0.
uint32_t crc32(uint32_t crc, std::span<const uint8_t> bytes);

}  // namespace thimble
