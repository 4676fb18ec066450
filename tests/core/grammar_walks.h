// Walks of an adversarial model through a grammar: random logits, so that any legal byte or token is
// as likely as any other, but a walk that has become long prefers to close what is open.
#pragma once

#include <bit>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/token_mask.h"

namespace grammar_test {

struct Random {
  std::mt19937_64 engine;
  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(engine); }
};

inline constexpr size_t kWordyBytes = 150;
inline constexpr size_t kLongestAnswer = 4000;  // then the walk is given up

struct Walk {
  std::string text;
  bool finished = false;
  std::string fault;  // not empty: the grammar broke its word
};

inline bool in_a_hurry(size_t written, Random& random) { return random.below(4) < (written > kWordyBytes ? 3u : 1u); }

inline size_t nth_of(const thimble::ByteSet& set, size_t nth) {
  size_t b = 0;
  while (!set[b] || nth-- > 0) ++b;
  return b;
}

inline Walk walk_bytes(thimble::CallGrammar& grammar, const thimble::CallOptions& options, Random& random) {
  Walk walk;
  thimble::CallState state;
  if (const thimble::Status s = grammar.start(options, state); !s.ok()) walk.fault = s.message;
  thimble::ByteSet closing, ascii = ~(~thimble::ByteSet() << 128);
  for (const char c : std::string_view("\"]}")) closing.set(static_cast<uint8_t>(c));
  while (walk.fault.empty() && !grammar.finished(state) && walk.text.size() < kLongestAnswer) {
    const thimble::ByteSet legal = grammar.next_bytes(state);
    if (legal.none()) walk.fault = "no byte is legal";
    else {
      thimble::ByteSet some = in_a_hurry(walk.text.size(), random) ? legal & closing : legal;
      if (some.none()) some = legal;
      if (random.below(4) != 0 && (some & ascii).any()) some &= ascii;  // patterns are
      const auto byte = static_cast<uint8_t>(nth_of(some, random.below(some.count())));
      grammar.advance(state, byte);
      walk.text += static_cast<char>(byte);
    }
  }
  walk.finished = walk.fault.empty() && grammar.finished(state);
  return walk;
}

/// Walks over the tokens of one vocabulary.
class TokenWalker {
 public:
  explicit TokenWalker(const thimble::Vocabulary& vocabulary) : vocabulary_(vocabulary), closing_(vocabulary.mask_words()) {
    for (size_t id = 0; id < vocabulary.tokenizer().size(); ++id)
      if (vocabulary.bytes(token(id)).find_first_of("\"]}") != std::string::npos) thimble::set_bit(closing_, token(id));
  }

  Walk walk(thimble::TokenGrammar& grammar, const thimble::CallOptions& options, Random& random) const {
    Walk walk;
    std::vector<thimble::TokenId> taken;
    if (const thimble::Status s = grammar.start(options); !s.ok()) walk.fault = s.message;
    while (walk.fault.empty() && !grammar.done() && grammar.text().size() < kLongestAnswer) {
      grammar.take_forced(taken);
      if (grammar.done()) break;
      const thimble::TokenId id = choose(grammar, random);
      if (id < 0) walk.fault = "no token is legal";
      else if (!mask_is_true(grammar, random)) walk.fault = "the mask differs from the bytes";
      else if (!grammar.accept(id)) walk.fault = "a token of the mask is not accepted";
      else taken.push_back(id);
    }
    walk.text = grammar.text();
    walk.finished = walk.fault.empty() && grammar.done();
    std::string spelled;
    for (const thimble::TokenId id : taken) spelled += vocabulary_.bytes(id);
    if (walk.finished && spelled.substr(vocabulary_.leading_space()) != walk.text) walk.fault = "the tokens spell another text";
    return walk;
  }

 private:
  static thimble::TokenId token(size_t id) { return static_cast<thimble::TokenId>(id); }

  thimble::TokenId choose(thimble::TokenGrammar& grammar, Random& random) const {
    thimble::Vocabulary::Mask some(grammar.mask().begin(), grammar.mask().end());
    if (in_a_hurry(grammar.text().size(), random))
      for (size_t w = 0; w < some.size(); ++w) some[w] &= closing_[w];
    if (count(some) == 0) some.assign(grammar.mask().begin(), grammar.mask().end());
    const size_t n = count(some);
    if (n == 0) return -1;
    size_t nth = random.below(n);
    for (size_t w = 0;; ++w)
      for (uint64_t word = some[w]; word != 0; word &= word - 1)
        if (nth-- == 0) return token(w * 64 + static_cast<size_t>(std::countr_zero(word)));
  }

  static size_t count(const thimble::Vocabulary::Mask& mask) {
    size_t n = 0;
    for (const uint64_t word : mask) n += static_cast<size_t>(std::popcount(word));
    return n;
  }

  /// Some tokens by the definition: legal if all bytes are.
  bool mask_is_true(thimble::TokenGrammar& grammar, Random& random) const {
    for (int i = 0; i < 8; ++i) {
      const thimble::TokenId id = token(random.below(vocabulary_.tokenizer().size()));
      thimble::CallState state = grammar.state();
      bool legal = !vocabulary_.bytes(id).empty();
      for (const char c : vocabulary_.bytes(id)) {
        legal = legal && grammar.grammar().legal(state, static_cast<uint8_t>(c));
        if (legal) grammar.grammar().advance(state, static_cast<uint8_t>(c));
      }
      if (thimble::has_bit(grammar.mask(), id) != legal) return false;
    }
    return true;
  }

  const thimble::Vocabulary& vocabulary_;
  thimble::Vocabulary::Mask closing_;
};

inline thimble::CallOptions random_options(Random& random) {
  thimble::CallOptions options;
  options.tool_choice = random.below(4) == 0 ? thimble::ToolChoice::automatic : thimble::ToolChoice::required;
  options.max_calls = static_cast<uint32_t>(random.below(3) + 1);
  return options;
}

}  // namespace grammar_test
