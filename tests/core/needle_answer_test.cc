// Answers of models of text format needle: what the grammar lets them write, and what is read from it.
#include "answer/answer.h"
#include "core/grammar_helpers.h"
#include "core/grammar_walks.h"
#include "core/load_engine.h"
#include "prompt/json.h"
#include "prompt/prompt.h"

using namespace grammar_test;
using namespace thimble;

namespace {

ToolSet compile_needle(const std::string& tools) {
  ToolSet set;
  const Status status = compile_tools(tools, {.format = TextFormat::needle}, set);
  INFO(status.message);
  REQUIRE(status.ok());
  return set;
}

bool accepts(const ToolSet& set, std::string_view text) {
  CallGrammar grammar{ToolSet(set)};
  CallState state;
  REQUIRE(grammar.start({}, state).ok());
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (grammar.legal(state, byte) != grammar.next_bytes(state)[byte]) FAIL("legal and next_bytes differ");
    if (!grammar.legal(state, byte)) return false;
    grammar.advance(state, byte);
  }
  return grammar.finished(state);
}

std::string call(const std::string& tool, const std::string& arguments) {
  return R"([{"name":")" + tool + R"(","arguments":{)" + arguments + "}}]";
}

/// Whether the value of tool_of(schema) can be `json`.
bool takes(const std::string& schema, const std::string& json) {
  return accepts(compile_needle(tool_of(schema)), call("t", R"("x":)" + json));
}

const std::string kTools = R"([
  {"name":"setVolume","parameters":{"type":"object","required":["level"],"properties":{
    "level":{"type":"number","minimum":0,"maximum":100},"room":{"enum":["Büro","kitchen"]}}}},
  {"name":"Send-Mail","parameters":{"type":"object","properties":{"to":{"type":"string"},"text":{"type":"string","maxLength":20}}}}])";

struct NeedlePieces {
  std::unique_ptr<Engine> engine = load_engine("reference/reference-f32.san");
  Vocabulary vocabulary;
  NeedlePieces() { REQUIRE(Vocabulary::create(engine->tokenizer(), vocabulary, TextFormat::needle).ok()); }
};

const NeedlePieces& needle_pieces() {
  static const NeedlePieces made;
  return made;
}

/// The answer of a model that wants to say `wanted`, in the tokens that the tokenizer gives it.
struct Said {
  std::string text;
  Answer answer;
};

Said say(const std::string& wanted, const std::string& query, const AnswerOptions& options = {}) {
  const Vocabulary& vocabulary = needle_pieces().vocabulary;
  std::vector<TokenId> tokens = {vocabulary.tokenizer().eos(), vocabulary.tokenizer().tool_call()};
  std::vector<TokenId> ids;
  REQUIRE(vocabulary.tokenizer().encode(wanted, ids).ok());
  tokens.insert(tokens.end(), ids.begin(), ids.end());
  AnswerWriter writer(vocabulary, compile_needle(kTools));
  REQUIRE(writer.start(query, options).ok());
  size_t read = 0;
  while (!writer.done()) {
    REQUIRE_FALSE(writer.unread().empty());
    for (size_t i = 0; i < writer.unread().size(); ++i) {
      REQUIRE(read + i < tokens.size());
      CHECK(writer.unread()[i] == tokens[read + i]);
    }
    read += writer.unread().size();
    writer.mark_read(writer.unread().size());
    std::vector<float> logits(vocabulary.tokenizer().size());
    REQUIRE(read < tokens.size());
    logits[static_cast<size_t>(tokens[read])] = 30;
    writer.choose(logits);
  }
  return {std::string(writer.text()), read_answer(writer, query, Calibration())};
}

}  // namespace

TEST_CASE("needle: strings are ASCII, with the escapes of Python's json.dumps, and without an extra space") {
  const std::string any = R"({"type":"string"})";
  for (const char* text : {R"("")", R"("Paris")", R"(" Paris")", R"("Caf\u00e9 \"x\" \\ \n\u0001\u007f")", R"("\ud83d\ude00!")", R"("\u6771\uffff\ue000\u0080\ud7ff\udbff\udfff")"}) {
    INFO(text);
    CHECK(takes(any, text));
  }
  for (const char* text : {"\"Caf\u00e9\"", "\"\x7f\"", R"("\u00E9")", R"("\u0041")", R"("\u000a")", R"("\u0020")", R"("\ud83d")",
                           R"("\ud83dx")", R"("\ud83d\u0041")", R"("\ud83d\ud83d")", R"("\ude00")", R"("\/")", R"("\u00g0")"}) {
    INFO(text);
    CHECK_FALSE(takes(any, text));
  }
}

