// The kernels for WebAssembly SIMD. The contract and the formulas are in kernels.h; sums run in
// the order stated there. The two float32 kernels of the parity path are the reference's.
#ifdef __wasm_simd128__
#include "kernels/simd128.h"

#include <cmath>
#include <cstring>

namespace thimble {
namespace {

using tiles::I16Dot;
using tiles::I8Codes;

void quantize_rows(const float* x, size_t rows, size_t cols, RowsI8& out) {
  simd::quantize<I16Dot>(x, rows, cols, out, 0);
}

void gemm_i8(const RowsI8& a, const MatrixI8& w, float* y, size_t ldy) {
  tiles::gemm<I16Dot>(a, w, {y, ldy, 1.0f, false}, 0);
}

void gemm_i8_add(const RowsI8& a, const MatrixI8& w, float gate, float* y, size_t ldy) {
  tiles::gemm<I16Dot>(a, w, {y, ldy, gate, true}, 0);
}

void attend_i8(const AttentionShape& shape, const float* q, size_t rows, const KvSegment* segments,
               size_t segment_count, bool causal, float* out, uint8_t* scratch) {
  tiles::attend<I16Dot>(
      simd::attend_task(shape, q, rows, segments, segment_count, causal, out, scratch, 0));
}

// x[0..3], with zeros from n on.
THIMBLE_INLINE v128_t load_first(const float* x, size_t n) {
  return wasm_f32x4_make(x[0], n > 1 ? x[1] : 0.0f, n > 2 ? x[2] : 0.0f, 0.0f);
}

THIMBLE_INLINE float inverse_rms(const float* x, size_t cols) {
  v128_t squares = wasm_f32x4_splat(0.0f);
  size_t c = 0;
  for (; c + 4 <= cols; c += 4) {
    const v128_t v = wasm_v128_load(x + c);
    squares = wasm_f32x4_add(squares, wasm_f32x4_mul(v, v));
  }
  if (c < cols) {
    const v128_t v = load_first(x + c, cols - c);
    squares = wasm_f32x4_add(squares, wasm_f32x4_mul(v, v));
  }
  return 1.0f / std::sqrt(tiles::join(squares) / static_cast<float>(cols) + kNormEpsilon);
}

THIMBLE_INLINE v128_t normalized(const float* x, const float* gamma, v128_t inv) {
  const v128_t gain = wasm_f32x4_add(wasm_f32x4_splat(1.0f), wasm_v128_load(gamma));
  return wasm_f32x4_mul(wasm_f32x4_mul(gain, wasm_v128_load(x)), inv);
}

THIMBLE_INLINE void norm_row(const float* x, size_t cols, const float* gamma, float* out) {
  const float inverse = inverse_rms(x, cols);
  const v128_t inv = wasm_f32x4_splat(inverse);
  size_t c = 0;
  for (; c + 4 <= cols; c += 4) wasm_v128_store(out + c, normalized(x + c, gamma + c, inv));
  for (; c < cols; ++c) out[c] = ((1.0f + gamma[c]) * x[c]) * inverse;
}

void rms_norm(const float* x, size_t rows, size_t cols, const float* gamma, float* out) {
  for (size_t m = 0; m < rows; ++m) norm_row(x + m * cols, cols, gamma, out + m * cols);
}

THIMBLE_INLINE void norm_rotate_row(float* x, size_t half, const float* gamma, const float* cos,
                                    const float* sin) {
  const v128_t inv = wasm_f32x4_splat(inverse_rms(x, 2 * half));
  for (size_t j = 0; j < half; j += 4) {
    const v128_t a = normalized(x + j, gamma + j, inv);
    const v128_t b = normalized(x + j + half, gamma + j + half, inv);
    const v128_t c = wasm_v128_load(cos + j);
    const v128_t s = wasm_v128_load(sin + j);
    wasm_v128_store(x + j, wasm_f32x4_sub(wasm_f32x4_mul(a, c), wasm_f32x4_mul(b, s)));
    wasm_v128_store(x + j + half, wasm_f32x4_add(wasm_f32x4_mul(b, c), wasm_f32x4_mul(a, s)));
  }
}

void qk_norm_rope(float* x, size_t rows, size_t heads, size_t head_dim, const float* gamma,
                  const float* cos, const float* sin, size_t pos0) {
  if (cos == nullptr) {
    for (size_t i = 0; i < rows * heads; ++i, x += head_dim) norm_row(x, head_dim, gamma, x);
    return;
  }
  const size_t half = head_dim / 2;
  for (size_t m = 0; m < rows; ++m) {
    const size_t at = (pos0 + m) * half;
    for (size_t h = 0; h < heads; ++h, x += head_dim) {
      norm_rotate_row(x, half, gamma, cos + at, sin + at);
    }
  }
}

// Sixteen int8 codes of x * factor.
THIMBLE_INLINE v128_t codes16(const float* x, v128_t factor) {
  const v128_t a = tiles::nearest(wasm_v128_load(x), factor);
  const v128_t b = tiles::nearest(wasm_v128_load(x + 4), factor);
  const v128_t c = tiles::nearest(wasm_v128_load(x + 8), factor);
  const v128_t d = tiles::nearest(wasm_v128_load(x + 12), factor);
  return wasm_i8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(a, b), wasm_i16x8_narrow_i32x4(c, d));
}

// `panel` is the place of the key's first four codes in its panel.
THIMBLE_INLINE int32_t put_key(const float* x, size_t head_dim, v128_t factor, int8_t* panel) {
  v128_t sum = wasm_i32x4_splat(0);
  for (size_t c = 0; c < head_dim; c += 16, panel += 4 * 128) {
    const v128_t codes = codes16(x + c, factor);
    wasm_v128_store32_lane(panel, codes, 0);
    wasm_v128_store32_lane(panel + 128, codes, 1);
    wasm_v128_store32_lane(panel + 256, codes, 2);
    wasm_v128_store32_lane(panel + 384, codes, 3);
    sum = wasm_i32x4_add(
        sum, wasm_i32x4_extadd_pairwise_i16x8(wasm_i16x8_extadd_pairwise_i8x16(codes)));
  }
  return (wasm_i32x4_extract_lane(sum, 0) + wasm_i32x4_extract_lane(sum, 1)) +
         (wasm_i32x4_extract_lane(sum, 2) + wasm_i32x4_extract_lane(sum, 3));
}

// `panel` is the place of the value's feature 0 in the first feature panel.
THIMBLE_INLINE void put_value(const float* x, size_t head_dim, v128_t factor, int8_t* panel,
                              size_t capacity) {
  for (size_t c = 0; c < head_dim; c += 16) {
    const v128_t codes = codes16(x + c, factor);
    int8_t* to = panel + c / kPanelRows * kPanelRows * capacity + c % kPanelRows * 4;
#define THIMBLE_LANE(i) wasm_v128_store8_lane(to + 4 * i, codes, i);
    THIMBLE_LANE(0) THIMBLE_LANE(1) THIMBLE_LANE(2) THIMBLE_LANE(3)
    THIMBLE_LANE(4) THIMBLE_LANE(5) THIMBLE_LANE(6) THIMBLE_LANE(7)
    THIMBLE_LANE(8) THIMBLE_LANE(9) THIMBLE_LANE(10) THIMBLE_LANE(11)
    THIMBLE_LANE(12) THIMBLE_LANE(13) THIMBLE_LANE(14) THIMBLE_LANE(15)
#undef THIMBLE_LANE
  }
}

void append_i8(const AttentionShape& shape, size_t g, const float* k, const float* v,
               KvSegment& segment) {
  const size_t head_dim = shape.head_dim;
  const size_t t = segment.length;
  const size_t at = g * segment.capacity + t;
  const float k_max = tiles::max_abs(k, head_dim);
  segment.k_scale[at] = tiles::code_scale(k_max);
  segment.k_sum[at] =
      put_key(k, head_dim, wasm_f32x4_splat(tiles::code_factor(k_max)),
              segment.k + g * shape.k_head_bytes(segment.capacity) +
                  t / kPanelRows * kPanelRows * head_dim + t % kPanelRows * 4);
  const float v_max = tiles::max_abs(v, head_dim);
  segment.v_scale[at] = tiles::code_scale(v_max);
  put_value(v, head_dim, wasm_f32x4_splat(tiles::code_factor(v_max)),
            segment.v + g * shape.v_head_bytes(segment.capacity) + t / 4 * 128 + t % 4,
            segment.capacity);
}

void append_kv(const AttentionShape& shape, const float* k, const float* v, size_t rows,
               KvSegment& segment) {
  const size_t head_dim = shape.head_dim;
  for (size_t m = 0; m < rows; ++m, ++segment.length) {
    for (size_t g = 0; g < shape.kv_heads; ++g, k += head_dim, v += head_dim) {
      if (segment.k != nullptr) append_i8(shape, g, k, v, segment);
      if (segment.kf != nullptr) {
        const size_t at = (g * segment.capacity + segment.length) * head_dim;
        std::memcpy(segment.kf + at, k, head_dim * sizeof(float));
        std::memcpy(segment.vf + at, v, head_dim * sizeof(float));
      }
    }
  }
}

void dequantize_row(const MatrixI8& w, size_t row, float factor, float* out) {
  const int8_t* codes = w.data + row / kPanelRows * kPanelRows * w.cols + row % kPanelRows * 4;
  const v128_t scale = wasm_f32x4_splat(w.scale[row] * factor);
  for (size_t c = 0; c < w.cols; c += 4, codes += 128) {
    const v128_t quad =
        wasm_i32x4_extend_low_i16x8(wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(codes)));
    wasm_v128_store(out + c, wasm_f32x4_mul(wasm_f32x4_convert_i32x4(quad), scale));
  }
}

}  // namespace

