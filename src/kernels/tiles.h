// The int8 matrix product for WebAssembly SIMD, written once over the dot product it is built on:
//   I16Dot      dot of int16 pairs; activations stored as int16 (simd128.cc)
//   ByteDot     dot of int8 quadruples; activations stored as bytes (relaxed/kernel.cc)
// The formulas are those of kernels.h. The relaxed kernel has neither a stack nor static data, so
// everything here is inlined and all state lives in locals or in memory of the caller.
//
// A tile is MR rows times NV accumulators. 16 vector registers allow 8 accumulators beside their
// operands; with more, V8 spills and the speed halves.
#pragma once

#include <wasm_simd128.h>

#include "kernels/kernels.h"
#include "kernels/math.h"

#define THIMBLE_INLINE inline __attribute__((always_inline))
#define THIMBLE_LAMBDA __attribute__((always_inline))
#define THIMBLE_UNROLL _Pragma("clang loop unroll(full)")

namespace thimble::tiles {

// ---- Code formats ------------------------------------------------------------------------------

struct I16Codes {
  static constexpr size_t kBytes = 2;
  // Sixteen codes given as four int32 vectors.
  static THIMBLE_INLINE void store(uint8_t* to, v128_t a, v128_t b, v128_t c, v128_t d, uint32_t) {
    wasm_v128_store(to, wasm_i16x8_narrow_i32x4(a, b));
    wasm_v128_store(to + 16, wasm_i16x8_narrow_i32x4(c, d));
  }
};

struct I8Codes {
  static constexpr size_t kBytes = 1;
  // flip = 0x80 stores code + 128, for a dot whose second operand is unsigned; 0 stores the code.
  static THIMBLE_INLINE void store(uint8_t* to, v128_t a, v128_t b, v128_t c, v128_t d,
                                   uint32_t flip) {
    const v128_t codes =
        wasm_i8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(a, b), wasm_i16x8_narrow_i32x4(c, d));
    wasm_v128_store(to, wasm_v128_xor(codes, wasm_i8x16_splat(static_cast<int8_t>(flip))));
  }
};

struct I16Dot : I16Codes {
  static constexpr size_t kColumns = 2;  // columns of one accumulator: (even, odd pair sums) each
  static THIMBLE_INLINE v128_t load_weights(const int8_t* w) { return wasm_i16x8_load8x8(w); }
  static THIMBLE_INLINE v128_t load_activations(const uint8_t* a) {
    return wasm_v128_load64_splat(a);
  }
  static THIMBLE_INLINE v128_t dot(v128_t w, v128_t a, v128_t sum) {
    return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(w, a));
  }
  static THIMBLE_INLINE v128_t key_dot(v128_t key, v128_t query, v128_t sum, v128_t) {
    return dot(key, query, sum);
  }
  static THIMBLE_INLINE int32_t row_start(const uint8_t*, size_t, uint32_t) { return 0; }
  static THIMBLE_INLINE v128_t start(const int32_t*, uint32_t) { return wasm_i32x4_splat(0); }
  static THIMBLE_INLINE v128_t total(const v128_t* acc, int quad) {
    const v128_t a = acc[2 * quad];
    const v128_t b = acc[2 * quad + 1];
    return wasm_i32x4_add(wasm_i32x4_shuffle(a, b, 0, 2, 4, 6), wasm_i32x4_shuffle(a, b, 1, 3, 5, 7));
  }
};

