// What the schema compiler refuses, with the place; patterns and formats; hostile input.
#include "core/grammar_helpers.h"

#include <ctime>

#include "grammar/pattern.h"
#include "grammar/token_mask.h"

using namespace grammar_test;
using thimble::Code;
using thimble::Status;
using thimble::ToolSet;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__EMSCRIPTEN__)
constexpr double kMostMilliseconds = 1000;  // sanitizers, or code that is not compiled yet
#else
constexpr double kMostMilliseconds = 100;
#endif

Status compile_status(const std::string& tools, thimble::SchemaOptions options = {}) {
  ToolSet set;
  const std::clock_t begin = std::clock();  // processor time: other programs do not count
  const Status status = thimble::compile_tools(tools, options, set);
  CHECK(1000.0 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC < kMostMilliseconds);
  return status;
}

std::string repeat(const std::string& text, size_t n) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out += text;
  return out;
}

bool matches(const std::string& pattern, std::string_view text) {
  std::string why;
  const auto dfa = thimble::compile_pattern(pattern, why);
  INFO(pattern);
  INFO(why);
  REQUIRE(dfa != nullptr);
  thimble::CharDfa::State s = 0;
  for (const char c : text) {  // ASCII
    s = dfa->next(s, static_cast<unsigned char>(c));
    if (s == thimble::CharDfa::kDead) return false;
  }
  return dfa->accepts(s);
}

}  // namespace

