#include "engine.h"

#include <algorithm>

#include "prompt/prompt.h"
#include "sort.h"

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
  if (Status s = Vocabulary::create(tokenizer_, vocabulary_, weights.config.text_format); !s.ok()) return s;
  if (Status s = Model::create(std::move(weights), kernels_, model_); !s.ok()) return s;
  open_ = true;
  writer_.emplace(vocabulary_, ToolSets());
  if (config().text_format == TextFormat::thimble) store_.emplace(tokenizer_, model_);  // then its tools are isolated, too (weights/layout.cc)
  return set_tools("[]");
}

size_t Engine::tool_cache_bytes() const {
  size_t bytes = store_ ? store_->state_bytes() : 0;
  for (const auto& tool : tools_)
    if (tool->grammar == nullptr) bytes += tool->state.bytes();  // of set_tools
  return bytes;
}

Status Engine::set_tools(std::string_view tools_json, const SchemaOptions& schema) {
  if (!open_) return {Code::bad_input, "no model yet: load one, then set the tools"};
  if (config().text_format == TextFormat::thimble) return set_isolated_tools(tools_json, schema);
  return set_joint_tools(tools_json, schema);
}

Status Engine::set_joint_tools(std::string_view tools_json, SchemaOptions schema) {
  schema.format = TextFormat::needle;
  auto set = std::make_shared<ToolSet>();
  if (Status s = compile_tools(tools_json, schema, *set); !s.ok()) return s;
  std::string text;
  if (Status s = needle_tools_text(tools_json, text); !s.ok()) return s;
  std::vector<TokenId> tokens;
  if (Status s = tokenizer_.encode(text, tokens); !s.ok()) return s;
  if (tokens.size() >= model_.max_segment_tokens())
    return {Code::overflow, "the tools have " + std::to_string(tokens.size()) + " tokens, at most " +
                                std::to_string(model_.max_segment_tokens()) + " fit together with the query; register fewer tools"};
  tools_text_tokens_ = std::move(tokens);
  use_tools({}, {std::move(set)});
  return {};
}

std::string_view Engine::tool_name(std::string_view written) const {
  if (!writer_) return {};
  const CallGrammar& grammar = writer_->grammar();
  for (size_t i = 0; i < grammar.tool_count(); ++i)
    if (grammar.tool(i).written_name == written) return grammar.tool(i).name;
  return {};
}

Status Engine::set_isolated_tools(std::string_view tools_json, const SchemaOptions& schema) {
  auto set = std::make_shared<ToolSet>();
  if (Status s = compile_tools(tools_json, schema, *set); !s.ok()) return s;
  std::vector<ToolText> texts;
  if (Status s = thimble_tool_texts(tools_json, texts); !s.ok()) return s;
  Tools next;
  for (const ToolText& text : texts) {
    auto tool = std::make_shared<StoredTool>();
    tool->name = text.name;
    if (Status s = tokenize_tool(text, tokenizer_, model_, tool->tokens); !s.ok()) return s;
    const auto old = std::find_if(tools_.begin(), tools_.end(), [&](const auto& o) { return o->grammar == nullptr && o->tokens == tool->tokens; });
    next.push_back(old == tools_.end() ? std::move(tool) : *old);
  }
  if (Status s = check_selection(next); !s.ok()) return s;
  if (Status s = encode_selection(next); !s.ok()) return s;
  use_tools(std::move(next), {std::move(set)});
  return {};
}

Status Engine::find_tools(std::span<const ToolId> ids, Tools& out) const {
  if (!store_) return {Code::bad_input, "no tools are stored: load a model with isolated tools first"};
  for (const ToolId id : ids) {
    out.push_back(store_->find(id));
    if (out.back() == nullptr) return {Code::bad_input, "there is no tool number " + std::to_string(id) + "; add it first"};
  }
  return {};
}

Status Engine::select(std::span<const ToolId> ids) {
  Tools next;
  if (Status s = find_tools(ids, next); !s.ok()) return s;
  if (Status s = check_selection(next); !s.ok()) return s;
  ToolSets sets;
  for (const auto& tool : next) sets.push_back(tool->grammar);
  use_tools(std::move(next), std::move(sets));
  return {};
}

Status Engine::begin_search(std::string_view query) {
  if (!store_) return {Code::bad_input, "no tools are stored: load a model with isolated tools first"};
  if (Status s = query_segment(query, query_tokens_); !s.ok()) return s;
  if (!search_) search_.emplace(tokenizer_);
  answering_ = false;
  const Status begun = model_.begin_query(query_tokens_, {});
  searching_ = begun.ok();
  return begun;
}

Status Engine::advance_search(bool& done) {
  if (!searching_) return {Code::bad_input, "no search is at work: call begin_search first"};
  done = !model_.encodes_query() || model_.advance_encoding();
  return {};
}

