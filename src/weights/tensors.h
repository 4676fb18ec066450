// The order of tensors in each section (FORMAT.md, sections 3 to 5), written down once: the sizes
// that a header must have and the pointers that the model gets both come from here.
#pragma once

#include <cstdint>

#include "weights/layout.h"
#include "weights/weights.h"

namespace thimble {

/// Visitor: vector(name, const float*&, count), scalar(name, float&), matrix(name, Linear&, rows,
/// cols), called in file order.
template <class Visitor>
void visit_attention(const Config& c, AttentionWeights& w, Visitor& v) {
  const size_t q_rows = size_t{c.num_heads} * c.head_dim;
  const size_t kv_rows = size_t{c.num_kv_heads} * c.head_dim;
  v.vector("norm", w.norm, c.d_model);
  v.vector("q_norm", w.q_norm, c.head_dim);
  v.vector("k_norm", w.k_norm, c.head_dim);
  v.scalar("gate", w.gate);
  v.matrix("q", w.q, q_rows, c.d_model);
  v.matrix("k", w.k, kv_rows, c.d_model);
  v.matrix("v", w.v, kv_rows, c.d_model);
  v.matrix("o", w.o, c.d_model, q_rows);
}

template <class Visitor>
void visit_output(const Config& c, ModelWeights& w, Visitor& v) {
  v.vector("encoder.norm", w.encoder_norm, c.d_model);
  v.vector("decoder.norm", w.decoder_norm, c.d_model);
  if (c.contrastive_dim == 0) return;
  v.vector("head.hidden_bias", w.head_bias, c.contrastive_hidden);
  v.matrix("head.hidden", w.head_hidden, c.contrastive_hidden, c.d_model);
  v.matrix("head.output", w.head_output, c.contrastive_dim, c.contrastive_hidden);
}

/// Visits the tensors of one section; none for metadata, tokenizer and calibration. The layer
/// vectors of `w` must have their layers already.
template <class Visitor>
void visit_section(const Config& c, SectionKind kind, uint32_t index, ModelWeights& w, Visitor& v) {
  switch (kind) {
    case SectionKind::metadata:
    case SectionKind::tokenizer:
    case SectionKind::calibration: return;
    case SectionKind::embedding: return v.matrix("embedding", w.embedding, c.vocab_size, c.d_model);
    case SectionKind::encoder: return visit_attention(c, w.encoder[index], v);
    case SectionKind::decoder:
      visit_attention(c, w.decoder_self[index], v);
      return visit_attention(c, w.decoder_cross[index], v);
    case SectionKind::output: return visit_output(c, w, v);
  }
}

/// Adds up bytes; 64-bit, so that no checked config overflows it on wasm32.
struct TensorSizes {
  WeightType type;
  uint64_t bytes = 0;  // in the file
  uint64_t rows = 0;   // of all matrices, padded

  void vector(const char*, const float*&, uint64_t count) { add(count * 4); }
  void scalar(const char*, float&) { add(4); }
  void matrix(const char*, Linear&, uint64_t matrix_rows, uint64_t cols) {
    const uint64_t padded = (matrix_rows + kPanelRows - 1) / kPanelRows * kPanelRows;
    rows += padded;
    add(type == WeightType::f32 ? padded * cols * 4 : padded * 4 + padded * cols);
  }

 private:
  void add(uint64_t n) { bytes += (n + kAlign - 1) / kAlign * kAlign; }
};

}  // namespace thimble
