// Which kernel sets exist here, and that each gives the bits of the reference. In WASM the relaxed
// set's code also runs over two emulated dots, because a machine shows at most one kind (signed or
// unsigned activations), and many show none that is exact.
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "core/kernels_cases.h"
#ifdef __wasm_simd128__
#include "kernels/attend_tiles.h"
#include "kernels/relaxed.h"
#endif

using namespace thimble;
using namespace thimble::test;

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

#ifdef __wasm_simd128__
namespace {

// dot of int8 quadruples by exact means; activations are read as int8 or as uint8.
template <bool Unsigned>
struct Emulated {
  static v128_t wide(v128_t a, bool high) {
    if (Unsigned) return high ? wasm_u16x8_extend_high_u8x16(a) : wasm_u16x8_extend_low_u8x16(a);
    return high ? wasm_i16x8_extend_high_i8x16(a) : wasm_i16x8_extend_low_i8x16(a);
  }
  static v128_t dot4(v128_t w, v128_t a, v128_t sum) {
    const v128_t low = wasm_i32x4_dot_i16x8(wasm_i16x8_extend_low_i8x16(w), wide(a, false));
    const v128_t high = wasm_i32x4_dot_i16x8(wasm_i16x8_extend_high_i8x16(w), wide(a, true));
    return wasm_i32x4_add(sum, wasm_i32x4_add(wasm_i32x4_shuffle(low, high, 0, 2, 4, 6),
                                              wasm_i32x4_shuffle(low, high, 1, 3, 5, 7)));
  }
};

template <bool Unsigned>
using EmulatedDot = tiles::ByteDot<Emulated<Unsigned>>;

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

// test(kernels) for every set but the reference.
template <class Test>
void each_fast_set(Test test) {
  for (const char* name : {"simd128", "relaxed"}) {
    const KernelSet* kernels = find_kernels(name);
    if (kernels == nullptr) continue;
    INFO("kernel set " << std::string(name));
    test(*kernels);
  }
  for (const RelaxedModule& module : {emulated<true>(), emulated<false>()}) {
    INFO("relaxed kernels over an emulated dot, semantics " << static_cast<int>(module.semantics));
    const RelaxedModule real = attach_relaxed(module);
    test(*find_kernels("relaxed"));
    attach_relaxed(real);
  }
}

const KernelSet& reference = reference_kernels();

}  // namespace

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
        const std::vector<float> want = multiply(reference, x, rows, w.view);
        const std::vector<float> old = floats(random, rows * n);
        std::vector<float> want_sum = old;
        reference.gemm_i8_add(Rows(reference, x, rows, cols).view, w.view, 0.37f, want_sum.data(), n);
        each_fast_set([&](const KernelSet& kernels) {
          INFO(rows << " x " << cols << " by " << n);
          REQUIRE(same_bits(multiply(kernels, x, rows, w.view), want));
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

TEST_CASE("gather_i8 of every set gives the bits of the rows of gemm_i8") {
  Random random(18);
  for (size_t cols : {16, 48, 512}) {
    const Matrix w(random, 130, cols, /*extremes=*/cols == 48);
    const std::vector<float> x = floats(random, cols, 4.0f);
    const std::vector<float> want = multiply(reference, x, 1, w.view);
    const std::vector<int32_t> rows = {129, 0, 31, 32, 127, 31};
    const auto check = [&](const KernelSet& kernels) {
      std::vector<float> got(rows.size());
      kernels.gather_i8(Rows(kernels, x, 1, cols).view, w.view, rows.data(), rows.size(), got.data());
      for (size_t i = 0; i < rows.size(); ++i) REQUIRE(got[i] == want[size_t(rows[i])]);
    };
    check(reference);
    each_fast_set(check);
  }
}

TEST_CASE("gemm_i8 writes only its own columns where rows of y are longer") {
  Random random(12);
  const size_t rows = 7, n = 45, cols = 32, ldy = 50;
  const Matrix w(random, n, cols);
  const std::vector<float> x = floats(random, rows * cols);
  const std::vector<float> want = multiply(reference, x, rows, w.view);
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
    AttentionCase c(random, shape, 1, {67});  // capacity 68: a last panel of 4 keys
    std::fill_n(c.k[0].begin(), shape.head_dim, 0.0f);
    const std::vector<Segment> want = c.fill(reference, true, true);
    each_fast_set([&](const KernelSet& kernels) {
      const std::vector<Segment> got = c.fill(kernels, true, true);
      REQUIRE(got[0].view.length == 67);
      REQUIRE(same_bits(got[0].k, want[0].k));
      REQUIRE(same_bits(got[0].v, want[0].v));
      REQUIRE(same_bits(got[0].k_scale, want[0].k_scale));
      REQUIRE(same_bits(got[0].v_scale, want[0].v_scale));
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
      cases.emplace_back(random, shape, rows, std::vector<size_t>{64, 4, rows + 9}, true);
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

TEST_CASE("attention of every set is zero without a key, and with values of zero") {
  Random random(17);
  AttentionCase none(random, {2, 1, 16}, 3, {0});
  AttentionCase zero(random, {2, 1, 16}, 3, {9});
  std::fill(zero.v[0].begin(), zero.v[0].end(), 0.0f);
  each_fast_set([&](const KernelSet& kernels) {
    for (const AttentionCase* c : {&none, &zero}) {
      const std::vector<float> out = c->run(kernels, &KernelSet::attend_i8, c->fill(kernels, true, false));
      CHECK(same_bits(out, std::vector<float>(c->q.size())));
    }
  });
}
#endif  // __wasm_simd128__
