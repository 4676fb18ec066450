// Masks against the definition (a token is legal if all its bytes are), forced tokens against the
// tokenizer, and what both cost.
#include <ctime>

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
  const ByteSet next = grammar.grammar().next_bytes(grammar.state());
  for (size_t b = 0; b < next.size(); ++b) wrong += next[b] != grammar.grammar().legal(grammar.state(), static_cast<uint8_t>(b));
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

namespace {

/// Processor time of `body` in microseconds: other programs on the machine do not count.
template <class Body>
double cost(const Body& body) {
  const std::clock_t begin = std::clock();
  body();
  return 1e6 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

/// kTools `copies` times, under other names.
std::string many_tools(int copies) {
  std::string out = "[";
  for (int i = 0; i < copies; ++i) {
    std::string tools = kTools.substr(1, kTools.size() - 2);
    for (const char* name : {"\"set_light", "\"send_message"}) tools.insert(tools.find(name) + 1, "tool" + std::to_string(i) + "_");
    out += (i == 0 ? "" : ",") + tools;
  }
  return out + "]";
}

std::string renamed(std::string answer) {
  for (const char* name : {"\"set_light", "\"send_message"})
    for (size_t at = answer.find(name); at != std::string::npos; at = answer.find(name, at + 1)) answer.insert(at + 1, "tool7_");
  return answer;
}

}  // namespace

TEST_CASE("cost of compiling, masks and forced tokens at 20 tools, for information") {
  constexpr int kRounds = 20;
  const std::string tools = many_tools(10);
  ToolSet set;
  const double compiling = cost([&] { for (int i = 0; i < kRounds; ++i) set = compile(tools); });
  Vocabulary vocabulary;
  const double reading = cost([&] { REQUIRE(Vocabulary::create(pieces().tokenizer, vocabulary).ok()); });
  TokenGrammar grammar(pieces().vocabulary, set);
  size_t masks = 0, answers = 0;
  const auto spell = [&](bool with_masks) {
    for (const std::string& answer : kAnswers) {
      const std::vector<TokenId> tokens = encode(renamed(answer));
      REQUIRE(grammar.start({}).ok());
      std::vector<TokenId> taken;
      while (!grammar.done()) {
        if (!with_masks) grammar.take_forced(taken);
        if (grammar.done()) break;
        taken.push_back(tokens[taken.size()]);
        REQUIRE(grammar.accept(taken.back()));
        masks += with_masks;
      }
      ++answers;
    }
  };
  const double cold = cost([&] { spell(true); });
  masks = answers = 0;
  const double masking = cost([&] { for (int i = 0; i < kRounds; ++i) spell(true); });
  const auto tokens = static_cast<double>(masks);
  answers = 0;
  const double forcing = cost([&] { for (int i = 0; i < kRounds; ++i) spell(false); });
  MESSAGE("compile: " << compiling / (20 * kRounds) << " us a tool; vocabulary: " << reading << " us once");
  MESSAGE("mask: " << masking / tokens << " us a token (" << cold * kRounds / tokens << " with nothing cached)");
  MESSAGE("masks and forced tokens: " << forcing / static_cast<double>(answers) << " us an answer of " << tokens / static_cast<double>(answers) << " tokens");
  CHECK(masks > 0);
}
