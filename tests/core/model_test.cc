// The network on random weights: what caching, batching and kernel sets must not change, and the
// float path against a naive forward pass that sees the whole input at once through one mask.
#include <doctest/doctest.h>

#include <string>

#include "core/model_helpers.h"
#include "core/naive_model.h"
#include "core/test_data.h"
#include "model/model.h"

using namespace thimble;

namespace {

double largest_difference(std::span<const float> a, std::span<const double> b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = larger(largest, a[i] - b[i]);
  return largest;
}

}  // namespace

TEST_CASE("float path agrees with a naive forward pass over the whole masked input") {
  for (AttentionMode mode : {AttentionMode::bidirectional, AttentionMode::tool_isolated}) {
    RandomModel random(mode, WeightType::f32, 11);
    Case c = make_case(random);
    if (mode == AttentionMode::bidirectional) c.tools.clear();
    const NaiveResult want = naive_forward(random.weights(), c.tools, c.query, c.answer);
    Model model = make_model(random);
    encode_query(model, encode_tools(model, c.tools), c.query);
    CHECK(largest_difference(model.encoder_output(), want.encoder_query) < 1e-4);
    CHECK(largest_difference(model.query_embedding(), want.embedding) < 1e-4);
  }
}

TEST_CASE("float path's logits agree with the naive forward pass") {
  for (AttentionMode mode : {AttentionMode::bidirectional, AttentionMode::tool_isolated}) {
    RandomModel random(mode, WeightType::f32, 12);
    Case c = make_case(random);
    if (mode == AttentionMode::bidirectional) c.tools.clear();
    const NaiveResult want = naive_forward(random.weights(), c.tools, c.query, c.answer);
    Model model = make_model(random);
    const std::vector<SegmentState> tools = encode_tools(model, c.tools);
    encode_query(model, tools, c.query);
    CHECK(largest_difference(logits_of(model, c.answer), want.logits) < 1e-3);
  }
}

TEST_CASE("int8 path stays close to the naive pass over the dequantized weights") {
  RandomModel random(AttentionMode::tool_isolated, WeightType::i8, 13);
  const Case c = make_case(random);
  const NaiveResult want = naive_forward(random.weights(), c.tools, c.query, c.answer);
  Model model = make_model(random);
  const std::vector<SegmentState> tools = encode_tools(model, c.tools);
  encode_query(model, tools, c.query);
  const std::span<const float> got = model.encoder_output();
  double dot = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    dot += got[i] * want.encoder_query[i];
    aa += double(got[i]) * got[i];
    bb += want.encoder_query[i] * want.encoder_query[i];
  }
  CHECK(dot / std::sqrt(aa * bb) > 0.999);
}

TEST_CASE("a decode of n tokens gives the bits of n decodes of one") {
  for (WeightType type : {WeightType::f32, WeightType::i8}) {
    RandomModel random(AttentionMode::tool_isolated, type, 14);
    const Case c = make_case(random);
    Model model = make_model(random);
    const std::vector<SegmentState> tools = encode_tools(model, c.tools);
    encode_query(model, tools, c.query);
    const std::vector<float> batch = logits_of(model, c.answer);
    CHECK(model.decoder_position() == c.answer.size());
    encode_query(model, tools, c.query);
    std::vector<float> single;
    for (TokenId id : c.answer) single = logits_of(model, {id});
    CHECK(same_bits(batch, single));
  }
}

TEST_CASE("a tool's cached state gives the bits of a fresh one, whatever was encoded in between") {
  for (WeightType type : {WeightType::f32, WeightType::i8}) {
    RandomModel random(AttentionMode::tool_isolated, type, 15);
    const Case c = make_case(random), other = make_case(random);
    Model model = make_model(random);
    const std::vector<SegmentState> tools = encode_tools(model, c.tools);
    encode_query(model, tools, c.query);
    const std::vector<float> first = logits_of(model, c.answer);
    const std::vector<SegmentState> others = encode_tools(model, other.tools);
    encode_query(model, others, other.query);
    CHECK_FALSE(same_bits(first, logits_of(model, c.answer)));
    encode_query(model, tools, c.query);
    CHECK(same_bits(first, logits_of(model, c.answer)));

    Model fresh = make_model(random);
    const std::vector<SegmentState> again = encode_tools(fresh, c.tools);
    encode_query(fresh, again, c.query);
    CHECK(same_bits(first, logits_of(fresh, c.answer)));
  }
}

