// Speed of one call's two parts, the query's encoding and the decoder's passes, over cached tools.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "bench/kernels_bench.h"
#include "model/model.h"

namespace thimble::bench {

/// One tool_isolated model with `count` cached tools of `tokens` arbitrary tokens each.
class CallBench {
 public:
  /// `kernels` must outlive the bench. Load the file through loader(), then open().
  explicit CallBench(const KernelSet& kernels) : loader_(size_t{256} << 20), kernels_(kernels) {}
  ModelLoader& loader() { return loader_; }
  Status open();
  Status set_tools(size_t count, size_t tokens);

  /// Milliseconds to encode a query segment of `tokens` tokens; the fastest slice of `seconds`.
  double encode_ms(size_t tokens, double seconds, Clock now);
  /// Milliseconds of one decoder pass that feeds `tokens` tokens, the mean over positions 0 to 47, the
  /// fastest of `seconds`. `scores`: how many logits are asked for, 0 for all.
  double decode_ms(size_t tokens, size_t scores, double seconds, Clock now);

 private:
  Status encode(size_t tokens);

  ModelLoader loader_;
  const KernelSet& kernels_;
  Model model_;
  std::vector<std::unique_ptr<SegmentState>> tools_;
};

}  // namespace thimble::bench
