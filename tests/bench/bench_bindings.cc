// Kernel benchmarks for JavaScript: linked with web/bindings.cc into the bench module, which is the
// shipped module plus this file.
#include <emscripten/bind.h>
#include <emscripten/emscripten.h>

#include <string>

#include "bench/kernels_bench.h"

using namespace thimble;

namespace {

// 0 where the kernel set does not run.
double gemm(const std::string& kernels, size_t rows, size_t n, size_t k, double seconds) {
  const KernelSet* set = find_kernels(kernels.c_str());
  return set == nullptr ? 0 : bench::gemm_gmacs(*set, rows, n, k, seconds, emscripten_get_now);
}

double attend(const std::string& kernels, size_t rows, size_t keys, double seconds) {
  const KernelSet* set = find_kernels(kernels.c_str());
  return set == nullptr ? 0 : bench::attend_us_per_row(*set, rows, keys, seconds, emscripten_get_now);
}

double row_work(const std::string& kernels, size_t rows, double seconds) {
  const KernelSet* set = find_kernels(kernels.c_str());
  return set == nullptr ? 0 : bench::row_work_us(*set, rows, seconds, emscripten_get_now);
}

}  // namespace

EMSCRIPTEN_BINDINGS(thimble_bench) {
  emscripten::function("gemmGmacs", &gemm);
  emscripten::function("attendUsPerRow", &attend);
  emscripten::function("rowWorkUs", &row_work);
}
