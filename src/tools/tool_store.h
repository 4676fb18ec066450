// The tools that are registered. Each is tokenized, compiled and encoded by itself, once, and serves
// every query from then on: nothing is made anew for a query or for another tool.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/tool_schema.h"
#include "model/model.h"
#include "status.h"
#include "tokenizer/tokenizer.h"

namespace thimble {

struct ToolText;  // prompt/prompt.h

/// Never 0, and never given twice.
using ToolId = uint32_t;

struct StoredTool {
  std::string name;
  std::vector<TokenId> tokens;             // its segment
  std::shared_ptr<const ToolSet> grammar;  // of this tool alone
  SegmentState state;                      // complete once it was encoded or restored
  std::vector<float> embedding;            // of the contrastive head, [contrastive_dim]; once known, it outlives the state
};

/// The tool's segment. Fails with overflow if it is too long for the model.
Status tokenize_tool(const ToolText& tool, const Tokenizer& tokenizer, const Model& model, std::vector<TokenId>& tokens);

class ToolStore {
 public:
  /// Both must outlive the store.
  ToolStore(const Tokenizer& tokenizer, Model& model) : tokenizer_(tokenizer), model_(model) {}

  /// Tokenizes a tool, a JSON object as in prompt/prompt.h, and compiles its schema. Fails with bad_tools,
  /// naming the place as "tools[0]", or overflow.
  Status add(std::string_view tool_json, const SchemaOptions& schema, ToolId& id);
  /// Unknown ids are fine. Whoever holds the tool may go on using it.
  void drop(ToolId id);
  /// nullptr if there is none.
  std::shared_ptr<StoredTool> find(ToolId id) const;

  /// Encodes a tool in bounded pieces: Model::begin_tool and advance_encoding. Fails with bad_input if
  /// there is no such tool, or if its encoding was given up for another one: then begin again.
  Status begin_encoding(ToolId id);
  Status advance_encoding(ToolId id, bool& done);
  /// Frees the state; the embedding stays. A query that uses it ends.
  void forget_state(ToolId id);

  /// Bytes of a complete state, for a store, and the way back: Model::save_tool, begin_restore and
  /// restore_tool. Empty, or bad_input, for bytes that are not of this tool's size.
  std::span<const uint8_t> save_state(ToolId id);
  std::span<uint8_t> begin_restore(ToolId id, size_t bytes);
  Status restore_state(ToolId id);
  /// An embedding that was stored. False if it is not of the right size, or there is no such tool.
  bool set_embedding(ToolId id, std::span<const float> embedding);

  /// Of all states.
  size_t state_bytes() const;

 private:
  Status require(ToolId id, std::shared_ptr<StoredTool>& tool) const;

  const Tokenizer& tokenizer_;
  Model& model_;
  std::map<ToolId, std::shared_ptr<StoredTool>> tools_;
  ToolId last_id_ = 0;
};

}  // namespace thimble
