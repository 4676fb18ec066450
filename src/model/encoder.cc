#include <algorithm>
#include <cmath>

#include "model/kv.h"
#include "model/limits.h"
#include "model/model.h"

namespace thimble {
Status Model::encode_tool(std::span<const TokenId> tokens, SegmentState& state) {
  if (config().attention != AttentionMode::tool_isolated)
    return {Code::bad_input, "this model reads the tools with the query, not apart from it"};
  if (Status s = check_tokens(tokens, max_segment_tokens(), "the tool"); !s.ok()) return s;
  if (!state.allocate(config(), tokens.size(), /*keep_self=*/true))
    return {Code::out_of_memory, "no memory for the tool's cache; register fewer tools"};
  ready_to_decode_ = false;
  encode(tokens, {}, state);
  return {};
}

Status Model::encode_query(std::span<const TokenId> tokens,
                           std::span<const SegmentState* const> tools) {
  if (Status s = check_tokens(tokens, max_segment_tokens(), "the query"); !s.ok()) return s;
  if (Status s = check_memory(tools); !s.ok()) return s;
  encode(tokens, tools, query_);
  start_decoder(tools);
  return {};
}

std::span<const float> Model::encoder_output() const {
  return {x_, encoded_rows_ * weights_.config.d_model};
}

void Model::encode(std::span<const TokenId> tokens, std::span<const SegmentState* const> tools,
                   SegmentState& state) {
  const size_t rows = tokens.size();
  const AttentionShape shape = config().shape();
  encoded_rows_ = state.tokens_ = rows;
  embed(tokens, x_);
  for (size_t l = 0; l < weights_.encoder.size(); ++l) {
    layer_segments_.clear();
    for (const SegmentState* tool : tools) layer_segments_.push_back(tool->self(l));
    clear_segment(shape, state.self(l));
    encode_layer(l, rows, state);
  }
  for (KvSegment& kv : state.cross_) clear_segment(shape, kv);
  add_cross_keys(rows, state);
  contrastive(rows, state.embedding_);
}

// x += gate * attend(norm(x)). All keys first, then the queries, tile by tile.
void Model::encode_layer(size_t layer, size_t rows, SegmentState& state) {
  const AttentionWeights& w = weights_.encoder[layer];
  const size_t d = weights_.config.d_model;
  KvSegment& own = state.self(layer);
  for (size_t t = 0; t * kTileRows < rows; ++t) {
    normalize(x_ + t * kTileRows * d, w.norm, std::min(kTileRows, rows - t * kTileRows), tiles_[t]);
    append_keys(w, tiles_[t], /*rotate=*/true, own);
  }
  layer_segments_.push_back(own);
  for (size_t t = 0; t * kTileRows < rows; ++t)
    add_attention(w, encoder_gate_[layer], tiles_[t], /*rotate=*/true, t * kTileRows,
                  {layer_segments_, false}, x_ + t * kTileRows * d);
}

// The final norm, then the keys and values that the decoder's cross attention reads.
void Model::add_cross_keys(size_t rows, SegmentState& state) {
  const size_t d = weights_.config.d_model;
  for (size_t t = 0; t * kTileRows < rows; ++t) {
    float* x = x_ + t * kTileRows * d;
    Operand& tile = tiles_[0];
    tile.rows = std::min(kTileRows, rows - t * kTileRows);
    kernels_->rms_norm(x, tile.rows, d, weights_.encoder_norm, x);
    std::copy_n(x, tile.rows * d, tile.x);
    prepare(d, tile);
    for (size_t l = 0; l < state.cross_.size(); ++l)
      append_keys(weights_.decoder_cross[l], tile, /*rotate=*/false, state.cross_[l]);
  }
}

// Mean over positions, Dense + ReLU, Dense, unit length.
void Model::contrastive(size_t rows, std::vector<float>& out) {
  const Config& c = weights_.config;
  if (c.contrastive_dim == 0) return;
  float* mean = mixed_.x;
  std::fill_n(mean, c.d_model, 0.0f);
  for (size_t r = 0; r < rows; ++r)
    for (size_t i = 0; i < c.d_model; ++i) mean[i] += x_[r * c.d_model + i];
  for (size_t i = 0; i < c.d_model; ++i) mean[i] /= static_cast<float>(rows);
  mixed_.rows = 1;
  prepare(c.d_model, mixed_);
  multiply(mixed_, weights_.head_hidden, q_);
  for (size_t i = 0; i < c.contrastive_hidden; ++i)
    mixed_.x[i] = std::max(0.0f, q_[i] + weights_.head_bias[i]);
  prepare(c.contrastive_hidden, mixed_);
  out.resize(c.contrastive_dim);
  multiply(mixed_, weights_.head_output, out.data());
  float squares = 0;
  for (float value : out) squares += value * value;
  const float length = std::sqrt(squares + 1e-12f);
  for (float& value : out) value /= length;
}

}  // namespace thimble
