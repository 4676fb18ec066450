// Random models, tools and queries for the tests of the network.
#pragma once

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "core/random_model.h"
#include "model/model.h"

namespace thimble {

using Tokens = std::vector<TokenId>;

inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

inline Model make_model(const RandomModel& random, const KernelSet& kernels = best_kernels()) {
  Model model;
  REQUIRE(Model::create(random.weights(), kernels, model).ok());
  return model;
}

inline std::vector<float> logits_of(Model& model, const Tokens& answer) {
  std::span<const float> logits;
  REQUIRE(model.decode(answer, logits).ok());
  return {logits.begin(), logits.end()};
}

struct Case {
  std::vector<Tokens> tools;
  Tokens query, answer;
};

inline Case make_case(RandomModel& random) {
  Case c;
  for (size_t length : {31, 32, 33, 7, 100}) c.tools.push_back(random.tokens(length));
  c.query = random.tokens(70);
  c.answer = random.tokens(67);
  return c;
}

inline std::vector<SegmentState> encode_tools(Model& model, const std::vector<Tokens>& tools) {
  std::vector<SegmentState> states(tools.size());
  for (size_t i = 0; i < tools.size(); ++i) REQUIRE(model.encode_tool(tools[i], states[i]).ok());
  return states;
}

inline void encode_query(Model& model, const std::vector<SegmentState>& tools, const Tokens& query) {
  std::vector<const SegmentState*> views;
  for (const SegmentState& tool : tools) views.push_back(&tool);
  REQUIRE(model.encode_query(query, views).ok());
}

}  // namespace thimble