tiles::AttendTask simd::attend_task(const AttentionShape& shape, const float* q, size_t rows,
                                    const KvSegment* segments, size_t segment_count, bool causal,
                                    float* out, uint8_t* scratch, uint32_t flip) {
  size_t keys = 0;
  for (size_t n = 0; n < segment_count; ++n) keys += round_up(segments[n].length, kPanelRows);
  const size_t tile_rows =
      round_up(tiles::query_rows_per_tile(shape) * (shape.heads / shape.kv_heads), 16);
  uint8_t* factors = scratch + tile_rows * 2 * shape.head_dim;
  auto* row_factor = reinterpret_cast<float*>(factors);
  return {shape,
          q,
          rows,
          segments,
          segment_count,
          causal,
          out,
          flip,
          kLog2E / std::sqrt(static_cast<float>(shape.head_dim)),
          scratch,
          row_factor,
          row_factor + tile_rows,
          row_factor + 2 * tile_rows,
          keys + 16};
}

const KernelSet& simd::kernels() {
  static const KernelSet set{"simd128",
                             quantize_rows,
                             gemm_i8,
                             gemm_i8_add,
                             reference_kernels().gemm_f32,
                             rms_norm,
                             qk_norm_rope,
                             append_kv,
                             attend_i8,
                             reference_kernels().attend_f32,
                             dequantize_row};
  return set;
}

}  // namespace thimble
#endif  // __wasm_simd128__
