#include <algorithm>
#include <string>

#include "model/kv.h"
#include "model/limits.h"
#include "model/model.h"

namespace thimble {

void Model::start_decoder() {
  rewind(0);
  for (size_t l = 0; l < cross_segments_.size(); ++l) {
    cross_segments_[l].clear();
    for (const SegmentState* tool : query_tools_) cross_segments_[l].push_back(tool->cross_[l]);
    for (const KvSegment& block : query_cross_.blocks(l, query_rows_)) cross_segments_[l].push_back(block);
  }
  ready_to_decode_ = true;
}

void Model::rewind(size_t position) {
  for (size_t l = 0; l < config().num_decoder_layers; ++l) decoder_cache_.truncate(l, position);
  decoder_position_ = position;
  fed_rows_ = 0;
}

Status Model::decode(std::span<const TokenId> tokens, std::span<const float>& out) {
  if (Status s = check_feed(tokens); !s.ok()) return s;
  for (size_t at = 0; at < tokens.size(); at += kMaxFeed)
    if (Status s = feed(tokens.subspan(at, std::min(kMaxFeed, tokens.size() - at))); !s.ok()) return s;
  out = logits(fed_rows_ - 1);
  return {};
}

Status Model::check_feed(std::span<const TokenId> tokens) const {
  if (!ready_to_decode_) return {Code::bad_input, "the decoder needs a query; encode one first"};
  return check_tokens(tokens, config().max_decode_len - decoder_position_, "the rest of the answer");
}

Status Model::feed(std::span<const TokenId> tokens) {
  if (Status s = check_feed(tokens); !s.ok()) return s;
  if (tokens.size() > kMaxFeed)
    return {Code::overflow, "one feed takes at most " + std::to_string(kMaxFeed) + " tokens; feed them in parts"};
  const size_t length = decoder_position_ + tokens.size();
  if (!decoder_cache_.reserve(config(), length) || !reserve_keys({}, length))
    return {Code::out_of_memory, "no memory for so long an answer; ask for less at once"};
  float* x = decoder_x_;
  fed_rows_ = tokens.size();
  while (!tokens.empty()) {  // the keys of one tile go into one block of the cache
    const size_t rows = std::min(tokens.size(), kTileRows - decoder_position_ % kTileRows);
    decode_tile(tokens.first(rows), x);
    tokens = tokens.subspan(rows);
    x += rows * config().d_model;
  }
  return {};
}

void Model::decode_tile(std::span<const TokenId> tokens, float* x) {
  embed(tokens, x);
  const size_t position = decoder_position_, rows = tokens.size();
  for (size_t l = 0; l < weights_.decoder_self.size(); ++l) {
    const AttentionWeights& self = weights_.decoder_self[l];
    const AttentionWeights& cross = weights_.decoder_cross[l];
    normalize(x, self.norm, rows, normed_);
    append_keys(self, normed_, position, decoder_cache_.block(l, position));
    add_attention(self, decoder_self_gate_[l], normed_, position,
                  {decoder_cache_.blocks(l, position + rows), /*causal=*/true}, x);
    normalize(x, cross.norm, rows, normed_);
    add_attention(cross, decoder_cross_gate_[l], normed_, kNoRotation,
                  {cross_segments_[l], /*causal=*/false}, x);
  }
  decoder_position_ += rows;
}

std::span<const float> Model::logits(size_t row) {
  if (row >= fed_rows_) return {};
  normalize(decoder_x_ + row * config().d_model, weights_.decoder_norm, 1, normed_);
  multiply(normed_, weights_.embedding, logits_);
  return {logits_, config().vocab_size};
}

// A single row of the embedding is read in pieces of four bytes, so beyond some hundred rows the
// whole matrix is cheaper.
void Model::logits_for(size_t row, std::span<const TokenId> ids, std::span<float> out) {
  constexpr size_t kShare = 64;
  if (row >= fed_rows_) return;
  if (!is_int8() || ids.size() > config().vocab_size / kShare) {
    const std::span<const float> all = logits(row);
    for (size_t i = 0; i < ids.size(); ++i) out[i] = all[static_cast<size_t>(ids[i])];
    return;
  }
  normalize(decoder_x_ + row * config().d_model, weights_.decoder_norm, 1, normed_);
  kernels_->gather_i8(normed_.codes, weights_.embedding.i8, ids.data(), ids.size(), out.data());
}

}  // namespace thimble
