#include "bench/kernels_bench.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

namespace thimble::bench {
namespace {

template <class T>
class Aligned {
 public:
  explicit Aligned(size_t n)
      : data_(static_cast<T*>(std::aligned_alloc(64, round_up(n * sizeof(T), 64)))), size_(n) {
    std::fill(data_, data_ + n, T{});
  }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  Aligned(Aligned&& other) : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  ~Aligned() { std::free(data_); }
  T* data() { return data_; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }

 private:
  T* data_;
  size_t size_;
};

uint32_t next_random() {
  static uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  return state >> 8;
}

void fill(Aligned<int8_t>& codes) {
  for (int8_t& c : codes) c = static_cast<int8_t>(next_random() % 255) - 127;
}

void fill(Aligned<float>& values) {
  for (float& v : values) v = static_cast<float>(next_random() % 2001) / 1000.0f - 1.0f;
}

// Milliseconds of one run of f, from the fastest slice.
template <class F>
double fastest_ms(double seconds, Clock now, F f) {
  double best = 1e300;
  const double end = now() + seconds * 1000.0;
  while (now() < end) {
    size_t runs = 0;
    const double start = now();
    double elapsed = 0.0;
    while (elapsed < 4.0) {
      f();
      ++runs;
      elapsed = now() - start;
    }
    best = std::min(best, elapsed / static_cast<double>(runs));
  }
  return best;
}

struct Weights {
  Weights(size_t n, size_t k) : codes(round_up(n, kPanelRows) * k), scale(n), sum(n) {
    fill(codes);
    fill(scale);
    for (size_t r = 0; r < n; ++r) {
      const int8_t* row = codes.data() + r / kPanelRows * kPanelRows * k + r % kPanelRows * 4;
      for (size_t c = 0; c < k; ++c) sum.data()[r] += row[c / 4 * 128 + c % 4];
    }
  }
  Aligned<int8_t> codes;
  Aligned<float> scale;
  Aligned<int32_t> sum;
};

}  // namespace

double gemm_gmacs(const KernelSet& kernels, size_t rows, size_t n, size_t k, double seconds,
                  Clock now) {
  std::vector<Weights> weights;
  const size_t count = std::max<size_t>(1, (size_t{16} << 20) / (n * k));
  weights.reserve(count);
  for (size_t i = 0; i < count; ++i) weights.emplace_back(n, k);
  Aligned<float> x(rows * k), y(rows * n), scale(rows);
  Aligned<uint8_t> codes(2 * rows * k);
  fill(x);
  RowsI8 a{codes.data(), scale.data(), rows, k};
  kernels.quantize_rows(x.data(), rows, k, a);
  // One run takes all matrices once, or a share of them if that is long enough for the clock.
  size_t at = 0;
  const size_t share = std::clamp<size_t>(60'000'000 / (rows * n * k), 1, count);
  const double ms = fastest_ms(seconds, now, [&] {
    for (size_t i = 0; i < share; ++i, at = (at + 1) % count) {
      const MatrixI8 w{weights[at].codes.data(), weights[at].scale.data(), weights[at].sum.data(), n, k};
      kernels.gemm_i8(a, w, y.data(), n);
    }
  });
  return static_cast<double>(share * rows * n * k) / (ms * 1e6);
}

namespace {

constexpr AttentionShape kShape{8, 4, 64};
constexpr size_t kWidth = 512;
constexpr size_t kKvWidth = 256;

struct Cache {
  explicit Cache(size_t keys)
      : capacity(round_up(keys, kPanelRows)),
        k(kShape.kv_heads * kShape.k_head_bytes(capacity)),
        v(kShape.kv_heads * kShape.v_head_bytes(capacity)),
        k_scale(kShape.kv_heads * capacity),
        v_scale(kShape.kv_heads * capacity) {}
  KvSegment segment() {
    return {k.data(), v.data(), k_scale.data(), v_scale.data(), nullptr, nullptr, capacity, 0};
  }
  size_t capacity;
  Aligned<int8_t> k, v;
  Aligned<float> k_scale, v_scale;
};

}  // namespace

double attend_us_per_row(const KernelSet& kernels, size_t rows, size_t keys, double seconds,
                         Clock now) {
  Cache cache(keys);
  KvSegment segment = cache.segment();
  Aligned<float> k(keys * kKvWidth), v(keys * kKvWidth), q(rows * kWidth), out(rows * kWidth);
  Aligned<uint8_t> scratch(attend_scratch_bytes(kShape, cache.capacity));
  fill(k);
  fill(v);
  fill(q);
  kernels.append_kv(kShape, k.data(), v.data(), keys, segment);
  const double ms = fastest_ms(seconds, now, [&] {
    kernels.attend_i8(kShape, q.data(), rows, &segment, 1, false, out.data(), scratch.data());
  });
  return ms * 1000.0 / static_cast<double>(rows);
}

double row_work_us(const KernelSet& kernels, size_t rows, double seconds, Clock now) {
  Cache cache(rows);
  Aligned<float> x(rows * kWidth), y(rows * kWidth), q(rows * kWidth), k(rows * kKvWidth),
      v(rows * kKvWidth), gamma(kWidth), turn(rows * kShape.head_dim / 2), scale(rows);
  Aligned<uint8_t> codes(2 * rows * kWidth);
  fill(x);
  fill(q);
  fill(k);
  fill(v);
  fill(turn);
  RowsI8 a{codes.data(), scale.data(), rows, kWidth};
  const double ms = fastest_ms(seconds, now, [&] {
    kernels.rms_norm(x.data(), rows, kWidth, gamma.data(), y.data());
    kernels.quantize_rows(y.data(), rows, kWidth, a);
    kernels.qk_norm_rope(q.data(), rows, kShape.heads, kShape.head_dim, gamma.data(), turn.data(),
                         turn.data(), 0);
    kernels.qk_norm_rope(k.data(), rows, kShape.kv_heads, kShape.head_dim, gamma.data(), turn.data(),
                         turn.data(), 0);
    KvSegment segment = cache.segment();
    kernels.append_kv(kShape, k.data(), v.data(), rows, segment);
    kernels.quantize_rows(y.data(), rows, kWidth, a);
  });
  return ms * 1000.0 / static_cast<double>(rows);
}

}  // namespace thimble::bench
