// What the network keeps of one tool, in memory and as bytes for a store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "aligned_buffer.h"
#include "kernels/kernels.h"
#include "status.h"
#include "weights/weights.h"

namespace thimble {

/// Keys and values of one encoded tool, for every encoder layer and for the decoder's cross
/// attention, and its contrastive vector. They depend on the tool alone, so they are made once and
/// serve every query. All of it is one image, whose bytes can be stored and read back as they are:
///
///   u32 magic "TSEG" | u32 version | u64 model | u32 tokens | u32 zero | u64 bytes of the image |
///   u64 checksum | 24 zeros | f32 contrastive vector | segments: encoder layers, decoder layers
///
/// Parts start at multiples of 64, little endian. `model` is ModelWeights::fingerprint; `checksum` is
/// hash64 of the image with that field as zero. Segments are as in kernels.h, with the capacity
/// tokens rounded up to 4, so the image serves every kernel set.
class SegmentState {
 public:
  static constexpr uint32_t kVersion = 1;

  size_t tokens() const { return tokens_; }
  /// False until the tool's encoding has ended, or its bytes were restored.
  bool complete() const { return complete_; }
  size_t bytes() const { return memory_.size(); }
  /// Unit vector of the contrastive head, [contrastive_dim]; empty if the model has no head.
  std::span<const float> embedding() const { return embedding_; }

 private:
  friend class Model;  // makes, fills, saves and restores states

  /// Room for `tokens` tokens, all zero; false when the machine has not that much memory.
  [[nodiscard]] bool allocate(const Config& config, size_t tokens);
  static uint64_t image_bytes(const Config& config, size_t tokens);
  void carve(const Config& config, Carver& carver);
  void seal(uint64_t fingerprint);
  Status check_header(const Config& config, uint64_t fingerprint, size_t tokens_limit) const;
  Status open(const Config& config, uint64_t fingerprint, size_t tokens_limit);

  AlignedBuffer memory_;
  std::vector<KvSegment> self_;   // one an encoder layer
  std::vector<KvSegment> cross_;  // one a decoder layer
  std::span<float> embedding_;
  size_t tokens_ = 0;
  bool complete_ = false;
};

}  // namespace thimble
