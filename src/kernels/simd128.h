// What the simd128 and the relaxed set share: everything but the dot product of int8.
#pragma once

#include "kernels/attend_tiles.h"
#include "kernels/kernels.h"

namespace thimble::simd {

/// math::kRound where the compiler cannot see its value; see math::Exp2.
inline const volatile float kHiddenRound = math::kRound;

template <class Codes>
inline void quantize(const float* x, size_t rows, size_t cols, RowsI8& out, uint32_t flip) {
  const float round = kHiddenRound;
  for (size_t m = 0; m < rows; ++m) {
    out.scale[m] = tiles::quantize_row<Codes>(x + m * cols, cols, round,
                                              out.codes + m * cols * Codes::kBytes, flip);
  }
  out.rows = rows;
  out.cols = cols;
}

/// Lays one call out for tiles::attend.
tiles::AttendTask attend_task(const AttentionShape& shape, const float* q, size_t rows,
                              const KvSegment* segments, size_t segment_count, bool causal,
                              float* out, uint8_t* scratch, uint32_t flip);

/// gather_i8 over activations stored as bytes, code ^ flip.
void gather_bytes(const RowsI8& a, const MatrixI8& w, const int32_t* w_rows,
                  size_t count, uint32_t flip, float* y);

/// The simd128 set; its int8 kernels are replaced in the relaxed one.
const KernelSet& kernels();

/// The relaxed set, or nullptr where attach_relaxed was not called.
const KernelSet* relaxed_kernels();

}  // namespace thimble::simd
