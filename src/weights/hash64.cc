#include "weights/hash64.h"

#include <cstring>

namespace thimble {
namespace {

// One FNV-1a step, then the high bits, which the product alone never brings down.
uint64_t step(uint64_t hash, uint64_t word) {
  const uint64_t product = (hash ^ word) * 0x100000001B3u;
  return product ^ (product >> 29);
}

}  // namespace

uint64_t hash64(uint64_t seed, std::span<const uint8_t> bytes) {
  constexpr size_t kLanes = 4;
  uint64_t lanes[kLanes];
  for (size_t j = 0; j < kLanes; ++j) lanes[j] = seed + 0xCBF29CE484222325u + j;
  for (size_t at = 0; at < bytes.size(); at += sizeof lanes) {
    uint64_t words[kLanes] = {};
    const size_t left = bytes.size() - at;
    std::memcpy(words, bytes.data() + at, left < sizeof words ? left : sizeof words);
    for (size_t j = 0; j < kLanes; ++j) lanes[j] = step(lanes[j], words[j]);
  }
  uint64_t hash = step(seed, bytes.size());
  for (uint64_t lane : lanes) hash = step(hash, lane);
  return hash;
}

}  // namespace thimble
