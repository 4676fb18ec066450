// The core behind Embind: the only surface that JavaScript sees. Every call that can fail returns a
// Result; nothing throws. Large data crosses as (address, length) into the module's memory, and
// web/engine.ts is the only place that touches it.
#include <emscripten/bind.h>

#include <string>
#include <vector>

#include "engine.h"

using namespace thimble;

namespace {

struct Result {
  std::string code;  // code_name of status.h
  std::string message;
};

Result result(const Status& status) { return {code_name(status.code), status.message}; }

struct Region {
  uintptr_t address = 0;
  size_t length = 0;  // in elements
};

template <class T>
Region region(std::span<T> values) {
  return {reinterpret_cast<uintptr_t>(values.data()), values.size()};
}

constexpr size_t kMaxFileBytes = size_t{256} << 20;

class EngineHandle {
 public:
  explicit EngineHandle(const std::string& kernels) : EngineHandle(find_kernels(kernels.c_str())) {}

  // Name of the kernel set at work; empty when the one asked for does not run here.
  std::string kernels() const { return kernels_; }

  void skip_checksums() { engine_.loader().skip_checksums(); }
  Region next_chunk() { return region(engine_.loader().next()); }
  Result advance(size_t bytes) { return result(engine_.loader().advance(bytes)); }
  double total_bytes() { return static_cast<double>(engine_.loader().total_bytes()); }
  Result open() { return result(engine_.open()); }
  std::string metadata() const { return engine_.metadata(); }

  Result set_tools(const std::string& json, bool allow_unenforced, bool spoken_dates) {
    unenforced_.clear();
    return result(engine_.set_tools(json, {spoken_dates, allow_unenforced ? &unenforced_ : nullptr}));
  }
  // Keywords of the last set_tools that are not enforced, one "path: keyword" a line.
  std::string unenforced() const {
    std::string lines;
    for (const std::string& line : unenforced_) (lines += line) += '\n';
    return lines;
  }

  // `choice`: auto, none, required, or tool: then `tool` names it.
  Result begin_answer(const std::string& query, const std::string& choice, const std::string& tool, uint32_t max_calls, bool strict) {
    const ToolChoice tool_choice = choice == "none" ? ToolChoice::none : choice == "required" ? ToolChoice::required
                                 : choice == "tool" ? ToolChoice::named : ToolChoice::automatic;
    return result(engine_.begin(query, {tool_choice, tool, max_calls, strict ? Grounding::strict : Grounding::free}));
  }
  Result advance_answer() { return result(engine_.advance(done_)); }
  // Whether the last advance_answer completed the answer.
  bool done() const { return done_; }
  std::string text() const { return std::string(engine_.text()); }
  // The complete answer as JSON (to_json); read it with answer_json() after ok.
  Result read_answer() {
    Answer answer;
    const Status status = engine_.answer(answer);
    if (status.ok()) answer_ = to_json(answer, engine_.query(), engine_.counts());
    return result(status);
  }
  std::string answer_json() const { return answer_; }

  Result encode(const std::string& query) { return result(engine_.encode(query)); }
  Result encode_tokens(const std::vector<TokenId>& ids) { return result(engine_.encode(ids)); }
  Region encoder_output() const { return region(engine_.model().encoder_output()); }
  Region query_embedding() const { return region(engine_.model().query_embedding()); }

  Result step(const std::vector<TokenId>& ids) { return result(engine_.step(ids, logits_)); }
  Region logits() const { return region(logits_); }
  Result tokenize(const std::string& text) {
    ids_.clear();
    return result(engine_.tokenizer().encode(text, ids_));
  }
  // The query segment that encode(query) would read.
  Result query_tokens(const std::string& query) {
    EncoderInput input;
    const Status status = engine_.encoder_input(query, input);
    ids_ = std::move(input.query);
    return result(status);
  }
  // Of the last tokenize or query_tokens.
  std::vector<TokenId> ids() const { return ids_; }
  std::string detokenize(const std::vector<TokenId>& ids) const {
    return engine_.tokenizer().decode(ids);
  }

  double scratch_bytes() const { return static_cast<double>(engine_.scratch_bytes()); }
  double tool_cache_bytes() const { return static_cast<double>(engine_.tool_cache_bytes()); }

 private:
  explicit EngineHandle(const KernelSet* kernels)
      : engine_(kernels != nullptr ? *kernels : reference_kernels(), kMaxFileBytes),
        kernels_(kernels != nullptr ? kernels->name : "") {}

  Engine engine_;
  std::string kernels_, answer_;
  std::vector<std::string> unenforced_;
  bool done_ = false;
  std::vector<TokenId> ids_;
  std::span<const float> logits_;
};

}  // namespace

EMSCRIPTEN_BINDINGS(thimble) {
  emscripten::value_object<Result>("Result")
      .field("code", &Result::code)
      .field("message", &Result::message);
  emscripten::value_object<Region>("Region")
      .field("address", &Region::address)
      .field("length", &Region::length);
  emscripten::register_vector<TokenId>("TokenIds");
  emscripten::class_<EngineHandle>("Engine")
      .constructor<std::string>()
      .function("kernels", &EngineHandle::kernels)
      .function("skipChecksums", &EngineHandle::skip_checksums)
      .function("nextChunk", &EngineHandle::next_chunk)
      .function("advance", &EngineHandle::advance)
      .function("totalBytes", &EngineHandle::total_bytes)
      .function("open", &EngineHandle::open)
      .function("metadata", &EngineHandle::metadata)
      .function("setTools", &EngineHandle::set_tools)
      .function("unenforced", &EngineHandle::unenforced)
      .function("encode", &EngineHandle::encode)
      .function("encodeTokens", &EngineHandle::encode_tokens)
      .function("encoderOutput", &EngineHandle::encoder_output)
      .function("queryEmbedding", &EngineHandle::query_embedding)
      .function("step", &EngineHandle::step)
      .function("logits", &EngineHandle::logits)
      .function("beginAnswer", &EngineHandle::begin_answer)
      .function("advanceAnswer", &EngineHandle::advance_answer)
      .function("done", &EngineHandle::done)
      .function("text", &EngineHandle::text)
      .function("readAnswer", &EngineHandle::read_answer)
      .function("answerJson", &EngineHandle::answer_json)
      .function("tokenize", &EngineHandle::tokenize)
      .function("detokenize", &EngineHandle::detokenize)
      .function("queryTokens", &EngineHandle::query_tokens)
      .function("ids", &EngineHandle::ids)
      .function("scratchBytes", &EngineHandle::scratch_bytes)
      .function("toolCacheBytes", &EngineHandle::tool_cache_bytes);
}
