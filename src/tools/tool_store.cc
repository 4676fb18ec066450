#include "tools/tool_store.h"

#include "prompt/prompt.h"

namespace thimble {

Status tokenize_tool(const ToolText& tool, const Tokenizer& tokenizer, const Model& model, std::vector<TokenId>& tokens) {
  if (Status s = tokenizer.encode(tool.text, tokens); !s.ok()) return s;
  if (tokens.size() <= model.max_segment_tokens()) return {};
  return {Code::overflow, "tool " + tool.name + " has " + std::to_string(tokens.size()) + " tokens, at most " +
                              std::to_string(model.max_segment_tokens()) + " fit; shorten its descriptions"};
}

Status ToolStore::add(std::string_view tool_json, const SchemaOptions& schema, ToolId& id) {
  const std::string list = "[" + std::string(tool_json) + "]";
  ToolSet set;
  if (Status s = compile_tools(list, schema, set); !s.ok()) return s;
  if (set.tools.size() != 1) return {Code::bad_tools, "tools: one tool is needed, this is " + std::to_string(set.tools.size())};
  std::vector<ToolText> texts;
  if (Status s = thimble_tool_texts(list, texts); !s.ok()) return s;
  auto tool = std::make_shared<StoredTool>();
  if (Status s = tokenize_tool(texts[0], tokenizer_, model_, tool->tokens); !s.ok()) return s;
  tool->name = texts[0].name;
  tool->grammar = std::make_shared<const ToolSet>(std::move(set));
  id = ++last_id_;
  tools_.emplace(id, std::move(tool));
  return {};
}

void ToolStore::drop(ToolId id) {
  const auto at = tools_.find(id);
  if (at == tools_.end()) return;
  model_.give_up_tool(at->second->state);
  tools_.erase(at);
}

std::shared_ptr<StoredTool> ToolStore::find(ToolId id) const {
  const auto at = tools_.find(id);
  return at == tools_.end() ? nullptr : at->second;
}

Status ToolStore::require(ToolId id, std::shared_ptr<StoredTool>& tool) const {
  tool = find(id);
  if (tool != nullptr) return {};
  return {Code::bad_input, "there is no tool number " + std::to_string(id) + "; add it first"};
}

Status ToolStore::begin_encoding(ToolId id) {
  std::shared_ptr<StoredTool> tool;
  if (Status s = require(id, tool); !s.ok()) return s;
  return model_.begin_tool(tool->tokens, tool->state);
}

Status ToolStore::advance_encoding(ToolId id, bool& done) {
  std::shared_ptr<StoredTool> tool;
  if (Status s = require(id, tool); !s.ok()) return s;
  done = tool->state.complete();
  if (!done) {
    if (!model_.encodes(tool->state)) return {Code::bad_input, "the tool's encoding was given up; begin it again"};
    done = model_.advance_encoding();
  }
  if (done) tool->embedding.assign(tool->state.embedding().begin(), tool->state.embedding().end());
  return {};
}

void ToolStore::forget_state(ToolId id) {
  if (const auto tool = find(id)) model_.forget_tool(tool->state);
}

std::span<const uint8_t> ToolStore::save_state(ToolId id) {
  const auto tool = find(id);
  return tool == nullptr ? std::span<const uint8_t>() : model_.save_tool(tool->state);
}

std::span<uint8_t> ToolStore::begin_restore(ToolId id, size_t bytes) {
  const auto tool = find(id);
  return tool == nullptr ? std::span<uint8_t>() : model_.begin_restore(bytes, tool->state);
}

Status ToolStore::restore_state(ToolId id) {
  std::shared_ptr<StoredTool> tool;
  if (Status s = require(id, tool); !s.ok()) return s;
  Status restored = model_.restore_tool(tool->state);
  if (restored.ok() && tool->state.tokens() != tool->tokens.size())
    restored = {Code::bad_input, "the stored tool is another one; encode the tool again"};
  if (!restored.ok()) model_.forget_tool(tool->state);
  else tool->embedding.assign(tool->state.embedding().begin(), tool->state.embedding().end());
  return restored;
}

bool ToolStore::set_embedding(ToolId id, std::span<const float> embedding) {
  const auto tool = find(id);
  if (tool == nullptr || embedding.size() != model_.config().contrastive_dim) return false;
  tool->embedding.assign(embedding.begin(), embedding.end());
  return true;
}

size_t ToolStore::state_bytes() const {
  size_t bytes = 0;
  for (const auto& [id, tool] : tools_) bytes += tool->state.bytes();
  return bytes;
}

}  // namespace thimble
