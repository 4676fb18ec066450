// A quick 64-bit hash against accidental damage and mix-ups; it is no defence against an attacker.
#pragma once

#include <cstdint>
#include <span>

namespace thimble {

/// Four lanes of FNV-1a steps over little-endian 64-bit words (lane j takes the words i with i % 4 ==
/// j), the tail padded with zeros, joined by one step each and the length. `seed` chains hashes.
/// One wrong word always changes the result.
uint64_t hash64(uint64_t seed, std::span<const uint8_t> bytes);

}  // namespace thimble
