// Speed of single kernels, on random data of the product's shapes. The caller brings the clock.
#pragma once

#include <cstddef>

#include "kernels/kernels.h"

namespace thimble::bench {

using Clock = double (*)();  // milliseconds

/// GMAC/s of gemm_i8 with `rows` activation rows and a weight matrix of n rows and k columns. 16 MiB
/// of distinct matrices take turns, as the layers of a network do. Runs for `seconds` in slices of
/// about 4 ms and returns the fastest slice: what a free core does.
double gemm_gmacs(const KernelSet& kernels, size_t rows, size_t n, size_t k, double seconds, Clock now);

/// Microseconds a query row of attend_i8, 8 heads on 4 KV heads of 64: `rows` query rows over `keys`
/// keys. The fastest slice, as above.
double attend_us_per_row(const KernelSet& kernels, size_t rows, size_t keys, double seconds, Clock now);

/// Microseconds a row of width 512 for what an encoder layer does besides matrices and attention:
/// rms_norm, quantize_rows twice, qk_norm_rope of 8 and of 4 heads, append_kv.
double row_work_us(const KernelSet& kernels, size_t rows, double seconds, Clock now);

}  // namespace thimble::bench
