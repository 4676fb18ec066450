// Grounding of free strings: which tokens continue a span of the query.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/token_mask.h"

namespace thimble {

/// The spans of one query, byte by byte, as a string of answer_text writes them. A query has some
/// hundred bytes, so the places where a text stands are found by looking: no automaton is kept.
class QuerySpans {
 public:
  /// `query` as the model sees it: white space as the tokenizer leaves it.
  void set_query(std::string_view query, TextFormat format);

  /// Takes the tokens out of grammar.mask() that would make the string at which or in which the
  /// grammar stands something else than a span. The result is empty of tokens if no span fits. Where
  /// the grammar stands at no free string, it is grammar.mask() itself.
  std::span<const uint64_t> filter(TokenGrammar& grammar, const Vocabulary& vocabulary);

 private:
  void locate(std::string_view written);
  bool fits(const ToolSet& tools, ScalarState s, std::string_view bytes) const;

  std::string query_;         // escaped
  size_t lead_ = 0;           // bytes of a string before its own: the quote and the extra space
  std::vector<uint8_t> starts_;  // [i]: whether a character begins at query_[i]
  std::vector<size_t> ends_;  // where what is written of the string ends in query_
  ByteSet next_;              // what comes there
  Vocabulary::Mask mask_;
};

}  // namespace thimble
