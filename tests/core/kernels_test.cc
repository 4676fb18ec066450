// The kernels: the reference against double-precision formulas, and every other set that exists
// here against the reference, bit for bit. In WASM the relaxed set's code is also run over two
// emulated dots, because a machine shows at most one kind (signed or unsigned activations).
#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <string>

#include "core/kernels_cases.h"
#include "kernels/math.h"
#ifdef __wasm_simd128__
#include "kernels/relaxed.h"
#include "kernels/tiles.h"
#endif

using namespace thimble;
using namespace thimble::test;

namespace {

#ifdef __wasm_simd128__
// dot of int8 quadruples by exact means; activations are read as int8 or as uint8.
template <bool Unsigned>
struct EmulatedDot : tiles::ByteDot {
  static v128_t wide(v128_t a, bool high) {
    if (Unsigned) return high ? wasm_u16x8_extend_high_u8x16(a) : wasm_u16x8_extend_low_u8x16(a);
    return high ? wasm_i16x8_extend_high_i8x16(a) : wasm_i16x8_extend_low_i8x16(a);
  }
  static v128_t dot(v128_t w, v128_t a, v128_t sum) {
    const v128_t low = wasm_i32x4_dot_i16x8(wasm_i16x8_extend_low_i8x16(w), wide(a, false));
    const v128_t high = wasm_i32x4_dot_i16x8(wasm_i16x8_extend_high_i8x16(w), wide(a, true));
    return wasm_i32x4_add(sum, wasm_i32x4_add(wasm_i32x4_shuffle(low, high, 0, 2, 4, 6),
                                              wasm_i32x4_shuffle(low, high, 1, 3, 5, 7)));
  }
};

template <bool Unsigned>
RelaxedModule emulated() {
  RelaxedModule module{};
  module.gemm = [](const RowsI8* a, const MatrixI8* w, const tiles::GemmOutput* out, uint32_t flip) {
    tiles::gemm<EmulatedDot<Unsigned>>(*a, *w, *out, flip);
  };
  module.attend = [](const tiles::AttendTask* task) { tiles::attend<EmulatedDot<Unsigned>>(*task); };
  module.semantics = Unsigned ? DotSemantics::unsigned_activations : DotSemantics::signed_activations;
  return module;
}
#endif

// test(kernels) for every set but the reference.
template <class Test>
void each_fast_set(Test test) {
  for (const char* name : {"simd128", "relaxed"}) {
    const KernelSet* kernels = find_kernels(name);
    if (kernels == nullptr) continue;
    INFO("kernel set " << std::string(name));
    test(*kernels);
  }
#ifdef __wasm_simd128__
  for (const RelaxedModule& module : {emulated<true>(), emulated<false>()}) {
    INFO("relaxed kernels over an emulated dot, semantics " << static_cast<int>(module.semantics));
    const RelaxedModule real = attach_relaxed(module);
    test(*find_kernels("relaxed"));
    attach_relaxed(real);
  }
#endif
}

const KernelSet& reference = reference_kernels();

std::vector<float> gemm(const KernelSet& kernels, const std::vector<float>& x, size_t rows, const MatrixI8& w) {
  const Rows a(kernels, x, rows, w.cols);
  std::vector<float> y(rows * w.rows, -1.0f);
  kernels.gemm_i8(a.view, w, y.data(), w.rows);
  return y;
}

double relative_error(double got, double want) { return std::fabs(got - want) / std::fabs(want); }

}  // namespace

TEST_CASE("the kernel sets of this machine") {
  std::string names = "reference";
  for (const char* name : {"simd128", "relaxed"}) {
    names += find_kernels(name) != nullptr ? std::string(", ") + name : std::string(", no ") + name;
  }
  MESSAGE("kernel sets: " << names << "; best: " << std::string(best_kernels().name));
  CHECK(find_kernels("reference") == &reference_kernels());
  CHECK(find_kernels("best") == &best_kernels());
  CHECK(find_kernels("no such set") == nullptr);
#ifdef __wasm_simd128__
  CHECK(find_kernels("simd128") != nullptr);
#endif
  // Set by whoever runs the tests where the relaxed kernels have to work.
  if (std::getenv("THIMBLE_REQUIRE_RELAXED") != nullptr) {
    REQUIRE(find_kernels("relaxed") != nullptr);
    CHECK(std::string(best_kernels().name) == "relaxed");
  }
}