TEST_CASE("schema: what cannot be enforced is refused with its path and keyword") {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"type":"integer","not":{"const":5}})", "tools[0] (t).parameters.properties.x.not"},
      {R"({"type":"string","format":"regex"})", "x.format"},
      {R"~({"type":"string","pattern":"(?=a)"})~", "x.pattern"},
      {R"~({"type":"string","pattern":"(a)\\1"})~", "x.pattern"},
      {R"~({"type":"string","pattern":"^(a|b)*a(a|b){20}$"})~", "x.pattern"},
      {R"({"type":"string","pattern":"^[^\\x00-\\u{10FFFF}]$"})", "x.pattern"},
      {R"({"type":"number","multipleOf":0.01})", "x.multipleOf"},
      {R"({"type":"number","minimum":"3"})", "x.minimum"},
      {R"({"type":"integer","minimum":3,"maximum":2})", "x: no number"},
      {R"({"type":"integer","minimum":0.2,"maximum":0.8})", "x: no number"},
      {R"({"type":"integer","minimum":1,"maximum":6,"multipleOf":7})", "x: no number"},
      {R"({"type":"string","minLength":3,"maxLength":2})", "x.minLength"},
      {R"({"type":"string","minLength":-1})", "x.minLength"},
      {R"({"type":"string","pattern":"^abc$","maxLength":2})", "x.maxLength"},
      {R"({"type":"string","pattern":"^abc$","minLength":4})", "x.minLength"},
      {R"({"type":"strin"})", "x.type"},
      {R"({"enum":[]})", "x.enum"},
      {R"({"type":"integer","enum":["a"]})", "x.enum"},
      {R"({"enum":["a"],"const":"b"})", "x.enum"},
      {R"({"type":"array","items":{"type":"integer"},"minItems":3,"maxItems":2})", "x.minItems"},
      {R"({"type":"array","items":{"enum":[1,2]},"minItems":3,"uniqueItems":true})", "x.minItems"},
      {R"({"type":"array","items":{"type":"string","pattern":"a"},"uniqueItems":true})", "x.uniqueItems"},
      {R"({"type":"array","items":{"type":"x"}})", "x.items.type"},
      {R"({"type":"array","contains":{"type":"integer"}})", "x.contains"},
      {R"({"type":"object","properties":{"a":{"type":"boolean","if":{}}}})", "x.properties.a.if"},
      {R"({"type":"object","required":["a"]})", "x.properties: required names a"},
      {R"({"type":"object","patternProperties":{}})", "x.patternProperties"},
      {R"({"type":"object","properties":{"a":{},"a":{}}})", "a: the property stands twice"},
      {R"({"type":"integer","type":"string"})", "x.type: stands twice"},
      {R"({"oneOf":[{"type":"integer"},{"type":"number"}]})", "x.oneOf[1]: overlaps"},
      {R"({"oneOf":[{"const":"a"},{"type":"string"}]})", "x.oneOf[1]: overlaps"},
      {R"({"anyOf":[{"type":"object"},{"type":"object"}]})", "x.anyOf[1]: only one alternative can be an object"},
      {R"({"anyOf":[{"const":[1]},{"type":"array"}]})", "x.anyOf[1]: only one alternative can be an array"},
      {R"({"anyOf":[{"type":"integer"}],"minimum":3})", "x.minimum"},
      {R"({"allOf":[{"type":"integer"},{"minimum":3}]})", "x.allOf"},
      {R"({"$ref":"#/nowhere"})", "x.$ref"},
      {R"({"$ref":"http://example.org/x"})", "x.$ref"},
      {R"({"$ref":"#"})", "$ref"},
      {R"({"$ref":"#/properties/x"})", "refers to itself"},
      {"false", "x: false"},
      {"3", "x: a JSON Schema"}};
  for (const auto& entry : cases) {
    const std::string schema = entry.first, where = entry.second;
    const Status status = compile_status(tool_of(schema));
    INFO(schema);
    INFO(status.message);
    CHECK(status.code == Code::bad_tools);
    CHECK(status.message.find(where) != std::string::npos);
  }
}

TEST_CASE("schema: bad lists of tools are refused") {
  for (const char* bad : {"{}", "[{}]", R"([{"name":""}])", R"([{"name":"a"},{"name":"a"}])", R"([{"name":"a","parameters":[]}])",
                          R"([{"name":"a","parameters":{"type":"string"}}])", "[1]", "[", "\xff"})
    CHECK(compile_status(bad).code == Code::bad_tools);
  ToolSet set = compile(R"([{"name":"kept"}])");
  CHECK(thimble::compile_tools("[{}]", {}, set).code == Code::bad_tools);
  CHECK(set.tools.size() == 1);
}

TEST_CASE("schema: the caller may take over what cannot be enforced") {
  std::vector<std::string> left;
  thimble::SchemaOptions options;
  options.unenforced = &left;
  const Status status = compile_status(tool_of(R"({"type":"integer","not":{"const":5},"multipleOf":0.5})"), options);
  CHECK(status.ok());
  REQUIRE(left.size() == 2);
  CHECK(left[0] == "tools[0] (t).parameters.properties.x: not");
  CHECK(left[1] == "tools[0] (t).parameters.properties.x: multipleOf");
  left.clear();
  const std::string mistaken = tool_of(R"({"type":"array","items":{"type":"string"},"enum":["a","b"]})");
  CHECK(compile_status(mistaken, options).ok());
  REQUIRE(left.size() == 1);
  CHECK(left[0] == "tools[0] (t).parameters.properties.x: enum");
  CHECK(compile_status(mistaken).code == Code::bad_tools);
  CHECK(compile_status(tool_of(R"({"type":"integer","minimum":"x"})"), options).code == Code::bad_tools);
}

TEST_CASE("schema: hostile schemas end in an error or a grammar, soon") {
  const std::string open = R"({"type":"object","properties":{"p":)";
  CHECK(compile_status(tool_of(repeat(open, 100) + "true" + repeat("}}", 100))).code == Code::bad_tools);
  CHECK(compile_status(tool_of(repeat(open, 15) + "true" + repeat("}}", 15))).code == Code::bad_tools);
  std::string values;
  for (size_t i = 0; i < 60000; ++i) values += (i == 0 ? "\"value " : ",\"value ") + std::to_string(i) + "\"";
  CHECK(compile_status(tool_of("{\"enum\":[" + values + "]}")).ok());
  CHECK(allows("{\"enum\":[" + values + "]}", "\" value 59999\""));
  // Each definition holds the next one twice: 2^40 values, if each were copied.
  std::string defs = R"("d40":{"type":"integer"})";
  for (int i = 0; i < 40; ++i) {
    const std::string next = "{\"$ref\":\"#/$defs/d" + std::to_string(i + 1) + "\"}";
    defs += ",\"d" + std::to_string(i) + "\":{\"type\":\"object\",\"properties\":{\"a\":" + next + ",\"b\":" + next + "}}";
  }
  CHECK(compile_status(R"([{"name":"t","parameters":{"type":"object","$defs":{)" + defs + R"(},"properties":{"x":{"$ref":"#/$defs/d0"}}}}])").code ==
        Code::bad_tools);
  std::string chain = R"("d5000":{"type":"integer"})";
  for (int i = 0; i < 5000; ++i)
    chain += ",\"d" + std::to_string(i) + "\":{\"$ref\":\"#/$defs/d" + std::to_string(i + 1) + "\"}";
  CHECK(compile_status(R"([{"name":"t","parameters":{"type":"object","$defs":{)" + chain + R"(},"properties":{"x":{"$ref":"#/$defs/d0"}}}}])").code ==
        Code::bad_tools);
  for (const std::string& pattern : {repeat("(a?){50}", 20), repeat("(", 2000), std::string("((a{1000}){1000}){1000}"),
                                     repeat("(a|", 60) + repeat(")", 60) + "*" + repeat("[a-z]?", 200), std::string("^(a|b|ab)*(.*x.{30})$"), repeat("[^ab]", 900)}) {
    const Code code = compile_status(tool_of("{\"type\":\"string\",\"pattern\":\"" + pattern + "\"}")).code;
    CHECK((code == Code::ok || code == Code::bad_tools));
  }
  CHECK(allows("{\"enum\":[\"a\\u0000b\",\"\\ud83d\\ude00\"]}", "\" a\\u0000b\""));
  CHECK(allows("{\"enum\":[\"a\\u0000b\",\"\\ud83d\\ude00\"]}", "\" 😀\""));
  for (const char* lone : {R"({"enum":["\ud83d"]})", R"({"enum":["\ude00\ud83d"]})", R"({"const":"a\udfffb"})", R"({"type":"object","properties":{"\ud800":{}}})",
                           R"({"type":"string","pattern":"\ud83d"})"})
    CHECK(compile_status(tool_of(lone)).code == Code::bad_tools);
  CHECK(compile_status("[{\"name\":\"\\ud83d\"}]").code == Code::bad_tools);
  CHECK(compile_status(std::string("[{\"name\":\"a\0b\"}]", 16)).code == Code::bad_tools);  // a NUL as it is, not escaped
  CHECK(allows(R"({"type":"object","required":["\u0000"],"properties":{"\u0000":{"const":"\u0000"}}})", R"({"\u0000":" \u0000"})"));
  CHECK(compile_status(tool_of(R"({"type":"object","properties":{"a":{},"\u0061":{}}})")).code == Code::bad_tools);  // one key, spelled twice
}

TEST_CASE("schema: the grammar of a large enum or a pattern at its limit answers soon") {
  std::string values;
  for (size_t i = 0; i < 60000; ++i) values += (i == 0 ? "\"value " : ",\"value ") + std::to_string(i) + "\"";
  for (const std::string& schema : {"{\"enum\":[" + values + "]}", std::string(R"({"type":"string","pattern":"^(a|b)*a(a|b){9}$"})"),
                                    std::string(R"({"type":"string","pattern":"^[^ab]{500}$","maxLength":600})")}) {
    thimble::TokenGrammar grammar(pieces().vocabulary, compile(tool_of(schema)));
    REQUIRE(grammar.start({thimble::ToolChoice::required, {}, 1}).ok());
    std::vector<thimble::TokenId> taken;
    const std::clock_t begin = std::clock();
    for (int i = 0; i < 8 && !grammar.done(); ++i) {
      grammar.take_forced(taken);
      thimble::TokenId last = static_cast<thimble::TokenId>(pieces().tokenizer.size()) - 1;
      while (!thimble::has_bit(grammar.mask(), last)) --last;
      REQUIRE(grammar.accept(last));
    }
    CHECK(1000.0 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC < kMostMilliseconds);
  }
}

TEST_CASE("pattern: the subset of ECMAScript that is regular") {
  CHECK(matches("b", "abc"));
  CHECK_FALSE(matches("^b", "abc"));
  CHECK(matches("^ab*c$", "abbbc"));
  CHECK_FALSE(matches("^ab*c$", "abbb"));
  CHECK(matches("^a|c$", "xc"));
  CHECK_FALSE(matches("^(a|c)$", "xc"));
  CHECK(matches("^(?:a{2,3}?){2}$", "aaaaa"));
  CHECK_FALSE(matches("^(?:a{2,3}){2}$", "aaa"));
  CHECK(matches("^[^a-c\\]-]+$", "xyz"));
  CHECK_FALSE(matches("^[^a-c\\]-]+$", "x]z"));
  CHECK(matches("^[a-]$", "-"));
  CHECK(matches("^\\d{3}-\\w+\\s\\S\\.$", "123-a_B !."));
  CHECK(matches("^\\x41\\u0042\\u{43}\\cA\\0$", std::string_view("ABC\x01\x00", 5)));
  CHECK_FALSE(matches("^.$", "\n"));
  CHECK(matches("^(?<year>a)$", "a"));
  CHECK(matches("", "anything"));
  CHECK(matches("a{2,}", "xaay"));
  CHECK_FALSE(matches("^a{2,}$", "a"));
  CHECK(matches("(^|x)a($|y)", "xay"));
  std::string why;
  for (const char* bad : {"a**", "*a", "(a", "a)", "[a", "a{2", "a{3,2}", "\\", "\\b", "\\1", "\\p{L}", "(?!a)", "(?<=a)", "[b-a]", "[\\d-x]", "\\u12", "a{1001}", "^*", "]", "$a"})
    CHECK_MESSAGE(thimble::compile_pattern(bad, why) == nullptr, bad);
}

TEST_CASE("pattern: by code points, and never a string that cannot be completed") {
  CHECK(allows(R"({"type":"string","pattern":"^.$"})", "\" 😀\""));
  CHECK(allows(R"({"type":"string","pattern":"^[à-ü]+$"})", "\" éü\""));
  CHECK_FALSE(allows(R"({"type":"string","pattern":"^[à-ü]+$"})", "\" ÿ\""));
  CHECK(allows(R"({"type":"string","pattern":"^\\n\"\\\\$"})", "\" \\n\\\"\\\\\""));
  Trace t(tool_of(R"({"type":"string","pattern":"^(ab|abcd)$","maxLength":3})"));
  CHECK(t.only_way(R"([{"name":"t","arguments":{"x":)") == "\" ab\"}}");
  Trace even(tool_of(R"({"type":"string","pattern":"^(ab)*$","minLength":3,"maxLength":5})"));
  CHECK(even.only_way(R"([{"name":"t","arguments":{"x":)") == "\" abab\"}}");
  Trace control(tool_of(R"({"type":"string","pattern":"^[\\u0000-\\u0001]$"})"));
  CHECK(control.next(R"([{"name":"t","arguments":{"x":" \u000)") == "01");
}

TEST_CASE("formats: legal and illegal examples") {
  const std::pair<const char*, std::pair<const char*, const char*>> cases[] = {
      {"date", {"2000-02-29", "1900-02-29"}},
      {"time", {"23:59:59.5Z", "24:00:00Z"}},
      {"time", {"07:30:00+01:00", "07:30:00"}},
      {"date-time", {"2024-01-31T10:00:00Z", "2024-01-31 10:00:00Z"}},
      {"duration", {"P1Y2M3DT4H5M6S", "P1Y2D"}},
      {"duration", {"PT30M", "P"}},
      {"email", {"ada.l@mail.example.org", "ada@@example.org"}},
      {"hostname", {"a-b.example", "-a.example"}},
      {"ipv4", {"192.168.0.255", "192.168.0.256"}},
      {"uri", {"https://example.org:8080/a%20b?c=d#e", "example.org"}},
      {"uuid", {"123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000"}}};
  for (const auto& entry : cases) {
    const std::string schema = std::string("{\"type\":\"string\",\"format\":\"") + entry.first + "\"}";
    CHECK_MESSAGE(allows(schema, std::string("\" ") + entry.second.first + "\""), entry.second.first);
    CHECK_MESSAGE(!allows(schema, std::string("\" ") + entry.second.second + "\""), entry.second.second);
  }
}
