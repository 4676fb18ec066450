// The store of tools on the model that ships: what it keeps, and that it changes no answer.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "core/load_engine.h"

using namespace thimble;

namespace {

const std::vector<std::string> kTools = {
    R"({"name":"set_light","description":"Set the brightness of one room.","parameters":{"type":"object","properties":{"room":{"type":"string","enum":["kitchen","bedroom","hall"]},"level":{"type":"integer","minimum":0,"maximum":100}},"required":["room"]}})",
    R"({"name":"play_music","description":"Play a song, an album or an artist.","parameters":{"type":"object","properties":{"what":{"type":"string"}},"required":["what"]}})",
    R"({"name":"set_timer","description":"Start a countdown.","parameters":{"type":"object","properties":{"minutes":{"type":"number"},"label":{"type":"string","description":"Name of the timer"}},"required":["minutes"]},"examples":["ping me in ten minutes","timer for the pasta, 8 minutes","count down half an hour for laundry"]})"};

const std::vector<const char*> kQueries = {"dim the bedroom to 20", "play some quiet jazz", "timer 5 minutes for the eggs", "who wrote hamlet"};

ToolId add(Engine& engine, const std::string& json) {
  ToolId id = 0;
  const Status status = engine.store()->add(json, {}, id);
  INFO(status.message);
  REQUIRE(status.ok());
  return id;
}

size_t encode(Engine& engine, ToolId id) {
  REQUIRE(engine.store()->begin_encoding(id).ok());
  size_t pieces = 0;
  for (bool done = false; !done; ++pieces) REQUIRE(engine.store()->advance_encoding(id, done).ok());
  return pieces;
}

ToolId ready(Engine& engine, const std::string& json) {
  const ToolId id = add(engine, json);
  encode(engine, id);
  return id;
}

std::string answer(Engine& engine, const char* query) {
  REQUIRE(engine.begin(query).ok());
  for (bool done = false; !done;) REQUIRE(engine.advance(done).ok());
  return std::string(engine.text());
}

std::vector<std::string> answers(Engine& engine) {
  std::vector<std::string> out;
  for (const char* query : kQueries) out.push_back(answer(engine, query));
  return out;
}

std::vector<std::string> answers_with_list(Engine& engine, const std::vector<std::string>& tools) {
  std::string list;
  for (const std::string& tool : tools) (list += list.empty() ? "[" : ",") += tool;
  REQUIRE(engine.set_tools(list + "]").ok());
  return answers(engine);
}

}  // namespace

TEST_CASE("store: selected tools answer as the same list does, in any order, with others beside them") {
  const auto engine = load_engine("model/thimble.san");
  const auto all = answers_with_list(*engine, kTools), two = answers_with_list(*engine, {kTools[0], kTools[2]});
  std::vector<ToolId> ids;
  for (const std::string& tool : kTools) ids.push_back(ready(*engine, tool));
  REQUIRE(engine->select(ids).ok());
  CHECK(answers(*engine) == all);
  REQUIRE(engine->select(std::vector<ToolId>{ids[2], ids[0]}).ok());
  CHECK(answers(*engine) == two);
  std::reverse(ids.begin(), ids.end());
  REQUIRE(engine->select(ids).ok());
  CHECK(answers(*engine) == all);
}

TEST_CASE("store: a tool is encoded in more pieces than the encoder has layers, also while an answer is written") {
  const auto engine = load_engine("model/thimble.san");
  const ToolId light = ready(*engine, kTools[0]);
  REQUIRE(engine->select({{light}}).ok());
  const std::string want = answer(*engine, kQueries[0]);
  const ToolId timer = add(*engine, kTools[2]);
  REQUIRE(engine->begin(kQueries[0]).ok());
  bool done = false, encoded = false;
  while (engine->text().size() < 12 && !done) REQUIRE(engine->advance(done).ok());
  REQUIRE_FALSE(done);
  REQUIRE(engine->store()->begin_encoding(timer).ok());
  while (!done || !encoded) {
    if (!encoded) REQUIRE(engine->store()->advance_encoding(timer, encoded).ok());
    if (!done) REQUIRE(engine->advance(done).ok());
  }
  CHECK(engine->text() == want);
  const ToolId other = add(*engine, kTools[1]);
  CHECK(encode(*engine, other) > engine->config().num_encoder_layers);
}

