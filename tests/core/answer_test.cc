// What becomes of what a model wants to say: models that are told what to say stand in for the network.
#include "answer/answer.h"
#include "core/grammar_helpers.h"
#include "prompt/json.h"

#include <cmath>
#include <map>
#include <random>

using namespace grammar_test;
using namespace thimble;

namespace {

const std::string kTools = R"([
  {"name":"set_volume","parameters":{"type":"object","required":["level"],"properties":{
    "level":{"type":"integer","minimum":0,"maximum":100},"room":{"enum":["Living Room","kitchen"]},"step":{"enum":[10,20]}}}},
  {"name":"send","parameters":{"type":"object","required":["to","text"],"properties":{
    "to":{"type":"string","pattern":"^[A-Z]{2}-[0-9]+$"},"text":{"type":"string","maxLength":12},
    "copies":{"type":"array","items":{"type":"integer","maximum":9}},"urgent":{"type":"boolean"},
    "from":{"type":"object","required":["name"],"properties":{"name":{"type":"string","minLength":3},"age":{"type":"integer"}}}}}}])";

/// A model that wants to say `wanted`, a little less each of `others`, and after leaving all of them only to end.
class Parrot {
 public:
  Parrot(std::string wanted, float certainty, std::vector<std::string> others = {})
      : wanted_(std::move(wanted)), others_(std::move(others)), certainty_(certainty) {}

  std::vector<float> logits(const AnswerWriter& writer) const {
    const Vocabulary& vocabulary = pieces().vocabulary;
    std::vector<float> out(vocabulary.tokenizer().size(), 0.0f);
    for (size_t id = 0; id < out.size(); ++id) {
      const std::string& bytes = vocabulary.bytes(static_cast<TokenId>(id));
      if (bytes.starts_with('"')) out[id] = 2;
      if (bytes.starts_with('}') || bytes.starts_with(']')) out[id] = 1;
    }
    for (const std::string& other : others_) want(other, certainty_ - 0.3f, writer.text(), out);
    want(wanted_, certainty_, writer.text(), out);
    return out;
  }

 private:
  /// The longest piece with which `text` goes on after `written`; -1 if it does not.
  static TokenId next_of(std::string_view text, std::string_view written) {
    if (!text.starts_with(written) || text.empty()) return -1;
    const Vocabulary& vocabulary = pieces().vocabulary;
    const std::string rest = (written.empty() && vocabulary.leading_space() ? " " : "") + std::string(text.substr(written.size()));
    TokenId best = -1;
    size_t longest = 0;
    for (size_t id = 0; id < vocabulary.tokenizer().size(); ++id) {
      const std::string& bytes = vocabulary.bytes(static_cast<TokenId>(id));
      if (bytes.size() <= longest || !rest.starts_with(bytes)) continue;
      best = static_cast<TokenId>(id);
      longest = bytes.size();
    }
    return best;
  }

  static void want(std::string_view text, float logit, std::string_view written, std::vector<float>& out) {
    if (const TokenId id = next_of(text, written); id >= 0) out[static_cast<size_t>(id)] = logit;
  }

  std::string wanted_;
  std::vector<std::string> others_;
  float certainty_;
};

struct Said {
  Answer answer;
  std::string text;
  size_t forced = 0, tokens = 0;
};

Said say(const std::string& wanted, const std::string& query, const AnswerOptions& options = {}, float certainty = 30,
         const std::string& tools = kTools, const std::vector<std::string>& others = {}) {
  AnswerWriter writer(pieces().vocabulary, compile(tools));
  const Status started = writer.start(query, options);
  INFO(started.message);
  REQUIRE(started.ok());
  const Parrot parrot(wanted, certainty, others);
  for (int i = 0; !writer.done(); ++i) {
    REQUIRE(i < 300);
    REQUIRE_FALSE(writer.unread().empty());
    writer.mark_read(writer.unread().size());
    writer.choose(parrot.logits(writer));
  }
  return {read_answer(writer, query, Calibration()), std::string(writer.text()), writer.forced_tokens(), writer.answer_tokens()};
}

std::string call(const std::string& tool, const std::string& arguments) {
  return R"([{"name":")" + tool + R"(","arguments":{)" + arguments + "}}]";
}