TEST_CASE("every kernel set gives the same bits for the whole network") {
  for (WeightType type : {WeightType::f32, WeightType::i8}) {
    RandomModel random(AttentionMode::tool_isolated, type, 16);
    const Case c = make_case(random);
    std::vector<float> want;
    for (const char* name : {"reference", "simd128", "relaxed"}) {
      const KernelSet* kernels = find_kernels(name);
      if (kernels == nullptr) {
        MESSAGE("kernel set " << std::string(name) << " does not run here");
        continue;
      }
      Model model = make_model(random, *kernels);
      const std::vector<SegmentState> tools = encode_tools(model, c.tools);
      encode_query(model, tools, c.query);
      const std::vector<float> got = logits_of(model, c.answer);
      if (want.empty()) want = got;
      INFO(name);
      CHECK(same_bits(want, got));
    }
  }
}

TEST_CASE("encoding in pieces gives the bits of encoding at once, also while another query is decoded") {
  for (WeightType type : {WeightType::f32, WeightType::i8}) {
    RandomModel random(AttentionMode::tool_isolated, type, 20);
    const Case c = make_case(random), other = make_case(random);
    Model model = make_model(random);
    const std::vector<SegmentState> tools = encode_tools(model, c.tools);
    encode_query(model, tools, c.query);
    const std::vector<float> want = logits_of(model, c.answer);

    // A new tool's pieces between the decodes of the query.
    encode_query(model, tools, c.query);
    SegmentState tool;
    REQUIRE(model.begin_tool(other.tools[4], tool).ok());
    std::vector<float> got;
    size_t pieces = 0;
    bool complete = false;
    for (TokenId id : c.answer) {
      if (!complete) ++pieces;
      complete = model.advance_encoding();
      got = logits_of(model, {id});
    }
    CHECK(complete);
    CHECK(pieces > 2 * 3);  // at least two a layer
    CHECK(same_bits(want, got));

    std::vector<SegmentState> others = encode_tools(model, other.tools);
    encode_query(model, others, other.query);
    const std::vector<float> other_want = logits_of(model, other.answer);
    std::swap(others[4], tool);
    std::vector<const SegmentState*> views;
    for (const SegmentState& state : others) views.push_back(&state);
    REQUIRE(model.begin_query(other.query, views).ok());
    std::span<const float> logits;
    do CHECK(model.decode(Tokens{1}, logits).code == Code::bad_input); while (!model.advance_encoding());
    CHECK(model.advance_encoding());
    CHECK(same_bits(other_want, logits_of(model, other.answer)));
  }
}

TEST_CASE("a query forgotten or replaced in the middle of its encoding leaves no trace") {
  RandomModel random(AttentionMode::tool_isolated, WeightType::i8, 21);
  const Case c = make_case(random), other = make_case(random);
  Model model = make_model(random);
  const std::vector<SegmentState> tools = encode_tools(model, c.tools);
  encode_query(model, tools, c.query);
  const std::vector<float> want = logits_of(model, c.answer);
  for (size_t pieces : {0, 1, 5, 12}) {
    REQUIRE(model.begin_query(other.query, {}).ok());
    for (size_t i = 0; i < pieces; ++i) REQUIRE_FALSE(model.advance_encoding());
    if (pieces == 5) {
      model.forget_query();
      CHECK(model.advance_encoding());
      std::span<const float> logits;
      CHECK(model.decode(Tokens{1}, logits).code == Code::bad_input);
    }
    encode_query(model, tools, c.query);
    CHECK(same_bits(want, logits_of(model, c.answer)));
  }
}

TEST_CASE("logits of single tokens, and of every row of a feed, are those of the whole vocabulary") {
  for (WeightType type : {WeightType::f32, WeightType::i8}) {
    RandomModel random(AttentionMode::tool_isolated, type, 22);
    const Case c = make_case(random);
    const Tokens ids = {95, 0, 31, 32, 31};
    for (const char* name : {"reference", "simd128", "relaxed"}) {
      const KernelSet* kernels = find_kernels(name);
      if (kernels == nullptr) continue;
      Model model = make_model(random, *kernels);
      const std::vector<SegmentState> tools = encode_tools(model, c.tools);
      encode_query(model, tools, c.query);
      std::vector<std::vector<float>> want;
      for (size_t i = 0; i < 5; ++i) want.push_back(logits_of(model, {c.answer[i]}));
      model.rewind(0);
      REQUIRE(model.feed(std::span(c.answer).first(5)).ok());
      for (size_t row : {4, 0, 3}) {
        const std::span<const float> all = model.logits(row);
        CHECK(same_bits(all, want[row]));
        std::vector<float> some(ids.size());
        model.logits_for(row, std::span(ids).first(1), std::span(some).first(1));
        CHECK(some[0] == want[row][95]);
        model.logits_for(row, ids, some);
        for (size_t i = 0; i < ids.size(); ++i) CHECK(some[i] == want[row][size_t(ids[i])]);
      }
      CHECK(model.logits(5).empty());
    }
  }
}

