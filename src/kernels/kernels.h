// The contract of every kernel: formula, shape, padding, rounding. Three implementations exist:
//   reference  plain loops, defines what is right (reference.cc)
//   simd128    WebAssembly SIMD (simd128.cc, WASM only); the *_f32 kernels are the reference's
//   relaxed    simd128 with the int8 dot of relaxed SIMD, attached at run time after a probe. Needs
//              a dot with exact sums: ARM dot product or x86 VNNI
// All give the same integers and the same floats, bit for bit, natively and in WASM. Therefore:
//   * no fused multiply-add (-ffp-contract=off); rounding to integers is half to even;
//   * a float sum over n values runs in four lanes, lane j takes the values i with i % 4 == j in
//     rising order, and the lanes join as (s0 + s2) + (s1 + s3). n need not be a multiple of 4:
//     a missing value counts as +0 added to its lane;
//   * exp, exp2, sin and cos are the functions of math.h, the same code on all paths.
// Kernels check nothing: the model checks shapes when it is loaded. Values that are not finite give
// unspecified results, which may then differ between sets, but no trap and no stray access.
#pragma once

#include <stddef.h>  // not <cstddef>: the relaxed kernel is compiled without a C++ library
#include <stdint.h>

namespace thimble {

inline constexpr size_t kPanelRows = 32;  // rows of a weight panel, keys of a K panel
inline constexpr size_t kDotDepth = 4;    // inputs that one dot instruction takes a lane
inline constexpr size_t kInputAlign = 16; // columns of every int8 matrix are a multiple of this

inline constexpr float kTiny = 1e-30f;         // a row whose largest value is below this is a zero row
inline constexpr float kNormEpsilon = 1e-6f;
inline constexpr float kLog2E = 0x1.715476p+0f;

constexpr size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

/// Weights W (rows x cols), int8, symmetric, one scale a row: w[r][c] = scale[r] * code[r][c],
/// codes in -127..127. Packed in panels of 32 rows: the code of (r, c) is
///   data[((r / 32) * (cols / 4) + c / 4) * 128 + (r % 32) * 4 + c % 4].
/// Rows are padded to a multiple of 32 with zero codes, zero scales and zero sums. `sum[r]` is the
/// sum of the row's codes (needed where the hardware's dot takes unsigned activations). `data` is
/// 16-byte aligned.
struct MatrixI8 {
  const int8_t* data = nullptr;
  const float* scale = nullptr;
  const int32_t* sum = nullptr;
  size_t rows = 0;
  size_t cols = 0;
};

/// Weights W (rows x cols), float32, packed in panels of 32 rows: (r, c) is at
/// data[((r / 32) * cols + c) * 32 + r % 32]; rows padded with zeros. Used by the float path
/// (parity with the original); not a product path, so it need not be fast.
struct MatrixF32 {
  const float* data = nullptr;
  size_t rows = 0;
  size_t cols = 0;
};

/// Activations quantized row by row: x[m][c] ~ scale[m] * code[m][c], codes in -127..127,
/// scale[m] = max_c |x[m][c]| / 127, code = round(x * (127 / max)); a row with max < kTiny has scale
/// 0 and codes 0. How codes are stored is the kernel set's own business: `codes` has room for
/// 2 * rows * cols bytes, 16-byte aligned.
struct RowsI8 {
  uint8_t* codes = nullptr;
  float* scale = nullptr;
  size_t rows = 0;
  size_t cols = 0;  // multiple of 16
};

/// Keys and values of one segment of one attention, all KV heads. Capacity is a multiple of 4.
/// The entries of KV head g start at g * (the size of one head), see the offset functions. INT8:
///   k        panels of 32 keys, the last one only as wide as the capacity: with n =
///            panel_keys(capacity, t), key t, feature c at
///            t / 32 * 32 * hd + c / 4 * 4 * n + t % 32 * 4 + c % 4
///   v        panels of 32 features (head_dim padded to 32): key t, feature c at
///            ((c / 32) * (capacity / 4) + t / 4) * 128 + (c % 32) * 4 + t % 4
///   k_scale, v_scale    one a key
/// Float path: kf, vf are [capacity][head_dim]. A segment has the buffers of one path or of both;
/// those of the other are null. Kernels may read kReadAhead bytes past the end of k, k_scale and
/// v_scale. What stands at t >= length does not matter, only that v_scale is finite there.
struct KvSegment {
  int8_t* k = nullptr;
  int8_t* v = nullptr;
  float* k_scale = nullptr;
  float* v_scale = nullptr;
  float* kf = nullptr;
  float* vf = nullptr;
  size_t capacity = 0;
  size_t length = 0;
};

inline constexpr size_t kReadAhead = 128;

/// Width of the K panel that key t lies in.
constexpr size_t panel_keys(size_t capacity, size_t t) {
  const size_t left = capacity - t / kPanelRows * kPanelRows;
  return left < kPanelRows ? left : kPanelRows;
}

struct AttentionShape {
  size_t heads = 0;     // query heads; head h reads KV head h / (heads / kv_heads)
  size_t kv_heads = 0;
  size_t head_dim = 0;  // a power of two, at least 16
  constexpr size_t k_head_bytes(size_t capacity) const { return capacity * head_dim; }
  constexpr size_t v_head_bytes(size_t capacity) const {
    return capacity * round_up(head_dim, kPanelRows);
  }
};

/// Everything that the model calls. Pointers never alias unless said. ld* are row strides in
/// elements.
struct KernelSet {
  const char* name;