TEST_CASE("exp, exp2 and sigmoid are within their stated errors") {
  double exp_error = 0, exp2_error = 0, sigmoid_error = 0;
  for (int i = -87000; i <= 88000; i += 7) {
    const float x = static_cast<float>(i) / 1000.0f;
    exp_error = std::max(exp_error, relative_error(math::exp(x), std::exp(static_cast<double>(x))));
  }
  for (int i = -125990; i <= 0; i += 7) {
    const float x = static_cast<float>(i) / 1000.0f;
    exp2_error = std::max(exp2_error, relative_error(math::exp2(x), std::exp2(static_cast<double>(x))));
  }
  for (int i = -80000; i <= 80000; i += 7) {
    const float x = static_cast<float>(i) / 1000.0f;
    sigmoid_error = std::max(sigmoid_error, relative_error(math::sigmoid(x), 1 / (1 + std::exp(-static_cast<double>(x)))));
  }
  CHECK(exp_error < 3e-7);
  CHECK(exp2_error < 2e-7);
  CHECK(sigmoid_error < 4e-7);
  CHECK(math::exp(0.0f) == 1.0f);
  CHECK(math::exp2(-3.0f) == 0.125f);
  CHECK(math::exp(-88.0f) == 0.0f);
  CHECK(math::exp2(-INFINITY) == 0.0f);
  CHECK(math::exp2(-1e30f) == 0.0f);
  CHECK(math::sigmoid(1000.0f) == 1.0f);
  CHECK(math::sigmoid(-1000.0f) == 0.0f);
}

TEST_CASE("the vector form of exp2 gives the bits of the scalar form") {
  const auto all = [](float x) { return F32x4{x, x, x, x}; };
  const math::Exp2<float>& k = math::kExp2;
  const math::Exp2<F32x4> exp2{all(k.c5), all(k.c4), all(k.c3), all(k.c2), all(k.c1), all(k.c0), all(k.round), all(k.lowest)};
  for (int i = -130000; i <= 0; i += 13) {
    const float x = static_cast<float>(i) / 1000.0f;
    const F32x4 e = exp2(F32x4{x, x - 0.25f, -INFINITY, 0.0f});
    REQUIRE(math::bits(e[0]) == math::bits(math::exp2(x)));
    REQUIRE(math::bits(e[1]) == math::bits(math::exp2(x - 0.25f)));
    REQUIRE(e[2] == 0.0f);
    REQUIRE(e[3] == 1.0f);
  }
}

TEST_CASE("rounding is half to even") {
  CHECK(math::nearest(0.5f) == 0);
  CHECK(math::nearest(1.5f) == 2);
  CHECK(math::nearest(-0.5f) == 0);
  CHECK(math::nearest(-2.5f) == -2);
  CHECK(math::nearest(126.5f) == 126);
  CHECK(math::nearest(-127.0f) == -127);
}

TEST_CASE("sin and cos agree with libm, the rotary tables with their formula") {
  double error = 0;
  for (int i = -500000; i <= 500000; i += 11) {
    const double x = i / 123.0;
    error = std::max({error, std::fabs(math::sin(x) - std::sin(x)), std::fabs(math::cos(x) - std::cos(x))});
  }
  CHECK(error < 1e-12);

  const size_t head_dim = 64, half = 32, positions = 1024;
  std::vector<float> cos(positions * half), sin(positions * half);
  build_rope_tables(10000.0, head_dim, positions, cos.data(), sin.data());
  double table_error = 0;
  for (size_t i = 0; i < half; ++i) {
    const auto inv_freq = static_cast<float>(std::pow(10000.0, -2.0 * static_cast<double>(i) / head_dim));
    for (size_t pos = 0; pos < positions; ++pos) {
      const float angle = static_cast<float>(pos) * inv_freq;
      table_error = std::max({table_error, std::fabs(cos[pos * half + i] - std::cos(static_cast<double>(angle))),
                              std::fabs(sin[pos * half + i] - std::sin(static_cast<double>(angle)))});
    }
  }
  CHECK(table_error < 1e-7);
}

