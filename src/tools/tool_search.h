// Which of many tools a query is about: the contrastive head's opinion and the words that they share.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "tokenizer/tokenizer.h"
#include "tools/tool_store.h"

namespace thimble {

class ToolSearch {
 public:
  explicit ToolSearch(const Tokenizer& tokenizer);

  /// Numbers of the `tools` that score more than 0, best first, ties in the order of their tokens, which is
  /// canonical; each has an embedding. `query`: its pieces, `embedding`: its vector, [contrastive_dim], or empty without a head.
  ///
  ///   score = cosine(query, tool) + kWordWeight * words
  ///   words = sum of idf(w) over the words of the query that the tool has / the same over all its words
  ///   idf(w) = ln(1 + (N - n + 0.5) / (n + 0.5)), n of the N tools have w (Robertson and Zaragoza, 2009)
  ///
  /// Words are pieces of two bytes or more without their space and in small letters (ASCII).
  std::vector<size_t> rank(std::span<const TokenId> query, std::span<const float> embedding,
                           std::span<const std::shared_ptr<StoredTool>> tools) const;

 private:
  std::vector<TokenId> words_of(std::span<const TokenId> tokens) const;
  std::vector<float> word_scores(std::span<const TokenId> query, std::span<const std::shared_ptr<StoredTool>> tools) const;

  std::vector<TokenId> word_;  // [pieces]: the first piece of the same word, or -1 for none
};

}  // namespace thimble
