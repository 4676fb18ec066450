// Hand-written tools: what is forced, allowed and refused at each byte.
#include "core/grammar_helpers.h"

using namespace grammar_test;
using thimble::CallOptions;
using thimble::ToolChoice;

namespace {

const std::string kLights = R"([
  {"name":"set_light","parameters":{"type":"object","required":["room"],"properties":{
    "room":{"type":"string","enum":["kitchen","kitchenette","bedroom"]},
    "level":{"type":"integer","minimum":0,"maximum":100}}}},
  {"name":"set","parameters":{"type":"object","properties":{}}},
  {"name":"alarm"}])";

}  // namespace

TEST_CASE("grammar: an answer is a list of calls of the given tools") {
  Trace t(kLights);
  CHECK(t.next("") == "[");
  CHECK(t.next("[") == "]{");
  CHECK(t.accepts("[]"));
  CHECK(t.forced("[{") == R"("name":")");
  CHECK(t.next(R"([{"name":")") == "as");
  CHECK(t.next(R"([{"name":"set)") == "\"_");  // a name that begins another
  CHECK(t.forced(R"([{"name":"set")") == R"(,"arguments":{}})");
  CHECK(t.forced(R"([{"name":"a)") == R"(larm","arguments":{}})");
  CHECK(t.next(R"([{"name":"set","arguments":{}})") == ",]");
  CHECK(t.forced(R"([{"name":"set","arguments":{}},)") == R"({"name":")");
  CHECK(t.accepts(R"([{"name":"set","arguments":{}},{"name":"alarm","arguments":{}}])"));
  CHECK(t.next(R"([{"name":"set","arguments":{}}])") == "");
  CHECK(t.legal_bytes(R"([{"name":"sex)") == 12);
  CHECK(t.legal_bytes(R"([ )") == 1);
}

TEST_CASE("grammar: keys in order, required ones never passed over, null only for a required argument") {
  Trace t(kLights);
  const std::string call = R"([{"name":"set_light","arguments":{)";
  CHECK(t.forced(call) == R"("room":)");
  CHECK(t.next(call + R"("room":)") == "\"n");
  CHECK(t.forced(call + R"("room":n)") == "ull");
  CHECK(t.next(call + R"("room":null)") == ",}");
  CHECK(t.forced(call + R"("room":")") == " ");
  CHECK(t.next(call + R"("room":" )") == "bk");
  CHECK(t.next(call + R"("room":" kitchen)") == "\"e");
  CHECK(t.next(call + R"("room":" kitchen")") == ",}");
  CHECK(t.forced(call + R"("room":" kitchen",)") == R"("level":)");
  CHECK(t.next(call + R"("room":" kitchen","level":)") == "0123456789");
  CHECK(t.legal_bytes(call + R"("room":" kitchen","level":null)") == call.size() + 26);
  CHECK(t.accepts(call + R"("room":" kitchen","level":20}}])"));
}

TEST_CASE("grammar: optional keys may be left out, keys that begin one another are told apart") {
  Trace t(R"([{"name":"t","parameters":{"type":"object","required":["c"],"properties":{
    "a":{"type":"boolean"},"ab":{"type":"boolean"},"c":{"type":"boolean"},"\"\\é":{"const":1},"abc":{"type":"null"}}}}])");
  const std::string call = R"([{"name":"t","arguments":{)";
  CHECK(t.next(call) == "\"");
  CHECK(t.next(call + "\"") == "ac");
  CHECK(t.next(call + "\"a") == "\"b");
  CHECK(t.forced(call + "\"ab") == "\":");  // "abc" stands after the required c
  CHECK(t.next(call + R"("ab":true,")") == "c");
  CHECK(t.next(call + R"("ab":)") == "ft");
  CHECK(t.next(call + R"("c":)") == "fnt");
  CHECK(t.next(call + R"("c":true,")") == "\\a");
  CHECK(t.forced(call + R"("c":true,"\)") == R"("\\é":1)");
  CHECK(t.accepts(call + R"("c":true,"\"\\é":1,"abc":null}}])"));
  CHECK_FALSE(t.accepts(call + R"("c":true,"abc":null,"\"\\é":1}}])"));
  CHECK_FALSE(t.accepts(call + R"("a":true,"a":true,"c":true}}])"));
}