  /// Quantizes `rows` x `cols` floats; see RowsI8. out.codes/scale are filled, rows/cols are set.
  void (*quantize_rows)(const float* x, size_t rows, size_t cols, RowsI8& out);

  /// y[m][n] = float(sum_c a.code[m][c] * w.code[n][c]) * (a.scale[m] * w.scale[n]), n < w.rows.
  /// The sum is exact in int32 (cols <= 131072).
  void (*gemm_i8)(const RowsI8& a, const MatrixI8& w, float* y, size_t ldy);

  /// As gemm_i8, then y[m][n] = y_old[m][n] + gate * product.
  void (*gemm_i8_add)(const RowsI8& a, const MatrixI8& w, float gate, float* y, size_t ldy);

  /// y[m][n] = sum_c x[m][c] * w[n][c]; the sum runs c = 0, 1, 2, ... in one lane.
  void (*gemm_f32)(const float* x, size_t rows, const MatrixF32& w, float* y, size_t ldy);

  /// out[m][c] = ((1 + gamma[c]) * x[m][c]) * inv, inv = 1 / sqrt(mean_c(x[m][c]^2) + 1e-6).
  /// ZCRMSNorm. out may be x.
  void (*rms_norm)(const float* x, size_t rows, size_t cols, const float* gamma, float* out);

  /// For each of `heads` heads of each row: rms_norm over head_dim with gamma, then, if `cos` is
  /// given, rotation by position pos0 + row: with half = head_dim / 2, for j < half
  ///   y[j] = x[j] * c - x[j + half] * s,  y[j + half] = x[j + half] * c + x[j] * s,
  /// c = cos[(pos0 + row) * half + j], s = sin[...]. In place; x is [rows][heads * head_dim].
  void (*qk_norm_rope)(float* x, size_t rows, size_t heads, size_t head_dim, const float* gamma,
                       const float* cos, const float* sin, size_t pos0);

  /// Appends `rows` keys and values ([rows][kv_heads * head_dim], K after norm and rotation) to the
  /// segment at its length; length grows. k, v etc. if not null: each (key, head) row quantized as
  /// quantize_rows does; kf, vf if not null: copied.
  void (*append_kv)(const AttentionShape& shape, const float* k, const float* v, size_t rows,
                    KvSegment& segment);

  /// Attention of `rows` query rows (q: [rows][heads * head_dim], after norm and rotation) over the
  /// keys of all segments, in the order given; out: [rows][heads * head_dim]. With `causal`, query
  /// row m sees only the first length - rows + m + 1 keys of the last segment, which has at least
  /// `rows` keys. So a segment cut at a multiple of 4 gives the bits of the whole one. INT8:
  ///   q row of each head quantized as quantize_rows, with scale qs;
  ///   s[t] = float(dot) * (k_scale[t] * (qs * (kLog2E / sqrt(head_dim))))   softmax in base 2
  ///   e[t] = exp2(s[t] - max s)
  ///   z    = sum of e in four lanes, t % 4 within its segment, segments in order
  ///   u[t] = e[t] * v_scale[t]
  ///   p[t] = round(u[t] * (127 / max u)), 0..127
  ///   out[c] = float(sum_t p[t] * vcode[t][c]) * ((max u / 127) / z); 0 if max u < kTiny.
  /// `scratch` has attend_scratch_bytes(...) bytes, 64-byte aligned. A query row that sees no key
  /// gets 0.
  void (*attend_i8)(const AttentionShape& shape, const float* q, size_t rows,
                    const KvSegment* segments, size_t segment_count, bool causal, float* out,
                    uint8_t* scratch);

  /// The same in float32: s = (q . k) * (1 / sqrt(head_dim)) (dot in four lanes), e = exp(s - max s),
  /// out[c] = (sum_t e[t] * v[t][c]) / z (sum over t in rising order). Parity path.
  void (*attend_f32)(const AttentionShape& shape, const float* q, size_t rows,
                     const KvSegment* segments, size_t segment_count, bool causal, float* out,
                     uint8_t* scratch);

  /// out[c] = float(code[row][c]) * (scale[row] * factor): one embedding row.
  void (*dequantize_row)(const MatrixI8& w, size_t row, float factor, float* out);

  /// y[i] = what gemm_i8 gives for the first row of `a` and row w_rows[i] of `w`.
  void (*gather_i8)(const RowsI8& a, const MatrixI8& w, const int32_t* w_rows, size_t count, float* y);
};

/// Scratch of attend_*: `keys` is the sum of the segments' lengths, each rounded up to 32.
size_t attend_scratch_bytes(const AttentionShape& shape, size_t keys);

const KernelSet& reference_kernels();

/// The fastest set this machine runs: relaxed where the probe passes, else simd128, else (natively)
/// reference.
const KernelSet& best_kernels();

/// By name ("reference", "simd128", "relaxed"); nullptr where that set does not exist or its probe
/// fails. "best" is best_kernels().
const KernelSet* find_kernels(const char* name);

}  // namespace thimble
