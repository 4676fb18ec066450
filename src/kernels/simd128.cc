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

// Once for both: the tiles are 12 KB of code.
__attribute__((noinline)) void gemm(const RowsI8& a, const MatrixI8& w, const tiles::GemmOutput& out) {
  tiles::gemm<I16Dot>(a, w, out, 0);
}

void gemm_i8(const RowsI8& a, const MatrixI8& w, float* y, size_t ldy) {
  gemm(a, w, {y, ldy, 1.0f, false});
}

void gemm_i8_add(const RowsI8& a, const MatrixI8& w, float gate, float* y, size_t ldy) {
  gemm(a, w, {y, ldy, gate, true});
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

THIMBLE_INLINE float inverse_rms(float squares, size_t cols) {
  return 1.0f / std::sqrt(squares / static_cast<float>(cols) + kNormEpsilon);
}

// One row of any length.
void norm_row(const float* x, size_t cols, const float* gamma, float* out) {
  v128_t squares = wasm_f32x4_splat(0.0f);
  for (size_t c = 0; c < cols; c += 4) {
    const v128_t v = c + 4 <= cols ? wasm_v128_load(x + c) : load_first(x + c, cols - c);
    squares = wasm_f32x4_add(squares, wasm_f32x4_mul(v, v));
  }
  const float inv = inverse_rms(tiles::join(squares), cols);
  for (size_t c = 0; c < cols; ++c) out[c] = ((1.0f + gamma[c]) * x[c]) * inv;
}

// Four rows at once, x[r * cols]: the sums of one row alone would wait for each other.
struct FourNorms {
  v128_t inv[4];

  THIMBLE_INLINE FourNorms(const float* x, size_t cols) {
    v128_t squares[4];
    THIMBLE_UNROLL for (size_t r = 0; r < 4; ++r) squares[r] = wasm_f32x4_splat(0.0f);
    for (size_t c = 0; c < cols; c += 4) {
      THIMBLE_UNROLL for (size_t r = 0; r < 4; ++r) {
        const v128_t v = wasm_v128_load(x + r * cols + c);
        squares[r] = wasm_f32x4_add(squares[r], wasm_f32x4_mul(v, v));
      }
    }
    THIMBLE_UNROLL for (size_t r = 0; r < 4; ++r) {
      inv[r] = wasm_f32x4_splat(inverse_rms(tiles::join(squares[r]), cols));
    }
  }

  // Of row r, given its x and 1 + gamma.
  THIMBLE_INLINE v128_t normalized(size_t r, const float* x, v128_t gain) const {
    return wasm_f32x4_mul(wasm_f32x4_mul(gain, wasm_v128_load(x)), inv[r]);
  }
};

THIMBLE_INLINE v128_t gain(const float* gamma) {
  return wasm_f32x4_add(wasm_f32x4_splat(1.0f), wasm_v128_load(gamma));
}

void rms_norm(const float* x, size_t rows, size_t cols, const float* gamma, float* out) {
  size_t m = 0;
  for (; m + 4 <= rows && cols % 4 == 0; m += 4, x += 4 * cols, out += 4 * cols) {
    const FourNorms norms(x, cols);
    for (size_t c = 0; c < cols; c += 4) {
      const v128_t g = gain(gamma + c);
      THIMBLE_UNROLL for (size_t r = 0; r < 4; ++r) {
        wasm_v128_store(out + r * cols + c, norms.normalized(r, x + r * cols + c, g));
      }
    }
  }
  for (; m < rows; ++m, x += cols, out += cols) norm_row(x, cols, gamma, out);
}

// Rotation of (a, b) = (x[j], x[j + half]), four j at once.
THIMBLE_INLINE void put_rotated(float* x, size_t half, v128_t a, v128_t b, v128_t c, v128_t s) {
  wasm_v128_store(x, wasm_f32x4_sub(wasm_f32x4_mul(a, c), wasm_f32x4_mul(b, s)));
  wasm_v128_store(x + half, wasm_f32x4_add(wasm_f32x4_mul(b, c), wasm_f32x4_mul(a, s)));
}

// Norm and rotation of four heads of one row.
THIMBLE_INLINE void norm_rotate_four(float* x, size_t half, const float* gamma, const float* cos,
                                     const float* sin) {
  const FourNorms norms(x, 2 * half);
  for (size_t j = 0; j < half; j += 4) {
    const v128_t gain_a = gain(gamma + j);
    const v128_t gain_b = gain(gamma + j + half);
    const v128_t c = wasm_v128_load(cos + j);
    const v128_t s = wasm_v128_load(sin + j);
    THIMBLE_UNROLL for (size_t r = 0; r < 4; ++r) {
      float* at = x + r * 2 * half + j;
      put_rotated(at, half, norms.normalized(r, at, gain_a), norms.normalized(r, at + half, gain_b), c, s);
    }
  }
}

void qk_norm_rope(float* x, size_t rows, size_t heads, size_t head_dim, const float* gamma,
                  const float* cos, const float* sin, size_t pos0) {
  if (cos == nullptr) return rms_norm(x, rows * heads, head_dim, gamma, x);
  const size_t half = head_dim / 2;
  for (size_t m = 0; m < rows; ++m) {
    const float* c = cos + (pos0 + m) * half;
    const float* s = sin + (pos0 + m) * half;
    size_t h = 0;
    for (; h + 4 <= heads; h += 4, x += 4 * head_dim) norm_rotate_four(x, half, gamma, c, s);
    for (; h < heads; ++h, x += head_dim) {
      norm_row(x, head_dim, gamma, x);
      for (size_t j = 0; j < half; j += 4) {
        put_rotated(x + j, half, wasm_v128_load(x + j), wasm_v128_load(x + j + half),
                    wasm_v128_load(c + j), wasm_v128_load(s + j));
      }
    }
  }
}

// A row of floats as codes, sixteen at a time.
struct CodeRow {
  const float* x;
  v128_t factor;
  v128_t round;

  // Writes the row's scale.
  THIMBLE_INLINE CodeRow(const float* row, size_t n, float* scale) : x(row) {
    const float max = tiles::max_abs(row, n);
    *scale = tiles::code_scale(max);
    factor = wasm_f32x4_splat(tiles::code_factor(max));
    round = wasm_f32x4_splat(simd::kHiddenRound);
  }

  THIMBLE_INLINE v128_t codes(size_t c) const {
    const v128_t c0 = tiles::nearest(wasm_v128_load(x + c), factor, round);
    const v128_t c1 = tiles::nearest(wasm_v128_load(x + c + 4), factor, round);
    const v128_t c2 = tiles::nearest(wasm_v128_load(x + c + 8), factor, round);
    const v128_t c3 = tiles::nearest(wasm_v128_load(x + c + 12), factor, round);
    return wasm_i8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(c0, c1), wasm_i16x8_narrow_i32x4(c2, c3));
  }
};