// A dot of byte quadruples; Instruction::dot4(int8, int8 or uint8, sum). `flip` is 0x80 where the
// second operand is unsigned, else 0.
template <class Instruction>
struct ByteDot : I8Codes {
  static constexpr size_t kColumns = 4;
  static THIMBLE_INLINE v128_t load_weights(const int8_t* w) { return wasm_v128_load(w); }
  static THIMBLE_INLINE v128_t load_activations(const uint8_t* a) {
    return wasm_v128_load32_splat(a);
  }
  static THIMBLE_INLINE v128_t dot(v128_t w, v128_t a, v128_t sum) {
    return Instruction::dot4(w, a, sum);
  }
  static THIMBLE_INLINE v128_t key_dot(v128_t key, v128_t query, v128_t sum, v128_t flips) {
    return Instruction::dot4(query, wasm_v128_xor(key, flips), sum);
  }
  // What flipped keys add too much for a query row of n codes, n a multiple of 16, negated.
  static THIMBLE_INLINE int32_t row_start(const uint8_t* codes, size_t n, uint32_t flip) {
    v128_t sum = wasm_i32x4_splat(0);
    for (size_t c = 0; c < n; c += 16) {
      sum = wasm_i32x4_add(sum, wasm_i32x4_extadd_pairwise_i16x8(
                                    wasm_i16x8_extadd_pairwise_i8x16(wasm_v128_load(codes + c))));
    }
    return -static_cast<int32_t>(flip) *
           ((wasm_i32x4_extract_lane(sum, 0) + wasm_i32x4_extract_lane(sum, 1)) +
            (wasm_i32x4_extract_lane(sum, 2) + wasm_i32x4_extract_lane(sum, 3)));
  }
  static THIMBLE_INLINE v128_t start(const int32_t* sum, uint32_t flip) {
    return wasm_i32x4_mul(wasm_v128_load(sum), wasm_i32x4_splat(-static_cast<int32_t>(flip)));
  }
  static THIMBLE_INLINE v128_t total(const v128_t* acc, int quad) { return acc[quad]; }
};

// ---- Floats ------------------------------------------------------------------------------------

THIMBLE_INLINE float join(v128_t s) {
  return (wasm_f32x4_extract_lane(s, 0) + wasm_f32x4_extract_lane(s, 2)) +
         (wasm_f32x4_extract_lane(s, 1) + wasm_f32x4_extract_lane(s, 3));
}

