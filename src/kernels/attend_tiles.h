// INT8 attention for WebAssembly SIMD, over the same dot products and under the same limits as
// tiles.h. The formula is that of attend_i8 in kernels.h.
//
// Query rows are taken in tiles: some rows times all heads that share a KV head, so that K and V
// are read once for many rows and stay in the first-level cache. A tile's scores are overwritten
// by u, then by p.
#pragma once

#include "kernels/tiles.h"

namespace thimble::tiles {

THIMBLE_INLINE F32x4 splat(const float& x) { return (F32x4)wasm_v128_load32_splat(&x); }

THIMBLE_INLINE math::Exp2<F32x4> load(const math::Exp2<float>& k) {
  return {splat(k.c5), splat(k.c4), splat(k.c3),    splat(k.c2),
          splat(k.c1), splat(k.c0), splat(k.round), splat(k.lowest)};
}

// One call of attend_i8. The scratch arrays hold one tile; its row i is (row i / group, head
// i % group).
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

  // Keys of segment n that a query row reads which does not see the last `hidden` keys of all.
  THIMBLE_INLINE size_t visible(size_t n, size_t hidden) const {
    return segments[n].length - (n + 1 == segment_count ? hidden : 0);
  }

  uint8_t* codes;     // [tile rows][head_dim] query codes
  float* row_factor;  // [tile rows] query scale * softmax_factor
  int32_t* row_start; // [tile rows] what a row's dots begin with (Tile::start_rows)
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
  for (size_t m = 0, i = 0; m < rows; ++m, q += task.shape.heads * head_dim) {
    for (size_t h = 0; h < group; ++h, ++i, codes += head_dim * Dot::kBytes) {
      task.row_factor[i] =
          quantize_row<Dot>(q + h * head_dim, head_dim, task.exp2.round, codes, 0) * task.softmax_factor;
      task.row_start[i] = Dot::row_start(codes, head_dim, task.flip);
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
  cover_rows(tile_rows, [&]<int MR, int NV>(size_t m0) THIMBLE_LAMBDA {
    using T = Tile<Dot, MR, NV>;
    for (size_t t = 0; t < keys; t += T::kColumns) {
      T tile;
      tile.start_rows(task.row_start + m0);
      tile.add_keys(task.codes + m0 * row_bytes, row_bytes,
                    k + t / kPanelRows * kPanelRows * head_dim + t % kPanelRows * 4,
                    4 * panel_keys(segment.capacity, t), head_dim, task.flip);
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

// f(scores, n, visible keys) for every segment n of a row of scores.
template <class F>
THIMBLE_INLINE void each_segment(const AttendTask& task, float* scores, size_t hidden, F f) {
  for (size_t n = 0; n < task.segment_count; ++n) {
    f(scores, n, task.visible(n, hidden));
    scores += round_up(task.segments[n].length, kPanelRows);
  }
}

THIMBLE_INLINE float max_score(const AttendTask& task, float* row, size_t hidden) {
  v128_t a = wasm_f32x4_splat(-__builtin_inff());
  v128_t b = a;
  each_segment(task, row, hidden, [&](float* s, size_t, size_t visible) THIMBLE_LAMBDA {
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
  each_segment(task, row, hidden, [&](float* s, size_t k, size_t visible) THIMBLE_LAMBDA {
    const float* v_scale = task.segments[k].v_scale + g * task.segments[k].capacity;
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
  each_segment(task, row, hidden, [&](float* u, size_t k, size_t visible) THIMBLE_LAMBDA {
    const size_t n = round_up(visible, kSoftmaxStep);
    store_codes<Dot>(u, n, code_factor(sums.u_max), task.exp2.round, p, 0);
    for (size_t t = n; t < task.visible(k, least_hidden); t += 4) {
      __builtin_memset(p + t * Dot::kBytes, 0, 4 * Dot::kBytes);
    }
    p += round_up(task.segments[k].length, kPanelRows) * Dot::kBytes;
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
        tile.add(p, row_bytes, v, task.visible(n, least_hidden));
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
        score_segment<Dot>(task, segment, g, tile_rows, task.visible(n, least_hidden), scores);
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