TEST_CASE("needle: escapes count as the characters that they are") {
  CHECK(takes(R"({"type":"string","maxLength":2})", R"("\ud83d\ude00\u00e9")"));
  CHECK_FALSE(takes(R"({"type":"string","maxLength":2})", R"("\ud83d\ude00\u00e9x")"));
  CHECK_FALSE(takes(R"({"type":"string","minLength":2})", R"("\ud83d\ude00")"));
  const std::string pattern = "{\"type\":\"string\",\"pattern\":\"^[a-z\u00e9\U0001F600]+$\"}";
  CHECK(takes(pattern, R"("caf\u00e9\ud83d\ude00")"));
  CHECK_FALSE(takes(pattern, R"("caf\u00e8")"));
  CHECK_FALSE(takes(pattern, R"("\ud83d\ude01")"));
  CHECK(takes("{\"enum\":[\"B\u00fcro\",\"kitchen\"]}", R"("B\u00fcro")"));
  CHECK_FALSE(takes("{\"enum\":[\"B\u00fcro\",\"kitchen\"]}", R"(" kitchen")"));
  const std::string unique = R"({"type":"array","uniqueItems":true,"items":{"type":"string","maxLength":1}})";
  CHECK(takes(unique, R"(["\u00e9","\u00e8"])"));
  CHECK_FALSE(takes(unique, R"(["\u00e9","\u00e9"])"));
  CHECK_FALSE(takes(unique, R"(["\ud83d\ude00","\ud83d\ude00"])"));
}

TEST_CASE("needle: numbers may end in zeros, as Python writes them, and stay within their bounds") {
  const std::string range = R"({"type":"number","minimum":0,"maximum":10})";
  for (const char* text : {"5", "5.0", "0.0", "10.0", "2.50"}) CHECK(takes(range, text));
  for (const char* text : {"10.01", "5.", "05", "-0.0"}) CHECK_FALSE(takes(range, text));
  CHECK_FALSE(takes(R"({"type":"integer"})", "5.0"));
  CHECK_FALSE(allows(range, "5.0"));
  const std::string unique = R"({"type":"array","uniqueItems":true,"minItems":MIN,"items":{"type":"number","minimum":5,"maximum":6}})";
  const auto of_min = [&](const char* min) { return std::string(unique).replace(unique.find("MIN"), 3, min); };
  CHECK(takes(of_min("1"), "[5,6.0]"));
  CHECK_FALSE(takes(of_min("1"), "[5,5.0]"));
  CHECK_FALSE(takes(of_min("1"), "[5.50,5.5]"));
  ToolSet set;
  const std::string one = R"({"type":"array","uniqueItems":true,"minItems":2,"items":{"type":"number","minimum":5,"maximum":5}})";
  CHECK(compile_tools(tool_of(one), {.format = TextFormat::needle}, set).code == Code::bad_tools);
}

TEST_CASE("needle: tools have snake_case names, and names that become one are refused") {
  const ToolSet set = compile_needle(kTools);
  CHECK(accepts(set, call("set_volume", R"("level":5)")));
  CHECK(accepts(set, call("send_mail", R"("to":"Ann")")));
  CHECK_FALSE(accepts(set, call("setVolume", R"("level":5)")));
  ToolSet other;
  const Status clash = compile_tools(R"([{"name":"getTime"},{"name":"get-time"}])", {.format = TextFormat::needle}, other);
  CHECK(clash.code == Code::bad_tools);
  CHECK(clash.message == "tools[1] (get-time): this model calls it get_time, and getTime as well; rename one");
}

TEST_CASE("needle: a required argument may be left out, but is not null") {
  const ToolSet set = compile_needle(kTools);
  CHECK(accepts(set, call("set_volume", R"("room":"kitchen")")));
  CHECK(accepts(set, call("set_volume", "")));
  CHECK_FALSE(accepts(set, call("set_volume", R"("level":null)")));
  CHECK(takes(R"({"type":["integer","null"]})", "null"));
}

TEST_CASE("needle: every walk ends in a text that json.dumps would have written") {
  const std::string tools = R"([{"name":"t","parameters":{"type":"object","properties":{
    "a":{"type":"string"},"b":{"type":"string","maxLength":3},"c":{"type":"array","items":{"type":"string","minLength":1,"maxLength":1},"uniqueItems":true},
    "d":{"type":"string","pattern":"^[^a-y]{2,5}$"},"é":{"enum":["ä","😀",7]}}}}])";
  CallGrammar grammar(compile_needle(tools));
  TokenGrammar tokens(needle_pieces().vocabulary, compile_needle(tools));
  const TokenWalker walker(needle_pieces().vocabulary);
  Random random{std::mt19937_64(7)};
  size_t finished = 0, escaped = 0;
  const auto check = [&](const Walk& walk) {
    CHECK(walk.fault == "");
    if (!walk.finished) return;
    INFO(walk.text);
    rapidjson::Document parsed;
    std::string again;
    REQUIRE(json::parse(walk.text, parsed));
    json::append_value(parsed, json::Strings::ascii, json::Numbers::python, again);
    CHECK(again == walk.text);
    ++finished;
    escaped += walk.text.find("\\u") != std::string::npos;
  };
  for (int i = 0; i < 300; ++i) check(walk_bytes(grammar, {}, random));
  for (int i = 0; i < 100; ++i) check(walker.walk(tokens, {}, random));
  CHECK(finished > 200);
  CHECK(escaped > 20);  // how many depends on the library's distributions
}

