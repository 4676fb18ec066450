#include "bench/grammar_bench.h"

#include <algorithm>
#include <memory>

#include "core/grammar_cases.h"
#include "grammar/token_mask.h"

namespace thimble::bench {
namespace {

constexpr size_t kCopies = 10;  // of two tools
constexpr int kRuns = 8;

/// The same tools or answers with names of their own.
std::string renamed(std::string text, const std::string& prefix) {
  for (const char* name : {"\"set_light", "\"send_message"})
    for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) text.insert(at + 1, prefix);
  return text;
}

template <class Body>
double once_ms(Clock now, const Body& body) {
  const double begin = now();
  body();
  return now() - begin;
}

template <class Body>
double fastest_ms(Clock now, const Body& body) {
  double best = 1e9;
  for (int i = 0; i < kRuns; ++i) best = std::min(best, once_ms(now, body));
  return best;
}

/// Writes `answers` and returns how often the model was asked.
size_t spell(TokenGrammar& grammar, const std::vector<std::vector<TokenId>>& answers) {
  size_t passes = 0;
  for (const std::vector<TokenId>& tokens : answers) {
    if (!grammar.start({}).ok()) return 0;
    std::vector<TokenId> taken;
    for (grammar.take_forced(taken); !grammar.done(); grammar.take_forced(taken)) {
      if (!grammar.accept(tokens[taken.size()])) return 0;
      taken.push_back(tokens[taken.size()]);
      ++passes;
    }
  }
  return passes;
}

}  // namespace

GrammarSpeed grammar_speed(std::vector<uint8_t> section, Clock now) {
  GrammarSpeed out;
  Tokenizer tokenizer;
  if (!Tokenizer::parse(section, tokenizer).ok()) return out;
  Vocabulary vocabulary;
  bool ok = true;
  const auto read = [&] { ok = ok && Vocabulary::create(tokenizer, vocabulary).ok(); };
  out.vocabulary_first_ms = once_ms(now, read);
  out.vocabulary_ms = fastest_ms(now, read);
  ToolSets sets;
  const auto compile = [&] {
    sets.clear();
    for (size_t i = 0; i < kCopies; ++i) {
      ToolSet set;
      ok = ok && compile_tools(renamed(grammar_test::kTools, "tool" + std::to_string(i) + "_"), {}, set).ok();
      sets.push_back(std::make_shared<const ToolSet>(std::move(set)));
    }
  };
  out.compile_us = 1000 * fastest_ms(now, compile) / (2 * kCopies);
  std::vector<std::vector<TokenId>> answers(grammar_test::kAnswers.size());
  for (size_t i = 0; i < answers.size(); ++i) ok = ok && tokenizer.encode(renamed(grammar_test::kAnswers[i], "tool7_"), answers[i]).ok();
  if (!ok) return {};
  TokenGrammar grammar(vocabulary, sets);
  out.join_us = 10 * fastest_ms(now, [&] { for (int i = 0; i < 100; ++i) grammar.set_tools(sets); });
  size_t passes = 0;
  const double first = once_ms(now, [&] { passes = spell(grammar, answers); });
  if (passes == 0) return {};
  out.passes = static_cast<double>(passes);
  out.first_pass_us = 1000 * first / out.passes;
  out.pass_us = 1000 * fastest_ms(now, [&] { spell(grammar, answers); }) / out.passes;
  return out;
}

}  // namespace thimble::bench
