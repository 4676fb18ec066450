// The engine on the model that ships: answers, and what must not change them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "core/load_engine.h"

using namespace thimble;

namespace {

// One of the tools is as long as a real page's, so that segments of several panels take part.
const std::vector<std::string> kTools = {
    R"({"name":"set_light","description":"Set the brightness of one room.","parameters":{"type":"object","properties":{"room":{"type":"string","enum":["kitchen","bedroom","hall"]},"level":{"type":"integer","minimum":0,"maximum":100}},"required":["room"]}})",
    R"({"name":"play_music","description":"Play a song, an album or an artist.","parameters":{"type":"object","properties":{"what":{"type":"string"}},"required":["what"]}})",
    R"({"name":"set_timer","description":"Start a countdown.","parameters":{"type":"object","properties":{"minutes":{"type":"number"},"label":{"type":"string","description":"Name of the timer"}},"required":["minutes"]},"examples":["ping me in ten minutes","timer for the pasta, 8 minutes","count down half an hour for laundry"]})",
    R"({"name":"lock_door","description":"Locks the front door.","parameters":{"type":"object","properties":{}}})"};

const char* const kQuery = "dim the bedroom to 20";

std::string list(const std::vector<std::string>& tools) {
  std::string out = "[";
  for (const std::string& tool : tools) (out += out.size() > 1 ? "," : "") += tool;
  return out + "]";
}

// Logits after the first tokens of an answer.
std::vector<float> logits_of(Engine& engine) {
  std::vector<TokenId> answer = {engine.tokenizer().eos(), engine.tokenizer().tool_call()};
  REQUIRE(engine.tokenizer().encode(R"([{"name":"set_light")", answer).ok());
  REQUIRE(engine.encode(kQuery).ok());
  std::span<const float> logits;
  REQUIRE(engine.step(answer, logits).ok());
  return {logits.begin(), logits.end()};
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void set_tools(Engine& engine, const std::string& json) {
  const Status status = engine.set_tools(json);
  INFO(status.message);
  REQUIRE(status.ok());
}

Answer answer_to(Engine& engine, const std::string& query, const AnswerOptions& options = {}) {
  const Status begun = engine.begin(query, options);
  INFO(begun.message);
  REQUIRE(begun.ok());
  for (bool done = false; !done;) REQUIRE(engine.advance(done).ok());
  Answer answer;
  REQUIRE(engine.answer(answer).ok());
  return answer;
}

}  // namespace

TEST_CASE("the shipped model answers a plain request, and refuses what no tool does") {
  const auto engine = load_engine("model/thimble.san");
  set_tools(*engine, list(kTools));
  const Answer call = answer_to(*engine, kQuery);
  CHECK(engine->text() == R"([{"name":"set_light","arguments":{"room":" bedroom","level":20}}])");
  CHECK(call.outcome == Answer::Outcome::call);
  REQUIRE(call.calls.size() == 1);
  CHECK(call.calls[0].tool == "set_light");
  CHECK(call.calls[0].arguments == R"({"room":"bedroom","level":20})");
  const Answer none = answer_to(*engine, "how tall is mount everest");
  CHECK(none.outcome == Answer::Outcome::irrelevant);
  CHECK(none.calls.empty());
}

TEST_CASE("the shipped model's 150 is invalid where 100 is the maximum, and what is not said is missing") {
  const auto engine = load_engine("model/thimble.san");
  set_tools(*engine, list({R"({"name":"set_volume","description":"Set the volume of the speaker","parameters":{"type":"object","properties":{"level":{"type":"integer","minimum":0,"maximum":100}},"required":["level"]}})"}));
  const Answer loud = answer_to(*engine, "set volume to 150");
  CHECK(loud.outcome == Answer::Outcome::invalid);
  REQUIRE(loud.calls.size() == 1);
  CHECK(loud.calls[0].arguments == "{}");
  REQUIRE(loud.calls[0].invalid.size() == 1);
  CHECK(loud.calls[0].invalid[0].path == R"(["level"])");
  CHECK(loud.calls[0].invalid[0].value == "150");
  const Answer silent = answer_to(*engine, "set the volume");
  CHECK(silent.outcome == Answer::Outcome::missing);
  REQUIRE(silent.calls.size() == 1);
  CHECK(silent.calls[0].missing == std::vector<std::string>{"level"});
}

TEST_CASE("an answer comes in pieces, its text only grows, and its counts add up") {
  const auto engine = load_engine("model/thimble.san");
  set_tools(*engine, list(kTools));
  REQUIRE(engine->begin(kQuery).ok());
  Answer answer;
  CHECK(engine->answer(answer).code == Code::bad_input);
  std::string before;
  size_t pieces = 0;
  for (bool done = false; !done; ++pieces) {
    REQUIRE(engine->advance(done).ok());
    CHECK(engine->text().starts_with(before));
    before = engine->text();
  }
  CHECK(pieces > engine->config().num_encoder_layers);
  const AnswerCounts counts = engine->counts();
  CHECK(counts.passes > 0);
  CHECK(counts.answer > counts.forced);
  CHECK(counts.forced > 0);
  CHECK(counts.passes <= counts.answer - counts.forced);
  bool done = false;
  REQUIRE(engine->advance(done).ok());  // nothing is left to do
  CHECK(done);
  CHECK(engine->text() == before);
}

TEST_CASE("tool choice binds the shipped model; with none it has nothing to do") {
  const auto engine = load_engine("model/thimble.san");
  set_tools(*engine, list(kTools));
  const Answer none = answer_to(*engine, kQuery, {.tool_choice = ToolChoice::none});
  CHECK(none.outcome == Answer::Outcome::irrelevant);
  CHECK(none.confidence > 0.95f);  // as much as the calibration gives
  CHECK(engine->counts().passes == 0);
  const Answer named = answer_to(*engine, "how tall is mount everest", {.tool_choice = ToolChoice::named, .tool = "play_music", .max_calls = 1});
  REQUIRE(named.calls.size() == 1);
  CHECK(named.calls[0].tool == "play_music");
  CHECK(engine->begin(kQuery, {.tool_choice = ToolChoice::named, .tool = "nobody"}).code == Code::bad_input);
  bool done = false;
  CHECK(engine->advance(done).code == Code::bad_input);  // the answer before was given up
  std::string long_query;
  for (int i = 0; i < 600; ++i) long_query += "word ";
  CHECK(engine->begin(long_query).code == Code::overflow);
}

TEST_CASE("no permutation of the tools changes a bit, whether cached or encoded afresh") {
  const auto engine = load_engine("model/thimble.san");
  set_tools(*engine, list(kTools));
  const std::vector<float> want = logits_of(*engine);
  std::vector<std::string> tools = kTools;
  for (int rotation = 0; rotation < 3; ++rotation) {
    std::rotate(tools.begin(), tools.begin() + 1, tools.end());
    if (rotation == 1) std::swap(tools[0], tools[2]);
    if (rotation == 2) set_tools(*engine, "[]");  // drops the cache
    set_tools(*engine, list(tools));
    CHECK(same_bits(logits_of(*engine), want));
  }
  tools.pop_back();
  set_tools(*engine, list(tools));
  CHECK_FALSE(same_bits(logits_of(*engine), want));
}

TEST_CASE("tools registered one by one give the bits of all at once") {
  const auto engine = load_engine("model/thimble.san");
  set_tools(*engine, list(kTools));
  const std::vector<float> want = logits_of(*engine);
  set_tools(*engine, "[]");
  for (size_t n = 1; n <= kTools.size(); ++n)
    set_tools(*engine, list({kTools.begin(), kTools.begin() + static_cast<long>(n)}));
  CHECK(same_bits(logits_of(*engine), want));
}

TEST_CASE("a tool list that is refused leaves the old one at work") {
  const auto engine = load_engine("model/thimble.san");
  set_tools(*engine, list(kTools));
  const std::vector<float> want = logits_of(*engine);
  std::string words;
  for (int i = 0; i < 900; ++i) words += "\"option " + std::to_string(i) + "\",";
  const std::string huge = R"([{"name":"pick","parameters":{"type":"object","properties":{"x":{"enum":[)" +
                           words + R"("end"]}}}}])";
  CHECK(engine->set_tools("[{}]").code == Code::bad_tools);
  const Status overflow = engine->set_tools(huge);
  CHECK(overflow.code == Code::overflow);
  CHECK(overflow.message.find("pick") != std::string::npos);
  std::string many;
  for (int i = 0; i < 500; ++i) many += "{\"name\":\"tool_" + std::to_string(i) + "\"},";
  CHECK(engine->set_tools("[" + many + R"({"name":"last"}])").code == Code::overflow);
  CHECK(same_bits(logits_of(*engine), want));
}

TEST_CASE("a new tool list ends the answer at work, whose tools may be gone") {
  const auto engine = load_engine("model/thimble.san");
  set_tools(*engine, list(kTools));
  std::span<const float> logits;
  const TokenId eos = engine->tokenizer().eos();
  for (const std::string& tools : {list({kTools[0]}), std::string("[]")}) {
    REQUIRE(engine->encode(kQuery).ok());
    set_tools(*engine, tools);
    CHECK(engine->step({&eos, 1}, logits).code == Code::bad_input);
  }
}

TEST_CASE("an engine without a model refuses to work") {
  Engine engine(best_kernels(), 1 << 20);
  std::span<const float> logits;
  const TokenId eos = 1;
  CHECK(engine.set_tools("[]").code == Code::bad_input);
  CHECK(engine.encode(kQuery).code == Code::bad_input);
  CHECK(engine.step({&eos, 1}, logits).code == Code::bad_input);
  bool done = false;
  Answer answer;
  CHECK(engine.begin(kQuery).code == Code::bad_input);
  CHECK(engine.advance(done).code == Code::bad_input);
  CHECK(engine.answer(answer).code == Code::bad_input);
}