// Key t of KV head g.
THIMBLE_INLINE void put_key(const AttentionShape& shape, size_t g, size_t t, const float* k,
                            KvSegment& segment) {
  const size_t at = g * segment.capacity + t;
  const CodeRow row(k, shape.head_dim, segment.k_scale + at);
  int8_t* to = segment.k + g * shape.k_head_bytes(segment.capacity) +
               t / kPanelRows * kPanelRows * shape.head_dim + t % kPanelRows * 4;
  const size_t stride = 4 * panel_keys(segment.capacity, t);
  for (size_t c = 0; c < shape.head_dim; c += 16, to += 4 * stride) {
    const v128_t codes = row.codes(c);
    wasm_v128_store32_lane(to, codes, 0);
    wasm_v128_store32_lane(to + stride, codes, 1);
    wasm_v128_store32_lane(to + 2 * stride, codes, 2);
    wasm_v128_store32_lane(to + 3 * stride, codes, 3);
  }
}

// Where value t of KV head g has its feature c.
THIMBLE_INLINE int8_t* value_at(const AttentionShape& shape, size_t g, size_t t, size_t c,
                                const KvSegment& segment) {
  return segment.v + g * shape.v_head_bytes(segment.capacity) +
         c / kPanelRows * kPanelRows * segment.capacity + t / 4 * 128 + c % kPanelRows * 4 + t % 4;
}