TEST_CASE("grammar: tool choice and the number of calls are exact") {
  Trace none(kLights, {ToolChoice::none, {}, 16});
  CHECK(none.next("[") == "]");
  Trace required(kLights, {ToolChoice::required, {}, 1});
  CHECK(required.next("[") == "{");
  CHECK(required.next(R"([{"name":"set","arguments":{}})") == "]");
  Trace named(kLights, {ToolChoice::named, "set", 2});
  CHECK(named.forced("") == R"([{"name":"set","arguments":{}})");
  CHECK(named.next(R"([{"name":"set","arguments":{}})") == ",]");
  CHECK(named.next(R"([{"name":"set","arguments":{}},{"name":"set","arguments":{}})") == "]");
  Trace nothing("[]");
  CHECK(nothing.forced("") == "[]");

  thimble::CallGrammar grammar(compile(kLights)), empty(compile("[]"));
  thimble::CallState state;
  CHECK(grammar.start({ToolChoice::named, "nobody", 1}, state).code == thimble::Code::bad_input);
  CHECK(grammar.start({ToolChoice::automatic, {}, 0}, state).code == thimble::Code::bad_input);
  CHECK(empty.start({ToolChoice::required, {}, 1}, state).code == thimble::Code::bad_input);
}

TEST_CASE("grammar: strings are canonical JSON in UTF-8") {
  Trace t(tool_of(R"({"type":"string"})"));
  const std::string call = R"([{"name":"t","arguments":{"x":)";
  CHECK(t.next(call) == "\"");
  CHECK(t.forced(call + "\"") == " ");
  CHECK(t.next(call + "\" \\") == "\"\\bfnrtu");
  CHECK(t.forced(call + "\" \\u") == "00");
  CHECK(t.next(call + "\" \\u00") == "01");
  CHECK(t.next(call + "\" \\u000") == "01234567bef");  // \b \t \n \f \r have short escapes
  CHECK(t.next(call + "\" \\u001") == "0123456789abcdef");
  CHECK(t.legal_bytes(call + "\" \\ud83d") == call.size() + 4);  // surrogates are never written
  CHECK(t.legal_bytes(call + "\" a\nb") == call.size() + 3);
  const auto text = [&](const std::string& inner) { return call + "\" " + inner + "\"}}]"; };
  for (const char* good : {"", " ", "é", "日本", "😀", "\x7f", "\\u0000", "\\n\\\"\\\\", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF", "\xEE\x80\x80"})
    CHECK(t.accepts(text(good)));
  for (const char* bad : {"\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
                          "\x80", "\xE2\x82", "\xE2\x82x", "\\/", "\\u0041", "\\u000a", "\\u000A"})
    CHECK_FALSE(t.accepts(text(bad)));
}

TEST_CASE("grammar: lengths count code points") {
  const std::string schema = R"({"type":"string","minLength":2,"maxLength":3})";
  CHECK_FALSE(allows(schema, "\" a\""));
  CHECK(allows(schema, "\" ab\""));
  CHECK(allows(schema, "\" \\n😀é\""));
  CHECK_FALSE(allows(schema, "\" abcd\""));
  Trace t(tool_of(schema));
  CHECK(t.next(R"([{"name":"t","arguments":{"x":" abc)") == "\"");
  CHECK(allows(R"({"type":"string","maxLength":0})", "\" \""));
}

TEST_CASE("grammar: integers keep to their bounds at every digit") {
  const std::string call = R"([{"name":"t","arguments":{"x":)";
  Trace level(tool_of(R"({"type":"integer","minimum":0,"maximum":100})"));
  CHECK(level.next(call) == "0123456789");
  CHECK(level.next(call + "0") == "}");
  CHECK(level.next(call + "1") == "0123456789}");
  CHECK(level.next(call + "10") == "0}");
  CHECK(level.next(call + "100") == "}");
  Trace gap(tool_of(R"({"type":"integer","minimum":-12,"maximum":120,"multipleOf":50})"));
  CHECK(gap.next(call) == "015");
  CHECK(gap.next(call + "1") == "0");
  CHECK(gap.forced(call + "1") == "");  // asked for: who wants another digit means another number
  Trace negative(tool_of(R"({"type":"integer","exclusiveMinimum":-21,"exclusiveMaximum":-7})"));
  CHECK(negative.next(call) == "-");
  CHECK(negative.next(call + "-") == "1289");
  CHECK(negative.next(call + "-2") == "0");
  CHECK(negative.next(call + "-1") == "0123456789");
  const std::string any = R"({"type":"integer"})";
  for (const char* good : {"0", "-1", "9007199254740991", "-9007199254740991"}) CHECK(allows(any, good));
  for (const char* bad : {"-0", "01", "9007199254740992", "-9007199254740992", "1.0", "1e3", "+1", "", "-"}) CHECK_FALSE(allows(any, bad));
  CHECK_FALSE(allows(R"({"type":"integer","format":"int32"})", "2147483648"));
  CHECK(allows(R"({"type":"integer","minimum":0.5,"maximum":1.5})", "1"));
}

TEST_CASE("grammar: numbers are plain decimals within their bounds") {
  const std::string any = R"({"type":"number"})";
  for (const char* good : {"0", "0.5", "-0.5", "12.25", "0.00000000000001", "99999.9999999999", "-9007199254740991"}) CHECK(allows(any, good));
  for (const char* bad : {"-0", "0.0", "1.50", "00.5", ".5", "1.", "1e3", "0.000000000000001", "1.23456789012345678", "-0.0"})
    CHECK_FALSE(allows(any, bad));
  const std::string call = R"([{"name":"t","arguments":{"x":)";
  Trace t(tool_of(R"({"type":"number","exclusiveMinimum":0,"maximum":1.25})"));
  CHECK(t.next(call) == "01");
  CHECK(t.next(call + "0") == ".");
  CHECK(t.next(call + "1") == ".}");
  CHECK(t.next(call + "1.") == "012");
  CHECK(t.next(call + "1.2") == "012345}");
  CHECK(t.next(call + "1.25") == "}");
  CHECK(t.next(call + "0.0") == "0123456789");
  CHECK(allows(R"({"type":"number","multipleOf":5})", "15"));
  CHECK_FALSE(allows(R"({"type":"number","multipleOf":5})", "15.5"));
  CHECK(allows(R"({"type":"number","minimum":1,"exclusiveMinimum":true})", "1.1"));
  CHECK_FALSE(allows(R"({"type":"number","minimum":1,"exclusiveMinimum":true})", "1"));
  CHECK(allows(R"({"type":"number","minimum":1e-7,"maximum":1e300})", "1"));
}

TEST_CASE("grammar: arrays count their items and keep them different") {
  const std::string two = R"({"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":2})";
  CHECK_FALSE(allows(two, "[]"));
  CHECK(allows(two, "[1]"));
  CHECK(allows(two, "[1,1]"));
  CHECK_FALSE(allows(two, "[1,2,3]"));
  const std::string call = R"([{"name":"t","arguments":{"x":)";
  Trace set(tool_of(R"({"type":"array","uniqueItems":true,"items":{"enum":["a","ab","b"]}})"));
  CHECK(set.next(call + R"([" ab"," )") == "ab");
  CHECK(set.next(call + R"([" ab"," a)") == "\"");
  CHECK(set.next(call + R"([" ab"," b"," a)") == "\"");
  CHECK(set.next(call + R"([" ab"," b"," a")") == "]");
  Trace digits(tool_of(R"({"type":"array","uniqueItems":true,"items":{"type":"integer","minimum":9,"maximum":11}})"));
  CHECK(digits.next(call + "[9,") == "1");
  CHECK(digits.next(call + "[9,1") == "01");
  CHECK(digits.next(call + "[9,10") == ",]");
  CHECK(digits.next(call + "[9,10,1") == "1");
  CHECK(digits.next(call + "[9,10,11") == "]");
  Trace words(tool_of(R"({"type":"array","uniqueItems":true,"items":{"type":"string","maxLength":1}})"));
  CHECK(words.next(call + R"([" a"," )").find('a') == std::string::npos);
  CHECK(words.next(call + R"([" a"," )").find('"') != std::string::npos);
  CHECK(words.next(call + R"([" "," )").find('"') == std::string::npos);
  CHECK(words.accepts(call + R"([" a"," "," é"," \n"]}}])"));
  CHECK_FALSE(words.accepts(call + R"([" \n"," \n"]}}])"));
  const std::string pair = R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"boolean"}],"items":{"type":"null"}})";
  CHECK(allows(pair, "[1,true,null,null]"));
  CHECK(allows(pair, "[]"));
  CHECK_FALSE(allows(pair, "[true]"));
  CHECK_FALSE(allows(R"({"type":"array","prefixItems":[{"type":"integer"}]})", "[1,2]"));
  CHECK(allows(R"({"type":"array"})", "[1,\" a\",false]"));
}

TEST_CASE("grammar: nested objects, unions and references") {
  const std::string nested = R"({"type":"object","required":["a"],"properties":{"a":{"type":["string","null","integer"]},
    "b":{"type":"array","items":{"type":"object","properties":{"c":{"type":"boolean"}}}}}})";
  CHECK(allows(nested, R"({"a":" x"})"));
  CHECK(allows(nested, R"({"a":null,"b":[{},{"c":true}]})"));
  CHECK_FALSE(allows(nested, R"({"b":[]})"));
  CHECK_FALSE(allows(R"({"type":"object","required":["a"],"properties":{"a":{"type":"integer"}}})", R"({"a":null})"));
  const std::string either = R"({"anyOf":[{"const":"auto"},{"type":"integer","minimum":5},{"type":"array","items":{"type":"string"}}]})";
  CHECK(allows(either, "\" auto\""));
  CHECK(allows(either, "7"));
  CHECK(allows(either, "[\" x\"]"));
  CHECK_FALSE(allows(either, "4"));
  CHECK(allows(R"({"anyOf":[{"enum":["ab"]},{"type":"string","pattern":"^a.$"}]})", "\" ac\""));
  CHECK(allows(R"({"oneOf":[{"type":"integer"},{"type":"string"}]})", "1"));
  CHECK(allows(R"({"type":"integer","enum":[1,"a",2.5,12,40],"maximum":20})", "12"));
  CHECK_FALSE(allows(R"({"type":"integer","enum":[1,"a",2.5,12,40],"maximum":20})", "40"));
  CHECK(allows(R"({"enum":[{"a":["b"]},[],{}]})", R"({"a":[" b"]})"));
  Trace t(R"([{"name":"t","parameters":{"type":"object","$defs":{"p":{"type":"object","properties":{"q":{"$ref":"#/$defs/n"}}},"n":{"const":5}},
    "properties":{"x":{"$ref":"#/$defs/p"},"y":{"$ref":"#/$defs/p"}}}}])");
  CHECK(t.accepts(R"([{"name":"t","arguments":{"x":{"q":5},"y":{}}}])"));
  Trace flat(R"([{"name":"t","parameters":{"n":{"type":"integer","required":true},"l":{"type":"array","items":"string"}}}])");
  CHECK(flat.accepts(R"([{"name":"t","arguments":{"n":1,"l":[" a"]}}])"));
  CHECK_FALSE(flat.accepts(R"([{"name":"t","arguments":{"l":[]}}])"));
  Trace named(R"([{"name":"t","parameters":{"properties":{"type":"integer"},"type":{"type":"boolean"}}}])");
  CHECK(named.accepts(R"([{"name":"t","arguments":{"properties":1,"type":true}}])"));
}

TEST_CASE("grammar: dates and times may be spoken where the caller asks for it") {
  const std::string date = R"({"type":"string","format":"date"})";
  CHECK(allows(date, "\" 2024-02-29\""));
  CHECK_FALSE(allows(date, "\" 2023-02-29\""));
  CHECK_FALSE(allows(date, "\" next friday\""));
  CHECK(allows(date, "\" next friday\"", true));
  CHECK_FALSE(allows(date, "\" \"", true));
  CHECK_FALSE(allows(R"({"type":"string","format":"uuid"})", "\" x\"", true));
}
