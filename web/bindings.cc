// The core behind Embind: the only surface that JavaScript sees. Every call that can fail returns a
// Result; nothing throws. Large data crosses as (address, length) into the module's memory, and
// web/engine.ts is the only place that touches it.
#include <emscripten/bind.h>

#include <algorithm>
#include <string>
#include <type_traits>
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
  // The store of tools (tools/tool_store.h). Id of the last add_tool: tool_id(); where it is 0, there is no such tool.
  Result add_tool(const std::string& json, bool allow_unenforced, bool spoken_dates) {
    unenforced_.clear();
    return in_store([&](ToolStore& store) { return store.add(json, {spoken_dates, allow_unenforced ? &unenforced_ : nullptr}, tool_id_); });
  }
  ToolId tool_id() const { return tool_id_; }
  size_t tool_tokens(ToolId id) { return of_tool(id, [](StoredTool& tool) { return tool.tokens.size(); }); }
  // Of the tool's state; 0 if it is not complete.
  size_t tool_bytes(ToolId id) { return of_tool(id, [](StoredTool& tool) { return tool.state.complete() ? tool.state.bytes() : 0; }); }
  Region tool_embedding(ToolId id) { return of_tool(id, [](StoredTool& tool) { return region(std::span<const float>(tool.embedding)); }); }
  void drop_tool(ToolId id) { (void)in_store([&](ToolStore& store) { return store.drop(id), Status(); }); }
  Result begin_tool(ToolId id) { return in_store([&](ToolStore& store) { return store.begin_encoding(id); }); }
  // done(): the tool is encoded.
  Result advance_tool(ToolId id) { return in_store([&](ToolStore& store) { return store.advance_encoding(id, done_); }); }
  void forget_tool_state(ToolId id) { (void)in_store([&](ToolStore& store) { return store.forget_state(id), Status(); }); }
  Region save_tool_state(ToolId id) { return engine_.store() == nullptr ? Region() : region(engine_.store()->save_state(id)); }
  // Room for the bytes of a state; write them, then restore_tool_state().
  Region begin_restore(ToolId id, size_t bytes) { return engine_.store() == nullptr ? Region() : region(engine_.store()->begin_restore(id, bytes)); }
  Result restore_tool_state(ToolId id) { return in_store([&](ToolStore& store) { return store.restore_state(id); }); }
  // Room for an embedding of `length` floats; write them, then set_tool_embedding().
  Region embedding_room(size_t length) {
    embedding_.resize(std::min<size_t>(length, engine_.config().contrastive_dim));
    return region(std::span(embedding_));
  }
  bool set_tool_embedding(ToolId id) { return engine_.store() != nullptr && engine_.store()->set_embedding(id, embedding_); }
  Result select_tools(const std::vector<ToolId>& ids) { return result(engine_.select(ids)); }
  Result begin_search(const std::string& query) { return result(engine_.begin_search(query)); }
  Result advance_search() { return result(engine_.advance_search(done_)); }
  Result found(const std::vector<ToolId>& ids, size_t max_tokens) {
    found_.clear();
    return result(engine_.found(ids, max_tokens, found_));
  }
  // Of the last found(), best first.
  std::vector<ToolId> found_tools() const { return found_; }
  // Of the model file, in hexadecimal digits.
  std::string fingerprint() const {
    std::string text;  // by hand: snprintf is 8 KB
    for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[engine_.model().fingerprint() >> shift & 15];
    return text;
  }

  // Keywords of the last set_tools or add_tool that are not enforced, one "path: keyword" a line.
  std::string unenforced() const {
    std::string lines;
    for (const std::string& line : unenforced_) (lines += line) += '\n';
    return lines;
  }

  // `choice`: auto, none, required, or tool: then `tool` names it.
  Result begin_answer(const std::string& query, const std::string& choice, const std::string& tool, uint32_t max_calls, bool strict, bool plain) {
    const ToolChoice tool_choice = choice == "none" ? ToolChoice::none : choice == "required" ? ToolChoice::required
                                 : choice == "tool" ? ToolChoice::named : ToolChoice::automatic;
    return result(engine_.begin(query, {tool_choice, tool, max_calls, strict ? Grounding::strict : Grounding::free, plain}));
  }
  Result advance_answer() { return result(engine_.advance(done_)); }
  // Whether the last advance_answer completed the answer.
  bool done() const { return done_; }
  std::string text() const { return std::string(engine_.text()); }
  std::string text_format() const { return engine_.config().text_format == TextFormat::needle ? "needle" : "thimble"; }
  std::string tool_name(const std::string& written) const { return std::string(engine_.tool_name(written)); }
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

  template <class Use>
  Result in_store(const Use& use) {
    if (engine_.store() == nullptr) return {"bad_input", "this model reads its tools with the query; give it the whole list"};
    return result(use(*engine_.store()));
  }
  template <class Use, class R = std::invoke_result_t<Use, StoredTool&>>
  R of_tool(ToolId id, const Use& use) {
    const auto tool = engine_.store() == nullptr ? nullptr : engine_.store()->find(id);
    return tool == nullptr ? R() : use(*tool);
  }

  Engine engine_;
  std::string kernels_, answer_;
  std::vector<std::string> unenforced_;
  bool done_ = false;
  ToolId tool_id_ = 0;
  std::vector<ToolId> found_;
  std::vector<float> embedding_;
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
  emscripten::register_vector<ToolId>("ToolIds");
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
      .function("addTool", &EngineHandle::add_tool)
      .function("toolId", &EngineHandle::tool_id)
      .function("toolTokens", &EngineHandle::tool_tokens)
      .function("toolBytes", &EngineHandle::tool_bytes)
      .function("toolEmbedding", &EngineHandle::tool_embedding)
      .function("dropTool", &EngineHandle::drop_tool)
      .function("beginTool", &EngineHandle::begin_tool)
      .function("advanceTool", &EngineHandle::advance_tool)
      .function("forgetToolState", &EngineHandle::forget_tool_state)
      .function("saveToolState", &EngineHandle::save_tool_state)
      .function("beginRestore", &EngineHandle::begin_restore)
      .function("restoreToolState", &EngineHandle::restore_tool_state)
      .function("embeddingRoom", &EngineHandle::embedding_room)
      .function("setToolEmbedding", &EngineHandle::set_tool_embedding)
      .function("selectTools", &EngineHandle::select_tools)
      .function("beginSearch", &EngineHandle::begin_search)
      .function("advanceSearch", &EngineHandle::advance_search)
      .function("found", &EngineHandle::found)
      .function("foundTools", &EngineHandle::found_tools)
      .function("fingerprint", &EngineHandle::fingerprint)
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
      .function("textFormat", &EngineHandle::text_format)
      .function("toolName", &EngineHandle::tool_name)
      .function("readAnswer", &EngineHandle::read_answer)
      .function("answerJson", &EngineHandle::answer_json)
      .function("tokenize", &EngineHandle::tokenize)
      .function("detokenize", &EngineHandle::detokenize)
      .function("queryTokens", &EngineHandle::query_tokens)
      .function("ids", &EngineHandle::ids)
      .function("scratchBytes", &EngineHandle::scratch_bytes)
      .function("toolCacheBytes", &EngineHandle::tool_cache_bytes);
}
