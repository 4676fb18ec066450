// The network against PyTorch (tests/golden/san, written by training/golden.py): above all `tool_isolated`, which the
// original implementation does not have.
#include <doctest/doctest.h>
#include <rapidjson/document.h>

#include <cmath>
#include <string>

#include "core/san_file.h"
#include "core/test_data.h"
#include "model/model.h"

using namespace thimble;
using Json = rapidjson::Value;
using Tokens = std::vector<TokenId>;

namespace {

rapidjson::Document read_cases() {
  const std::vector<uint8_t> bytes = read_test_file("golden/san/cases.json");
  rapidjson::Document cases;
  cases.Parse(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  REQUIRE_FALSE(cases.HasParseError());
  return cases;
}

Tokens ids(const Json& array) {
  Tokens out;
  for (const Json& id : array.GetArray()) out.push_back(id.GetInt());
  return out;
}

std::vector<float> numbers(const Json& value) {
  if (!value.IsArray()) return {value.GetFloat()};
  std::vector<float> out;
  for (const Json& part : value.GetArray())
    for (float number : numbers(part)) out.push_back(number);
  return out;
}

struct Answer {
  std::vector<float> encoder, logits, contrastive;
};

void append(std::vector<float>& to, std::span<const float> values) {
  to.insert(to.end(), values.begin(), values.end());
}

Answer run(const char* file, AttentionMode attention, const Json& c) {
  Loaded loaded = load_bytes(read_test_file(file), size_t{1} << 24, [] { return SIZE_MAX; });
  REQUIRE_MESSAGE(loaded.status.ok(), loaded.status.message);
  loaded.weights.config.attention = attention;
  Model model;
  REQUIRE(Model::create(loaded.weights, best_kernels(), model).ok());
  Answer out;
  std::vector<SegmentState> states(c["tools"].Size());
  std::vector<const SegmentState*> tools;
  for (SegmentState& state : states) {
    REQUIRE(model.encode_tool(ids(c["tools"][rapidjson::SizeType(tools.size())]), state).ok());
    append(out.encoder, model.encoder_output());
    tools.push_back(&state);
  }
  const Tokens query = ids(c["query"]);
  REQUIRE(model.encode_query(query, tools).ok());
  append(out.encoder, model.encoder_output());
  for (TokenId id : ids(c["decoder"])) {
    std::span<const float> logits;
    REQUIRE(model.decode({&id, 1}, logits).ok());
    append(out.logits, logits);
  }
  REQUIRE(model.encode_query(query, {}).ok());
  append(out.contrastive, model.query_embedding());
  return out;
}

// test(answer, case) for every case of both modes.
template <class Test>
void each_case(const char* file, Test test) {
  const rapidjson::Document cases = read_cases();
  size_t count = 0;
  for (const auto& mode : cases.GetObject()) {
    const bool isolated = std::string(mode.name.GetString()) == "tool_isolated";
    for (const Json& c : mode.value.GetArray()) {
      INFO(std::string(mode.name.GetString()) << ", case " << count);
      ++count;
      test(run(file, isolated ? AttentionMode::tool_isolated : AttentionMode::bidirectional, c), c);
    }
  }
  CHECK(count == 4);
}

double difference(const std::vector<float>& got, const Json& want) {
  const std::vector<float> values = numbers(want);
  REQUIRE(got.size() == values.size());
  double largest = 0;
  for (size_t i = 0; i < got.size(); ++i) largest = larger(largest, got[i] - values[i]);
  return largest;
}

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

}  // namespace

TEST_CASE("the float path gives PyTorch's encoder values, logits and contrastive vectors in both attention modes") {
  each_case("golden/san/f32.san", [](const Answer& got, const Json& want) {
    CHECK(difference(got.encoder, want["encoder"]) < 1e-4);
    CHECK(difference(got.logits, want["logits"]) < 1e-3);
    CHECK(difference(got.contrastive, want["contrastive"]) < 1e-4);
  });
}

TEST_CASE("the int8 path's logits are near those of the INT8 emulation that training uses") {
  each_case("golden/san/i8.san", [](const Answer& got, const Json& want) {
    CHECK(cosine(got.logits, numbers(want["logits_int8"])) > 0.999);
  });
}
