// Plain loops: this file defines what every kernel computes. Speed is no aim.
#include <cmath>
#include <cstring>

#include "kernels/kernels.h"
#include "kernels/math.h"

namespace thimble {
namespace {

float max_abs(const float* x, size_t n) {
  float max = 0.0f;
  for (size_t i = 0; i < n; ++i) max = std::fmax(max, std::fabs(x[i]));
  return max;
}

// Multiplier that brings a row into -127..127; 0 for a row that counts as zero.
float code_factor(float max) { return max < kTiny ? 0.0f : 127.0f / max; }
float code_scale(float max) { return max < kTiny ? 0.0f : max / 127.0f; }

int8_t code(float x, float factor) {
  const int32_t nearest = math::nearest(x * factor);
  return static_cast<int8_t>(nearest < -127 ? -127 : nearest > 127 ? 127 : nearest);
}

struct Lanes {
  float s[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  float join() const { return (s[0] + s[2]) + (s[1] + s[3]); }
};

void quantize_rows(const float* x, size_t rows, size_t cols, RowsI8& out) {
  auto* codes = reinterpret_cast<int8_t*>(out.codes);
  for (size_t m = 0; m < rows; ++m) {
    const float max = max_abs(x + m * cols, cols);
    for (size_t c = 0; c < cols; ++c) codes[m * cols + c] = code(x[m * cols + c], code_factor(max));
    out.scale[m] = code_scale(max);
  }
  out.rows = rows;
  out.cols = cols;
}

// store(m, n, product) for every output of a * w^T.
template <class Store>
void multiply_i8(const RowsI8& a, const MatrixI8& w, Store store) {
  const auto* codes = reinterpret_cast<const int8_t*>(a.codes);
  for (size_t n0 = 0; n0 < w.rows; n0 += kPanelRows) {
    const int8_t* panel = w.data + n0 * w.cols;
    for (size_t m = 0; m < a.rows; ++m) {
      int32_t sum[kPanelRows] = {};
      for (size_t c = 0; c < w.cols; ++c) {
        const int32_t activation = codes[m * a.cols + c];
        const int8_t* column = panel + c / 4 * 128 + c % 4;
        for (size_t r = 0; r < kPanelRows; ++r) sum[r] += activation * column[r * 4];
      }
      for (size_t r = 0; r < kPanelRows && n0 + r < w.rows; ++r) {
        store(m, n0 + r, static_cast<float>(sum[r]) * (a.scale[m] * w.scale[n0 + r]));
      }
    }
  }
}

void gemm_i8(const RowsI8& a, const MatrixI8& w, float* y, size_t ldy) {
  multiply_i8(a, w, [&](size_t m, size_t n, float product) { y[m * ldy + n] = product; });
}

void gemm_i8_add(const RowsI8& a, const MatrixI8& w, float gate, float* y, size_t ldy) {
  multiply_i8(a, w, [&](size_t m, size_t n, float product) { y[m * ldy + n] += gate * product; });
}

void gemm_f32(const float* x, size_t rows, const MatrixF32& w, float* y, size_t ldy) {
  for (size_t n0 = 0; n0 < w.rows; n0 += kPanelRows) {
    const float* panel = w.data + n0 * w.cols;
    for (size_t m = 0; m < rows; ++m) {
      float sum[kPanelRows] = {};
      for (size_t c = 0; c < w.cols; ++c) {
        const float activation = x[m * w.cols + c];
        for (size_t r = 0; r < kPanelRows; ++r) sum[r] += activation * panel[c * kPanelRows + r];
      }
      for (size_t r = 0; r < kPanelRows && n0 + r < w.rows; ++r) y[m * ldy + n0 + r] = sum[r];
    }
  }
}

void rms_norm(const float* x, size_t rows, size_t cols, const float* gamma, float* out) {
  for (size_t m = 0; m < rows; ++m, x += cols, out += cols) {
    Lanes squares;
    for (size_t c = 0; c < cols; ++c) squares.s[c % 4] += x[c] * x[c];
    const float mean = squares.join() / static_cast<float>(cols);
    const float inv = 1.0f / std::sqrt(mean + kNormEpsilon);
    for (size_t c = 0; c < cols; ++c) out[c] = ((1.0f + gamma[c]) * x[c]) * inv;
  }
}

void rotate(float* x, size_t half, const float* cos, const float* sin) {
  for (size_t j = 0; j < half; ++j) {
    const float a = x[j];
    const float b = x[j + half];
    x[j] = a * cos[j] - b * sin[j];
    x[j + half] = b * cos[j] + a * sin[j];
  }
}

void qk_norm_rope(float* x, size_t rows, size_t heads, size_t head_dim, const float* gamma,
                  const float* cos, const float* sin, size_t pos0) {
  const size_t half = head_dim / 2;
  for (size_t m = 0; m < rows; ++m) {
    for (size_t h = 0; h < heads; ++h, x += head_dim) {
      rms_norm(x, 1, head_dim, gamma, x);
      if (cos != nullptr) rotate(x, half, cos + (pos0 + m) * half, sin + (pos0 + m) * half);
    }
  }
}

size_t key_at(size_t head_dim, size_t capacity, size_t t, size_t c) {
  return t / 32 * 32 * head_dim + c / 4 * 4 * panel_keys(capacity, t) + t % 32 * 4 + c % 4;
}

// Key or value t of one head: x is its row of head_dim floats.
void append_i8(const AttentionShape& shape, size_t g, size_t t, const float* k, const float* v,
               KvSegment& segment) {
  int8_t* k_head = segment.k + g * shape.k_head_bytes(segment.capacity);
  int8_t* v_head = segment.v + g * shape.v_head_bytes(segment.capacity);
  const float k_max = max_abs(k, shape.head_dim);
  const float v_max = max_abs(v, shape.head_dim);
  for (size_t c = 0; c < shape.head_dim; ++c) {
    k_head[key_at(shape.head_dim, segment.capacity, t, c)] = code(k[c], code_factor(k_max));
    v_head[(c / 32 * (segment.capacity / 4) + t / 4) * 128 + c % 32 * 4 + t % 4] =
        code(v[c], code_factor(v_max));
  }
  segment.k_scale[g * segment.capacity + t] = code_scale(k_max);
  segment.v_scale[g * segment.capacity + t] = code_scale(v_max);
}

void append_kv(const AttentionShape& shape, const float* k, const float* v, size_t rows,
               KvSegment& segment) {
  const size_t head_dim = shape.head_dim;
  for (size_t m = 0; m < rows; ++m, ++segment.length) {
    for (size_t g = 0; g < shape.kv_heads; ++g, k += head_dim, v += head_dim) {
      if (segment.k != nullptr) append_i8(shape, g, segment.length, k, v, segment);
      if (segment.kf != nullptr) {
        const size_t at = (g * segment.capacity + segment.length) * head_dim;
        std::memcpy(segment.kf + at, k, head_dim * sizeof(float));
        std::memcpy(segment.vf + at, v, head_dim * sizeof(float));
      }
    }
  }
}

// One query row of one head against KV head g: what attend_i8 and attend_f32 have in common.
struct Head {
  const AttentionShape& shape;
  const KvSegment* segments;
  size_t segment_count;
  size_t g;
  bool causal;
  size_t later_rows;  // causal: rows after this one, whose keys this row does not see

