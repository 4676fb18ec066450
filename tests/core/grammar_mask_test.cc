// Masks against the definition (a token is legal if all its bytes are), forced tokens against the
// tokenizer, and what both cost.
#include <chrono>

#include "core/grammar_helpers.h"
#include "grammar/token_mask.h"

using namespace grammar_test;
using namespace thimble;

namespace {

const std::string kTools = R"([
  {"name":"set_light","parameters":{"type":"object","required":["room"],"properties":{
    "room":{"type":"string"},"level":{"type":"integer","minimum":0,"maximum":100},"color":{"enum":["red","warm white"]}}}},
  {"name":"send_message","parameters":{"type":"object","required":["to","text"],"properties":{
    "to":{"type":"string","format":"email"},"text":{"type":"string","maxLength":12},
    "tags":{"type":"array","uniqueItems":true,"items":{"type":"string","maxLength":4}},
    "code":{"type":"string","pattern":"^[A-Z]{2}-[0-9]+$"},"mode":{"anyOf":[{"const":"auto pilot"},{"type":"string","pattern":"^a"}]}}}}])";

bool legal_by_bytes(const CallGrammar& grammar, CallState state, const std::string& bytes) {
  for (const char c : bytes) {
    if (!grammar.legal(state, static_cast<uint8_t>(c))) return false;
    grammar.advance(state, static_cast<uint8_t>(c));
  }
  return !bytes.empty();
}

void check_mask(TokenGrammar& grammar) {
  const auto mask = grammar.mask();
  size_t wrong = 0, legal = 0;
  for (TokenId id = 0; static_cast<size_t>(id) < pieces().tokenizer.size(); ++id) {
    const bool expected = grammar.done() ? id == pieces().tokenizer.eos()
                                         : legal_by_bytes(grammar.grammar(), grammar.state(), pieces().vocabulary.bytes(id));
    wrong += has_bit(mask, id) != expected;
    legal += expected;
  }
  INFO(std::string(grammar.text()));
  CHECK(wrong == 0);
  CHECK(legal > 0);
}

std::vector<TokenId> encode(const std::string& text) {
  std::vector<TokenId> ids;
  REQUIRE(pieces().tokenizer.encode(text, ids).ok());
  return ids;
}

const std::vector<std::string> kAnswers = {
    R"([])",
    R"([{"name":"set_light","arguments":{"room":" kitchen","level":20,"color":" warm white"}}])",
    R"([{"name":"set_light","arguments":{"room":null}},{"name":"set_light","arguments":{"room":" a \"b\" 日本 😀\n","level":100}}])",
    R"([{"name":"send_message","arguments":{"to":" ada@example.org","text":" hello you","tags":[" a"," bcde"," \u0001"],"code":" AB-12","mode":" auto pilot"}}])"};

}  // namespace

TEST_CASE("mask: at every token of an answer the mask holds exactly the legal tokens") {
  TokenGrammar grammar(pieces().vocabulary, compile(kTools));
  for (const std::string& answer : kAnswers) {
    REQUIRE(grammar.start({}).ok());
    for (const TokenId id : encode(answer)) {
      check_mask(grammar);
      INFO(std::string(grammar.text()));
      REQUIRE(grammar.accept(id));
    }
    CHECK(grammar.done());
    CHECK(grammar.text() == answer);
    check_mask(grammar);
    CHECK(grammar.accept(pieces().tokenizer.eos()));
  }
}

TEST_CASE("mask: what is not in it is not accepted and changes nothing") {
  TokenGrammar grammar(pieces().vocabulary, compile(kTools));
  REQUIRE(grammar.start({}).ok());
  for (const TokenId bad : {-1, 0, 1, 4, static_cast<int>(pieces().tokenizer.size()), encode("{")[0]}) CHECK_FALSE(grammar.accept(bad));
  CHECK(grammar.text().empty());
}