/// Of the only call: outcome, arguments, missing and invalid, as one line.
std::string summary(const Answer& answer) {
  static const std::map<Answer::Outcome, std::string> kNames = {{Answer::Outcome::call, "call"}, {Answer::Outcome::irrelevant, "irrelevant"},
                                                                {Answer::Outcome::missing, "missing"}, {Answer::Outcome::invalid, "invalid"}};
  std::string out = kNames.at(answer.outcome);
  for (const AnsweredCall& c : answer.calls) {
    out += " " + c.tool + c.arguments;
    for (const std::string& name : c.missing) out += " missing:" + name;
    for (const InvalidValue& value : c.invalid) out += " invalid:" + value.path + "=" + value.value;
  }
  return out;
}

std::string outcome(const std::string& tool, const std::string& arguments) {
  return summary(say(call(tool, arguments), "a query").answer);
}

std::string span_text(const std::string& query, const std::optional<QuerySpan>& span) {
  return span ? query.substr(span->begin, span->end - span->begin) : "-";
}

}  // namespace

TEST_CASE("answer: what fits the schema is a call, [] is irrelevant, null for a required argument is missing") {
  CHECK(summary(say("[]", "a query").answer) == "irrelevant");
  CHECK(outcome("set_volume", R"("level":20,"room":" kitchen")") == R"(call set_volume{"level":20,"room":"kitchen"})");
  CHECK(outcome("set_volume", R"("level":null,"room":" kitchen")") == R"(missing set_volume{"room":"kitchen"} missing:level)");
  CHECK(outcome("send", R"("to":null,"text":null)") == "missing send{} missing:to missing:text");
  CHECK(outcome("send", R"("to":" AB-1","text":" hi","copies":[1,2],"urgent":true,"from":{"name":" Ada"})") ==
        R"(call send{"to":"AB-1","text":"hi","copies":[1,2],"urgent":true,"from":{"name":"Ada"}})");
  const std::string two = R"([{"name":"set_volume","arguments":{"level":1}},{"name":"set_volume","arguments":{"level":null}}])";
  CHECK(summary(say(two, "a query").answer) == R"(missing set_volume{"level":1} set_volume{} missing:level)");
}

TEST_CASE("answer: a value that the schema forbids is reported as it was said, not bent") {
  CHECK(outcome("set_volume", R"("level":150)") == R"(invalid set_volume{} invalid:["level"]=150)");
  CHECK(outcome("set_volume", R"("level":-5,"room":" kitchen")") == R"(invalid set_volume{"room":"kitchen"} invalid:["level"]=-5)");
  CHECK(outcome("set_volume", R"("level":2.5)") == R"(invalid set_volume{} invalid:["level"]=2.5)");
  CHECK(outcome("set_volume", R"("level":" loud")") == R"(invalid set_volume{} invalid:["level"]="loud")");
  CHECK(outcome("set_volume", R"("level":1,"room":" garage")") == R"(invalid set_volume{"level":1} invalid:["room"]="garage")");
  CHECK(outcome("set_volume", R"("level":1,"step":15)") == R"(invalid set_volume{"level":1} invalid:["step"]=15)");
  CHECK(outcome("send", R"("to":" AB-1","text":" hello you there")") == R"(invalid send{"to":"AB-1"} invalid:["text"]="hello you there")");
  CHECK(outcome("send", R"("to":" ABC-1","text":" hi")") == R"(invalid send{"text":"hi"} invalid:["to"]="ABC-1")");
  CHECK(outcome("send", R"("to":" AB-1","text":" hi","copies":[1,12,3],"urgent":true)") ==
        R"(invalid send{"to":"AB-1","text":"hi","copies":[1,3],"urgent":true} invalid:["copies",1]=12)");
  CHECK(outcome("send", R"("to":" AB-1","text":" hi","from":{"name":" Al","age":3})") ==
        R"(invalid send{"to":"AB-1","text":"hi","from":{"age":3}} invalid:["from","name"]="Al")");
}

