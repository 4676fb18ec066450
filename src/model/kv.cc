#include "model/kv.h"

#include <algorithm>

namespace thimble {
namespace {

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
  kv.k = carver.take<int8_t>(shape.kv_heads * shape.k_head_bytes(capacity));
  kv.v = carver.take<int8_t>(shape.kv_heads * shape.v_head_bytes(capacity));
  kv.k_scale = carver.take<float>(keys);
  kv.v_scale = carver.take<float>(keys);
  kv.k_sum = carver.take<int32_t>(keys);
  return kv;
}

}  // namespace

void carve_segments(const Config& config, size_t count, size_t capacity, Carver& carver,
                    std::vector<KvSegment>& out) {
  for (size_t i = 0; i < count; ++i) out.push_back(carve_segment(config, capacity, carver));
}

void clear_segment(const AttentionShape& shape, KvSegment& kv) {
  const size_t keys = shape.kv_heads * kv.capacity;
  kv.length = 0;
  if (kv.kf != nullptr) {
    for (float* entries : {kv.kf, kv.vf}) std::fill_n(entries, keys * shape.head_dim, 0.0f);
    return;
  }
  std::fill_n(kv.k, shape.kv_heads * shape.k_head_bytes(kv.capacity), int8_t{0});
  std::fill_n(kv.v, shape.kv_heads * shape.v_head_bytes(kv.capacity), int8_t{0});
  for (float* scales : {kv.k_scale, kv.v_scale}) std::fill_n(scales, keys, 0.0f);
  std::fill_n(kv.k_sum, keys, 0);
}

}  // namespace thimble