TEST_CASE("forced tokens are those of the tokenizer, wherever the model stands in its own tokens") {
  TokenGrammar grammar(pieces().vocabulary, compile(kTools));
  size_t all = 0, forced = 0;
  for (const std::string& answer : kAnswers) {
    const std::vector<TokenId> expected = encode(answer);
    REQUIRE(grammar.start({}).ok());
    std::vector<TokenId> taken;
    while (!grammar.done()) {
      const size_t before = taken.size();
      grammar.take_forced(taken);
      forced += taken.size() - before;
      REQUIRE(taken.size() <= expected.size());
      CHECK(std::equal(taken.begin(), taken.end(), expected.begin()));
      if (grammar.done()) break;
      taken.push_back(expected[taken.size()]);
      REQUIRE(grammar.accept(taken.back()));
    }
    CHECK(taken == expected);
    all += expected.size();
  }
  CHECK(forced * 3 > all);
  MESSAGE(forced << " of " << all << " tokens forced");
}

TEST_CASE("forced tokens: bytes that are certain wait where the token is not") {
  TokenGrammar grammar(pieces().vocabulary, compile(tool_of(R"({"const":"a  b"})")));
  REQUIRE(grammar.start({ToolChoice::required, {}, 1}).ok());
  std::vector<TokenId> taken;
  grammar.take_forced(taken);
  CHECK(grammar.text() == R"([{"name":"t","arguments)");  // then `":{"` or `":{}}]`, for x may be left out
}

TEST_CASE("vocabulary: a tokenizer that cannot spell every byte is refused") {
  const std::vector<uint8_t> section = read_test_file("tokenizer/no_bytes.section");
  Tokenizer tokenizer;
  REQUIRE(Tokenizer::parse(section, tokenizer).ok());
  Vocabulary vocabulary;
  CHECK(Vocabulary::create(tokenizer, vocabulary).code == Code::bad_tokenizer);
}

TEST_CASE("cost of compiling and of masks, for information") {
  using Clock = std::chrono::steady_clock;
  const auto us_since = [](Clock::time_point begin) { return std::chrono::duration<double, std::micro>(Clock::now() - begin).count(); };
  std::string tools = "[";
  for (int i = 0; i < 20; ++i) {
    std::string tool = kTools.substr(1, kTools.size() - 2);
    for (const char* name : {"\"set_light", "\"send_message"})
      tool.insert(tool.find(name) + 1, "tool" + std::to_string(i) + "_");
    tools += (i == 0 ? "" : ",") + tool;
  }
  tools += "]";
  auto begin = Clock::now();
  TokenGrammar grammar(pieces().vocabulary, compile(tools));
  MESSAGE("compile: " << us_since(begin) / 40 << " us a tool");
  begin = Clock::now();
  Vocabulary vocabulary;
  REQUIRE(Vocabulary::create(pieces().tokenizer, vocabulary).ok());
  MESSAGE("vocabulary: " << us_since(begin) << " us");
  double total = 0, worst = 0, forcing = 0;
  size_t masks = 0;
  constexpr int kRounds = 20;
  for (int round = 0; round < kRounds; ++round)
    for (const std::string& answer : kAnswers) {
      REQUIRE(grammar.start({}).ok());
      std::string named = answer;
      for (const char* name : {"\"set_light", "\"send_message"})
        for (size_t at = named.find(name); at != std::string::npos; at = named.find(name, at + 1)) named.insert(at + 1, "tool7_");
      for (const TokenId id : encode(named)) {
        begin = Clock::now();
        grammar.mask();
        const double us = us_since(begin);
        total += us;
        if (round > 0) worst = std::max(worst, us);
        ++masks;
        REQUIRE(grammar.accept(id));
      }
      std::vector<TokenId> taken, expected = encode(named);
      REQUIRE(grammar.start({}).ok());
      while (!grammar.done()) {
        begin = Clock::now();
        grammar.take_forced(taken);
        forcing += us_since(begin);
        if (grammar.done()) break;
        taken.push_back(expected[taken.size()]);
        REQUIRE(grammar.accept(taken.back()));
      }
    }
  MESSAGE("mask: " << total / static_cast<double>(masks) << " us on average, at most " << worst << " us; take_forced: "
                   << forcing / (kRounds * static_cast<double>(kAnswers.size())) << " us an answer");
  CHECK(masks > 0);
}