TEST_CASE("quantized rows are the nearest codes, zero and tiny rows are zero") {
  Random random(1);
  const size_t rows = 5, cols = 48;
  std::vector<float> x = floats(random, rows * cols, 3.0f);
  std::fill_n(x.begin() + cols, cols, 0.0f);
  std::fill_n(x.begin() + 2 * cols, cols, 1e-33f);
  const Rows a(reference, x, rows, cols);
  CHECK(a.view.rows == rows);
  CHECK(a.view.cols == cols);
  for (size_t m = 0; m < rows; ++m) {
    const auto* codes = reinterpret_cast<const int8_t*>(a.codes.data()) + m * cols;
    if (m == 1 || m == 2) {
      CHECK(a.scale[m] == 0.0f);
      CHECK(std::all_of(codes, codes + cols, [](int8_t c) { return c == 0; }));
      continue;
    }
    int largest = 0;
    for (size_t c = 0; c < cols; ++c) {
      largest = std::max(largest, std::abs(codes[c]));
      CHECK(std::fabs(codes[c] * a.scale[m] - x[m * cols + c]) <= a.scale[m] * 0.5001f);
    }
    CHECK(largest == 127);
  }
}

TEST_CASE("reference gemm_i8 is the exact integer product times both scales") {
  Random random(2);
  for (const auto& [rows, n, cols] : {std::array<size_t, 3>{1, 5, 16}, {3, 33, 48}, {2, 64, 512}}) {
    const Matrix w(random, n, cols, cols == 48);
    const std::vector<float> x = floats(random, rows * cols, 2.0f);
    const Rows a(reference, x, rows, cols);
    const std::vector<float> y = gemm(reference, x, rows, w.view);
    std::vector<float> sum = floats(random, rows * n);
    const std::vector<float> old = sum;
    reference.gemm_i8_add(a.view, w.view, 0.25f, sum.data(), n);
    const auto* codes = reinterpret_cast<const int8_t*>(a.codes.data());
    for (size_t m = 0; m < rows; ++m) {
      for (size_t r = 0; r < n; ++r) {
        int64_t dot = 0;
        for (size_t c = 0; c < cols; ++c) dot += codes[m * cols + c] * w.codes[r * cols + c];
        const float want = static_cast<float>(dot) * (a.scale[m] * w.scale[r]);
        REQUIRE(y[m * n + r] == want);
        REQUIRE(sum[m * n + r] == old[m * n + r] + 0.25f * want);
      }
    }
  }
}

TEST_CASE("gemm_f32 is the plain product") {
  Random random(3);
  const size_t rows = 3, n = 45, cols = 37;
  const std::vector<float> x = floats(random, rows * cols), w = floats(random, n * cols);
  std::vector<float> panels(round_up(n, 32) * cols), y(rows * n);
  for (size_t r = 0; r < n; ++r) {
    for (size_t c = 0; c < cols; ++c) panels[((r / 32) * cols + c) * 32 + r % 32] = w[r * cols + c];
  }
  reference.gemm_f32(x.data(), rows, {panels.data(), n, cols}, y.data(), n);
  for (size_t m = 0; m < rows; ++m) {
    for (size_t r = 0; r < n; ++r) {
      double sum = 0;
      for (size_t c = 0; c < cols; ++c) sum += static_cast<double>(x[m * cols + c]) * w[r * cols + c];
      CHECK(std::fabs(y[m * n + r] - sum) < 1e-5);
    }
  }
}

