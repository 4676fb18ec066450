// Random inputs for the kernels and plain double-precision formulas of what they compute.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "core/test_data.h"
#include "kernels/kernels.h"

namespace thimble::test {

using Random = std::mt19937;  // the same sequence on every platform, unlike the distributions

inline float uniform(Random& random) {  // -1 .. 1
  return static_cast<float>(static_cast<int32_t>(random() >> 8) - (1 << 23)) / static_cast<float>(1 << 23);
}

inline std::vector<float> floats(Random& random, size_t n, float size = 1.0f) {
  std::vector<float> values(n);
  for (float& v : values) v = uniform(random) * size;
  return values;
}

// An int8 matrix in panels, with row-major codes beside it. `extremes`: only codes -127 and 127.
struct Matrix {
  Matrix(Random& random, size_t rows, size_t cols, bool extremes = false)
      : codes(rows * cols), data(round_up(rows, 32) * cols), scale(round_up(rows, 32)), sum(scale.size()) {
    for (size_t r = 0; r < rows; ++r) {
      scale[r] = 0.001f + std::fabs(uniform(random)) * 0.01f;
      for (size_t c = 0; c < cols; ++c) {
        const int32_t wide = static_cast<int32_t>(random() % 255) - 127;
        const auto code = static_cast<int8_t>(extremes ? (wide < 0 ? -127 : 127) : wide);
        codes[r * cols + c] = code;
        data[((r / 32) * (cols / 4) + c / 4) * 128 + (r % 32) * 4 + c % 4] = code;
        sum[r] += code;
      }
    }
    view = {data.data(), scale.data(), sum.data(), rows, cols};
  }
  std::vector<int8_t> codes, data;
  std::vector<float> scale;
  std::vector<int32_t> sum;
  MatrixI8 view;
};

// Activations quantized by one kernel set.
struct Rows {
  Rows(const KernelSet& kernels, const std::vector<float>& x, size_t rows, size_t cols)
      : codes(2 * rows * cols), scale(rows) {
    view = {codes.data(), scale.data(), 0, 0};
    kernels.quantize_rows(x.data(), rows, cols, view);
  }
  std::vector<uint8_t> codes;
  std::vector<float> scale;
  RowsI8 view;
};

// x * w^T through quantize_rows and gemm_i8.
inline std::vector<float> multiply(const KernelSet& kernels, const std::vector<float>& x, size_t rows, const MatrixI8& w) {
  const Rows a(kernels, x, rows, w.cols);
  std::vector<float> y(rows * w.rows, -1.0f);
  kernels.gemm_i8(a.view, w, y.data(), w.rows);
  return y;
}

// The buffers of a KvSegment, of the int8 path, the float path or both; stale where nothing was
// appended.
struct Segment {
  Segment(const AttentionShape& shape, size_t capacity, bool i8, bool f32)
      : k(shape.kv_heads * shape.k_head_bytes(capacity) + kReadAhead, 55),
        v(shape.kv_heads * shape.v_head_bytes(capacity), -77),
        k_scale(shape.kv_heads * capacity + kReadAhead, NAN),
        v_scale(k_scale.size(), 3e30f),
        kf(shape.kv_heads * capacity * shape.head_dim, NAN),
        vf(kf) {
    if (i8) {
      view.k = k.data();
      view.v = v.data();
      view.k_scale = k_scale.data();
      view.v_scale = v_scale.data();
    }
    if (f32) {
      view.kf = kf.data();
      view.vf = vf.data();
    }
    view.capacity = capacity;
  }
  Segment(const Segment&) = delete;
  Segment(Segment&&) = default;  // moving a vector keeps its address
  std::vector<int8_t> k, v;
  std::vector<float> k_scale, v_scale, kf, vf;
  KvSegment view;
};

// One attention problem: queries and the keys and values of some segments.
struct AttentionCase {
  AttentionCase(Random& random, AttentionShape s, size_t rows_, std::vector<size_t> lengths_, bool causal_ = false)
      : shape(s), rows(rows_), lengths(std::move(lengths_)), causal(causal_) {
    q = floats(random, rows * shape.heads * shape.head_dim, 2.0f);
    for (size_t length : lengths) {
      k.push_back(floats(random, length * shape.kv_heads * shape.head_dim, 2.0f));
      v.push_back(floats(random, length * shape.kv_heads * shape.head_dim, 3.0f));
    }
  }

  std::vector<Segment> fill(const KernelSet& kernels, bool i8, bool f32) const {
    std::vector<Segment> segments;
    for (size_t n = 0; n < lengths.size(); ++n) {
      segments.emplace_back(shape, round_up(lengths[n] + 1, 4), i8, f32);
      kernels.append_kv(shape, k[n].data(), v[n].data(), lengths[n], segments.back().view);
    }
    return segments;
  }

  // attend: &KernelSet::attend_i8 or &KernelSet::attend_f32.
  template <class Attend>
  std::vector<float> run(const KernelSet& kernels, Attend attend, const std::vector<Segment>& segments) const {
    std::vector<KvSegment> views;
    size_t keys = 0;
    for (const Segment& segment : segments) {
      views.push_back(segment.view);
      keys += round_up(segment.view.length, 32);
    }
    std::vector<uint8_t> scratch(attend_scratch_bytes(shape, keys) + 64, 0xA5);
    auto address = reinterpret_cast<uintptr_t>(scratch.data());
    uint8_t* aligned = scratch.data() + (round_up(address, 64) - address);
    std::vector<float> out(q.size(), -1.0f);
    (kernels.*attend)(shape, q.data(), rows, views.data(), views.size(), causal, out.data(), aligned);
    return out;
  }

  // softmax(q k^T / sqrt(head_dim)) v in double precision.
  std::vector<double> exact() const {
    std::vector<double> out(q.size());
    const size_t hd = shape.head_dim, group = shape.heads / shape.kv_heads, kv = shape.kv_heads * hd;
    for (size_t m = 0; m < rows; ++m) {
      for (size_t h = 0; h < shape.heads; ++h) {
        const size_t at = (m * shape.heads + h) * hd, g = h / group;
        double z = 0;
        for (size_t n = 0; n < lengths.size(); ++n) {
          const bool cut = causal && n + 1 == lengths.size();
          const size_t visible = cut ? lengths[n] - rows + m + 1 : lengths[n];
          for (size_t t = 0; t < visible; ++t) {
            double s = 0;
            for (size_t c = 0; c < hd; ++c) s += static_cast<double>(q[at + c]) * k[n][t * kv + g * hd + c];
            const double e = std::exp(s / std::sqrt(static_cast<double>(hd)));
            z += e;
            for (size_t c = 0; c < hd; ++c) out[at + c] += e * v[n][t * kv + g * hd + c];
          }
        }
        for (size_t c = 0; c < hd; ++c) out[at + c] = z == 0 ? 0 : out[at + c] / z;
      }
    }
    return out;
  }

  AttentionShape shape;
  size_t rows;
  std::vector<size_t> lengths;
  bool causal;
  std::vector<float> q;
  std::vector<std::vector<float>> k, v;
};

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

template <class A, class B>
double cosine(const std::vector<A>& a, const std::vector<B>& b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

template <class A, class B>
double largest_difference(const std::vector<A>& a, const std::vector<B>& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = larger(largest, static_cast<double>(a[i]) - b[i]);
  return largest;
}

}  // namespace thimble::test
