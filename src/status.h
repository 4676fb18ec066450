// The one error type of the core. Its codes are the codes that JavaScript sees.
#pragma once

#include <string>
#include <utility>

namespace thimble {

enum class Code {
  ok = 0,
  bad_weights,    // the model file is truncated, corrupted, of another version, or hostile
  bad_tokenizer,  // the tokenizer section cannot be used
  bad_tools,      // the tool list is not valid JSON or not a list of tools
  bad_input,      // a call's argument is out of range or called in the wrong order
  overflow,       // tools and query do not fit into the model's context
  out_of_memory,  // the machine has not the memory that this model needs
};

/// Result of an operation that can fail for a reason outside this program. `message` is one
/// sentence that names the place and says what to do; it is empty when `code` is ok.
struct [[nodiscard]] Status {
  Code code = Code::ok;
  std::string message;

  Status() = default;
  Status(Code c, std::string m) : code(c), message(std::move(m)) {}
  bool ok() const { return code == Code::ok; }
};

/// The code's name as JavaScript sees it, e.g. "bad_weights".
constexpr const char* code_name(Code code) {
  switch (code) {
    case Code::ok: return "ok";
    case Code::bad_weights: return "bad_weights";
    case Code::bad_tokenizer: return "bad_tokenizer";
    case Code::bad_tools: return "bad_tools";
    case Code::bad_input: return "bad_input";
    case Code::overflow: return "overflow";
    case Code::out_of_memory: return "out_of_memory";
  }
  return "bad_input";
}

}  // namespace thimble