TEST_CASE("a rewound decoder gives the bits of one that never went further, over the edge of a cache block") {
  for (WeightType type : {WeightType::f32, WeightType::i8}) {
    RandomModel random(AttentionMode::tool_isolated, type, 23);
    const Case c = make_case(random), other = make_case(random);
    Model model = make_model(random);
    const std::vector<SegmentState> tools = encode_tools(model, c.tools);
    encode_query(model, tools, c.query);
    const std::vector<float> want = logits_of(model, c.answer);  // 67 tokens
    for (size_t keep : {0, 1, 62, 64, 66}) {
      encode_query(model, tools, c.query);
      if (keep > 0) logits_of(model, Tokens(c.answer.begin(), c.answer.begin() + long(keep)));
      REQUIRE(model.feed(std::span(other.answer).first(30)).ok());
      model.rewind(keep);
      CHECK(model.decoder_position() == keep);
      CHECK(same_bits(want, logits_of(model, Tokens(c.answer.begin() + long(keep), c.answer.end()))));
    }
  }
}

TEST_CASE("two thousand tokens of tiny tools fit into one query where the file says so") {
  RandomModel random(AttentionMode::tool_isolated, WeightType::i8, 27);
  ModelWeights weights = random.weights();
  weights.config.max_seq_len = 4096;
  Model model;
  REQUIRE(Model::create(weights, best_kernels(), model).ok());
  const std::vector<SegmentState> tools = encode_tools(model, std::vector<Tokens>(512, random.tokens(5)));
  size_t bytes = 0;
  for (const SegmentState& tool : tools) bytes += tool.bytes();
  // 5 layers of 2 heads of 16, keys in fours: 8 keys a tool; and what aligning so small arrays takes.
  CHECK(bytes < 512 * 5 * (2 * (16 + 32 + 8) * 8 + 384));
  encode_query(model, tools, random.tokens(20));
  CHECK(logits_of(model, random.tokens(3)).size() == 96);
}

TEST_CASE("out-of-range calls are refused and change nothing") {
  RandomModel random(AttentionMode::tool_isolated, WeightType::i8, 17);
  Model model = make_model(random);
  std::span<const float> logits;
  SegmentState state;
  CHECK(model.decode(Tokens{1}, logits).code == Code::bad_input);
  CHECK(model.encode_tool(Tokens{}, state).code == Code::bad_input);
  CHECK(model.encode_tool(Tokens{96}, state).code == Code::bad_input);
  CHECK(model.encode_tool(Tokens{-1}, state).code == Code::bad_input);
  CHECK(model.encode_tool(Tokens(513, 1), state).code == Code::overflow);
  CHECK(model.encode_query(Tokens(513, 1), {}).code == Code::overflow);

  const std::vector<SegmentState> tools = encode_tools(model, {Tokens(300, 5), Tokens(300, 6)});
  const SegmentState* both[] = {&tools[0], &tools[1]};
  CHECK(model.encode_query(Tokens(9, 1), both).code == Code::overflow);

  REQUIRE(model.encode_query(Tokens(9, 1), {&both[0], 1}).ok());
  CHECK(model.decode(Tokens(161, 1), logits).code == Code::overflow);
  CHECK(model.feed(Tokens(65, 1)).code == Code::overflow);
  CHECK(model.feed(Tokens{}).code == Code::bad_input);
  REQUIRE(model.decode(Tokens(160, 1), logits).ok());
  CHECK(model.decode(Tokens(1, 1), logits).code == Code::overflow);

  REQUIRE(model.encode_query(Tokens(9, 1), {&both[0], 1}).ok());
  model.forget_query();
  CHECK(model.decode(Tokens{1}, logits).code == Code::bad_input);

  RandomModel whole(AttentionMode::bidirectional, WeightType::i8, 18);
  Model needle = make_model(whole);
  CHECK(needle.encode_tool(Tokens{1}, state).code == Code::bad_input);
  CHECK(needle.encode_query(Tokens{1}, both).code == Code::bad_input);
}

TEST_CASE("a configuration whose caches no machine should hold is refused, also where its size overflows 32 bits") {
  ModelWeights weights = RandomModel(AttentionMode::bidirectional, WeightType::i8, 19).weights();
  // Legal in a file of 50 MB. The caches take 4.4 GiB; modulo 2^32 that is a size that memory has.
  weights.config.num_heads = weights.config.num_kv_heads = weights.config.head_dim = 64;
  weights.config.num_decoder_layers = 64;
  weights.config.max_decode_len = 8192;
  Model model;
  CHECK(Model::create(std::move(weights), best_kernels(), model).code == Code::out_of_memory);
}
