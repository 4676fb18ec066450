// Which kernel sets exist here.
#include <string_view>

#include "kernels/kernels.h"

namespace thimble {

size_t attend_scratch_bytes(const AttentionShape& shape, size_t keys) {
  return round_up(shape.head_dim, 64) + keys * sizeof(float) + 64;
}

const KernelSet* find_kernels(const char* name) {
  const std::string_view wanted = name;
  if (wanted == "reference") return &reference_kernels();
  if (wanted == "best") return &best_kernels();
  return nullptr;
}

const KernelSet& best_kernels() { return reference_kernels(); }

}  // namespace thimble