TEST_CASE("needle: what the model wants to write is written if it is legal, in its own tokens, and read with the page's names") {
  const std::string query = "Büro to 20, tell Ann «hi»";
  const std::string wanted = R"([{"name":"set_volume","arguments":{"level":20.0,"room":"B\u00fcro"}},{"name":"send_mail","arguments":{"to":"Ann","text":" \u00abhi\u00bb"}}])";
  for (const Grounding grounding : {Grounding::free, Grounding::strict}) {
    const Said said = say(wanted, query, {.grounding = grounding});
    CHECK(said.text == wanted);
    REQUIRE(said.answer.calls.size() == 2);
    const AnsweredCall& volume = said.answer.calls[0];
    const AnsweredCall& mail = said.answer.calls[1];
    CHECK(said.answer.outcome == Answer::Outcome::call);
    CHECK(volume.tool == "setVolume");
    CHECK(volume.arguments == R"({"level":20.0,"room":"B\u00fcro"})");
    CHECK(mail.tool == "Send-Mail");
    CHECK(mail.arguments == R"({"to":"Ann","text":" \u00abhi\u00bb"})");
    REQUIRE(volume.evidence.size() == 2);
    REQUIRE(volume.evidence[1].span);
    CHECK(query.substr(volume.evidence[1].span->begin, 5) == "Büro");
    REQUIRE(mail.evidence[1].span);
    CHECK(said.answer.confidence > 0.99);
  }
  CHECK(say("[]", "nothing").answer.outcome == Answer::Outcome::irrelevant);
}

TEST_CASE("needle: what is not said is missing, what the schema forbids is invalid") {
  const Said missing = say(call("set_volume", R"("room":"kitchen")"), "kitchen");
  CHECK(missing.answer.outcome == Answer::Outcome::missing);
  CHECK(missing.answer.calls[0].missing == std::vector<std::string>{"level"});
  CHECK(missing.answer.calls[0].arguments == R"({"room":"kitchen"})");
  const Said invalid = say(call("set_volume", R"("level":150)"), "150");
  CHECK(invalid.answer.outcome == Answer::Outcome::invalid);
  CHECK(invalid.answer.calls[0].invalid[0].value == "150");
  const Said garage = say(call("set_volume", R"("level":1,"room":" garage")"), "garage");
  CHECK(garage.answer.calls[0].invalid[0].value == R"(" garage")");
  const Said other_case = say(call("set_volume", R"("level":1,"room":"b\u00dcRO")"), "büro");
  CHECK(other_case.answer.calls[0].arguments == R"({"level":1,"room":"B\u00fcro"})");
}

TEST_CASE("needle: a checkpoint of the original answers within the grammar") {
  const auto engine = load_engine("reference/reference-f32.san");
  const std::vector<uint8_t> bytes = read_test_file("reference/cases.json");
  rapidjson::Document cases;
  REQUIRE(json::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, cases));
  size_t complete = 0, endless = 0;
  for (const json::Value& c : cases["cases"].GetArray()) {
    const std::string query(json::view(c["query"])), tools(json::view(c["tools"]));
    INFO(query.substr(0, 100));
    REQUIRE(engine->set_tools(tools).ok());
    REQUIRE(engine->begin(query, {.max_calls = 2}).ok());
    Status status;
    bool done = false;
    while (status.ok() && !done) status = engine->advance(done);
    if (!status.ok()) {  // a loop inside a string: the weights are random
      CHECK(status.code == Code::overflow);
      ++endless;
      continue;
    }
    ++complete;
    Answer answer;
    REQUIRE(engine->answer(answer).ok());
    const std::string text(engine->text());
    INFO(text);
    const ToolSet set = compile_needle(tools);
    if (answer.outcome != Answer::Outcome::invalid) CHECK(accepts(set, text));
    for (const AnsweredCall& one : answer.calls)
      CHECK(std::any_of(set.tools.begin(), set.tools.end(), [&](const ToolSpec& tool) { return tool.name == one.tool; }));
  }
  MESSAGE(complete << " complete, " << endless << " endless");
  CHECK(complete + endless == 36);
  CHECK(complete > 0);
}

TEST_CASE("needle: a list that leaves no room for a query is refused, and so is a query that does not fit") {
  const auto engine = load_engine("reference/reference-f32.san");
  REQUIRE(engine->set_tools(kTools).ok());
  std::string list = "[";
  for (int i = 0; i < 60; ++i) list += (i > 0 ? "," : "") + (R"({"name":"tool)" + std::to_string(i)) + R"(","description":"Does something with the thing that was said"})";
  CHECK(engine->set_tools(list + "]").code == Code::overflow);
  std::string query;
  for (int i = 0; i < 1200; ++i) query += " word";
  CHECK(engine->begin(query).code == Code::overflow);
  CHECK(engine->set_tools(R"([{"name":"getTime"},{"name":"get_time"}])").code == Code::bad_tools);
  CHECK(engine->tool_name("set_volume") == "setVolume");
}
