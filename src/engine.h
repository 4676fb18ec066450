// Joins text and tensors: the story of one query, in order. Everything else in the core knows only
// one of the two.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "answer/answer.h"
#include "answer/writer.h"
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
  /// stays; the answer at work ends. `schema`: see grammar/tool_schema.h.
  Status set_tools(std::string_view tools_json, const SchemaOptions& schema = {});

  /// Begins the answer to `query`, in text format `thimble` only. Fails with overflow if the query is
  /// too long, with bad_input if the options cannot be met.
  Status begin(std::string_view query, const AnswerOptions& options = {});
  /// Does one bounded piece of it: a part of an encoder layer, or at most kTileRows decoder rows and a
  /// choice. `done`: the answer is complete. Fails with overflow if it grows too long for the decoder;
  /// that ends it.
  Status advance(bool& done);
  /// Answer_text so far (prompt/FORMAT.md); it only grows. Empty before begin().
  std::string_view text() const { return answering_ ? writer_->text() : std::string_view(); }
  /// The complete answer. Fails with bad_input before that.
  Status answer(Answer& out) const;
  std::string_view query() const { return query_; }
  const AnswerCounts& counts() const { return counts_; }

  /// Token ids that the model will read for `query` with the current tools.
  Status encoder_input(std::string_view query, EncoderInput& out) const;

  /// Encodes the query; the decoder then waits for its first token, eos.
  Status encode(std::string_view query);
  Status encode(std::span<const TokenId> query_segment);
  /// Feeds tokens to the decoder; the logits stay valid until the next step.
  Status step(std::span<const TokenId> tokens, std::span<const float>& logits);

  const Model& model() const { return model_; }

 private:
  struct Tool {
    std::vector<TokenId> tokens;
    std::shared_ptr<SegmentState> state;
  };

  Status set_isolated_tools(std::string_view tools_json, const SchemaOptions& schema);
  Status tokenize_tool(const ToolText& tool, std::vector<TokenId>& tokens) const;
  Status decode_piece();
  Tool* find_tool(const std::vector<TokenId>& tokens);

  ModelLoader loader_;
  const KernelSet& kernels_;
  std::string metadata_;
  Calibration calibration_;
  Tokenizer tokenizer_;
  Vocabulary vocabulary_;  // text format thimble
  Model model_;
  std::vector<Tool> tools_;               // sorted by tokens: the order given cannot matter
  std::vector<const SegmentState*> tool_states_;
  std::vector<TokenId> tools_text_tokens_;  // format needle: the list's own tokens
  bool open_ = false;

  std::optional<AnswerWriter> writer_;  // text format thimble: for the tools set
  bool answering_ = false;              // begin() was called for these tools
  std::string query_;
  AnswerCounts counts_;
};

}  // namespace thimble
