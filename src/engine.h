// Joins text and tensors: the story of one query, in order. Everything else in the core knows only
// one of the two.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/model.h"
#include "status.h"
#include "tokenizer/tokenizer.h"
#include "weights/weights.h"

namespace thimble {

struct ToolText;  // prompt/prompt.h

/// Encoder input of one query, as token ids: for tests and for the parity tool.
struct EncoderInput {
  std::vector<TokenId> query;               // the query segment (bidirectional: tools included)
  std::vector<std::vector<TokenId>> tools;  // one segment a tool, in canonical order
};

class Engine {
 public:
  /// `kernels` must outlive the engine; `max_file_bytes` bounds the memory a file may ask for.
  Engine(const KernelSet& kernels, size_t max_file_bytes);

  /// Write the file through it, then call open().
  ModelLoader& loader() { return loader_; }
  Status open();

  const Config& config() const { return model_.config(); }
  const std::string& metadata() const { return metadata_; }
  const Tokenizer& tokenizer() const { return tokenizer_; }
  size_t tool_cache_bytes() const;
  size_t scratch_bytes() const { return model_.scratch_bytes(); }

  /// Replaces the tool list (see prompt/prompt.h for its form). With isolated tools each new tool
  /// is encoded here, once; tools whose text is unchanged keep their state. On error the old list
  /// stays. step() then needs a new encode().
  Status set_tools(std::string_view tools_json);

  /// Token ids that the model will read for `query` with the current tools.
  Status encoder_input(std::string_view query, EncoderInput& out) const;

  /// Encodes the query; the decoder then waits for its first token, eos.
  Status encode(std::string_view query);
  Status encode(std::span<const TokenId> query_segment);
  /// Feeds tokens to the decoder; the logits stay valid until the next step.
  Status step(std::span<const TokenId> tokens, std::span<const float>& logits);

  /// Greedy answer of at most `max_tokens` tokens without any constraint, as the model writes it.
  Status generate(std::string_view query, size_t max_tokens, std::string& text);

  const Model& model() const { return model_; }

 private:
  struct Tool {
    std::vector<TokenId> tokens;
    std::shared_ptr<SegmentState> state;
  };

  Status set_isolated_tools(std::string_view tools_json);
  Status tokenize_tool(const ToolText& tool, std::vector<TokenId>& tokens) const;
  Tool* find_tool(const std::vector<TokenId>& tokens);

  ModelLoader loader_;
  const KernelSet& kernels_;
  std::string metadata_;
  Tokenizer tokenizer_;
  Model model_;
  std::vector<Tool> tools_;               // sorted by tokens: the order given cannot matter
  std::vector<const SegmentState*> tool_states_;
  std::vector<TokenId> tools_text_tokens_;  // format needle: the list's own tokens
  bool open_ = false;
};

}  // namespace thimble
