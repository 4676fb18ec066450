#include <algorithm>
#include <cmath>

#include "model/kv.h"
#include "model/limits.h"
#include "model/model.h"

namespace thimble {

Status Model::encode_tool(std::span<const TokenId> tokens, SegmentState& state) {
  if (Status s = begin_tool(tokens, state); !s.ok()) return s;
  while (!advance_encoding()) {
  }
  return {};
}

Status Model::encode_query(std::span<const TokenId> tokens,
                           std::span<const SegmentState* const> tools) {
  if (Status s = begin_query(tokens, tools); !s.ok()) return s;
  while (!advance_encoding()) {
  }
  return {};
}

Status Model::begin_tool(std::span<const TokenId> tokens, SegmentState& state) {
  if (config().attention != AttentionMode::tool_isolated)
    return {Code::bad_input, "this model reads the tools with the query, not apart from it"};
  if (Status s = check_tokens(tokens, max_segment_tokens(), "the tool"); !s.ok()) return s;
  if (std::find(query_tools_.begin(), query_tools_.end(), &state) != query_tools_.end()) forget_query();
  if (!state.allocate(config(), tokens.size(), /*keep_self=*/true))
    return {Code::out_of_memory, "no memory for the tool's cache; register fewer tools"};
  begin(tokens, state);
  return {};
}

Status Model::begin_query(std::span<const TokenId> tokens,
                          std::span<const SegmentState* const> tools) {
  if (Status s = check_tokens(tokens, max_segment_tokens(), "the query"); !s.ok()) return s;
  if (Status s = check_memory(tools); !s.ok()) return s;
  forget_query();
  query_tools_.assign(tools.begin(), tools.end());
  begin(tokens, query_);
  return {};
}

void Model::forget_query() {
  ready_to_decode_ = false;
  query_tools_.clear();
  if (encoding_.state == &query_) encoding_ = {};
}

std::span<const float> Model::encoder_output() const {
  return {x_, encoded_rows_ * weights_.config.d_model};
}

void Model::begin(std::span<const TokenId> tokens, SegmentState& state) {
  encoding_ = {&state, 0, 0};
  encoded_rows_ = state.tokens_ = tokens.size();
  for (KvSegment& kv : state.cross_) clear_segment(config().shape(), kv);
  embed(tokens, x_);
}

bool Model::advance_encoding() {
  if (encoding_.state == nullptr) return true;
  encode_piece();
  const size_t tiles = (encoded_rows_ + kTileRows - 1) / kTileRows;
  const bool layers_done = encoding_.layer == weights_.encoder.size();
  if (++encoding_.piece < (layers_done ? 1 : 2) * tiles) return false;
  encoding_.piece = 0;
  ++encoding_.layer;
  if (layers_done) finish_encoding();
  return layers_done;
}

// x += gate * attend(norm(x)). All keys first, then the queries, tile by tile; the norm of a tile
// is taken twice, which is cheaper than to keep it.
void Model::encode_piece() {
  const size_t tiles = (encoded_rows_ + kTileRows - 1) / kTileRows;
  const size_t layer = encoding_.layer, row = encoding_.piece % tiles * kTileRows;
  const size_t rows = std::min(kTileRows, encoded_rows_ - row);
  if (layer == weights_.encoder.size()) return add_cross_keys(row, rows);
  const AttentionWeights& w = weights_.encoder[layer];
  float* x = x_ + row * config().d_model;
  KvSegment& own = encoding_.state->self(layer);
  if (encoding_.piece == 0) clear_segment(config().shape(), own);
  normalize(x, w.norm, rows, normed_);
  if (encoding_.piece < tiles) return append_keys(w, normed_, /*rotate=*/true, own);
  layer_segments_.clear();
  if (encoding_.state == &query_)
    for (const SegmentState* tool : query_tools_) layer_segments_.push_back(tool->self(layer));
  layer_segments_.push_back(own);
  add_attention(w, encoder_gate_[layer], normed_, /*rotate=*/true, row, {layer_segments_, false}, x);
}

// The final norm, then the keys and values that the decoder's cross attention reads.
void Model::add_cross_keys(size_t row, size_t rows) {
  const size_t d = config().d_model;
  float* x = x_ + row * d;
  kernels_->rms_norm(x, rows, d, weights_.encoder_norm, x);
  std::copy_n(x, rows * d, normed_.x);
  normed_.rows = rows;
  prepare(d, normed_);
  std::vector<KvSegment>& cross = encoding_.state->cross_;
  for (size_t l = 0; l < cross.size(); ++l)
    append_keys(weights_.decoder_cross[l], normed_, /*rotate=*/false, cross[l]);
}

void Model::finish_encoding() {
  contrastive(encoded_rows_, encoding_.state->embedding_);
  if (encoding_.state == &query_) start_decoder();
  encoding_ = {};
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
