// Which kernel sets exist on this machine.
#include <string_view>

#include "kernels/kernels.h"
#ifdef __wasm_simd128__
#include "kernels/simd128.h"
#endif

namespace thimble {
namespace {

const KernelSet* simd128_kernels() {
#ifdef __wasm_simd128__
  return &simd::kernels();
#else
  return nullptr;
#endif
}

const KernelSet* relaxed_kernels() {
#ifdef __wasm_simd128__
  return simd::relaxed_kernels();
#else
  return nullptr;
#endif
}

}  // namespace

// A tile is as many rows as all heads of a KV head need, 16 at least (tiles.h); the reference uses
// one row of the scores.
size_t attend_scratch_bytes(const AttentionShape& shape, size_t keys) {
  const size_t tile_rows = round_up(shape.heads / shape.kv_heads, 16);
  return tile_rows * (2 * shape.head_dim + 3 * sizeof(float) + (keys + 16) * sizeof(float));
}

const KernelSet& best_kernels() {
  if (const KernelSet* set = relaxed_kernels()) return *set;
  if (const KernelSet* set = simd128_kernels()) return *set;
  return reference_kernels();
}

const KernelSet* find_kernels(const char* name) {
  const std::string_view wanted = name;
  if (wanted == "reference") return &reference_kernels();
  if (wanted == "simd128") return simd128_kernels();
  if (wanted == "relaxed") return relaxed_kernels();
  if (wanted == "best") return &best_kernels();
  return nullptr;
}

}  // namespace thimble
