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

// Grows to at least `bytes`, losing its content, in steps so that a growing need is not a new block
// each time.
bool grow(AlignedBuffer& buffer, size_t bytes) {
  constexpr size_t kStep = size_t{64} << 10;
  return bytes <= buffer.size() || buffer.allocate(round_up(bytes, kStep));
}

}  // namespace

size_t Model::max_segment_tokens() const { return segment_limit(weights_.config); }

size_t Model::scratch_bytes() const {
  return static_cast<size_t>(memory_.size() + rows_.size() + attend_scratch_.size() +
                             query_self_.bytes() + query_cross_.bytes() + decoder_cache_.bytes());
}

void Model::carve(Carver& carver) {
  const Config& c = weights_.config;
  const size_t wide = c.num_heads * c.head_dim;
  const size_t widest = std::max<size_t>({c.d_model, wide, c.contrastive_hidden});
  const size_t positions = std::max<size_t>(segment_limit(c), c.max_decode_len);
  decoder_x_ = carver.take<float>(kMaxFeed * c.d_model);
  q_ = carver.take<float>(std::max<size_t>(kTileRows * wide, c.contrastive_hidden));
  k_ = carver.take<float>(kTileRows * c.num_kv_heads * c.head_dim);
  v_ = carver.take<float>(kTileRows * c.num_kv_heads * c.head_dim);
  product_ = is_int8() ? nullptr : carver.take<float>(kTileRows * c.d_model);
  logits_ = carver.take<float>(c.vocab_size);
  cos_ = carver.take<float>(positions * c.head_dim / 2);
  sin_ = carver.take<float>(positions * c.head_dim / 2);
  float* shared = is_int8() ? carver.take<float>(kTileRows * widest) : nullptr;
  for (Operand* operand : {&normed_, &mixed_}) {
    operand->x = is_int8() ? shared : carver.take<float>(kTileRows * widest);
    if (!is_int8()) continue;
    operand->codes.codes = carver.take<uint8_t>(2 * kTileRows * widest);
    operand->codes.scale = carver.take<float>(kTileRows);
  }
}

bool Model::reserve_rows(size_t rows) {
  return grow(rows_, round_up(rows, kTileRows) * config().d_model * sizeof(float));
}

bool Model::reserve_query(size_t rows) {
  return query_self_.reserve(config(), rows) && query_cross_.reserve(config(), rows);
}

bool Model::reserve_keys(std::span<const SegmentState* const> tools, size_t own_keys) {
  size_t keys = round_up(own_keys, kPanelRows);
  for (const SegmentState* tool : tools) keys += round_up(tool->tokens(), kPanelRows);
  return grow(attend_scratch_, attend_scratch_bytes(config().shape(), keys));
}

// The largest caches that this configuration can ever grow to.
Status Model::check_sizes() const {
  const Config& c = weights_.config;
  const auto blocks = [](size_t keys) { return (keys + kTileRows - 1) / kTileRows; };
  const uint64_t query = query_self_.block_bytes(c) + query_cross_.block_bytes(c);
  if (blocks(segment_limit(c)) * query + blocks(c.max_decode_len) * decoder_cache_.block_bytes(c) <=
      AlignedBuffer::kMaxBytes)
    return {};
  return {Code::out_of_memory, "the model's caches would take more than any page should; use a smaller model"};
}

Status Model::create(ModelWeights weights, const KernelSet& kernels, Model& out) {
  out.weights_ = std::move(weights);
  out.kernels_ = &kernels;
  const Config& c = out.weights_.config;
  out.encoder_gate_ = open_gates(out.weights_.encoder);
  out.decoder_self_gate_ = open_gates(out.weights_.decoder_self);
  out.decoder_cross_gate_ = open_gates(out.weights_.decoder_cross);
  out.query_self_ = KvCache(1);
  out.query_cross_ = KvCache(c.num_decoder_layers);
  out.decoder_cache_ = KvCache(c.num_decoder_layers);
  out.cross_segments_.resize(c.num_decoder_layers);
  if (Status s = out.check_sizes(); !s.ok()) return s;
  Carver measure(nullptr);
  out.carve(measure);
  if (!out.memory_.allocate(measure.used()) || !out.reserve_query(1) || !out.decoder_cache_.reserve(c, 1))
    return {Code::out_of_memory, "the model's working memory does not fit; close other tabs"};
  Carver carver(out.memory_.data());
  out.carve(carver);
  build_rope_tables(c.rope_theta, c.head_dim, std::max<size_t>(segment_limit(c), c.max_decode_len),
                    out.cos_, out.sin_);
  return {};
}

// Before a state changes: nothing may read it any more.
void Model::release(const SegmentState& state) {
  if (std::find(query_tools_.begin(), query_tools_.end(), &state) != query_tools_.end()) forget_query();
  give_up_tool(state);
}

void Model::give_up_tool(const SegmentState& state) {
  if (encoding_.tool == &state) encoding_ = {};
}

void Model::forget_tool(SegmentState& state) {
  release(state);
  state = {};
}

std::span<const uint8_t> Model::save_tool(SegmentState& state) const {
  if (!state.complete()) return {};
  state.seal(weights_.fingerprint);
  return {state.memory_.data(), state.memory_.size()};
}

std::span<uint8_t> Model::begin_restore(size_t bytes, SegmentState& state) {
  release(state);
  state = {};
  if (bytes > SegmentState::image_bytes(config(), max_segment_tokens())) return {};
  if (!state.memory_.allocate(bytes)) return {};
  return {state.memory_.data(), bytes};
}

Status Model::restore_tool(SegmentState& state) {
  return state.open(config(), weights_.fingerprint, max_segment_tokens());
}

Status Model::check_tokens(std::span<const TokenId> tokens, size_t limit, const char* what) const {
  if (tokens.empty()) return {Code::bad_input, std::string(what) + " has no tokens"};
  if (tokens.size() > limit)
    return {Code::overflow, std::string(what) + " has " + std::to_string(tokens.size()) +
                                " tokens, at most " + std::to_string(limit) +
                                " fit; make it shorter"};
  for (TokenId id : tokens)
    if (id < 0 || static_cast<size_t>(id) >= weights_.config.vocab_size)
      return {Code::bad_input, std::string(what) + " has the token id " + std::to_string(id) +
                                   ", the model's ids are 0 to " +
                                   std::to_string(weights_.config.vocab_size - 1)};
  return {};
}

Status Model::check_tools(std::span<const size_t> lengths) const {
  size_t tokens = 0;
  for (size_t length : lengths) tokens += length;
  if (tokens <= config().max_seq_len) return {};
  return {Code::overflow,
          std::to_string(lengths.size()) + " tools have " + std::to_string(tokens) +
              " tokens, the model takes " + std::to_string(config().max_seq_len) +
              " at once; give it fewer tools or shorten their descriptions"};
}

Status Model::check_memory(std::span<const SegmentState* const> tools) const {
  if (tools.empty()) return {};
  if (weights_.config.attention == AttentionMode::bidirectional)
    return {Code::bad_input, "this model reads the tools with the query, not apart from it"};
  std::vector<size_t> lengths;
  for (const SegmentState* tool : tools) {
    if (!tool->complete()) return {Code::bad_input, "a tool is not encoded yet; encode it, then the query"};
    lengths.push_back(tool->tokens());
  }
  return check_tools(lengths);
}

}  // namespace thimble
