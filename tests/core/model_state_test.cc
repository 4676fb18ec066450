// A tool's encoded state as bytes: what is saved comes back, what is damaged is refused.
#include <doctest/doctest.h>

#include <cstring>

#include "core/model_helpers.h"

using namespace thimble;

TEST_CASE("a saved tool comes back with the same bits, for every kernel set") {
  for (WeightType type : {WeightType::f32, WeightType::i8}) {
    RandomModel random(AttentionMode::tool_isolated, type, 24);
    const Case c = make_case(random);
    Model model = make_model(random);
    std::vector<SegmentState> tools = encode_tools(model, c.tools);
    encode_query(model, tools, c.query);
    const std::vector<float> want = logits_of(model, c.answer);
    for (const char* name : {"reference", "best"}) {
      Model other = make_model(random, *find_kernels(name));
      std::vector<SegmentState> copies(tools.size());
      for (size_t i = 0; i < tools.size(); ++i) {
        const std::span<const uint8_t> bytes = model.save_tool(tools[i]);
        REQUIRE(bytes.size() == tools[i].bytes());
        const std::span<uint8_t> room = other.begin_restore(bytes.size(), copies[i]);
        REQUIRE(room.size() == bytes.size());
        std::memcpy(room.data(), bytes.data(), bytes.size());
        REQUIRE(other.restore_tool(copies[i]).ok());
        CHECK(copies[i].tokens() == c.tools[i].size());
        CHECK(same_bits(copies[i].embedding(), tools[i].embedding()));
        const std::span<const uint8_t> again = other.save_tool(copies[i]);
        CHECK(std::memcmp(again.data(), bytes.data(), bytes.size()) == 0);
      }
      encode_query(other, copies, c.query);
      CHECK(same_bits(want, logits_of(other, c.answer)));
    }
  }
}

namespace {

Status restore(Model& model, const std::vector<uint8_t>& bytes, SegmentState& state) {
  const std::span<uint8_t> room = model.begin_restore(bytes.size(), state);
  if (room.size() != bytes.size()) return {Code::overflow, "no room"};
  if (!bytes.empty()) std::memcpy(room.data(), bytes.data(), bytes.size());
  return model.restore_tool(state);
}

}  // namespace

TEST_CASE("a stored tool that is damaged, cut, too long or of another model or version is refused") {
  RandomModel random(AttentionMode::tool_isolated, WeightType::i8, 25);
  Model model = make_model(random);
  SegmentState state;
  REQUIRE(model.encode_tool(random.tokens(9), state).ok());
  const std::span<const uint8_t> saved = model.save_tool(state);
  const std::vector<uint8_t> bytes(saved.begin(), saved.end());
  REQUIRE(restore(model, bytes, state).ok());

  for (size_t at = 0; at < bytes.size(); at += at < 64 ? 1 : 97) {
    for (uint8_t bit : {1, 128}) {
      std::vector<uint8_t> damaged = bytes;
      damaged[at] ^= bit;
      INFO("byte " << at);
      const Status s = restore(model, damaged, state);
      CHECK(s.code == Code::bad_input);
      CHECK(s.message.find("encode the tool again") != std::string::npos);
      CHECK_FALSE(state.complete());
      const SegmentState* one[] = {&state};
      CHECK(model.encode_query(Tokens{1}, one).code == Code::bad_input);
    }
  }
  for (size_t size : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, bytes.size() - 1})
    CHECK(restore(model, {bytes.begin(), bytes.begin() + long(size)}, state).code == Code::bad_input);
  std::vector<uint8_t> longer = bytes;
  longer.resize(bytes.size() + 64);
  CHECK(restore(model, longer, state).code == Code::bad_input);
  CHECK(model.begin_restore(size_t{1} << 30, state).empty());
  CHECK(model.save_tool(state).empty());

  ModelWeights weights = random.weights();
  weights.fingerprint = 1;
  Model other;
  REQUIRE(Model::create(std::move(weights), best_kernels(), other).ok());
  CHECK(restore(other, bytes, state).message.find("another model") != std::string::npos);
  REQUIRE(restore(model, bytes, state).ok());
}

TEST_CASE("a tool that is half encoded serves no query and is not saved") {
  RandomModel random(AttentionMode::tool_isolated, WeightType::i8, 26);
  Model model = make_model(random);
  SegmentState state;
  REQUIRE(model.begin_tool(random.tokens(9), state).ok());
  REQUIRE_FALSE(model.advance_encoding());
  const SegmentState* one[] = {&state};
  CHECK(model.begin_query(Tokens{1}, one).code == Code::bad_input);
  CHECK(model.save_tool(state).empty());
  while (!model.advance_encoding()) {
  }
  CHECK(model.begin_query(Tokens{1}, one).ok());
  // Encoding it anew lets go of the query that reads it.
  REQUIRE(model.begin_tool(random.tokens(9), state).ok());
  while (!model.advance_encoding()) {
  }
  std::span<const float> logits;
  CHECK(model.decode(Tokens{1}, logits).code == Code::bad_input);
}
