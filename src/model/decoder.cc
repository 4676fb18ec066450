#include <algorithm>

#include "model/kv.h"
#include "model/limits.h"
#include "model/model.h"

namespace thimble {

void Model::start_decoder() {
  for (KvSegment& kv : decoder_cache_) clear_segment(config().shape(), kv);
  for (size_t l = 0; l < cross_segments_.size(); ++l) {
    cross_segments_[l].clear();
    for (const SegmentState* tool : query_tools_) cross_segments_[l].push_back(tool->cross_[l]);
    cross_segments_[l].push_back(query_.cross_[l]);
  }
  decoder_position_ = 0;
  ready_to_decode_ = true;
}

Status Model::decode(std::span<const TokenId> tokens, std::span<const float>& logits) {
  if (!ready_to_decode_) return {Code::bad_input, "decode needs a query: call encode_query first"};
  const size_t left = config().max_decode_len - decoder_position_;
  if (Status s = check_tokens(tokens, left, "the answer"); !s.ok()) return s;
  size_t last = 0;
  for (size_t at = 0; at < tokens.size(); at += kTileRows) {
    last = std::min(kTileRows, tokens.size() - at);
    decode_tile(tokens.subspan(at, last));
  }
  normalize(decoder_x_ + (last - 1) * config().d_model, weights_.decoder_norm, 1, normed_);
  multiply(normed_, weights_.embedding, logits_);
  logits = {logits_, config().vocab_size};
  return {};
}

void Model::decode_tile(std::span<const TokenId> tokens) {
  embed(tokens, decoder_x_);
  for (size_t l = 0; l < weights_.decoder_self.size(); ++l) {
    const AttentionWeights& self = weights_.decoder_self[l];
    const AttentionWeights& cross = weights_.decoder_cross[l];
    KvSegment& cache = decoder_cache_[l];
    normalize(decoder_x_, self.norm, tokens.size(), normed_);
    append_keys(self, normed_, /*rotate=*/true, cache);
    add_attention(self, decoder_self_gate_[l], normed_, /*rotate=*/true, decoder_position_,
                  {{&cache, 1}, /*causal=*/true}, decoder_x_);
    normalize(decoder_x_, cross.norm, tokens.size(), normed_);
    add_attention(cross, decoder_cross_gate_[l], normed_, /*rotate=*/false, 0,
                  {cross_segments_[l], /*causal=*/false}, decoder_x_);
  }
  decoder_position_ += tokens.size();
}

}  // namespace thimble
