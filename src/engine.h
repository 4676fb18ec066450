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
#include "tools/tool_search.h"
#include "tools/tool_store.h"
#include "weights/weights.h"

namespace thimble {

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

  /// Tools that are registered one by one; null before open(), and with a model that reads all tools
  /// together with the query.
  ToolStore* store() { return store_ ? &*store_ : nullptr; }
  /// The tools of the queries from now on, in any order: all must be encoded by the time one begins.
  /// Fails with bad_input (no such tool), bad_tools (two of one name) or overflow (more than one
  /// context holds); then the old ones stay. The answer at work ends.
  Status select(std::span<const ToolId> ids);

  /// Which of many tools a query is about. begin_search encodes the query alone, in pieces; an answer at
  /// work ends. found() then ranks `ids`, whose embeddings are known (tools/tool_search.h), and gives the
  /// best, as many as have at most `max_tokens` tokens together.
  Status begin_search(std::string_view query);
  Status advance_search(bool& done);
  Status found(std::span<const ToolId> ids, size_t max_tokens, std::vector<ToolId>& out) const;

  /// The same as select() with a whole list (see prompt/prompt.h for its form), beside the store. With isolated tools
  /// each new tool is encoded here; tools whose text is unchanged keep their state. On error the old
  /// tools stay. `schema`: see grammar/tool_schema.h.
  Status set_tools(std::string_view tools_json, const SchemaOptions& schema = {});

  /// Begins the answer to `query`. Fails with overflow if the query is
  /// too long, with bad_input if the options cannot be met.
  Status begin(std::string_view query, const AnswerOptions& options = {});
  /// Does one bounded piece of it: a part of an encoder layer, or at most kTileRows decoder rows and a
  /// choice, or several where the query's own words were guessed right. `done`: the answer is complete.
  /// Fails with overflow if it grows too long for the decoder; that ends it.
  Status advance(bool& done);
  /// Answer_text so far (prompt/FORMAT.md); it only grows. Empty before begin().
  std::string_view text() const { return answering_ ? writer_->text() : std::string_view(); }
  /// The name that set_tools had for a tool which is called `written` in text().
  std::string_view tool_name(std::string_view written) const;
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
  using Tools = std::vector<std::shared_ptr<StoredTool>>;

  Status query_segment(std::string_view query, std::vector<TokenId>& out) const;
  Status set_isolated_tools(std::string_view tools_json, const SchemaOptions& schema);
  Status set_joint_tools(std::string_view tools_json, SchemaOptions schema);
  Status check_selection(const Tools& tools) const;
  Status encode_selection(const Tools& tools);
  void use_tools(Tools tools, ToolSets sets);
  Status find_tools(std::span<const ToolId> ids, Tools& out) const;
  Status decode_piece();
  void choose(size_t row);

  ModelLoader loader_;
  const KernelSet& kernels_;
  std::string metadata_;
  Calibration calibration_;
  Tokenizer tokenizer_;
  Vocabulary vocabulary_;
  Model model_;
  std::optional<ToolStore> store_;
  std::optional<ToolSearch> search_;  // once it is needed
  bool searching_ = false;
  Tools tools_;  // of a query; sorted by tokens: the order given cannot matter
  std::vector<const SegmentState*> tool_states_;
  std::vector<TokenId> tools_text_tokens_;  // format needle: the list's own tokens
  bool open_ = false;

  std::optional<AnswerWriter> writer_;  // for the tools set; none before open()
  bool answering_ = false;              // begin() was called for these tools
  bool plain_ = false;                  // AnswerOptions::plain
  std::string query_;
  std::vector<TokenId> query_tokens_;
  std::vector<TokenId> fed_;
  std::vector<float> few_logits_;
  AnswerCounts counts_;
};

}  // namespace thimble
