#include "model/kv.h"

#include <algorithm>

namespace thimble {
namespace {

// What follows an array in the order below is long enough for the read-ahead of the kernels, and
// v_scale is followed by zeros, which are finite.
KvSegment carve_segment(const Config& config, size_t capacity, Carver& carver) {
  const AttentionShape shape = config.shape();
  const size_t keys = shape.kv_heads * capacity;
  KvSegment kv;
  kv.capacity = capacity;
  if (config.weight_type == WeightType::f32) {
    kv.kf = carver.take<float>(keys * shape.head_dim);
    kv.vf = carver.take<float>(keys * shape.head_dim);
    return kv;
  }
  kv.v_scale = carver.take<float>(keys + kReadAhead / sizeof(float));
  kv.k_scale = carver.take<float>(keys);
  kv.k = carver.take<int8_t>(shape.kv_heads * shape.k_head_bytes(capacity));
  kv.v = carver.take<int8_t>(std::max(shape.kv_heads * shape.v_head_bytes(capacity), kReadAhead));
  return kv;
}

}  // namespace

std::vector<KvSegment> carve_segments(const Config& config, size_t count, size_t capacity,
                                      Carver& carver) {
  std::vector<KvSegment> out;
  for (size_t i = 0; i < count; ++i) out.push_back(carve_segment(config, capacity, carver));
  return out;
}

size_t KvCache::bytes() const {
  size_t bytes = 0;
  for (const AlignedBuffer& block : blocks_) bytes += block.size();
  return bytes;
}

uint64_t KvCache::block_bytes(const Config& config) const {
  Carver measure(nullptr);
  carve_segments(config, segments_.size(), kTileRows, measure);
  return measure.used();
}

bool KvCache::reserve(const Config& config, size_t keys) {
  while (blocks_.size() * kTileRows < keys) {
    AlignedBuffer memory;
    if (!memory.allocate(block_bytes(config))) return false;
    Carver carver(memory.data());
    const std::vector<KvSegment> block = carve_segments(config, segments_.size(), kTileRows, carver);
    for (size_t l = 0; l < segments_.size(); ++l) segments_[l].push_back(block[l]);
    blocks_.push_back(std::move(memory));
  }
  return true;
}

void KvCache::truncate(size_t layer, size_t length) {
  for (KvSegment& block : segments_[layer]) {
    block.length = std::min(block.length, length);
    length -= block.length;
  }
}

}  // namespace thimble
