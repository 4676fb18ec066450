// Against the original implementation: ../shared/reference, 36 cases computed by the JAX code in
// float32 (its README says what each field is).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include <rapidjson/document.h>

#include "core/load_engine.h"
#include "core/test_data.h"
#include "engine.h"

using namespace thimble;

namespace {

using Json = rapidjson::Value;

const rapidjson::Document& json_file(const char* name) {
  static std::vector<std::pair<std::string, std::unique_ptr<rapidjson::Document>>> files;
  for (const auto& [known, document] : files)
    if (known == name) return *document;
  const std::vector<uint8_t> bytes = read_test_file(name);
  auto document = std::make_unique<rapidjson::Document>();
  document->Parse(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  REQUIRE_FALSE(document->HasParseError());
  return *files.emplace_back(name, std::move(document)).second;
}

const Json& cases() {
  const Json& all = json_file("reference/cases.json")["cases"];
  REQUIRE(all.Size() == 36);
  return all;
}

std::vector<TokenId> ids(const Json& list) {
  std::vector<TokenId> out;
  for (const Json& id : list.GetArray()) out.push_back(id.GetInt());
  return out;
}

double difference(std::span<const float> got, const Json& want, size_t offset = 0) {
  double largest = 0;
  for (rapidjson::SizeType i = 0; i < want.Size(); ++i)
    largest = larger(largest, got[offset + i] - want[i].GetDouble());
  return largest;
}

EncoderInput input_of(Engine& engine, const Json& c) {
  EncoderInput input;
  REQUIRE(engine.set_tools({c["tools"].GetString(), c["tools"].GetStringLength()}).ok());
  REQUIRE(engine.encoder_input({c["query"].GetString(), c["query"].GetStringLength()}, input).ok());
  return input;
}

void check_logits(Engine& engine, const Json& c) {
  std::span<const float> logits;
  const std::vector<TokenId> prefix = ids(c["decoder_ids"]);
  for (size_t i = 0; i < prefix.size(); ++i) {
    REQUIRE(engine.step({&prefix[i], 1}, logits).ok());
    const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
    CHECK(best == c["logits_argmax"][rapidjson::SizeType(i)].GetInt());
  }
  for (const Json& top : c["logits_last_top"].GetArray())
    CHECK(std::abs(logits[top[0].GetUint()] - top[1].GetDouble()) < 1e-3);
}

std::string greedy(Engine& engine, const std::string& query, size_t max_tokens) {
  REQUIRE(engine.encode(query).ok());
  std::vector<TokenId> answer;
  TokenId next = engine.tokenizer().eos();
  while (answer.size() < max_tokens) {
    std::span<const float> logits;
    REQUIRE(engine.step({&next, 1}, logits).ok());
    next = static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    if (next == engine.tokenizer().eos()) break;
    answer.push_back(next);
  }
  return engine.tokenizer().decode(answer);
}

}  // namespace

TEST_CASE("parity: tokenizer and prompt give the original's encoder ids in all 36 cases") {
  const auto engine = load_engine("reference/reference-f32.san");
  for (const Json& c : cases().GetArray()) {
    INFO(c["query"].GetString());
    CHECK(input_of(*engine, c).query == ids(c["encoder_ids"]));
  }
}

TEST_CASE("parity: the float path reproduces encoder values, logits and every argmax") {
  const auto engine = load_engine("reference/reference-f32.san");
  const Json& arrays = json_file("reference/arrays.json");
  rapidjson::SizeType number = 0;
  for (const Json& c : cases().GetArray()) {
    INFO(number);
    REQUIRE(engine->encode(input_of(*engine, c).query).ok());
    const std::span<const float> encoded = engine->model().encoder_output();
    const size_t d = engine->config().d_model;
    CHECK(difference(encoded, c["encoder_first"]) < 1e-4);
    CHECK(difference(encoded, c["encoder_last"], encoded.size() - d) < 1e-4);
    if (const auto whole = arrays.FindMember(("enc" + std::to_string(number)).c_str());
        whole != arrays.MemberEnd())
      for (rapidjson::SizeType row = 0; row < whole->value.Size(); ++row)
        CHECK(difference(encoded, whole->value[row], row * d) < 1e-4);
    check_logits(*engine, c);
    ++number;
  }
}

TEST_CASE("parity: greedy text without a constraint is the original's, letter for letter") {
  const auto engine = load_engine("reference/reference-f32.san");
  for (const Json& c : cases().GetArray()) {
    const std::string query = c["query"].GetString(), want = c["free_text"].GetString();
    INFO(query);
    input_of(*engine, c);
    CHECK(greedy(*engine, query, 47) == want);  // the original counts the starting eos among its 48
  }
}

TEST_CASE("parity: contrastive vectors are the original's") {
  const auto engine = load_engine("reference/reference-f32.san");
  size_t compared = 0;
  for (const Json& c : cases().GetArray()) {
    if (!c["contrastive"].IsArray()) continue;
    REQUIRE(engine->encode(ids(c["query_ids"])).ok());
    CHECK(difference(engine->model().query_embedding(), c["contrastive"]) < 1e-4);
    ++compared;
  }
  CHECK(compared == 6);
}

TEST_CASE("parity: the int8 path's encoder values keep a cosine of 0.999 with the float path") {
  const auto floats = load_engine("reference/reference-f32.san"), int8 = load_engine("reference/reference-i8.san");
  for (const Json& c : cases().GetArray()) {
    INFO(c["query"].GetString());
    REQUIRE(floats->encode(ids(c["encoder_ids"])).ok());
    REQUIRE(int8->encode(ids(c["encoder_ids"])).ok());
    const auto a = floats->model().encoder_output(), b = int8->model().encoder_output();
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      ab += double(a[i]) * b[i];
      aa += double(a[i]) * a[i];
      bb += double(b[i]) * b[i];
    }
    CHECK(ab / std::sqrt(aa * bb) >= 0.999);
  }
}