Status Engine::found(std::span<const ToolId> ids, size_t max_tokens, std::vector<ToolId>& out) const {
  if (!searching_ || model_.encodes_query()) return {Code::bad_input, "no search is complete: call advance_search until it is"};
  out.clear();
  Tools tools;
  if (Status s = find_tools(ids, tools); !s.ok()) return s;
  for (const auto& tool : tools)
    if (tool->embedding.size() != config().contrastive_dim) return {Code::bad_input, "the tool " + tool->name + " was never encoded"};
  const std::span<const TokenId> words(query_tokens_.data(), query_tokens_.size() - 1);
  size_t tokens = 0;
  for (const size_t t : search_->rank(words, model_.query_embedding(), tools)) {
    tokens += tools[t]->tokens.size();
    if (tokens > max_tokens) break;
    out.push_back(ids[t]);
  }
  return {};
}

Status Engine::check_selection(const Tools& tools) const {
  std::vector<std::string_view> names;
  std::vector<size_t> lengths;
  for (const auto& tool : tools) {
    names.push_back(tool->name);
    lengths.push_back(tool->tokens.size());
  }
  heap_sort(names);
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    return {Code::bad_tools, "tools: two are named " + std::string(*twice) + "; a query takes one of them"};
  return model_.check_tools(lengths);
}

Status Engine::encode_selection(const Tools& tools) {
  for (const auto& tool : tools)
    if (!tool->state.complete())
      if (Status s = model_.encode_tool(tool->tokens, tool->state); !s.ok()) return s;
  return {};
}

void Engine::use_tools(Tools tools, ToolSets sets) {
  model_.forget_query();  // it may read states that end here
  writer_->set_tools(std::move(sets));
  answering_ = searching_ = false;
  tools_ = std::move(tools);
  heap_sort(tools_, [](const auto& a, const auto& b) { return a->tokens < b->tokens; });
  tool_states_.clear();
  for (const auto& tool : tools_) tool_states_.push_back(&tool->state);
}

Status Engine::query_segment(std::string_view query, std::vector<TokenId>& out) const {
  out.clear();
  if (Status s = tokenizer_.encode(query, out); !s.ok()) return s;
  out.push_back(tokenizer_.tools());
  out.insert(out.end(), tools_text_tokens_.begin(), tools_text_tokens_.end());
  return {};
}

Status Engine::encoder_input(std::string_view query, EncoderInput& out) const {
  if (!open_) return {Code::bad_input, "no model yet: load one, then encode"};
  out = {};
  if (Status s = query_segment(query, out.query); !s.ok()) return s;
  for (const auto& tool : tools_) out.tools.push_back(tool->tokens);
  return {};
}

Status Engine::encode(std::string_view query) {
  if (!open_) return {Code::bad_input, "no model yet: load one, then encode"};
  std::vector<TokenId> segment;
  if (Status s = query_segment(query, segment); !s.ok()) return s;
  return encode(segment);
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
  answering_ = searching_ = false;
  if (Status s = query_segment(query, query_tokens_); !s.ok()) return s;
  if (Status s = writer_->start(query, options); !s.ok()) return s;
  if (!writer_->done())
    if (Status s = model_.begin_query(query_tokens_, tool_states_); !s.ok()) return s;
  answering_ = true;
  plain_ = options.plain;
  query_ = query;
  counts_ = {.query = query_tokens_.size()};
  return {};
}

Status Engine::advance(bool& done) {
  if (!answering_) return {Code::bad_input, "no answer is at work: call begin first"};
  if (!writer_->done() && (!model_.encodes_query() || model_.advance_encoding())) {
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
  const size_t before = model_.decoder_position();
  fed_.assign(unread.begin(), unread.begin() + static_cast<ptrdiff_t>(std::min(unread.size(), plain_ ? 1 : Model::kMaxFeed)));
  size_t read = fed_.size();
  if (read == unread.size() && !plain_) {
    const auto draft = writer_->draft(std::span(query_tokens_).first(query_tokens_.size() - 1));
    const size_t more = std::min({draft.size(), Model::kMaxFeed - read, room - read});
    fed_.insert(fed_.end(), draft.begin(), draft.begin() + static_cast<ptrdiff_t>(more));
  }
  if (Status s = model_.feed(fed_); !s.ok()) return s;
  ++counts_.passes;
  writer_->mark_read(read);
  // A choice that the draft guessed was read already; the first that it did not guess ends the pass.
  while (writer_->unread().empty() && !writer_->done()) {
    choose(read - 1);
    const auto next = writer_->unread();
    const auto rest = std::span(fed_).subspan(read);
    const size_t compared = std::min(next.size(), rest.size());
    const auto same = static_cast<size_t>(std::mismatch(next.begin(), next.begin() + static_cast<ptrdiff_t>(compared), rest.begin()).first - next.begin());
    writer_->mark_read(same);
    read += same;
  }
  if (read < fed_.size()) model_.rewind(before + read);
  return {};
}

void Engine::choose(size_t row) {
  const auto few = plain_ ? std::span<const TokenId>() : writer_->few();
  if (few.empty()) return writer_->choose(model_.logits(row));
  few_logits_.resize(few.size());
  model_.logits_for(row, few, few_logits_);
  writer_->choose_few(few_logits_);
}

Status Engine::answer(Answer& out) const {
  if (!answering_ || !writer_->done()) return {Code::bad_input, "no answer is complete: call advance until it is"};
  out = read_answer(*writer_, query_, calibration_);
  return {};
}

}  // namespace thimble