THIMBLE_INLINE float largest(v128_t v) {
  v = wasm_f32x4_pmax(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  v = wasm_f32x4_pmax(v, wasm_i32x4_shuffle(v, v, 1, 0, 3, 2));
  return wasm_f32x4_extract_lane(v, 0);
}

// Integers nearest to x * factor; see math::nearest. `round` holds math::kRound.
THIMBLE_INLINE v128_t nearest(v128_t x, v128_t factor, v128_t round) {
  return wasm_i32x4_sub(wasm_f32x4_add(wasm_f32x4_mul(x, factor), round), round);
}

// Codes of x[i] * factor, n a multiple of 16; `codes` may be x. `round` is math::kRound, loaded
// from memory for the reason given at math::Exp2.
template <class Codes>
THIMBLE_INLINE void store_codes(const float* x, size_t n, float factor, float round, uint8_t* codes,
                                uint32_t flip) {
  const v128_t f = wasm_f32x4_splat(factor);
  const v128_t r = wasm_f32x4_splat(round);
  for (size_t i = 0; i < n; i += 16) {
    Codes::store(codes + i * Codes::kBytes, nearest(wasm_v128_load(x + i), f, r),
                 nearest(wasm_v128_load(x + i + 4), f, r), nearest(wasm_v128_load(x + i + 8), f, r),
                 nearest(wasm_v128_load(x + i + 12), f, r), flip);
  }
}

// max |x[i]|, n a multiple of 16. By largest and smallest, because V8 makes four instructions of abs.
THIMBLE_INLINE float max_abs(const float* x, size_t n) {
  v128_t most = wasm_f32x4_splat(0.0f);
  v128_t least = most;
  for (size_t i = 0; i < n; i += 16) {
    THIMBLE_UNROLL for (size_t j = i; j < i + 16; j += 4) {
      const v128_t v = wasm_v128_load(x + j);
      most = wasm_f32x4_pmax(most, v);
      least = wasm_f32x4_pmin(least, v);
    }
  }
  return largest(wasm_f32x4_pmax(most, wasm_f32x4_neg(least)));
}

THIMBLE_INLINE float code_factor(float max) { return max < kTiny ? 0.0f : 127.0f / max; }
THIMBLE_INLINE float code_scale(float max) { return max < kTiny ? 0.0f : max / 127.0f; }

// Returns the row's scale.
template <class Codes>
THIMBLE_INLINE float quantize_row(const float* x, size_t n, float round, uint8_t* codes,
                                  uint32_t flip) {
  const float max = max_abs(x, n);
  store_codes<Codes>(x, n, code_factor(max), round, codes, flip);
  return code_scale(max);
}

// ---- Matrix tiles ------------------------------------------------------------------------------

template <class Dot, int MR, int NV>
struct Tile {
  static constexpr int kRows = MR;
  static constexpr size_t kColumns = NV * Dot::kColumns;
  static constexpr int kQuads = kColumns / 4;
  v128_t acc[MR][NV];

  THIMBLE_INLINE void clear() {
    THIMBLE_UNROLL for (int m = 0; m < MR; ++m) {
      THIMBLE_UNROLL for (int v = 0; v < NV; ++v) acc[m][v] = wasm_i32x4_splat(0);
    }
  }

  // Begins with what flipped activations add too much; `sum`: code sums of the tile's columns.
  THIMBLE_INLINE void start(const int32_t* sum, uint32_t flip) {
    THIMBLE_UNROLL for (int v = 0; v < NV; ++v) {
      const v128_t value = Dot::start(sum + v * Dot::kColumns, flip);
      THIMBLE_UNROLL for (int m = 0; m < MR; ++m) acc[m][v] = value;
    }
  }

  // Begins with one value a row.
  THIMBLE_INLINE void start_rows(const int32_t* value) {
    THIMBLE_UNROLL for (int m = 0; m < MR; ++m) {
      const v128_t start = wasm_v128_load32_splat(value + m);
      THIMBLE_UNROLL for (int v = 0; v < NV; ++v) acc[m][v] = start;
    }
  }

  // Adds `depth` products (a multiple of 4); a: MR rows of codes, w: the tile's columns in a panel,
  // whose rows are `stride` bytes.
  THIMBLE_INLINE void add(const uint8_t* a, size_t row_bytes, const int8_t* w, size_t depth) {
    accumulate(a, row_bytes, w, 128, depth, [](v128_t weights, v128_t codes, v128_t sum) THIMBLE_LAMBDA {
      return Dot::dot(weights, codes, sum);
    });
  }

  // The same where w are keys: they are the dot's second operand, so that what flipped codes add
  // too much is the same for all keys of a query row (see start_rows).
  THIMBLE_INLINE void add_keys(const uint8_t* a, size_t row_bytes, const int8_t* w, size_t stride,
                               size_t depth, uint32_t flip) {
    const v128_t flips = wasm_i8x16_splat(static_cast<int8_t>(flip));
    accumulate(a, row_bytes, w, stride, depth, [&](v128_t keys, v128_t codes, v128_t sum) THIMBLE_LAMBDA {
      return Dot::key_dot(keys, codes, sum, flips);
    });
  }

  template <class Product>
  THIMBLE_INLINE void accumulate(const uint8_t* a, size_t row_bytes, const int8_t* w, size_t stride,
                                 size_t depth, Product product) {
    for (size_t k = 0; k < depth; k += 4, w += stride, a += 4 * Dot::kBytes) {
      v128_t weights[NV];
      THIMBLE_UNROLL for (int v = 0; v < NV; ++v) {
        weights[v] = Dot::load_weights(w + v * 4 * Dot::kColumns);
      }
      THIMBLE_UNROLL for (int m = 0; m < MR; ++m) {
        const v128_t activations = Dot::load_activations(a + m * row_bytes);
        THIMBLE_UNROLL for (int v = 0; v < NV; ++v) {
          acc[m][v] = product(weights[v], activations, acc[m][v]);
        }
      }
    }
  }

  // Columns 4 * quad .. 4 * quad + 3 of row m.
  THIMBLE_INLINE v128_t total(int m, int quad) const {
    return wasm_f32x4_convert_i32x4(Dot::total(acc[m], quad));
  }
};

// Covers `rows` rows: f<MR, NV>(first row).
template <class F>
THIMBLE_INLINE void cover_rows(size_t rows, F f) {
  size_t m = 0;
  for (; m + 4 <= rows; m += 4) f.template operator()<4, 2>(m);
  if (m + 2 <= rows) {
    f.template operator()<2, 4>(m);
    m += 2;
  }
  if (m < rows) f.template operator()<1, 8>(m);
}

// ---- GEMM --------------------------------------------------------------------------------------

// What to do with a product: y = product, or y += gate * product.
struct GemmOutput {
  float* y;
  size_t ldy;
  float gate;
  bool add;
};

THIMBLE_INLINE void put(float* y, v128_t product, const GemmOutput& out, size_t columns) {
  if (columns >= 4) {
    if (out.add) {
      product = wasm_f32x4_add(wasm_v128_load(y), wasm_f32x4_mul(wasm_f32x4_splat(out.gate), product));
    }
    wasm_v128_store(y, product);
    return;
  }
  const float p[3] = {wasm_f32x4_extract_lane(product, 0), wasm_f32x4_extract_lane(product, 1),
                      wasm_f32x4_extract_lane(product, 2)};
  if (columns > 0) y[0] = out.add ? y[0] + out.gate * p[0] : p[0];
  if (columns > 1) y[1] = out.add ? y[1] + out.gate * p[1] : p[1];
  if (columns > 2) y[2] = out.add ? y[2] + out.gate * p[2] : p[2];
}

template <class T>
THIMBLE_INLINE void put_tile(const T& tile, const RowsI8& a, const MatrixI8& w, size_t m0, size_t n,
                             const GemmOutput& out) {
  THIMBLE_UNROLL for (int q = 0; q < T::kQuads; ++q) {
    const size_t at = n + 4 * q;
    const v128_t w_scale = wasm_v128_load(w.scale + at);
    THIMBLE_UNROLL for (int m = 0; m < T::kRows; ++m) {
      const v128_t scale = wasm_f32x4_mul(wasm_v128_load32_splat(a.scale + m0 + m), w_scale);
      put(out.y + (m0 + m) * out.ldy + at, wasm_f32x4_mul(tile.total(m, q), scale), out,
          at < w.rows ? w.rows - at : 0);
    }
  }
}

// A panel is done tile by tile. With one row the panel comes from memory, not from the first-level
// cache, so its bytes must be read in order: if one tile is not all 32 columns wide, the tiles take
// turns every kTurn inputs.
inline constexpr size_t kTurn = 64;

template <class Dot>
THIMBLE_INLINE void multiply(const RowsI8& a, size_t row_bytes, const MatrixI8& w,
                             const GemmOutput& out, uint32_t flip) {
  for (size_t n0 = 0; n0 < w.rows; n0 += kPanelRows) {
    const size_t columns = w.rows - n0 < kPanelRows ? w.rows - n0 : kPanelRows;
    const int8_t* panel = w.data + n0 * w.cols;
    cover_rows(a.rows, [&]<int MR, int NV>(size_t m0) THIMBLE_LAMBDA {
      using T = Tile<Dot, MR, NV>;
      constexpr size_t kTiles = MR == 1 ? kPanelRows / T::kColumns : 1;
      const size_t turn = kTiles == 1 ? w.cols : kTurn;
      const uint8_t* codes = a.codes + m0 * row_bytes;
      for (size_t n = 0; n < columns; n += kTiles * T::kColumns) {
        T tiles[kTiles];
        THIMBLE_UNROLL for (size_t i = 0; i < kTiles; ++i) {
          tiles[i].start(w.sum + n0 + n + i * T::kColumns, flip);
        }
        for (size_t k = 0; k < w.cols; k += turn) {
          const size_t depth = w.cols - k < turn ? w.cols - k : turn;
          THIMBLE_UNROLL for (size_t i = 0; i < kTiles; ++i) {
            tiles[i].add(codes + k * Dot::kBytes, row_bytes,
                         panel + k * kPanelRows + (n + i * T::kColumns) * 4, depth);
          }
        }
        THIMBLE_UNROLL for (size_t i = 0; i < kTiles; ++i) {
          put_tile(tiles[i], a, w, m0, n0 + n + i * T::kColumns, out);
        }
      }
    });
  }
}

// d_model of the models so far. A row length that the compiler knows puts the rows of a tile at
// constant offsets.
inline constexpr size_t kUsualCols = 512;

template <class Dot>
THIMBLE_INLINE void gemm(const RowsI8& a, const MatrixI8& w, const GemmOutput& out, uint32_t flip) {
  if (a.cols == kUsualCols) multiply<Dot>(a, kUsualCols * Dot::kBytes, w, out, flip);
  else multiply<Dot>(a, a.cols * Dot::kBytes, w, out, flip);
}

}  // namespace thimble::tiles
