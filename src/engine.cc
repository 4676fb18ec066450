#include "engine.h"

#include <algorithm>

#include "model/limits.h"
#include "prompt/prompt.h"

namespace thimble {

Engine::Engine(const KernelSet& kernels, size_t max_file_bytes)
    : loader_(max_file_bytes), kernels_(kernels) {}

Status Engine::open() {
  ModelWeights weights;
  if (Status s = loader_.finish(weights); !s.ok()) return s;
  if (Status s = Tokenizer::parse(weights.tokenizer, tokenizer_); !s.ok()) return s;
  if (tokenizer_.size() != weights.config.vocab_size)
    return {Code::bad_tokenizer, "section tokenizer: " + std::to_string(tokenizer_.size()) +
                                     " pieces, the embedding has " +
                                     std::to_string(weights.config.vocab_size)};
  metadata_ = weights.metadata;
  calibration_ = Calibration(weights.calibration);
  if (weights.config.text_format == TextFormat::thimble)
    if (Status s = Vocabulary::create(tokenizer_, vocabulary_); !s.ok()) return s;
  if (Status s = Model::create(std::move(weights), kernels_, model_); !s.ok()) return s;
  open_ = true;
  return set_tools("[]");
}

size_t Engine::tool_cache_bytes() const {
  size_t bytes = 0;
  for (const Tool& tool : tools_) bytes += tool.state->bytes();
  return bytes;
}

Status Engine::set_tools(std::string_view tools_json, const SchemaOptions& schema) {
  if (!open_) return {Code::bad_input, "no model yet: load one, then set the tools"};
  if (config().text_format == TextFormat::thimble) return set_isolated_tools(tools_json, schema);
  std::string text;
  if (Status s = needle_tools_text(tools_json, text); !s.ok()) return s;
  std::vector<TokenId> tokens;
  if (Status s = tokenizer_.encode(text, tokens); !s.ok()) return s;
  tools_text_tokens_ = std::move(tokens);
  model_.forget_query();
  return {};
}

Status Engine::set_isolated_tools(std::string_view tools_json, const SchemaOptions& schema) {
  ToolSet set;
  if (Status s = compile_tools(tools_json, schema, set); !s.ok()) return s;
  std::vector<ToolText> texts;
  if (Status s = thimble_tool_texts(tools_json, texts); !s.ok()) return s;
  std::vector<Tool> next(texts.size());
  std::vector<size_t> lengths;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (Status s = tokenize_tool(texts[i], next[i].tokens); !s.ok()) return s;
    lengths.push_back(next[i].tokens.size());
  }
  if (Status s = model_.check_tools(lengths); !s.ok()) return s;
  std::sort(next.begin(), next.end(),
            [](const Tool& a, const Tool& b) { return a.tokens < b.tokens; });
  // New tools first, so that a failure leaves the old list whole.
  for (Tool& tool : next) {
    if (find_tool(tool.tokens) != nullptr) continue;
    tool.state = std::make_shared<SegmentState>();
    if (Status s = model_.encode_tool(tool.tokens, *tool.state); !s.ok()) return s;
  }
  for (Tool& tool : next)
    if (Tool* old = find_tool(tool.tokens); tool.state == nullptr) tool.state = old->state;
  model_.forget_query();  // it may read states that end here
  tools_ = std::move(next);
  writer_.emplace(vocabulary_, std::move(set));
  answering_ = false;
  tool_states_.clear();
  for (const Tool& tool : tools_) tool_states_.push_back(tool.state.get());
  return {};
}

Status Engine::tokenize_tool(const ToolText& tool, std::vector<TokenId>& tokens) const {
  if (Status s = tokenizer_.encode(tool.text, tokens); !s.ok()) return s;
  if (tokens.size() <= model_.max_segment_tokens()) return {};
  return {Code::overflow, "tool " + tool.name + " has " + std::to_string(tokens.size()) +
                              " tokens, at most " + std::to_string(model_.max_segment_tokens()) +
                              " fit; shorten its descriptions"};
}

Engine::Tool* Engine::find_tool(const std::vector<TokenId>& tokens) {
  for (Tool& tool : tools_)
    if (tool.tokens == tokens) return &tool;
  return nullptr;
}

Status Engine::encoder_input(std::string_view query, EncoderInput& out) const {
  if (!open_) return {Code::bad_input, "no model yet: load one, then encode"};
  out = {};
  if (Status s = tokenizer_.encode(query, out.query); !s.ok()) return s;
  out.query.push_back(tokenizer_.tools());
  out.query.insert(out.query.end(), tools_text_tokens_.begin(), tools_text_tokens_.end());
  for (const Tool& tool : tools_) out.tools.push_back(tool.tokens);
  return {};
}

Status Engine::encode(std::string_view query) {
  EncoderInput input;
  if (Status s = encoder_input(query, input); !s.ok()) return s;
  return encode(input.query);
}

Status Engine::encode(std::span<const TokenId> query_segment) {
  if (!open_) return {Code::bad_input, "no model yet: load one, then encode"};
  return model_.encode_query(query_segment, tool_states_);
}

Status Engine::step(std::span<const TokenId> tokens, std::span<const float>& logits) {
  if (!open_) return {Code::bad_input, "no model yet: load one, then step"};
  return model_.decode(tokens, logits);
}

Status Engine::begin(std::string_view query, const AnswerOptions& options) {
  if (!open_) return {Code::bad_input, "no model yet: load one, then begin an answer"};
  if (!writer_) return {Code::bad_input, "answers are written by models of text format thimble; this one has another"};
  answering_ = false;
  EncoderInput input;
  if (Status s = encoder_input(query, input); !s.ok()) return s;
  if (Status s = writer_->start(query, options); !s.ok()) return s;
  if (!writer_->done())
    if (Status s = model_.begin_query(input.query, tool_states_); !s.ok()) return s;
  answering_ = true;
  query_ = query;
  counts_ = {.query = input.query.size()};
  return {};
}

Status Engine::advance(bool& done) {
  if (!answering_) return {Code::bad_input, "no answer is at work: call begin first"};
  if (!writer_->done() && model_.advance_encoding()) {
    if (Status s = decode_piece(); !s.ok()) {
      answering_ = false;
      return s;
    }
  }
  done = writer_->done();
  counts_.answer = writer_->answer_tokens();
  counts_.forced = writer_->forced_tokens();
  return {};
}

Status Engine::decode_piece() {
  const auto unread = writer_->unread();
  const size_t room = config().max_decode_len - model_.decoder_position();
  if (unread.size() > room)
    return {Code::overflow, "the answer has more than " + std::to_string(config().max_decode_len) +
                                " tokens, which is all that the model can write; ask for less at once"};
  const auto piece = unread.first(std::min(unread.size(), kTileRows));
  std::span<const float> logits;
  if (Status s = model_.decode(piece, logits); !s.ok()) return s;
  ++counts_.passes;
  writer_->mark_read(piece.size());
  if (writer_->unread().empty()) writer_->choose(logits);
  return {};
}

Status Engine::answer(Answer& out) const {
  if (!answering_ || !writer_->done()) return {Code::bad_input, "no answer is complete: call advance until it is"};
  out = read_answer(*writer_, query_, calibration_);
  return {};
}

}  // namespace thimble
