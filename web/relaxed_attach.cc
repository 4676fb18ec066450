// Attaches the relaxed-SIMD kernels (src/kernels/relaxed) where the engine has a dot product that
// gives exact sums. The module's bytes are part of this file; nothing is fetched. Any failure, or
// an instruction that gives wrong sums (seen: Node 20; x86 without VNNI saturates), leaves the
// simd128 kernels in use. Runs before main.
#include <emscripten/emscripten.h>

#include <cstdint>

#include "kernels/relaxed.h"
#include "relaxed_kernel_wasm.h"  // the bytes; written by cmake/RelaxedKernel.cmake

// Puts the exports into the function table. Returns 0 if unusable, else 1 (signed) or 2 (unsigned):
// how the dot reads its second operand.
EM_JS(int, thimble_attach_relaxed, (const unsigned char* bytes, int length, int* table_index), {
  try {
    var module = HEAPU8.slice(bytes, bytes + length);
    if (!WebAssembly.validate(module)) return 0;
    var kernel = new WebAssembly.Instance(new WebAssembly.Module(module), { "env": { "memory": wasmMemory } }).exports;
    var probe = kernel["probe"];
    if (probe(1, 1, 5) !== 9 || probe(-128, 127, 0) !== -65024 || probe(127, 127, -3) !== 64513) return 0;
    var unsigned = probe(127, -1, 0) === 129540 && probe(-128, -1, 0) === -130560;
    var signed = probe(127, -1, 0) === -508 && probe(-128, -128, 0) === 65536;
    if (!unsigned && !signed) return 0;
    var first = wasmTable.length;
    wasmTable.grow(2);
    wasmTable.set(first, kernel["gemm"]);
    wasmTable.set(first + 1, kernel["attend"]);
    HEAP32[table_index >> 2] = first;
    return unsigned ? 2 : 1;
  } catch (error) {
    return 0;
  }
});

namespace {

bool attach() {
  int index = 0;
  const int kind = thimble_attach_relaxed(relaxed_kernel_wasm, sizeof relaxed_kernel_wasm, &index);
  if (kind == 0) return false;
  // In WASM a function pointer is an index into the function table.
  const auto at = static_cast<uintptr_t>(index);
  thimble::RelaxedModule module{};
  module.gemm = reinterpret_cast<decltype(module.gemm)>(at);
  module.attend = reinterpret_cast<decltype(module.attend)>(at + 1);
  module.semantics = kind == 2 ? thimble::DotSemantics::unsigned_activations
                               : thimble::DotSemantics::signed_activations;
  thimble::attach_relaxed(module);
  return true;
}

[[maybe_unused]] const bool attached = attach();

}  // namespace