TEST_CASE("norm and rotation follow their formulas") {
  Random random(4);
  const size_t rows = 3, heads = 2, head_dim = 32, half = 16, positions = 8, pos0 = 2;
  std::vector<float> cos(positions * half), sin(positions * half);
  build_rope_tables(10000.0, head_dim, positions, cos.data(), sin.data());
  const std::vector<float> gamma = floats(random, head_dim);
  const std::vector<float> x = floats(random, rows * heads * head_dim, 5.0f);
  std::vector<float> normed = x, rotated = x;
  reference.qk_norm_rope(normed.data(), rows, heads, head_dim, gamma.data(), nullptr, nullptr, 0);
  reference.qk_norm_rope(rotated.data(), rows, heads, head_dim, gamma.data(), cos.data(), sin.data(), pos0);
  for (size_t i = 0; i < rows * heads; ++i) {
    double squares = 0;
    for (size_t c = 0; c < head_dim; ++c) squares += static_cast<double>(x[i * head_dim + c]) * x[i * head_dim + c];
    const double inv = 1 / std::sqrt(squares / head_dim + 1e-6);
    const auto norm = [&](size_t c) { return (1.0 + gamma[c]) * x[i * head_dim + c] * inv; };
    for (size_t c = 0; c < head_dim; ++c) CHECK(std::fabs(normed[i * head_dim + c] - norm(c)) < 1e-5);
    for (size_t j = 0; j < half; ++j) {
      const double angle = static_cast<double>(pos0 + i / heads) * std::pow(10000.0, -2.0 * static_cast<double>(j) / head_dim);
      const double a = norm(j), b = norm(j + half);
      CHECK(std::fabs(rotated[i * head_dim + j] - (a * std::cos(angle) - b * std::sin(angle))) < 1e-5);
      CHECK(std::fabs(rotated[i * head_dim + j + half] - (b * std::cos(angle) + a * std::sin(angle))) < 1e-5);
    }
  }
}

TEST_CASE("an embedding row is its codes times its scale and the factor") {
  Random random(8);
  const Matrix w(random, 70, 64);
  for (size_t row : {0, 31, 32, 69}) {
    std::vector<float> x(64);
    reference.dequantize_row(w.view, row, 22.6f, x.data());
    for (size_t c = 0; c < 64; ++c) CHECK(x[c] == w.codes[row * 64 + c] * (w.scale[row] * 22.6f));
  }
}

TEST_CASE("reference attention: float32 is exact, int8 is close to it") {
  Random random(5);
  const AttentionShape shape{8, 4, 64};
  for (const AttentionCase& c : {AttentionCase(random, shape, 7, {45}), AttentionCase(random, shape, 3, {10, 0, 33, 64}),
                                 AttentionCase(random, shape, 6, {20}, true), AttentionCase(random, {4, 1, 16}, 2, {5, 3})}) {
    const std::vector<Segment> segments = c.fill(reference, true, true);
    const std::vector<double> exact = c.exact();
    const std::vector<float> f32 = c.run(reference, &KernelSet::attend_f32, segments);
    const std::vector<float> i8 = c.run(reference, &KernelSet::attend_i8, segments);
    CHECK(largest_difference(f32, exact) < 1e-5);
    CHECK(cosine(i8, exact) > 0.999);
    CHECK(largest_difference(i8, exact) < 0.1);
  }
}

TEST_CASE("attention without a key, or with values of zero, is zero") {
  Random random(6);
  AttentionCase none(random, {2, 1, 16}, 3, {0});
  AttentionCase zero(random, {2, 1, 16}, 3, {9});
  std::fill(zero.v[0].begin(), zero.v[0].end(), 0.0f);
  const auto check = [&](const KernelSet& kernels) {
    for (const AttentionCase* c : {&none, &zero}) {
      const std::vector<Segment> segments = c->fill(kernels, true, true);
      CHECK(same_bits(c->run(kernels, &KernelSet::attend_i8, segments), std::vector<float>(c->q.size())));
      CHECK(same_bits(c->run(kernels, &KernelSet::attend_f32, segments), std::vector<float>(c->q.size())));
    }
  };
  check(reference);
  each_fast_set(check);
}

TEST_CASE("appending in pieces fills a segment as appending at once") {
  Random random(7);
  const AttentionShape shape{2, 2, 32};
  const size_t width = shape.kv_heads * shape.head_dim, rows = 37;
  const std::vector<float> k = floats(random, rows * width), v = floats(random, rows * width);
  Segment whole(shape, 64, true, true), pieces(shape, 64, true, true);
  reference.append_kv(shape, k.data(), v.data(), rows, whole.view);
  for (size_t at = 0; at < rows; at += 10) {
    const size_t n = std::min<size_t>(10, rows - at);
    reference.append_kv(shape, k.data() + at * width, v.data() + at * width, n, pieces.view);
  }
  CHECK(whole.view.length == rows);
  CHECK(pieces.view.length == rows);
  CHECK(same_bits(whole.k, pieces.k));
  CHECK(same_bits(whole.v, pieces.v));
  CHECK(same_bits(whole.kf, pieces.kf));
}

