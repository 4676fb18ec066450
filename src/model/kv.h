// Memory of keys and values (KvSegment in kernels/kernels.h).
#pragma once

#include <span>
#include <vector>

#include "aligned_buffer.h"
#include "model/limits.h"
#include "weights/weights.h"

namespace thimble {

/// Carves `count` segments of `capacity` keys each (a multiple of 4) one after the other.
std::vector<KvSegment> carve_segments(const Config& config, size_t count, size_t capacity, Carver& carver);

/// Keys and values of a sequence that grows, for some attentions ("layers"): blocks of kTileRows
/// keys, taken when they are first needed and then kept.
class KvCache {
 public:
  KvCache() = default;
  explicit KvCache(size_t layers) : segments_(layers) {}

  /// Room for `keys` keys; false when the machine has not that much memory.
  [[nodiscard]] bool reserve(const Config& config, size_t keys);
  uint64_t block_bytes(const Config& config) const;
  size_t bytes() const;

  /// Forgets the keys of one layer from number `length` on.
  void truncate(size_t layer, size_t length);
  /// The block that key number `at` belongs to.
  KvSegment& block(size_t layer, size_t at) { return segments_[layer][at / kTileRows]; }
  /// The blocks of the first `keys` keys, in order.
  std::span<const KvSegment> blocks(size_t layer, size_t keys) const {
    return std::span(segments_[layer]).first((keys + kTileRows - 1) / kTileRows);
  }

 private:
  std::vector<AlignedBuffer> blocks_;             // each holds one block of every layer
  std::vector<std::vector<KvSegment>> segments_;  // [layer][block]
};

}  // namespace thimble