THIMBLE_INLINE void put_value(const AttentionShape& shape, size_t g, size_t t, const float* v,
                              KvSegment& segment) {
  const CodeRow row(v, shape.head_dim, segment.v_scale + g * segment.capacity + t);
  for (size_t c = 0; c < shape.head_dim; c += 16) {
    const v128_t codes = row.codes(c);
    int8_t* to = value_at(shape, g, t, c, segment);
#define THIMBLE_LANE(i) wasm_v128_store8_lane(to + 4 * i, codes, i);
    THIMBLE_LANE(0) THIMBLE_LANE(1) THIMBLE_LANE(2) THIMBLE_LANE(3)
    THIMBLE_LANE(4) THIMBLE_LANE(5) THIMBLE_LANE(6) THIMBLE_LANE(7)
    THIMBLE_LANE(8) THIMBLE_LANE(9) THIMBLE_LANE(10) THIMBLE_LANE(11)
    THIMBLE_LANE(12) THIMBLE_LANE(13) THIMBLE_LANE(14) THIMBLE_LANE(15)
#undef THIMBLE_LANE
  }
}

// Values t..t+3, t a multiple of 4: their codes alternate in memory. v[r * width] is value t + r.
THIMBLE_INLINE void put_four_values(const AttentionShape& shape, size_t g, size_t t, const float* v,
                                    size_t width, KvSegment& segment) {
  float* scale = segment.v_scale + g * segment.capacity + t;
  const size_t head_dim = shape.head_dim;
  const CodeRow r0(v, head_dim, scale), r1(v + width, head_dim, scale + 1),
      r2(v + 2 * width, head_dim, scale + 2), r3(v + 3 * width, head_dim, scale + 3);
  for (size_t c = 0; c < head_dim; c += 16) {
    const v128_t a = r0.codes(c), b = r1.codes(c), d = r2.codes(c), e = r3.codes(c);
    const auto low = [](v128_t x, v128_t y) THIMBLE_LAMBDA {
      return wasm_i8x16_shuffle(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    };
    const auto high = [](v128_t x, v128_t y) THIMBLE_LAMBDA {
      return wasm_i8x16_shuffle(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    };
    const v128_t ab_low = low(a, b), ab_high = high(a, b), de_low = low(d, e), de_high = high(d, e);
    int8_t* to = value_at(shape, g, t, c, segment);
    wasm_v128_store(to, wasm_i16x8_shuffle(ab_low, de_low, 0, 8, 1, 9, 2, 10, 3, 11));
    wasm_v128_store(to + 16, wasm_i16x8_shuffle(ab_low, de_low, 4, 12, 5, 13, 6, 14, 7, 15));
    wasm_v128_store(to + 32, wasm_i16x8_shuffle(ab_high, de_high, 0, 8, 1, 9, 2, 10, 3, 11));
    wasm_v128_store(to + 48, wasm_i16x8_shuffle(ab_high, de_high, 4, 12, 5, 13, 6, 14, 7, 15));
  }
}

void append_i8(const AttentionShape& shape, const float* k, const float* v, size_t rows,
               KvSegment& segment) {
  const size_t width = shape.kv_heads * shape.head_dim;
  for (size_t m = 0; m < rows;) {
    const size_t t = segment.length + m;
    const size_t n = t % 4 == 0 && m + 4 <= rows ? 4 : 1;
    for (size_t g = 0; g < shape.kv_heads; ++g) {
      const size_t at = m * width + g * shape.head_dim;
      for (size_t i = 0; i < n; ++i) put_key(shape, g, t + i, k + at + i * width, segment);
      if (n == 4) {
        put_four_values(shape, g, t, v + at, width, segment);
      } else {
        put_value(shape, g, t, v + at, segment);
      }
    }
    m += n;
  }
}

// [rows][kv_heads * head_dim] to [kv_heads][capacity][head_dim].
void append_f32(const AttentionShape& shape, const float* x, size_t rows, const KvSegment& segment,
                float* to) {
  for (size_t m = 0; m < rows; ++m) {
    for (size_t g = 0; g < shape.kv_heads; ++g, x += shape.head_dim) {
      std::memcpy(to + (g * segment.capacity + segment.length + m) * shape.head_dim, x,
                  shape.head_dim * sizeof(float));
    }
  }
}

void append_kv(const AttentionShape& shape, const float* k, const float* v, size_t rows,
               KvSegment& segment) {
  if (segment.k != nullptr) append_i8(shape, k, v, rows, segment);
  if (segment.kf != nullptr) {
    append_f32(shape, k, rows, segment, segment.kf);
    append_f32(shape, v, rows, segment, segment.vf);
  }
  segment.length += rows;
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

// Codes c..c+15 of row `codes`, as stored by quantize_rows, in two vectors of int16.
struct I16Activations {
  static THIMBLE_INLINE v128_t low(const uint8_t* codes, size_t c, v128_t) {
    return wasm_v128_load(codes + 2 * c);
  }
  static THIMBLE_INLINE v128_t high(const uint8_t* codes, size_t c, v128_t) {
    return wasm_v128_load(codes + 2 * c + 16);
  }
};
struct I8Activations {
  static THIMBLE_INLINE v128_t low(const uint8_t* codes, size_t c, v128_t flips) {
    return wasm_i16x8_extend_low_i8x16(wasm_v128_xor(wasm_v128_load(codes + c), flips));
  }
  static THIMBLE_INLINE v128_t high(const uint8_t* codes, size_t c, v128_t flips) {
    return wasm_i16x8_extend_high_i8x16(wasm_v128_xor(wasm_v128_load(codes + c), flips));
  }
};

// One row of w against one row of codes.
template <class Activations>
THIMBLE_INLINE int32_t row_dot(const uint8_t* codes, const int8_t* w, size_t cols, v128_t flips) {
  v128_t sum = wasm_i32x4_splat(0);
  for (size_t c = 0; c < cols; c += 16, w += 4 * 128) {
    v128_t row = wasm_v128_load32_zero(w);
    row = wasm_v128_load32_lane(w + 128, row, 1);
    row = wasm_v128_load32_lane(w + 256, row, 2);
    row = wasm_v128_load32_lane(w + 384, row, 3);
    sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(wasm_i16x8_extend_low_i8x16(row),
                                                   Activations::low(codes, c, flips)));
    sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(wasm_i16x8_extend_high_i8x16(row),
                                                   Activations::high(codes, c, flips)));
  }
  return (wasm_i32x4_extract_lane(sum, 0) + wasm_i32x4_extract_lane(sum, 1)) +
         (wasm_i32x4_extract_lane(sum, 2) + wasm_i32x4_extract_lane(sum, 3));
}

template <class Activations>
THIMBLE_INLINE void gather_rows(const RowsI8& a, const MatrixI8& w,
                                const int32_t* w_rows, size_t count, uint32_t flip, float* y) {
  const v128_t flips = wasm_i8x16_splat(static_cast<int8_t>(flip));
  for (size_t i = 0; i < count; ++i) {
    const auto row = static_cast<size_t>(w_rows[i]);
    const int8_t* at = w.data + row / kPanelRows * kPanelRows * w.cols + row % kPanelRows * 4;
    y[i] = static_cast<float>(row_dot<Activations>(a.codes, at, w.cols, flips)) *
           (a.scale[0] * w.scale[row]);
  }
}

void gather_i8(const RowsI8& a, const MatrixI8& w, const int32_t* w_rows, size_t count,
               float* y) {
  gather_rows<I16Activations>(a, w, w_rows, count, 0, y);
}

}  // namespace

void simd::gather_bytes(const RowsI8& a, const MatrixI8& w, const int32_t* w_rows,
                        size_t count, uint32_t flip, float* y) {
  gather_rows<I8Activations>(a, w, w_rows, count, flip, y);
}

// Not inlined: the constants in the task must not become constants of the loops (math.h, Exp2).
__attribute__((noinline))
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
          math::kExp2,
          scratch,
          row_factor,
          reinterpret_cast<int32_t*>(row_factor + tile_rows),
          row_factor + 2 * tile_rows,
          row_factor + 3 * tile_rows,
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
                             dequantize_row,
                             gather_i8};
  return set;
}

}  // namespace thimble
#endif  // __wasm_simd128__
