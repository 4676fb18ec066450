// Kernel benchmarks for JavaScript: linked with web/bindings.cc into the bench module, which is the
// shipped module plus this file.
#include <emscripten/bind.h>
#include <emscripten/emscripten.h>

#include <string>
#include <vector>

#include "bench/call_bench.h"
#include "bench/grammar_bench.h"
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

// CallBench for JavaScript. Figures are 0, and open() and set_tools() false, where something failed.
class CallBenchHandle {
 public:
  explicit CallBenchHandle(const std::string& kernels) : bench_(*find_kernels(kernels.c_str())) {}
  uintptr_t next_chunk() { return reinterpret_cast<uintptr_t>(bench_.loader().next().data()); }
  size_t next_bytes() { return bench_.loader().next().size(); }
  bool advance(size_t bytes) { return bench_.loader().advance(bytes).ok(); }
  bool open() { return bench_.open().ok(); }
  bool set_tools(size_t count, size_t tokens) { return bench_.set_tools(count, tokens).ok(); }
  double encode_ms(size_t tokens, double seconds) {
    return bench_.encode_ms(tokens, seconds, emscripten_get_now);
  }
  double decode_ms(size_t tokens, size_t scores, double seconds) {
    return bench_.decode_ms(tokens, scores, seconds, emscripten_get_now);
  }

 private:
  bench::CallBench bench_;
};

// `section`: a tokenizer's bytes.
bench::GrammarSpeed grammar_speed(const std::string& section) {
  return bench::grammar_speed(std::vector<uint8_t>(section.begin(), section.end()), emscripten_get_now);
}

}  // namespace

EMSCRIPTEN_BINDINGS(thimble_bench) {
  emscripten::value_object<bench::GrammarSpeed>("GrammarSpeed")
      .field("vocabularyFirstMs", &bench::GrammarSpeed::vocabulary_first_ms)
      .field("vocabularyMs", &bench::GrammarSpeed::vocabulary_ms)
      .field("compileUs", &bench::GrammarSpeed::compile_us)
      .field("joinUs", &bench::GrammarSpeed::join_us)
      .field("firstPassUs", &bench::GrammarSpeed::first_pass_us)
      .field("passUs", &bench::GrammarSpeed::pass_us)
      .field("passes", &bench::GrammarSpeed::passes);
  emscripten::function("grammarSpeed", &grammar_speed);
  emscripten::function("gemmGmacs", &gemm);
  emscripten::function("attendUsPerRow", &attend);
  emscripten::function("rowWorkUs", &row_work);
  emscripten::class_<CallBenchHandle>("CallBench")
      .constructor<std::string>()
      .function("nextChunk", &CallBenchHandle::next_chunk)
      .function("nextBytes", &CallBenchHandle::next_bytes)
      .function("advance", &CallBenchHandle::advance)
      .function("open", &CallBenchHandle::open)
      .function("setTools", &CallBenchHandle::set_tools)
      .function("encodeMs", &CallBenchHandle::encode_ms)
      .function("decodeMs", &CallBenchHandle::decode_ms);
}
