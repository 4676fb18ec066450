// Traces at the edges: characters beyond the basic plane, names that begin one another, the last legal
// digit, objects with nothing in them, lists of tools compiled apart.
#include "core/grammar_helpers.h"
#include "grammar/token_mask.h"

using namespace grammar_test;
using namespace thimble;

namespace {

const std::string kCall = R"([{"name":"t","arguments":{"x":)";

std::shared_ptr<const ToolSet> shared(const std::string& tools) { return std::make_shared<const ToolSet>(compile(tools)); }

}  // namespace

TEST_CASE("grammar: names and keys with escapes, beyond the basic plane, and beginning one another byte by byte") {
  // U+1F600 and U+1F601 share three bytes of four; surrogate pairs in the schema are one character.
  Trace t(R"([{"name":"\ud83d\ude00"},{"name":"\ud83d\ude01"},{"name":"\ud83d\ude00x"},{"name":"a\"b"},{"name":"a\\"},{"name":"a\nb"}])");
  const std::string name = R"([{"name":")";
  CHECK(t.next(name) == "a*");
  CHECK(t.forced(name + "\xF0") == "\x9F\x98");
  CHECK(t.next(name + "\xF0\x9F\x98") == "*");
  CHECK(t.next(name + "\xF0\x9F\x98\x80") == "\"x");
  CHECK(t.forced(name + "\xF0\x9F\x98\x81") == "\",\"arguments\":{}}");
  CHECK(t.legal_bytes(name + R"(\ud83d)") == name.size());  // what was an escape in the schema is none here
  CHECK(t.forced(name + "a") == "\\");
  CHECK(t.next(name + "a\\") == "\"\\n");
  CHECK(t.forced(name + "a\\\"") == R"(b","arguments":{}})");
  CHECK(t.forced(name + "a\\\\") == R"(","arguments":{}})");
  Trace keys(R"([{"name":"t","parameters":{"type":"object","properties":{"é":{"const":1},"éa":{"const":2},"è":{"const":3},"":{"const":4},"\u0001":{"const":5}}}}])");
  const std::string call = R"([{"name":"t","arguments":{")";
  CHECK(keys.next(call) == "\"\\*");  // the empty key, the escaped control, the accents
  CHECK(keys.next(call + "\xC3") == "*");
  CHECK(keys.next(call + "é") == "\"a");
  CHECK(keys.only_way(call + "\\") == R"(u0001":5}})");
}

TEST_CASE("grammar: values beyond the basic plane, and bytes that form no character") {
  Trace t(tool_of(R"({"enum":["\ud83d\ude00","\ud83d\ude01b","\u0000","/","\u007f\u2028"]})"));
  CHECK(t.next(kCall + "\" ") == "/\\\x7f*");
  CHECK(t.forced(kCall + "\" \\") == R"(u0000"}})");
  CHECK(t.forced(kCall + "\" \x7f") == "\xE2\x80\xA8\"}}");
  CHECK(t.next(kCall + "\" \xF0\x9F\x98") == "*");
  CHECK(t.forced(kCall + "\" \xF0\x9F\x98\x81") == "b\"}}");
  Trace one(tool_of(R"({"type":"string","maxLength":1})"));
  CHECK(one.next(kCall + "\" \xF0\x9F\x98") == "*");  // still the first code point
  CHECK(one.next(kCall + "\" 😀") == "\"");
  CHECK(one.next(kCall + "\" \\u001f") == "\"");
  CHECK_FALSE(one.accepts(kCall + "\" \xED\xA0\xBD\xED\xB8\x80\"}}]"));  // a surrogate pair as CESU-8
}

