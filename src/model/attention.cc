// One routine for encoder self-attention, decoder self-attention and cross attention.
#include <cmath>

#include "model/limits.h"
#include "model/model.h"

namespace thimble {

void Model::embed(std::span<const TokenId> tokens, float* x) const {
  const size_t d = weights_.config.d_model;
  const float factor = std::sqrt(static_cast<float>(d));
  const MatrixF32& table = weights_.embedding.f32;
  for (size_t i = 0; i < tokens.size(); ++i, x += d) {
    const size_t row = static_cast<size_t>(tokens[i]);
    if (is_int8()) {
      kernels_->dequantize_row(weights_.embedding.i8, row, factor, x);
      continue;
    }
    const float* panel = table.data + row / kPanelRows * d * kPanelRows + row % kPanelRows;
    for (size_t c = 0; c < d; ++c) x[c] = panel[c * kPanelRows] * factor;
  }
}

void Model::normalize(const float* x, const float* gamma, size_t rows, Operand& out) const {
  const size_t d = weights_.config.d_model;
  kernels_->rms_norm(x, rows, d, gamma, out.x);
  out.rows = rows;
  prepare(d, out);
}

void Model::prepare(size_t cols, Operand& operand) const {
  if (is_int8()) kernels_->quantize_rows(operand.x, operand.rows, cols, operand.codes);
}

void Model::multiply(const Operand& a, const Linear& w, float* y) const {
  if (is_int8()) return kernels_->gemm_i8(a.codes, w.i8, y, w.i8.rows);
  kernels_->gemm_f32(a.x, a.rows, w.f32, y, w.f32.rows);
}

void Model::add_product(const Operand& a, const Linear& w, float gate, float* y) const {
  const size_t d = weights_.config.d_model;
  if (is_int8()) return kernels_->gemm_i8_add(a.codes, w.i8, gate, y, d);
  kernels_->gemm_f32(a.x, a.rows, w.f32, product_, d);
  for (size_t i = 0; i < a.rows * d; ++i) y[i] = y[i] + gate * product_[i];
}

void Model::append_keys(const AttentionWeights& w, const Operand& source, size_t rotation,
                        KvSegment& kv) const {
  const Config& c = weights_.config;
  multiply(source, w.k, k_);
  multiply(source, w.v, v_);
  norm_heads(k_, source.rows, c.num_kv_heads, w.k_norm, rotation);
  kernels_->append_kv(c.shape(), k_, v_, source.rows, kv);
}

void Model::norm_heads(float* x, size_t rows, size_t heads, const float* gamma, size_t rotation) const {
  const bool rotate = rotation != kNoRotation;
  kernels_->qk_norm_rope(x, rows, heads, config().head_dim, gamma, rotate ? cos_ : nullptr,
                         rotate ? sin_ : nullptr, rotate ? rotation : 0);
}

void Model::add_attention(const AttentionWeights& w, float gate, const Operand& normed,
                          size_t rotation, const Memory& memory, float* x) {
  const Config& c = weights_.config;
  multiply(normed, w.q, q_);
  norm_heads(q_, normed.rows, c.num_heads, w.q_norm, rotation);
  const auto attend = is_int8() ? kernels_->attend_i8 : kernels_->attend_f32;
  attend(c.shape(), q_, normed.rows, memory.segments.data(), memory.segments.size(), memory.causal,
         mixed_.x, attend_scratch_.data());
  mixed_.rows = normed.rows;
  prepare(c.num_heads * c.head_dim, mixed_);
  add_product(mixed_, w.o, gate, x);
}

}  // namespace thimble
