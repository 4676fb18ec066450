// Where a relaxed-SIMD kernel module, if there is one, joins the kernel sets. The module is
// instantiated outside the core (web/relaxed_attach.cc); the core gets plain function pointers.
#pragma once

#include <cstdint>

#include "kernels/kernels.h"

namespace thimble {

namespace tiles {
struct GemmOutput;
struct AttendTask;
}  // namespace tiles

/// What the second operand of the machine's dot is: found by a probe.
enum class DotSemantics { signed_activations, unsigned_activations };

/// The exports of relaxed/kernel.cc; null pointers: no module.
struct RelaxedModule {
  void (*gemm)(const RowsI8* a, const MatrixI8* w, const tiles::GemmOutput* out, uint32_t flip);
  void (*attend)(const tiles::AttendTask* task);
  DotSemantics semantics;
};

/// From now on find_kernels("relaxed") and best_kernels() give the relaxed set on this module.
/// Activations quantized before are void. Returns the module attached until now.
RelaxedModule attach_relaxed(const RelaxedModule& module);

}  // namespace thimble
