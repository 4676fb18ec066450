// Carving and clearing of keys and values (KvSegment in kernels/kernels.h).
#pragma once

#include <vector>

#include "aligned_buffer.h"
#include "weights/weights.h"

namespace thimble {

/// Appends `count` segments of `capacity` keys (a multiple of 32) to `out`, carved one by one.
void carve_segments(const Config& config, size_t count, size_t capacity, Carver& carver,
                    std::vector<KvSegment>& out);

/// Forgets a segment's keys: length 0 and every entry zero.
void clear_segment(const AttentionShape& shape, KvSegment& kv);

}  // namespace thimble