TEST_CASE("answer: what can be normalised is") {
  CHECK(outcome("set_volume", R"("level":" 20 %")") == R"(call set_volume{"level":20})");
  CHECK(outcome("set_volume", R"("level":1,"room":" living room")") == R"(call set_volume{"level":1,"room":"Living Room"})");
  CHECK(outcome("set_volume", R"("level":1,"room":" KITCHEN")") == R"(call set_volume{"level":1,"room":"kitchen"})");
  CHECK(outcome("send", R"("to":" ab-12","text":" hi")") == R"(call send{"to":"AB-12","text":"hi"})");
}

TEST_CASE("answer: null for an optional argument leaves it out") {
  CHECK(outcome("send", R"("to":" AB-1","text":" hi","urgent":null)") == R"(call send{"to":"AB-1","text":"hi"})");
  CHECK(outcome("send", R"("to":" AB-1","text":" hi","from":{"name":" Ada","age":null})") ==
        R"(call send{"to":"AB-1","text":"hi","from":{"name":"Ada"}})");
}

TEST_CASE("answer: a model that is unsure stays within the schema") {
  const auto room = [](const std::string& name) { return call("set_volume", R"("level":1,"room":" )" + name + '"'); };
  const std::string others = summary(say(room("garage"), "a query", {}, 30, kTools, {room("kitchen"), room("Living Room")}).answer);
  CHECK(others.find("call set_volume{\"level\":1,\"room\":") == 0);
  CHECK(summary(say(room("garage"), "a query", {}, 30, kTools, {room("kitchen"), room("hall")}).answer) ==
        R"(invalid set_volume{"level":1} invalid:["room"]="garage")");
}

TEST_CASE("answer: a value that cannot be written at all is invalid, never another value") {
  const std::string tools = R"([{"name":"dial","parameters":{"type":"object","required":["number"],"properties":{"number":{"type":"integer"}}}}])";
  const Answer answer = say(call("dial", R"("number":123456789012345678901)"), "a query", {}, 30, tools).answer;
  CHECK(answer.outcome == Answer::Outcome::invalid);
  CHECK(answer.calls[0].arguments == "{}");
}

TEST_CASE("answer: tool choice and the number of calls bind the model, and nothing is asked where nothing is open") {
  const std::string volume = call("set_volume", R"("level":1)");
  CHECK(summary(say(volume, "q", {.tool_choice = ToolChoice::none}).answer) == "irrelevant");
  CHECK(say(volume, "q", {.tool_choice = ToolChoice::none}).answer.confidence == 1);
  CHECK(say("[]", "q", {.tool_choice = ToolChoice::required}).answer.calls.size() >= 1);
  const Said named = say("[]", "q", {.tool_choice = ToolChoice::named, .tool = "send", .max_calls = 1});
  REQUIRE(named.answer.calls.size() == 1);
  CHECK(named.answer.calls[0].tool == "send");
  const std::string twice = R"([{"name":"set_volume","arguments":{"level":1}},{"name":"set_volume","arguments":{"level":2}}])";
  CHECK(say(twice, "q", {}).answer.calls.size() == 2);
  CHECK(say(twice, "q", {.max_calls = 1}).answer.calls.size() == 1);
  AnswerWriter writer(pieces().vocabulary, compile(kTools));
  CHECK(writer.start("q", {.tool_choice = ToolChoice::named, .tool = "nobody"}).code == Code::bad_input);
  CHECK(writer.start("q", {.max_calls = 0}).code == Code::bad_input);
}

TEST_CASE("answer: most tokens of a call have to come, and cost no logits") {
  const Said said = say(call("set_volume", R"("level":20,"room":" kitchen")"), "a query");
  MESSAGE(said.forced << " of " << said.tokens << " tokens forced");
  CHECK(said.forced * 2 > said.tokens);
}

TEST_CASE("answer: confidence falls with doubt, from argument to call to answer") {
  const std::string wanted = call("set_volume", R"("level":20,"room":" kitchen")");
  float before = 0;
  for (const float certainty : {9.5f, 11.0f, 13.0f, 30.0f}) {
    const Answer answer = say(wanted, "20 in the kitchen", {}, certainty).answer;
    REQUIRE(answer.calls.size() == 1);
    REQUIRE(answer.calls[0].evidence.size() == 2);
    CHECK(answer.confidence > before);
    CHECK(answer.confidence <= 1);
    CHECK(answer.calls[0].confidence >= answer.confidence);
    for (const ArgumentEvidence& argument : answer.calls[0].evidence) CHECK(argument.confidence >= answer.calls[0].confidence);
    before = answer.confidence;
  }
  CHECK(before > 0.999);
  const float fitted[] = {1.0f, -0.5f, 0.3f};
  const Calibration calibration(fitted);
  CHECK(calibration.confidence(-0.1, false) == doctest::Approx(1 / (1 + std::exp(-(1 - 0.5 * std::log(0.1001))))));
  CHECK(calibration.confidence(-0.1, true) > calibration.confidence(-0.1, false));
  CHECK(calibration.confidence(-0.1, false) > calibration.confidence(-0.2, false));
  CHECK(Calibration(std::span(fitted, 2)).confidence(-0.1, false) == doctest::Approx(std::exp(-0.1)));
}

TEST_CASE("evidence: the words that a value was taken from") {
  const std::string query = "Send «Hallo Welt» to AB-12 x3, then 1,500 more in twenty-five minutes";
  const auto text = [&](const char* value) { return span_text(query, find_text(query, value, {})); };
  CHECK(text("hallo welt") == "Hallo Welt");
  CHECK(text("ab-12") == "AB-12");
  CHECK(text("more  in") == "more in");
  CHECK(text("minute") == "minute");  // the beginning of a word
  CHECK(text("inutes") == "-");
  CHECK(text("") == "-");
  CHECK(text("nothing of it") == "-");
  const auto number = [&](double value) { return span_text(query, find_number(query, value, {})); };
  CHECK(number(1500) == "1,500");
  CHECK(number(3) == "3");
  CHECK(number(25) == "twenty-five");
  CHECK(number(-1500) == "1,500");
  CHECK(number(7) == "-");
  const std::string other = "from -3.5 to two hundred and fifty, one two, a dozen; 3000";
  const auto in_other = [&](double value) { return span_text(other, find_number(other, value, {})); };
  CHECK(in_other(-3.5) == "-3.5");
  CHECK(in_other(3.5) == "-3.5");
  CHECK(in_other(250) == "two hundred and fifty");
  CHECK(in_other(1) == "one");
  CHECK(in_other(2) == "two");
  CHECK(in_other(12) == "dozen");
  CHECK(in_other(3000) == "3000");
  const std::string twins = "an apple and An  Apple", greek = "ΑΘΗΝΑ и МОСКВА, 東京タワー";
  const QuerySpan first = *find_text(twins, "an apple", {});
  CHECK(first.begin == 0);
  CHECK(span_text(twins, find_text(twins, "an apple", std::span(&first, 1))) == "An  Apple");
  CHECK(span_text(greek, find_text(greek, "αθηνα", {})) == "ΑΘΗΝΑ");
  CHECK(span_text(greek, find_text(greek, "Москва", {})) == "МОСКВА");
  CHECK(span_text(greek, find_text(greek, "осква", {})) == "-");
  CHECK(span_text(greek, find_text(greek, "タワー", {})) == "タワー");
}

TEST_CASE("evidence: each argument has its own words; spans are UTF-16 in JSON") {
  const std::string query = "😀 send é to AB-12";
  const Said said = say(call("send", R"("to":" AB-12","text":" é","urgent":true)"), query);
  const std::string json = to_json(said.answer, query, {.query = 9, .answer = 8, .forced = 7, .passes = 6});
  CHECK(json.find(R"({"outcome":"call","confidence":)") == 0);
  CHECK(json.find(R"("arguments":{"to":"AB-12","text":"é","urgent":true},"missing":[],"invalid":[])") != std::string::npos);
  CHECK(json.find(R"({"path":["to"],"confidence":1,"span":[13,18]})") != std::string::npos);
  CHECK(json.find(R"({"path":["text"],"confidence":1,"span":[8,9]})") != std::string::npos);
  CHECK(json.find(R"({"path":["urgent"],"confidence":1,"span":null})") != std::string::npos);
  CHECK(json.find(R"("tokens":{"query":9,"answer":8,"forced":7,"passes":6})") != std::string::npos);
  const std::string refused = to_json(say(call("set_volume", R"("level":150)"), "150!").answer, "150!", {});
  CHECK(refused.find(R"({"outcome":"none","reason":"invalid")") == 0);
  CHECK(refused.find(R"("invalid":[{"path":["level"],"value":150}])") != std::string::npos);
  CHECK(refused.find(R"({"path":["level"],"confidence":1,"span":[0,3]})") != std::string::npos);
}

TEST_CASE("grounding: strict strings are spans of the query, whatever the model wants") {
  const std::string tools = R"([{"name":"note","parameters":{"type":"object","required":["text"],"properties":{
    "text":{"type":"string"},"kind":{"enum":["plan"]},"code":{"type":"string","pattern":"^x+$"},"either":{"anyOf":[{"type":"number"},{"type":"string"}]}}}}])";
  const AnswerOptions strict{.grounding = Grounding::strict};
  const std::string query = "note  \"buy milk\" — 東京 \\n for tomorrow";
  CHECK(summary(say(call("note", R"("text":" \"buy milk\"","kind":" plan","code":" xx","either":7)"), query, strict, 30, tools).answer) ==
        R"(call note{"text":"\"buy milk\"","kind":"plan","code":"xx","either":7})");
  CHECK(summary(say(call("note", R"("text":" 東京 \\n for")"), query, strict, 30, tools).answer) == R"(call note{"text":"東京 \\n for"})");
  const Said invented = say(call("note", R"("text":" buy butter")"), query, strict, 30, tools);
  CHECK(invented.answer.calls[0].arguments.find("butter") == std::string::npos);
  CHECK(summary(say(call("note", R"("text":" buy butter")"), query, {}, 30, tools).answer) == R"(call note{"text":"buy butter"})");
}