TEST_CASE("grammar: the last legal digit at every bound") {
  Trace big(tool_of(R"({"type":"integer"})"));
  CHECK(big.next(kCall + "900719925474099") == "01}");
  CHECK(big.next(kCall + "9007199254740991") == "}");
  CHECK(big.next(kCall + "-900719925474099") == "01}");
  Trace zero(tool_of(R"({"type":"integer","minimum":0,"maximum":0})"));
  CHECK(zero.next(kCall) == "0");
  CHECK(zero.next(kCall + "0") == "}");
  Trace no_zero(tool_of(R"({"type":"integer","exclusiveMinimum":-2,"exclusiveMaximum":0})"));
  CHECK(no_zero.next(kCall) == "-");
  CHECK(no_zero.next(kCall + "-") == "1");
  Trace ends(tool_of(R"({"type":"number","minimum":-0.05,"exclusiveMaximum":0.1})"));
  CHECK(ends.next(kCall) == "-0");
  CHECK(ends.next(kCall + "-") == "0");
  CHECK(ends.next(kCall + "-0") == ".");  // -0 is 0, written otherwise
  CHECK(ends.next(kCall + "-0.") == "0");
  CHECK(ends.next(kCall + "-0.05") == "}");
  CHECK(ends.next(kCall + "-0.04") == "0123456789}");
  CHECK(ends.next(kCall + "-0.040000000000") == "0123456789");
  CHECK(ends.next(kCall + "0.") == "0");
  CHECK(ends.next(kCall + "0.0") == "0123456789");
  CHECK(ends.next(kCall + "0.0000000000000") == "123456789");  // the last decimal
  Trace digits(tool_of(R"({"type":"number"})"));
  CHECK(digits.next(kCall + "0.1234567890123") == "123456789}");  // 14 decimals
  CHECK(digits.next(kCall + "0.12345678901234") == "}");
  CHECK(digits.next(kCall + "123456789012345") == "0123456789}");
  CHECK(digits.next(kCall + "12345678901234.5") == "}");  // 15 digits
  Trace multiple(tool_of(R"({"type":"integer","minimum":-30,"maximum":250,"multipleOf":125})"));
  CHECK(multiple.next(kCall) == "012");
  CHECK(multiple.only_way(kCall + "2") == "50}}");
}

TEST_CASE("grammar: objects with nothing in them") {
  Trace none(R"([{"name":"t"},{"name":"u","parameters":{"type":"object","properties":{"x":{"type":"object"},"l":{"type":"array","items":{"type":"object"},"minItems":2}}}}])");
  CHECK(none.forced(R"([{"name":"t)") == R"(","arguments":{}})");
  const std::string call = R"([{"name":"u","arguments":{)";
  CHECK(none.next(call) == "\"}");
  CHECK(none.forced(call + R"("x":)") == "{}");
  CHECK(none.next(call + R"("x":{})") == ",}");
  CHECK(none.forced(call + R"("l":)") == "[{},{}");
  CHECK(none.next(call + R"("l":[{},{})") == ",]");
  CHECK(none.accepts(call + R"("x":{},"l":[{},{},{}]}}])"));
}

TEST_CASE("grammar: lists compiled apart make one grammar, and a name stands in one of them only") {
  const auto lights = shared(R"([{"name":"set","parameters":{"type":"object","required":["n"],"properties":{"n":{"enum":["on","off"]}}}}])");
  const auto alarms = shared(R"([{"name":"set_alarm","parameters":{"type":"object","properties":{"at":{"type":"integer","maximum":9,"minimum":8}}}}])");
  CallGrammar grammar(ToolSets{lights, alarms});
  CallState state;
  REQUIRE(grammar.start({}, state).ok());
  const std::string text = R"([{"name":"set_alarm","arguments":{"at":9}},{"name":"set","arguments":{"n":" off"}}])";
  for (const char c : text) {
    INFO(c);
    REQUIRE(grammar.legal(state, static_cast<uint8_t>(c)));
    grammar.advance(state, static_cast<uint8_t>(c));
  }
  CHECK(grammar.finished(state));
  CHECK(grammar.tool_count() == 2);
  CHECK(CallGrammar(ToolSets{lights, alarms, lights}).start({}, state).code == Code::bad_tools);
  CHECK(CallGrammar(ToolSets{}).start({ToolChoice::required, {}, 1}, state).code == Code::bad_input);
}

TEST_CASE("grammar: another query's tools are taken in a moment, and answers with them are their own") {
  const auto codes = shared(tool_of(R"({"type":"string","pattern":"^[A-Z]{2}$"})"));
  const auto others = shared(tool_of(R"({"type":"string","pattern":"^[a-z]{2}$"})"));
  TokenGrammar grammar(pieces().vocabulary, ToolSets{codes});
  std::vector<TokenId> begin;
  REQUIRE(pieces().tokenizer.encode(kCall + "\" ", begin).ok());
  const auto allows_byte = [&](const std::shared_ptr<const ToolSet>& set, char wanted) {
    grammar.set_tools({set});
    REQUIRE(grammar.start({}).ok());
    for (size_t i = 0; i + 1 < begin.size(); ++i) REQUIRE(grammar.accept(begin[i]));
    std::vector<TokenId> forced;
    bool found = false;
    for (TokenId id = 0; static_cast<size_t>(id) < pieces().tokenizer.size(); ++id)
      found = found || (has_bit(grammar.mask(), id) && pieces().vocabulary.bytes(id) == std::string(" ") + wanted);
    return found;
  };
  for (int round = 0; round < 2; ++round) {
    CHECK(allows_byte(codes, 'A'));
    CHECK_FALSE(allows_byte(codes, 'a'));
    CHECK(allows_byte(others, 'a'));
    CHECK_FALSE(allows_byte(others, 'A'));
  }
}