TEST_CASE("store: an encoding that is given up says so, and can begin again") {
  const auto engine = load_engine("model/thimble.san");
  const ToolId a = add(*engine, kTools[0]), b = add(*engine, kTools[1]);
  bool done = false;
  REQUIRE(engine->store()->begin_encoding(a).ok());
  REQUIRE(engine->store()->advance_encoding(a, done).ok());
  encode(*engine, b);
  CHECK(engine->store()->advance_encoding(a, done).code == Code::bad_input);
  REQUIRE(engine->select({{a}}).ok());
  CHECK(engine->begin(kQueries[0]).code == Code::bad_input);  // not encoded
  encode(*engine, a);
  REQUIRE(engine->store()->advance_encoding(a, done).ok());
  CHECK(done);
  CHECK(engine->begin(kQueries[0]).ok());
}

TEST_CASE("store: states go to bytes and back, damaged ones and those of other tools are refused") {
  const auto engine = load_engine("model/thimble.san");
  const ToolId light = ready(*engine, kTools[0]), music = ready(*engine, kTools[1]);
  REQUIRE(engine->select({{light, music}}).ok());
  const auto want = answers(*engine);
  const auto saved = engine->store()->save_state(light);
  const std::vector<uint8_t> bytes(saved.begin(), saved.end());
  const size_t held = engine->tool_cache_bytes();
  engine->store()->forget_state(light);
  CHECK(engine->tool_cache_bytes() == held - bytes.size());
  CHECK(engine->store()->find(light)->embedding.size() == engine->config().contrastive_dim);
  CHECK(engine->store()->save_state(light).empty());
  CHECK(engine->begin(kQueries[0]).code == Code::bad_input);

  const auto restore = [&](ToolId id, std::vector<uint8_t> image) {
    const auto room = engine->store()->begin_restore(id, image.size());
    if (room.size() == image.size()) std::copy(image.begin(), image.end(), room.begin());
    return engine->store()->restore_state(id);
  };
  std::vector<uint8_t> damaged = bytes;
  damaged[bytes.size() / 2] ^= 1;
  CHECK(restore(light, damaged).code == Code::bad_input);
  CHECK(engine->store()->find(light)->state.bytes() == 0);
  CHECK(restore(music, bytes).code == Code::bad_input);
  CHECK(restore(light, {}).code == Code::bad_input);
  CHECK(restore(ToolId{99}, bytes).code == Code::bad_input);
  CHECK(restore(light, bytes).ok());
  encode(*engine, music);
  CHECK(answers(*engine) == want);
}

TEST_CASE("store: what is dropped or unknown cannot be selected; two of one name cannot be selected together") {
  const auto engine = load_engine("model/thimble.san");
  const ToolId a = ready(*engine, kTools[0]), b = ready(*engine, kTools[1]);
  const ToolId again = ready(*engine, R"({"name":"set_light","description":"Another one."})");
  REQUIRE(engine->select({{a, b}}).ok());
  const std::string want = answer(*engine, kQueries[0]);
  CHECK(engine->select({{a, b, again}}).code == Code::bad_tools);
  CHECK(engine->select({{a, 99}}).code == Code::bad_input);
  CHECK(answer(*engine, kQueries[0]) == want);
  engine->store()->drop(a);
  engine->store()->drop(a);
  CHECK(answer(*engine, kQueries[0]) == want);  // still selected
  CHECK(engine->select({{a}}).code == Code::bad_input);
  REQUIRE(engine->select({{again, b}}).ok());
  CHECK(engine->tool_cache_bytes() == engine->store()->state_bytes());
  REQUIRE(engine->store()->begin_encoding(again).ok());
  engine->store()->drop(again);  // in the middle of it
  bool done = false;
  CHECK(engine->store()->advance_encoding(again, done).code == Code::bad_input);
}

