#include "model/model.h"

#include <algorithm>
#include <string>

#include "kernels/math.h"
#include "model/kv.h"
#include "model/limits.h"

namespace thimble {
namespace {

std::vector<float> open_gates(const std::vector<AttentionWeights>& layers) {
  std::vector<float> gates;
  for (const AttentionWeights& layer : layers) gates.push_back(math::sigmoid(layer.gate));
  return gates;
}

// The most keys that one attention may read, padding included: the context, and room for the
// padding of its segments to whole panels.
size_t max_keys(const Config& config) {
  return round_up(std::max(config.max_seq_len, config.max_decode_len), kPanelRows) +
         (config.attention == AttentionMode::tool_isolated ? config.max_seq_len : 0);
}

}  // namespace

void SegmentState::carve(const Config& config, size_t self_layers, Carver& carver) {
  self_.clear();
  cross_.clear();
  carve_segments(config, self_layers, capacity_, carver, self_);
  carve_segments(config, config.num_decoder_layers, capacity_, carver, cross_);
}

bool SegmentState::allocate(const Config& config, size_t tokens, bool keep_self) {
  capacity_ = round_up(tokens, kPanelRows);
  const size_t self_layers = keep_self ? config.num_encoder_layers : 1;
  Carver measure(nullptr);
  carve(config, self_layers, measure);
  if (!memory_.allocate(measure.used())) return false;
  Carver carver(memory_.data());
  carve(config, self_layers, carver);
  return true;
}

size_t Model::max_segment_tokens() const { return segment_limit(weights_.config); }

void Model::carve(Carver& carver) {
  const Config& c = weights_.config;
  const size_t rows = segment_limit(c), wide = c.num_heads * c.head_dim;
  const size_t widest = std::max<size_t>({c.d_model, wide, c.contrastive_hidden});
  const size_t positions = std::max<size_t>(rows, c.max_decode_len);
  x_ = carver.take<float>(rows * c.d_model);
  decoder_x_ = carver.take<float>(kTileRows * c.d_model);
  q_ = carver.take<float>(std::max<size_t>(kTileRows * wide, c.contrastive_hidden));
  k_ = carver.take<float>(kTileRows * c.num_kv_heads * c.head_dim);
  v_ = carver.take<float>(kTileRows * c.num_kv_heads * c.head_dim);
  product_ = is_int8() ? nullptr : carver.take<float>(kTileRows * c.d_model);
  logits_ = carver.take<float>(c.vocab_size);
  cos_ = carver.take<float>(positions * c.head_dim / 2);
  sin_ = carver.take<float>(positions * c.head_dim / 2);
  attend_scratch_ = carver.take<uint8_t>(attend_scratch_bytes(c.shape(), max_keys(c)));
  float* shared = is_int8() ? carver.take<float>(kTileRows * widest) : nullptr;
  for (Operand* operand : {&normed_, &mixed_}) {
    operand->x = is_int8() ? shared : carver.take<float>(kTileRows * widest);
    if (!is_int8()) continue;
    operand->codes.codes = carver.take<uint8_t>(2 * kTileRows * widest);
    operand->codes.scale = carver.take<float>(kTileRows);
  }
  decoder_cache_.clear();
  carve_segments(c, c.num_decoder_layers, round_up(c.max_decode_len, kPanelRows), carver,
                 decoder_cache_);
}

Status Model::create(ModelWeights weights, const KernelSet& kernels, Model& out) {
  out.weights_ = std::move(weights);
  out.kernels_ = &kernels;
  const Config& c = out.weights_.config;
  out.encoder_gate_ = open_gates(out.weights_.encoder);
  out.decoder_self_gate_ = open_gates(out.weights_.decoder_self);
  out.decoder_cross_gate_ = open_gates(out.weights_.decoder_cross);
  Carver measure(nullptr);
  out.carve(measure);
  if (!out.memory_.allocate(measure.used()) ||
      !out.query_.allocate(c, segment_limit(c), /*keep_self=*/false))
    return {Code::out_of_memory, "the model's working memory does not fit; close other tabs"};
  Carver carver(out.memory_.data());
  out.carve(carver);
  build_rope_tables(c.rope_theta, c.head_dim,
                    std::max<size_t>(segment_limit(c), c.max_decode_len),
                    out.cos_, out.sin_);
  out.cross_segments_.resize(c.num_decoder_layers);
  return {};
}

Status Model::check_tokens(std::span<const TokenId> tokens, size_t limit, const char* what) const {
  if (tokens.empty()) return {Code::bad_input, std::string(what) + " has no tokens"};
  if (tokens.size() > limit)
    return {Code::overflow, std::string(what) + " has " + std::to_string(tokens.size()) +
                                " tokens, the model takes " + std::to_string(limit)};
  for (TokenId id : tokens)
    if (id < 0 || static_cast<size_t>(id) >= weights_.config.vocab_size)
      return {Code::bad_input, std::string(what) + " has the token id " + std::to_string(id) +
                                   ", outside the vocabulary"};
  return {};
}

Status Model::check_tools(std::span<const size_t> lengths) const {
  size_t tokens = 0, keys = 0;
  for (size_t length : lengths) {
    tokens += length;
    keys += round_up(length, kPanelRows);
  }
  const size_t room = max_keys(weights_.config) - query_.capacity_;
  if (tokens <= weights_.config.max_seq_len && keys <= room) return {};
  return {Code::overflow,
          std::to_string(lengths.size()) + " tools have " + std::to_string(tokens) + " tokens (" +
              std::to_string(keys) + " with each tool padded to " + std::to_string(kPanelRows) +
              "s), the model takes " + std::to_string(weights_.config.max_seq_len) + " (" +
              std::to_string(room) + "); register fewer tools or shorten their descriptions"};
}

Status Model::check_memory(std::span<const SegmentState* const> tools) const {
  if (tools.empty()) return {};
  if (weights_.config.attention == AttentionMode::bidirectional)
    return {Code::bad_input, "this model reads the tools with the query, not apart from it"};
  std::vector<size_t> lengths;
  for (const SegmentState* tool : tools) lengths.push_back(tool->tokens());
  return check_tools(lengths);
}

}  // namespace thimble
