// The reference kernels and the elementary functions against double-precision formulas.
#include <doctest/doctest.h>

#include <array>
#include <cstdlib>

#include "core/kernels_cases.h"
#include "kernels/math.h"

using namespace thimble;
using namespace thimble::test;

namespace {

const KernelSet& reference = reference_kernels();

double relative_error(double got, double want) { return std::fabs(got - want) / std::fabs(want); }

}  // namespace

TEST_CASE("exp, exp2 and sigmoid are within their stated errors") {
  double exp_error = 0, exp2_error = 0, sigmoid_error = 0;
  for (int i = -87000; i <= 88000; i += 7) {
    const float x = static_cast<float>(i) / 1000.0f;
    exp_error = larger(exp_error, relative_error(math::exp(x), std::exp(static_cast<double>(x))));
  }
  for (int i = -125990; i <= 0; i += 7) {
    const float x = static_cast<float>(i) / 1000.0f;
    exp2_error = larger(exp2_error, relative_error(math::exp2(x), std::exp2(static_cast<double>(x))));
  }
  for (int i = -80000; i <= 80000; i += 7) {
    const float x = static_cast<float>(i) / 1000.0f;
    sigmoid_error = larger(sigmoid_error, relative_error(math::sigmoid(x), 1 / (1 + std::exp(-static_cast<double>(x)))));
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
    const std::vector<float> y = multiply(reference, x, rows, w.view);
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
  for (const AttentionCase* c : {&none, &zero}) {
    const std::vector<Segment> segments = c->fill(reference, true, true);
    CHECK(same_bits(c->run(reference, &KernelSet::attend_i8, segments), std::vector<float>(c->q.size())));
    CHECK(same_bits(c->run(reference, &KernelSet::attend_f32, segments), std::vector<float>(c->q.size())));
  }
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

TEST_CASE("a segment cut at multiples of 4 gives the bits of the whole one") {
  Random random(19);
  for (bool causal : {false, true}) {
    AttentionCase whole(random, {8, 4, 64}, 6, {81}, causal);
    AttentionCase cut = whole;
    cut.lengths = {64, 4, 13};
    const size_t width = 4 * 64;
    for (auto* entries : {&cut.k, &cut.v}) {
      const std::vector<float> all = (*entries)[0];
      const auto at = [&](size_t key) { return all.begin() + long(key * width); };
      *entries = {{at(0), at(64)}, {at(64), at(68)}, {at(68), at(81)}};
    }
    for (auto attend : {&KernelSet::attend_i8, &KernelSet::attend_f32})
      CHECK(same_bits(whole.run(reference, attend, whole.fill(reference, true, true)),
                      cut.run(reference, attend, cut.fill(reference, true, true))));
  }
}

TEST_CASE("a key that a causal row may not see changes nothing") {
  Random random(16);
  AttentionCase c(random, {8, 4, 64}, 6, {40}, true);
  const std::vector<float> before = c.run(reference, &KernelSet::attend_i8, c.fill(reference, true, false));
  AttentionCase changed = c;
  const size_t width = 4 * 64;
  for (size_t i = 39 * width; i < 40 * width; ++i) changed.k[0][i] = changed.v[0][i] = 9.0f;
  const std::vector<float> after =
      changed.run(reference, &KernelSet::attend_i8, changed.fill(reference, true, false));
  const size_t last = 5 * 8 * 64;  // only the last row sees key 39
  CHECK(std::memcmp(before.data(), after.data(), last * sizeof(float)) == 0);
  CHECK(std::memcmp(before.data() + last, after.data() + last, 512 * sizeof(float)) != 0);
}