#ifdef __wasm_simd128__
// ---- Every other set gives the bits of the reference --------------------------------------------

TEST_CASE("gemm_i8 and gemm_i8_add of every set give the reference bits") {
  Random random(11);
  for (size_t rows : {1, 2, 3, 4, 5, 6, 7, 17}) {
    for (size_t n : {1, 31, 32, 45, 64, 130}) {
      for (size_t cols : {16, 48, 512}) {
        const Matrix w(random, n, cols, /*extremes=*/(rows + n) % 2 == 0);
        std::vector<float> x = floats(random, rows * cols, 4.0f);
        if (rows > 1) std::fill_n(x.begin() + (rows - 1) * cols, cols, 0.0f);
        if (rows % 4 == 1) {  // codes -127 and 127 only
          for (float& value : x) value = value < 0 ? -1.0f : 1.0f;
        }
        const std::vector<float> want = gemm(reference, x, rows, w.view);
        const std::vector<float> old = floats(random, rows * n);
        std::vector<float> want_sum = old;
        reference.gemm_i8_add(Rows(reference, x, rows, cols).view, w.view, 0.37f, want_sum.data(), n);
        each_fast_set([&](const KernelSet& kernels) {
          INFO(rows << " x " << cols << " by " << n);
          REQUIRE(same_bits(gemm(kernels, x, rows, w.view), want));
          const Rows a(kernels, x, rows, cols);
          REQUIRE(same_bits(a.scale, Rows(reference, x, rows, cols).scale));
          std::vector<float> sum = old;
          kernels.gemm_i8_add(a.view, w.view, 0.37f, sum.data(), n);
          REQUIRE(same_bits(sum, want_sum));
        });
      }
    }
  }
}

TEST_CASE("gemm_i8 writes only its own columns where rows of y are longer") {
  Random random(12);
  const size_t rows = 7, n = 45, cols = 32, ldy = 50;
  const Matrix w(random, n, cols);
  const std::vector<float> x = floats(random, rows * cols);
  const std::vector<float> want = gemm(reference, x, rows, w.view);
  each_fast_set([&](const KernelSet& kernels) {
    std::vector<float> y(rows * ldy, 7.0f);
    kernels.gemm_i8(Rows(kernels, x, rows, cols).view, w.view, y.data(), ldy);
    for (size_t i = 0; i < y.size(); ++i) REQUIRE(y[i] == (i % ldy < n ? want[i / ldy * n + i % ldy] : 7.0f));
  });
}

TEST_CASE("norms, rotation and embedding rows of every set give the reference bits") {
  Random random(13);
  for (size_t cols : {1, 3, 16, 50, 512}) {
    const std::vector<float> x = floats(random, 5 * cols, 3.0f), gamma = floats(random, cols);
    std::vector<float> want(x.size());
    reference.rms_norm(x.data(), 5, cols, gamma.data(), want.data());
    each_fast_set([&](const KernelSet& kernels) {
      std::vector<float> got = x;
      kernels.rms_norm(got.data(), 5, cols, gamma.data(), got.data());
      REQUIRE(same_bits(got, want));
    });
  }
  for (size_t head_dim : {16, 32, 64}) {
    const size_t rows = 3, heads = 4, half = head_dim / 2;
    std::vector<float> cos(16 * half), sin(16 * half);
    build_rope_tables(10000.0, head_dim, 16, cos.data(), sin.data());
    const std::vector<float> x = floats(random, rows * heads * head_dim, 3.0f), gamma = floats(random, head_dim);
    for (const float* table : {static_cast<const float*>(nullptr), static_cast<const float*>(cos.data())}) {
      std::vector<float> want = x;
      reference.qk_norm_rope(want.data(), rows, heads, head_dim, gamma.data(), table, sin.data(), 5);
      each_fast_set([&](const KernelSet& kernels) {
        std::vector<float> got = x;
        kernels.qk_norm_rope(got.data(), rows, heads, head_dim, gamma.data(), table, sin.data(), 5);
        REQUIRE(same_bits(got, want));
      });
    }
  }
  const Matrix w(random, 70, 64);
  for (size_t row : {0, 31, 32, 69}) {
    std::vector<float> want(64);
    reference.dequantize_row(w.view, row, 22.6f, want.data());
    each_fast_set([&](const KernelSet& kernels) {
      std::vector<float> got(64);
      kernels.dequantize_row(w.view, row, 22.6f, got.data());
      REQUIRE(same_bits(got, want));
    });
  }
}

