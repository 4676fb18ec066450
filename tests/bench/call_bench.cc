#include "bench/call_bench.h"

#include <algorithm>

namespace thimble::bench {
namespace {

constexpr size_t kPositions = 48;
constexpr size_t kQueryTokens = 20;

std::vector<TokenId> arbitrary_tokens(size_t count, size_t seed) {
  std::vector<TokenId> ids(count);
  for (size_t i = 0; i < count; ++i)
    ids[i] = static_cast<TokenId>(6 + ((i + 977 * seed) * 2654435761u) % 8000);
  return ids;
}

// Milliseconds of the fastest run of about `seconds`, at least one.
template <class F>
double fastest_run(double seconds, Clock now, F run) {
  double best = 1e300;
  const double end = now() + seconds * 1000;
  do {
    const double start = now();
    run();
    best = std::min(best, now() - start);
  } while (now() < end);
  return best;
}

}  // namespace

Status CallBench::open() {
  ModelWeights weights;
  if (Status s = loader_.finish(weights); !s.ok()) return s;
  return Model::create(std::move(weights), kernels_, model_);
}

Status CallBench::set_tools(size_t count, size_t tokens) {
  model_.forget_query();
  tools_.clear();
  for (size_t i = 0; i < count; ++i) {
    tools_.push_back(std::make_unique<SegmentState>());
    if (Status s = model_.encode_tool(arbitrary_tokens(tokens, i + 1), *tools_.back()); !s.ok()) return s;
  }
  return {};
}

Status CallBench::encode(size_t tokens) {
  std::vector<const SegmentState*> tools;
  for (const auto& tool : tools_) tools.push_back(tool.get());
  return model_.encode_query(arbitrary_tokens(tokens, 0), tools);
}

double CallBench::encode_ms(size_t tokens, double seconds, Clock now) {
  if (!encode(tokens).ok()) return 0;
  return fastest_run(seconds, now, [&] { (void)encode(tokens); });
}

double CallBench::decode_ms(size_t tokens, size_t scores, double seconds, Clock now) {
  const std::vector<TokenId> ids = arbitrary_tokens(kPositions, 0), wanted = arbitrary_tokens(scores, 99);
  std::vector<float> some(scores);
  double best = 1e300;
  const double end = now() + seconds * 1000;
  do {
    if (!encode(kQueryTokens).ok()) return 0;
    const double start = now();
    for (size_t at = 0; at + tokens <= kPositions; at += tokens) {
      if (!model_.feed(std::span(ids).subspan(at, tokens)).ok()) return 0;
      if (scores == 0) (void)model_.logits(tokens - 1);
      else model_.logits_for(tokens - 1, wanted, some);
    }
    best = std::min(best, (now() - start) / static_cast<double>(kPositions / tokens));
  } while (now() < end);
  return best;
}

}  // namespace thimble::bench
