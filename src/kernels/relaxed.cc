// The relaxed set: the simd128 set with the int8 kernels of the attached module.
#ifdef __wasm_simd128__
#include "kernels/relaxed.h"

#include <utility>

#include "kernels/simd128.h"

namespace thimble {
namespace {

RelaxedModule attached{};
uint32_t flip = 0;  // 0x80: activations are stored as code + 128

void quantize_rows(const float* x, size_t rows, size_t cols, RowsI8& out) {
  simd::quantize<tiles::I8Codes>(x, rows, cols, out, flip);
}

void gemm_i8(const RowsI8& a, const MatrixI8& w, float* y, size_t ldy) {
  const tiles::GemmOutput out{y, ldy, 1.0f, false};
  attached.gemm(&a, &w, &out, flip);
}

void gemm_i8_add(const RowsI8& a, const MatrixI8& w, float gate, float* y, size_t ldy) {
  const tiles::GemmOutput out{y, ldy, gate, true};
  attached.gemm(&a, &w, &out, flip);
}

void attend_i8(const AttentionShape& shape, const float* q, size_t rows, const KvSegment* segments,
               size_t segment_count, bool causal, float* out, uint8_t* scratch) {
  const tiles::AttendTask task =
      simd::attend_task(shape, q, rows, segments, segment_count, causal, out, scratch, flip);
  attached.attend(&task);
}

void gather_i8(const RowsI8& a, const MatrixI8& w, const int32_t* w_rows, size_t count,
               float* y) {
  simd::gather_bytes(a, w, w_rows, count, flip, y);
}

KernelSet relaxed_set() {
  KernelSet set = simd::kernels();
  set.name = "relaxed";
  set.quantize_rows = quantize_rows;
  set.gemm_i8 = gemm_i8;
  set.gemm_i8_add = gemm_i8_add;
  set.attend_i8 = attend_i8;
  set.gather_i8 = gather_i8;
  return set;
}

}  // namespace

RelaxedModule attach_relaxed(const RelaxedModule& module) {
  flip = module.semantics == DotSemantics::unsigned_activations ? 0x80 : 0;
  return std::exchange(attached, module);
}

const KernelSet* simd::relaxed_kernels() {
  static const KernelSet set = relaxed_set();
  return attached.gemm != nullptr ? &set : nullptr;
}

}  // namespace thimble
#endif  // __wasm_simd128__
