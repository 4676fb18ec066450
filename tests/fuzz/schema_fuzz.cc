// Arbitrary text as a tool list, and as the schema of one parameter. What compiles must allow some
// call, and every first choice must lead to one.
#include <cstdlib>
#include <string>

#include "grammar/call_grammar.h"
#include "grammar/tool_schema.h"

namespace {

using namespace thimble;

void require(bool condition) {
  if (!condition) std::abort();
}

/// Always the last legal byte, or the first: the extremes of every choice. An answer need not end
/// (strings may go on for ever), but it never gets stuck.
void follow(const ToolSet& set, bool last) {
  CallGrammar grammar(set);
  CallState state;
  if (!grammar.start({ToolChoice::required, {}, 2}, state).ok()) return;
  for (size_t n = 0; n < 2000 && !grammar.finished(state); ++n) {
    const ByteSet legal = grammar.next_bytes(state);
    require(legal.any());
    size_t byte = last ? 255 : 0;
    while (!legal[byte]) byte += last ? -1 : 1;
    grammar.advance(state, static_cast<uint8_t>(byte));
  }
}

void try_tools(const std::string& text, bool spoken) {
  ToolSet set;
  SchemaOptions options;
  options.spoken_dates = spoken;
  const Status status = compile_tools(text, options, set);
  require(status.ok() || (status.code == Code::bad_tools && !status.message.empty()));
  if (!status.ok()) return;
  follow(set, false);
  follow(set, true);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1) != 0) try_tools(text, false);
  else try_tools("[{\"name\":\"t\",\"parameters\":{\"type\":\"object\",\"properties\":{\"x\":" + text + "}}}]", (data[0] & 2) != 0);
  return 0;
}
