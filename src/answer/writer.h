// Writes one answer, token by token: the grammar says what may come, the model's logits what does.
// Keeps what is worth knowing about the way: how sure each decision was, and which values the
// model would have written against the schema.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "answer/grounding.h"
#include "grammar/token_mask.h"
#include "status.h"

namespace thimble {

/// Where the text of free strings may come from: anywhere, or only from the query.
enum class Grounding { free, strict };

struct AnswerOptions {
  ToolChoice tool_choice = ToolChoice::automatic;
  std::string tool = {};    // for ToolChoice::named
  uint32_t max_calls = 16;  // at least 1
  Grounding grounding = Grounding::free;
  bool plain = false;  // one token a pass, all logits: what the faster ways are compared with
};

/// A token that was chosen among several, or that the grammar wants to be asked for.
struct Decision {
  size_t begin;           // byte of the answer's text where it begins
  float log_probability;  // natural; of the distribution over the legal tokens
};

/// A value that does not follow the schema (or, with Grounding::strict, the query).
struct LooseValue {
  enum Kind {
    said,        // as the model wants it
    garbled,     // the model wants what no string, number, boolean or null is; what is written is not what it means
    ungrounded,  // nothing in the query can be this value
  };
  size_t begin;  // byte of the answer's text where it begins
  Kind kind;
};

class AnswerWriter {
 public:
  /// `vocabulary` must outlive this.
  AnswerWriter(const Vocabulary& vocabulary, ToolSet tools);
  AnswerWriter(const Vocabulary& vocabulary, ToolSets sets);

  /// The tools of the answers from the next start() on; the answer at work ends.
  void set_tools(ToolSets sets) { grammar_.set_tools(std::move(sets)); }

  /// Begins an answer. Fails with bad_input if the options cannot be met.
  Status start(std::string_view query, const AnswerOptions& options);

  /// Tokens that the decoder must read, in this order, before choose(): first eos and <tool_call>, then
  /// what was chosen and what must follow it.
  std::span<const TokenId> unread() const { return std::span(tokens_).subspan(read_); }
  void mark_read(size_t tokens) { read_ += tokens; }
  /// Continues by the logits after the last token, [vocabulary].
  void choose(std::span<const float> logits);
  /// Where only these few tokens may come, and nothing else the model wants matters: their logits are
  /// enough. Else empty.
  std::span<const TokenId> few();
  /// The same choice by the logits of few(), in their order.
  void choose_few(std::span<const float> logits);
  /// Tokens that may come next, if the value at work goes on as the query does behind the same tokens:
  /// a guess, to be read together with unread() and then compared. `query`: its pieces.
  std::span<const TokenId> draft(std::span<const TokenId> query) const;
  bool done() const { return grammar_.done(); }

  /// The answer so far, as answer_text; it only grows. A loose value stands in it as the model said it.
  std::string_view text() const { return grammar_.text(); }
  const CallGrammar& grammar() const { return grammar_.grammar(); }
  std::span<const Decision> decisions() const { return decisions_; }
  std::span<const LooseValue> loose_values() const { return loose_; }
  size_t answer_tokens() const { return tokens_.size() - kStartTokens; }
  size_t forced_tokens() const { return answer_tokens() - decisions_.size(); }

 private:
  static constexpr size_t kStartTokens = 2;  // eos, <tool_call>

  bool is_loose() const;
  void loosen(std::span<const float> logits);
  std::span<const uint64_t> allowed();
  void take(TokenId token, float log_probability);

  const Vocabulary& vocabulary_;
  TokenGrammar grammar_;
  QuerySpans spans_;
  Grounding grounding_ = Grounding::free;
  std::vector<TokenId> tokens_;
  size_t read_ = 0;
  std::vector<TokenId> few_;
  std::vector<Decision> decisions_;
  std::vector<LooseValue> loose_;
};

}  // namespace thimble
