// Turns the bytes of one complete section into weights: pointers into those bytes, after a look at
// every number that could poison a result (not finite, not canonical).
#pragma once

#include <cstdint>
#include <span>

#include "status.h"
#include "weights/layout.h"
#include "weights/weights.h"

namespace thimble {

/// `bytes` has the length that read_header proved and starts 64-byte aligned. Row sums of int8
/// matrices are written to `sums`, which moves past them.
Status bind_section(const Section& section, std::span<const uint8_t> bytes, int32_t*& sums, ModelWeights& w);

}  // namespace thimble
