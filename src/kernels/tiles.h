// The int8 kernels for WebAssembly SIMD, written once over the dot product they are built on:
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
  static THIMBLE_INLINE v128_t start(const int32_t*, uint32_t) { return wasm_i32x4_splat(0); }
  static THIMBLE_INLINE v128_t total(const v128_t* acc, int quad) {
    const v128_t a = acc[2 * quad];
    const v128_t b = acc[2 * quad + 1];
    return wasm_i32x4_add(wasm_i32x4_shuffle(a, b, 0, 2, 4, 6), wasm_i32x4_shuffle(a, b, 1, 3, 5, 7));
  }
};

// What a dot of byte quadruples needs besides the instruction, `dot(weights, activations, sum)`.
struct ByteDot : I8Codes {
  static constexpr size_t kColumns = 4;
  static THIMBLE_INLINE v128_t load_weights(const int8_t* w) { return wasm_v128_load(w); }
  static THIMBLE_INLINE v128_t load_activations(const uint8_t* a) {
    return wasm_v128_load32_splat(a);
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

THIMBLE_INLINE F32x4 splat(const float& x) { return (F32x4)wasm_v128_load32_splat(&x); }

THIMBLE_INLINE math::Exp2<F32x4> load(const math::Exp2<float>& k) {
  return {splat(k.c5), splat(k.c4), splat(k.c3),    splat(k.c2),
          splat(k.c1), splat(k.c0), splat(k.round), splat(k.lowest)};
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

  // Adds `depth` products (a multiple of 4); a: MR rows of codes, w: the tile's columns in a panel.
  THIMBLE_INLINE void add(const uint8_t* a, size_t row_bytes, const int8_t* w, size_t depth) {
    for (size_t k = 0; k < depth; k += 4, w += 128, a += 4 * Dot::kBytes) {
      v128_t weights[NV];
      THIMBLE_UNROLL for (int v = 0; v < NV; ++v) {
        weights[v] = Dot::load_weights(w + v * 4 * Dot::kColumns);
      }
      THIMBLE_UNROLL for (int m = 0; m < MR; ++m) {
        const v128_t activations = Dot::load_activations(a + m * row_bytes);
        THIMBLE_UNROLL for (int v = 0; v < NV; ++v) {
          acc[m][v] = Dot::dot(weights[v], activations, acc[m][v]);
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

template <class Dot>
THIMBLE_INLINE void gemm(const RowsI8& a, const MatrixI8& w, const GemmOutput& out, uint32_t flip) {
  const size_t row_bytes = a.cols * Dot::kBytes;
  for (size_t n0 = 0; n0 < w.rows; n0 += kPanelRows) {
    const size_t columns = w.rows - n0 < kPanelRows ? w.rows - n0 : kPanelRows;
    cover_rows(a.rows, [&]<int MR, int NV>(size_t m0) THIMBLE_LAMBDA {
      using T = Tile<Dot, MR, NV>;
      for (size_t n = 0; n < columns; n += T::kColumns) {
        T tile;
        tile.start(w.sum + n0 + n, flip);
        tile.add(a.codes + m0 * row_bytes, row_bytes, w.data + n0 * w.cols + n * 4, w.cols);
        THIMBLE_UNROLL for (int q = 0; q < T::kQuads; ++q) {
          const v128_t w_scale = wasm_v128_load(w.scale + n0 + n + 4 * q);
          THIMBLE_UNROLL for (int m = 0; m < MR; ++m) {
            const v128_t scale = wasm_f32x4_mul(wasm_v128_load32_splat(a.scale + m0 + m), w_scale);
            const size_t at = n + 4 * q;
            put(out.y + (m0 + m) * out.ldy + n0 + at, wasm_f32x4_mul(tile.total(m, q), scale), out,
                at < columns ? columns - at : 0);
          }
        }
      }
    });
  }
}

// ---- Attention ---------------------------------------------------------------------------------

// One call of attend_i8. Query rows are taken in tiles: some rows times all heads that share a KV
// head. The scratch arrays hold one tile; its row i is (row i / group, head i % group).
struct AttendTask {
  AttentionShape shape;
  const float* q;
  size_t rows;
  const KvSegment* segments;
  size_t segment_count;
  bool causal;
  float* out;
  uint32_t flip;
  float softmax_factor;  // log2(e) / sqrt(head_dim)
  math::Exp2<float> exp2;

  uint8_t* codes;     // [tile rows][head_dim] query codes
  float* row_factor;  // [tile rows] query scale * softmax_factor
  float* out_scale;   // [tile rows]
  float* scores;      // [tile rows][stride]; segments start at multiples of 32. Overwritten by p.
  size_t stride;
};

inline constexpr size_t kTileRows = 16;
inline constexpr size_t kSoftmaxStep = 16;

constexpr size_t query_rows_per_tile(const AttentionShape& shape) {
  const size_t group = shape.heads / shape.kv_heads;
  return group < kTileRows ? kTileRows / group : 1;
}

template <class Dot>
THIMBLE_INLINE void quantize_queries(const AttendTask& task, const float* q, size_t rows,
                                     size_t group) {
  const size_t head_dim = task.shape.head_dim;
  uint8_t* codes = task.codes;
  float* row_factor = task.row_factor;
  for (size_t m = 0; m < rows; ++m, q += task.shape.heads * head_dim) {
    for (size_t h = 0; h < group; ++h, codes += head_dim * Dot::kBytes, ++row_factor) {
      *row_factor = quantize_row<Dot>(q + h * head_dim, head_dim, task.exp2.round, codes, task.flip) *
                    task.softmax_factor;
    }
  }
}

// Scores of all tile rows against the first `keys` keys of one segment.
template <class Dot>
THIMBLE_INLINE void score_segment(const AttendTask& task, const KvSegment& segment, size_t g,
                                  size_t tile_rows, size_t keys, float* scores) {
  const size_t head_dim = task.shape.head_dim;
  const size_t row_bytes = head_dim * Dot::kBytes;
  const int8_t* k = segment.k + g * task.shape.k_head_bytes(segment.capacity);
  const float* k_scale = segment.k_scale + g * segment.capacity;
  const int32_t* k_sum = segment.k_sum + g * segment.capacity;
  cover_rows(tile_rows, [&]<int MR, int NV>(size_t m0) THIMBLE_LAMBDA {
    using T = Tile<Dot, MR, NV>;
    for (size_t t = 0; t < keys; t += T::kColumns) {
      T tile;
      tile.start(k_sum + t, task.flip);
      tile.add(task.codes + m0 * row_bytes, row_bytes,
               k + t / kPanelRows * kPanelRows * head_dim + t % kPanelRows * 4, head_dim);
      THIMBLE_UNROLL for (int q = 0; q < T::kQuads; ++q) {
        const v128_t scale = wasm_v128_load(k_scale + t + 4 * q);
        THIMBLE_UNROLL for (int m = 0; m < MR; ++m) {
          const v128_t factor = wasm_f32x4_mul(scale, wasm_v128_load32_splat(task.row_factor + m0 + m));
          wasm_v128_store(scores + (m0 + m) * task.stride + t + 4 * q,
                          wasm_f32x4_mul(tile.total(m, q), factor));
        }
      }
    }
  });
}

// f(score, first key, segment, visible keys) for every segment of a row of scores.
template <class F>
THIMBLE_INLINE void each_segment(const AttendTask& task, float* scores, size_t hidden, F f) {
  const KvSegment* const end = task.segments + task.segment_count;
  for (const KvSegment* segment = task.segments; segment != end; ++segment) {
    f(scores, *segment, segment->length - hidden);
    scores += round_up(segment->length, kPanelRows);
  }
}

THIMBLE_INLINE float max_score(const AttendTask& task, float* row, size_t hidden) {
  v128_t a = wasm_f32x4_splat(-__builtin_inff());
  v128_t b = a;
  each_segment(task, row, hidden, [&](float* s, const KvSegment&, size_t visible) THIMBLE_LAMBDA {
    const size_t n = round_up(visible, kSoftmaxStep);
    for (size_t t = visible; t < n; ++t) s[t] = -__builtin_inff();
    for (size_t t = 0; t < n; t += 16) {
      a = wasm_f32x4_pmax(a, wasm_v128_load(s + t));
      b = wasm_f32x4_pmax(b, wasm_v128_load(s + t + 4));
      a = wasm_f32x4_pmax(a, wasm_v128_load(s + t + 8));
      b = wasm_f32x4_pmax(b, wasm_v128_load(s + t + 12));
    }
  });
  return largest(wasm_f32x4_pmax(a, b));
}

struct SoftmaxSums {
  float z;
  float u_max;
};

// Overwrites the scores of one row by u.
THIMBLE_INLINE SoftmaxSums exponentials(const AttendTask& task, size_t g, float* row, size_t hidden,
                                        float max) {
  const math::Exp2<F32x4> exp2 = load(task.exp2);
  const v128_t top = wasm_f32x4_splat(max);
  v128_t z = wasm_f32x4_splat(0.0f);
  v128_t u_max = z;
  each_segment(task, row, hidden, [&](float* s, const KvSegment& segment, size_t visible) THIMBLE_LAMBDA {
    const float* v_scale = segment.v_scale + g * segment.capacity;
    const size_t n = round_up(visible, kSoftmaxStep);
    for (size_t t = 0; t < n; t += 16) {
      THIMBLE_UNROLL for (size_t i = t; i < t + 16; i += 4) {
        const v128_t e = (v128_t)exp2((F32x4)wasm_f32x4_sub(wasm_v128_load(s + i), top));
        const v128_t u = wasm_f32x4_mul(e, wasm_v128_load(v_scale + i));
        z = wasm_f32x4_add(z, e);
        u_max = wasm_f32x4_pmax(u_max, u);
        wasm_v128_store(s + i, u);
      }
    }
  });
  return {join(z), largest(u_max)};
}

// Turns one row of scores into p in place and returns its output scale. The row does not see the
// last `hidden` keys; p is 0 there as far as the row of the tile that sees most reads.
template <class Dot>
THIMBLE_INLINE float softmax_row(const AttendTask& task, size_t g, float* row, size_t hidden,
                                 size_t least_hidden) {
  const float max = max_score(task, row, hidden);
  const SoftmaxSums sums = exponentials(task, g, row, hidden, max);
  auto* p = reinterpret_cast<uint8_t*>(row);
  each_segment(task, row, hidden, [&](float* u, const KvSegment& segment, size_t visible) THIMBLE_LAMBDA {
    const size_t n = round_up(visible, kSoftmaxStep);
    store_codes<Dot>(u, n, code_factor(sums.u_max), task.exp2.round, p, 0);
    for (size_t t = n; t < segment.length - least_hidden; t += 4) {
      __builtin_memset(p + t * Dot::kBytes, 0, 4 * Dot::kBytes);
    }
    p += round_up(segment.length, kPanelRows) * Dot::kBytes;
  });
  return sums.u_max < kTiny ? 0.0f : code_scale(sums.u_max) / sums.z;
}

// out = p * V for all tile rows; `out` is the output of the tile's first row and head.
template <class Dot>
THIMBLE_INLINE void mix_values(const AttendTask& task, size_t g, size_t tile_rows, size_t group,
                               size_t least_hidden, float* out) {
  const size_t head_dim = task.shape.head_dim;
  const size_t row_bytes = task.stride * sizeof(float);
  cover_rows(tile_rows, [&]<int MR, int NV>(size_t m0) THIMBLE_LAMBDA {
    using T = Tile<Dot, MR, NV>;
    for (size_t c = 0; c < head_dim; c += T::kColumns) {
      T tile;
      tile.clear();
      const uint8_t* p = reinterpret_cast<const uint8_t*>(task.scores + m0 * task.stride);
      for (size_t n = 0; n < task.segment_count; ++n) {
        const KvSegment& segment = task.segments[n];
        const int8_t* v = segment.v + g * task.shape.v_head_bytes(segment.capacity) +
                          c / kPanelRows * kPanelRows * segment.capacity + c % kPanelRows * 4;
        tile.add(p, row_bytes, v, segment.length - least_hidden);
        p += round_up(segment.length, kPanelRows) * Dot::kBytes;
      }
      THIMBLE_UNROLL for (int m = 0; m < MR; ++m) {
        const size_t i = m0 + m;
        float* y = out + (i / group * task.shape.heads + i % group) * head_dim + c;
        const v128_t scale = wasm_v128_load32_splat(task.out_scale + i);
        THIMBLE_UNROLL for (int q = 0; q < T::kQuads; ++q) {
          if (c + 4 * q < head_dim) {
            wasm_v128_store(y + 4 * q, wasm_f32x4_mul(tile.total(m, q), scale));
          }
        }
      }
    }
  });
}

template <class Dot>
THIMBLE_INLINE void attend(const AttendTask& task) {
  const size_t group = task.shape.heads / task.shape.kv_heads;
  const size_t step = query_rows_per_tile(task.shape);
  const size_t row_size = task.shape.heads * task.shape.head_dim;
  for (size_t g = 0; g < task.shape.kv_heads; ++g) {
    const size_t head_offset = g * group * task.shape.head_dim;
    for (size_t m0 = 0; m0 < task.rows; m0 += step) {
      const size_t rows = task.rows - m0 < step ? task.rows - m0 : step;
      const size_t tile_rows = rows * group;
      const size_t least_hidden = task.causal ? task.rows - m0 - rows : 0;
      quantize_queries<Dot>(task, task.q + m0 * row_size + head_offset, rows, group);
      float* scores = task.scores;
      for (size_t n = 0; n < task.segment_count; ++n) {
        const KvSegment& segment = task.segments[n];
        score_segment<Dot>(task, segment, g, tile_rows, segment.length - least_hidden, scores);
        scores += round_up(segment.length, kPanelRows);
      }
      for (size_t i = 0; i < tile_rows; ++i) {
        const size_t hidden = task.causal ? least_hidden + rows - 1 - i / group : 0;
        task.out_scale[i] =
            softmax_row<Dot>(task, g, task.scores + i * task.stride, hidden, least_hidden);
      }
      mix_values<Dot>(task, g, tile_rows, group, least_hidden, task.out + m0 * row_size + head_offset);
    }
  }
}

}  // namespace thimble::tiles