TEST_CASE("append_kv of every set gives the reference bytes") {
  Random random(14);
  for (const AttentionShape shape : {AttentionShape{8, 4, 64}, {2, 1, 16}, {4, 2, 128}}) {
    AttentionCase c(random, shape, 1, {67});
    std::fill_n(c.k[0].begin(), shape.head_dim, 0.0f);
    const std::vector<Segment> want = c.fill(reference, true, true);
    each_fast_set([&](const KernelSet& kernels) {
      const std::vector<Segment> got = c.fill(kernels, true, true);
      REQUIRE(got[0].view.length == 67);
      REQUIRE(same_bits(got[0].k, want[0].k));
      REQUIRE(same_bits(got[0].v, want[0].v));
      REQUIRE(same_bits(got[0].k_scale, want[0].k_scale));
      REQUIRE(same_bits(got[0].v_scale, want[0].v_scale));
      REQUIRE(same_bits(got[0].k_sum, want[0].k_sum));
      REQUIRE(same_bits(got[0].kf, want[0].kf));
      REQUIRE(same_bits(got[0].vf, want[0].vf));
    });
  }
}

TEST_CASE("attention of every set gives the reference bits") {
  Random random(15);
  std::vector<AttentionCase> cases;
  for (const AttentionShape shape : {AttentionShape{8, 4, 64}, {4, 1, 16}, {3, 3, 32}, {40, 2, 16}}) {
    for (size_t rows : {1, 2, 5, 9, 20}) {
      for (const std::vector<size_t>& lengths :
           {std::vector<size_t>{1}, {20}, {31}, {32}, {33, 64}, {7, 0, 100, 16, 1}}) {
        cases.emplace_back(random, shape, rows, lengths);
      }
      cases.emplace_back(random, shape, rows, std::vector<size_t>{rows}, true);
      cases.emplace_back(random, shape, rows, std::vector<size_t>{rows + 45}, true);
    }
  }
  for (AttentionCase& c : cases) {
    if (c.rows == 5) std::fill_n(c.q.begin(), c.shape.head_dim, 0.0f);  // all scores equal
    if (c.rows == 9) {  // one key far above the rest: most p are 0
      for (size_t i = 0; i < c.shape.kv_heads * c.shape.head_dim; ++i) c.k[0][i] *= 50.0f;
    }
    const std::vector<float> want = c.run(reference, &KernelSet::attend_i8, c.fill(reference, true, false));
    each_fast_set([&](const KernelSet& kernels) {
      INFO(c.rows << " rows, " << c.lengths.size() << " segments, first " << c.lengths[0] << ", causal " << c.causal);
      REQUIRE(same_bits(c.run(kernels, &KernelSet::attend_i8, c.fill(kernels, true, false)), want));
    });
  }
}
#endif

TEST_CASE("a key that a causal row may not see changes nothing") {
  Random random(16);
  AttentionCase c(random, {8, 4, 64}, 6, {40}, true);
  const auto check = [&](const KernelSet& kernels) {
    const std::vector<float> before = c.run(kernels, &KernelSet::attend_i8, c.fill(kernels, true, false));
    AttentionCase changed = c;
    const size_t width = 4 * 64;
    for (size_t i = 39 * width; i < 40 * width; ++i) changed.k[0][i] = changed.v[0][i] = 9.0f;
    const std::vector<float> after = changed.run(kernels, &KernelSet::attend_i8, changed.fill(kernels, true, false));
    const size_t last = 5 * 8 * 64;  // only the last row sees key 39
    CHECK(std::memcmp(before.data(), after.data(), last * sizeof(float)) == 0);
    CHECK(std::memcmp(before.data() + last, after.data() + last, 512 * sizeof(float)) != 0);
  };
  check(reference);
  each_fast_set(check);
}
