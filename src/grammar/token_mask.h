// Which tokens may come next, and which must: an answer grammar over a tokenizer's vocabulary.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "grammar/call_grammar.h"
#include "grammar/vocabulary.h"
#include "status.h"

namespace thimble {

/// One answer after the other. What is found out about the strings of a tool is kept, also for the
/// answers with other tools that come between. Use: set_tools() and start(); then until done(): take_forced(),
/// and unless that made it done, choose a token of mask() and accept() it.
class TokenGrammar {
 public:
  /// `vocabulary` must outlive this.
  TokenGrammar(const Vocabulary& vocabulary, ToolSet tools);
  TokenGrammar(const Vocabulary& vocabulary, ToolSets sets);

  /// The tools of the answers that start() begins from now on.
  void set_tools(ToolSets sets) { grammar_ = CallGrammar(std::move(sets)); }

  /// Begins an answer. Fails as CallGrammar::start does.
  Status start(const CallOptions& options);

  /// Appends the tokens that must come now to `out` and accepts them: the only legal token, or those
  /// that Tokenizer::encode gives for text that must follow, as far as nothing that may come later
  /// can change them. The tokenization is the one that the tokenizer would give. Stops where
  /// CallGrammar::asked says so.
  void take_forced(std::vector<TokenId>& out);

  /// Legal tokens, never none: bit id % 64 of word id / 64. When done() only eos.
  std::span<const uint64_t> mask();
  /// Only for a token of mask(); false otherwise, and nothing changes.
  bool accept(TokenId token);

  /// Where text() will hold the value at which or in which it ends, or held the last one.
  size_t value_begin() const { return value_begin_; }
  /// CallGrammar::widen, if `token` can come then.
  bool widen_for(TokenId token);

  bool done() const { return grammar_.finished(state_); }
  /// The answer so far, as answer_text.
  std::string_view text() const { return std::string_view(text_).substr(text_.empty() ? 0 : vocabulary_.leading_space()); }
  const CallGrammar& grammar() const { return grammar_; }
  const CallState& state() const { return state_; }

 private:
  struct Token {
    TokenId id;
    size_t begin;  // byte of text_
  };

  struct Spot {
    CallState state;
    ByteSet next;
  };
  /// The shared_ptr keeps the automaton's address from being taken by another. bool: before the space.
  using AutomatonSpot = std::tuple<std::shared_ptr<const CharDfa>, CharDfa::State, bool>;

  void advance(TokenId token);
  TokenId only_token();
  bool take_canonical(std::vector<TokenId>& out);
  size_t last_separation(std::string_view text, size_t from, const CallState& behind) const;
  size_t last_boundary(std::string_view whole) const;
  bool encode(std::string_view whole, size_t from, std::vector<Token>& out) const;

  void build_mask();
  void walk(const PieceTrie& trie, const CallState& from);
  bool mark_string(const ScalarState& scalar);
  void walk_string(const ScalarState& scalar);
  void mark_automaton(const ScalarState& scalar);
  void unmark_used(const ScalarState& scalar, const Vocabulary::Mask& fill, const Vocabulary::Mask& leave_room);
  void mark_all(std::span<const uint64_t> bits);

  const Vocabulary& vocabulary_;
  CallGrammar grammar_;
  CallState state_;
  std::string text_;            // with the leading space, if the tokenizer has one
  std::vector<Token> tokens_;
  size_t value_begin_ = 0;      // in text()
  Vocabulary::Mask mask_;
  bool mask_is_current_ = false;
  std::vector<Spot> stack_;                // of walk(), by depth
  std::vector<ScalarState> scalar_stack_;  // of walk_string()
  std::map<AutomatonSpot, Vocabulary::Mask> automaton_masks_;  // the plain pieces that may come
};

}  // namespace thimble