TEST_CASE("store: bad tools are refused, and leave nothing behind") {
  const auto engine = load_engine("model/thimble.san");
  ToolId id = 7;
  CHECK(engine->store()->add("", {}, id).code == Code::bad_tools);
  CHECK(engine->store()->add("{}", {}, id).code == Code::bad_tools);
  CHECK(engine->store()->add(kTools[0] + "," + kTools[1], {}, id).code == Code::bad_tools);
  CHECK(engine->store()->add(R"({"name":"x","parameters":{"type":"object","properties":{"y":{"not":{}}}}})", {}, id).code == Code::bad_tools);
  std::string words;
  for (int i = 0; i < 900; ++i) words += " word";
  CHECK(engine->store()->add(R"({"name":"x","examples":[")" + words + "\"]}", {}, id).code == Code::overflow);
  CHECK(id == 7);
  CHECK(engine->store()->state_bytes() == 0);
  CHECK_FALSE(engine->store()->set_embedding(1, {}));
  CHECK(load_engine("reference/reference-i8.san")->store() == nullptr);
}

namespace {

std::vector<ToolId> search(Engine& engine, const char* query, const std::vector<ToolId>& ids, size_t max_tokens) {
  REQUIRE(engine.begin_search(query).ok());
  for (bool done = false; !done;) REQUIRE(engine.advance_search(done).ok());
  std::vector<ToolId> found;
  REQUIRE(engine.found(ids, max_tokens, found).ok());
  return found;
}

}  // namespace

TEST_CASE("search: the tool that a query is about comes first, in any order, and no more come than fit") {
  const auto engine = load_engine("model/thimble.san");
  std::vector<ToolId> ids;
  for (const std::string& tool : kTools) ids.push_back(ready(*engine, tool));
  for (size_t i = 0; i < ids.size(); ++i) engine->store()->forget_state(ids[i]);  // vectors are enough
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto found = search(*engine, kQueries[i], ids, 4096);
    REQUIRE_FALSE(found.empty());
    CHECK(found[0] == ids[i]);
    CHECK(search(*engine, kQueries[i], {ids[2], ids[0], ids[1]}, 4096) == found);
    const size_t tokens = engine->store()->find(found[0])->tokens.size();
    CHECK(search(*engine, kQueries[i], ids, tokens) == std::vector<ToolId>{found[0]});
    CHECK(search(*engine, kQueries[i], ids, tokens - 1).empty());
  }
}

TEST_CASE("search: twins stand in a canonical order, whichever was added first") {
  const std::string a = R"({"name":"alpha","description":"Opens the gate."})", b = R"({"name":"beta","description":"Opens the gate."})";
  std::vector<std::string> first;
  for (const bool swapped : {false, true}) {
    const auto engine = load_engine("model/thimble.san");
    const std::vector<ToolId> ids = {ready(*engine, swapped ? b : a), ready(*engine, swapped ? a : b)};
    const std::vector<float> same(engine->config().contrastive_dim, 0.125f);
    for (const ToolId id : ids) REQUIRE(engine->store()->set_embedding(id, same));
    REQUIRE(engine->begin_search("open gate").ok());
    for (bool done = false; !done;) REQUIRE(engine->advance_search(done).ok());
    std::vector<ToolId> found;
    REQUIRE(engine->found(ids, 4096, found).ok());
    first.push_back(found.empty() ? "" : engine->store()->find(found[0])->name);
  }
  CHECK(first[0] == first[1]);
}

TEST_CASE("search: calls out of order, and tools that were never encoded, are refused") {
  const auto engine = load_engine("model/thimble.san");
  const ToolId light = ready(*engine, kTools[0]), music = add(*engine, kTools[1]);
  std::vector<ToolId> found;
  bool done = false;
  CHECK(engine->found({{light}}, 4096, found).code == Code::bad_input);
  CHECK(engine->advance_search(done).code == Code::bad_input);
  REQUIRE(engine->begin_search(kQueries[0]).ok());
  CHECK(engine->found({{light}}, 4096, found).code == Code::bad_input);  // not complete
  while (!done) REQUIRE(engine->advance_search(done).ok());
  CHECK(engine->found({{light, music}}, 4096, found).code == Code::bad_input);
  CHECK(engine->found({{99}}, 4096, found).code == Code::bad_input);
  CHECK(engine->begin_search("").ok());  // the query segment is never empty
  std::string long_query;
  for (int i = 0; i < 600; ++i) long_query += "word ";
  CHECK(engine->begin_search(long_query).code == Code::overflow);
  REQUIRE(engine->select({{light}}).ok());
  CHECK(engine->found({{light}}, 4096, found).code == Code::bad_input);  // the selection ended it
}
