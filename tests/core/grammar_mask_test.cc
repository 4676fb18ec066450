// Masks against the definition (a token is legal if all its bytes are), and forced tokens against the
// tokenizer. What they cost, tests/bench/grammar_bench.h measures.
#include "core/grammar_cases.h"
#include "core/grammar_helpers.h"
#include "grammar/token_mask.h"

using namespace grammar_test;
using namespace thimble;

namespace {

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
