// Sizes that follow from the configuration and are not in the file.
#pragma once

#include <algorithm>

#include "weights/weights.h"

namespace thimble {

/// Rows that go through a layer together: large enough for the kernels' full speed, small enough
/// that a tile's activations stay in the second-level cache. Also the keys of a KvCache's block, so
/// that a tile of new keys falls into one block.
inline constexpr size_t kTileRows = 64;

/// Longest single segment, in tokens. With isolated tools a segment is one tool or one query.
inline size_t segment_limit(const Config& config) {
  return config.attention == AttentionMode::tool_isolated
             ? std::min<size_t>(config.max_seq_len, 512)
             : config.max_seq_len;
}

}  // namespace thimble
