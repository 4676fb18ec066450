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
  release(state);
  if (!reserve_rows(tokens.size()) || !reserve_keys({}, tokens.size()) ||
      !state.allocate(config(), tokens.size()))
    return {Code::out_of_memory, "no memory for the tool's cache; register fewer tools"};
  begin(tokens, &state);
  return {};
}

Status Model::begin_query(std::span<const TokenId> tokens,
                          std::span<const SegmentState* const> tools) {
  const bool joint = config().attention == AttentionMode::bidirectional;
  if (Status s = check_tokens(tokens, max_segment_tokens(), joint ? "the query with its tools" : "the query"); !s.ok()) return s;
  if (Status s = check_memory(tools); !s.ok()) return s;
  if (!reserve_rows(tokens.size()) || !reserve_query(tokens.size()) ||
      !reserve_keys(tools, tokens.size()))
    return {Code::out_of_memory, "no memory for the query; give it fewer tools"};
  forget_query();
  query_tools_.assign(tools.begin(), tools.end());
  query_rows_ = tokens.size();
  begin(tokens, nullptr);
  return {};
}

void Model::forget_query() {
  ready_to_decode_ = false;
  query_tools_.clear();
  if (encoding_.tool == nullptr) encoding_ = {};
}

std::span<const float> Model::encoder_output() const { return {x_row(0), encoded_rows_ * config().d_model}; }

void Model::begin(std::span<const TokenId> tokens, SegmentState* tool) {
  encoding_ = {.active = true, .tool = tool};
  encoded_rows_ = tokens.size();
  for (size_t l = 0; tool == nullptr && l < config().num_decoder_layers; ++l) query_cross_.truncate(l, 0);
  embed(tokens, x_row(0));
}

bool Model::advance_encoding() {
  if (!encoding_.active) return true;
  encode_piece();
  const bool layers_done = encoding_.layer == weights_.encoder.size();
  if (++encoding_.piece < (layers_done ? 1 : 2) * encoding_tiles()) return false;
  encoding_.piece = 0;
  ++encoding_.layer;
  if (layers_done) finish_encoding();
  return layers_done;
}

// Where the layer's keys of `row` and the rows after it go.
KvSegment& Model::own_keys(size_t row) {
  return encoding_.tool != nullptr ? encoding_.tool->self_[encoding_.layer] : query_self_.block(0, row);
}

// What the layer attends to: the query to all tools and itself, a tool to itself.
void Model::collect_segments() {
  layer_segments_.clear();
  if (encoding_.tool != nullptr) return layer_segments_.push_back(own_keys(0));
  for (const SegmentState* tool : query_tools_) layer_segments_.push_back(tool->self_[encoding_.layer]);
  for (const KvSegment& block : query_self_.blocks(0, encoded_rows_)) layer_segments_.push_back(block);
}

// x += gate * attend(norm(x)). All keys first, then the queries, tile by tile; the norm of a tile
// is taken twice, which is cheaper than to keep it.
void Model::encode_piece() {
  const size_t layer = encoding_.layer, row = encoding_.piece % encoding_tiles() * kTileRows;
  const size_t rows = std::min(kTileRows, encoded_rows_ - row);
  if (layer == weights_.encoder.size()) return add_cross_keys(row, rows);
  const AttentionWeights& w = weights_.encoder[layer];
  if (encoding_.piece == 0 && encoding_.tool == nullptr) query_self_.truncate(0, 0);
  normalize(x_row(row), w.norm, rows, normed_);
  if (encoding_.piece < encoding_tiles())
    return append_keys(w, normed_, /*rotation=*/row, own_keys(row));
  collect_segments();
  add_attention(w, encoder_gate_[layer], normed_, /*rotation=*/row, {layer_segments_, false}, x_row(row));
}

// The final norm, then the keys and values that the decoder's cross attention reads.
void Model::add_cross_keys(size_t row, size_t rows) {
  const size_t d = config().d_model;
  kernels_->rms_norm(x_row(row), rows, d, weights_.encoder_norm, x_row(row));
  std::copy_n(x_row(row), rows * d, normed_.x);
  normed_.rows = rows;
  prepare(d, normed_);
  for (size_t l = 0; l < weights_.decoder_cross.size(); ++l) {
    KvSegment& to = encoding_.tool != nullptr ? encoding_.tool->cross_[l] : query_cross_.block(l, row);
    append_keys(weights_.decoder_cross[l], normed_, kNoRotation, to);
  }
}

void Model::finish_encoding() {
  if (SegmentState* tool = encoding_.tool; tool != nullptr) {
    contrastive(encoded_rows_, tool->embedding_);
    tool->complete_ = true;
  } else {
    query_embedding_.resize(config().contrastive_dim);
    contrastive(encoded_rows_, query_embedding_);
    start_decoder();
  }
  encoding_ = {};
}

// Mean over positions, Dense + ReLU, Dense, unit length.
void Model::contrastive(size_t rows, std::span<float> out) {
  const Config& c = weights_.config;
  if (c.contrastive_dim == 0) return;
  float* mean = mixed_.x;
  std::fill_n(mean, c.d_model, 0.0f);
  for (size_t r = 0; r < rows; ++r)
    for (size_t i = 0; i < c.d_model; ++i) mean[i] += x_row(r)[i];
  for (size_t i = 0; i < c.d_model; ++i) mean[i] /= static_cast<float>(rows);
  mixed_.rows = 1;
  prepare(c.d_model, mixed_);
  multiply(mixed_, weights_.head_hidden, q_);
  for (size_t i = 0; i < c.contrastive_hidden; ++i)
    mixed_.x[i] = std::max(0.0f, q_[i] + weights_.head_bias[i]);
  prepare(c.contrastive_hidden, mixed_);
  multiply(mixed_, weights_.head_output, out.data());
  float squares = 0;
  for (float value : out) squares += value * value;
  const float length = std::sqrt(squares + 1e-12f);
  for (float& value : out) value /= length;
}

}  // namespace thimble