TEST_CASE("grounding: where no span fits the value counts as not said") {
  const std::string tools = R"([{"name":"note","parameters":{"type":"object","required":["text"],"properties":{"text":{"type":"string","minLength":9}}}}])";
  CHECK(summary(say(call("note", R"("text":" something")"), "short", {.grounding = Grounding::strict}, 30, tools).answer) == "missing note{} missing:text");
}

TEST_CASE("grounding: random models in strict mode never leave the query") {
  std::mt19937 random(7);
  const std::string query = "a \"b\\c\" 日本\té aab";
  std::string seen;
  std::vector<TokenId> ids;
  REQUIRE(pieces().tokenizer.encode(query, ids).ok());
  seen = pieces().tokenizer.decode(ids);
  const std::string tools = R"([{"name":"t","parameters":{"type":"object","required":["x"],"properties":{"x":{"type":"string","minLength":1,"maxLength":6},
    "y":{"type":"array","items":{"type":"string","maxLength":3},"uniqueItems":true,"maxItems":4}}}}])";
  AnswerWriter writer(pieces().vocabulary, compile(tools));
  size_t strings = 0;
  for (int walk = 0; walk < 300; ++walk) {
    REQUIRE(writer.start(query, {.tool_choice = ToolChoice::required, .max_calls = 2, .grounding = Grounding::strict}).ok());
    std::vector<float> logits(pieces().tokenizer.size());
    for (int i = 0; !writer.done() && i < 400; ++i) {  // a value that became invalid may go on and on
      writer.mark_read(writer.unread().size());
      for (float& logit : logits) logit = static_cast<float>(random() % 1000) / 100;
      writer.choose(logits);
    }
    if (!writer.done()) continue;
    const Answer answer = read_answer(writer, query, Calibration());
    for (const AnsweredCall& c : answer.calls) {
      rapidjson::Document arguments;
      REQUIRE_FALSE(arguments.Parse(c.arguments).HasParseError());
      const auto check = [&](const rapidjson::Value& value) {
        ++strings;
        INFO(c.arguments);
        CHECK(seen.find(std::string(value.GetString(), value.GetStringLength())) != std::string::npos);
      };
      if (arguments.HasMember("x")) check(arguments["x"]);
      if (arguments.HasMember("y"))
        for (const auto& item : arguments["y"].GetArray()) check(item);
    }
  }
  CHECK(strings > 100);
  MESSAGE(strings << " strings");
}