  size_t visible(size_t n) const {
    return segments[n].length - (causal && n + 1 == segment_count ? later_rows : 0);
  }
  // f(segment, t, i) for every visible key; i counts them over all segments.
  template <class F>
  void each_key(F f) const {
    size_t i = 0;
    for (size_t n = 0; n < segment_count; ++n) {
      for (size_t t = 0; t < visible(n); ++t) f(segments[n], t, i++);
    }
  }
};

int32_t key_dot(const Head& head, const KvSegment& segment, size_t t, const int8_t* q) {
  const size_t head_dim = head.shape.head_dim;
  const int8_t* k = segment.k + head.g * head.shape.k_head_bytes(segment.capacity);
  int32_t dot = 0;
  for (size_t c = 0; c < head_dim; ++c) {
    dot += q[c] * k[key_at(head_dim, segment.capacity, t, c)];
  }
  return dot;
}

void attend_head_i8(const Head& head, const float* q, float* out, float* s, int8_t* q_codes) {
  const size_t head_dim = head.shape.head_dim;
  const float q_max = max_abs(q, head_dim);
  for (size_t c = 0; c < head_dim; ++c) q_codes[c] = code(q[c], code_factor(q_max));
  const float row_factor = code_scale(q_max) * (kLog2E / std::sqrt(static_cast<float>(head_dim)));

  float s_max = -INFINITY;
  head.each_key([&](const KvSegment& segment, size_t t, size_t i) {
    const float k_scale = segment.k_scale[head.g * segment.capacity + t];
    s[i] = static_cast<float>(key_dot(head, segment, t, q_codes)) * (k_scale * row_factor);
    s_max = std::fmax(s_max, s[i]);
  });

  Lanes z;
  float u_max = 0.0f;
  head.each_key([&](const KvSegment& segment, size_t t, size_t i) {
    const float e = math::exp2(s[i] - s_max);
    z.s[t % 4] += e;
    s[i] = e * segment.v_scale[head.g * segment.capacity + t];
    u_max = std::fmax(u_max, s[i]);
  });

  const float p_factor = code_factor(u_max);
  const float out_scale = u_max < kTiny ? 0.0f : code_scale(u_max) / z.join();
  for (size_t c = 0; c < head_dim; ++c) {
    int32_t sum = 0;
    head.each_key([&](const KvSegment& segment, size_t t, size_t i) {
      const int8_t* v = segment.v + head.g * head.shape.v_head_bytes(segment.capacity);
      const int32_t v_code = v[(c / 32 * (segment.capacity / 4) + t / 4) * 128 + c % 32 * 4 + t % 4];
      sum += code(s[i], p_factor) * v_code;
    });
    out[c] = static_cast<float>(sum) * out_scale;
  }
}

void attend_head_f32(const Head& head, const float* q, float* out, float* s) {
  const size_t head_dim = head.shape.head_dim;
  const float factor = 1.0f / std::sqrt(static_cast<float>(head_dim));
  float s_max = -INFINITY;
  head.each_key([&](const KvSegment& segment, size_t t, size_t i) {
    const float* k = segment.kf + (head.g * segment.capacity + t) * head_dim;
    Lanes dot;
    for (size_t c = 0; c < head_dim; ++c) dot.s[c % 4] += q[c] * k[c];
    s[i] = dot.join() * factor;
    s_max = std::fmax(s_max, s[i]);
  });
  Lanes z;
  for (size_t c = 0; c < head_dim; ++c) out[c] = 0.0f;
  head.each_key([&](const KvSegment& segment, size_t t, size_t i) {
    const float* v = segment.vf + (head.g * segment.capacity + t) * head_dim;
    const float e = math::exp(s[i] - s_max);
    z.s[t % 4] += e;
    for (size_t c = 0; c < head_dim; ++c) out[c] += e * v[c];
  });
  const float sum = z.join();
  for (size_t c = 0; c < head_dim; ++c) out[c] = sum == 0.0f ? 0.0f : out[c] / sum;
}

// run(head, query of the head, its output) for every row and head.
template <class Run>
void each_head(const AttentionShape& shape, const float* q, size_t rows, const KvSegment* segments,
               size_t segment_count, bool causal, float* out, Run run) {
  const size_t group = shape.heads / shape.kv_heads;
  for (size_t m = 0; m < rows; ++m) {
    for (size_t h = 0; h < shape.heads; ++h, q += shape.head_dim, out += shape.head_dim) {
      run(Head{shape, segments, segment_count, h / group, causal, rows - 1 - m}, q, out);
    }
  }
}

void attend_i8(const AttentionShape& shape, const float* q, size_t rows, const KvSegment* segments,
               size_t segment_count, bool causal, float* out, uint8_t* scratch) {
  auto* s = reinterpret_cast<float*>(scratch + round_up(shape.head_dim, 64));
  each_head(shape, q, rows, segments, segment_count, causal, out,
            [&](const Head& head, const float* x, float* y) {
              attend_head_i8(head, x, y, s, reinterpret_cast<int8_t*>(scratch));
            });
}

void attend_f32(const AttentionShape& shape, const float* q, size_t rows, const KvSegment* segments,
                size_t segment_count, bool causal, float* out, uint8_t* scratch) {
  each_head(shape, q, rows, segments, segment_count, causal, out,
            [&](const Head& head, const float* x, float* y) {
              attend_head_f32(head, x, y, reinterpret_cast<float*>(scratch));
            });
}

void dequantize_row(const MatrixI8& w, size_t row, float factor, float* out) {
  const int8_t* panel = w.data + row / kPanelRows * kPanelRows * w.cols + row % kPanelRows * 4;
  const float scale = w.scale[row] * factor;
  for (size_t c = 0; c < w.cols; ++c) {
    out[c] = static_cast<float>(panel[c / 4 * 128 + c % 4]) * scale;
  }
}

void gather_i8(const RowsI8& a, const MatrixI8& w, const int32_t* w_rows, size_t count,
               float* y) {
  const auto* codes = reinterpret_cast<const int8_t*>(a.codes);
  for (size_t i = 0; i < count; ++i) {
    const auto row = static_cast<size_t>(w_rows[i]);
    const int8_t* panel = w.data + row / kPanelRows * kPanelRows * w.cols + row % kPanelRows * 4;
    int32_t sum = 0;
    for (size_t c = 0; c < w.cols; ++c) sum += codes[c] * panel[c / 4 * 128 + c % 4];
    y[i] = static_cast<float>(sum) * (a.scale[0] * w.scale[row]);
  }
}

}  // namespace

const KernelSet& reference_kernels() {
  static constexpr KernelSet set{"reference", quantize_rows, gemm_i8,   gemm_i8_add,
                                 gemm_f32,    rms_norm,      qk_norm_rope, append_kv,
                                 attend_i8,   attend_f32,    dequantize_row, gather_i8};
  return set;
}

}  // namespace thimble
