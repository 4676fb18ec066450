// Speed of the grammar at 20 tools: what an answer costs besides the network. The caller brings the clock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/kernels_bench.h"

namespace thimble::bench {

struct GrammarSpeed {
  double vocabulary_first_ms = 0;  // once a model: reading the pieces, code that has not run before
  double vocabulary_ms = 0;        // the same again
  double compile_us = 0;           // a tool
  double join_us = 0;              // 20 compiled tools into a query's grammar
  double first_pass_us = 0;        // a decoder pass: forced tokens and the mask, with no mask known yet
  double pass_us = 0;              // the same with the masks of the tools' patterns known
  double passes = 0;               // of the answers measured, together
};

/// `section`: a tokenizer's. All zero if it is refused. The fastest of several runs, but for the first times.
GrammarSpeed grammar_speed(std::vector<uint8_t> section, Clock now);

}  // namespace thimble::bench
