// A pattern and a walk chosen by the input: any walk through the automaton of a string, with lengths
// besides, can be completed, and what it accepts is valid JSON of the right length.
// Input: flags, minLength, maxLength, length of the pattern, pattern, then the choices.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "grammar/call_grammar.h"
#include "grammar/tool_schema.h"
#include "prompt/json.h"
#include "tokenizer/utf8.h"

namespace {

using namespace thimble;

void require(bool condition) {
  if (!condition) std::abort();
}

std::string schema_of(const uint8_t* data, const std::string& pattern) {
  std::string out = "{\"type\":\"string\"";
  if ((data[0] & 1) != 0) out += ",\"minLength\":" + std::to_string(data[1] % 8);
  if ((data[0] & 2) != 0) out += ",\"maxLength\":" + std::to_string(data[2] % 16);
  if ((data[0] & 4) != 0) {
    out += ",\"pattern\":";
    json::append_string(pattern, json::Strings::utf8, out);
  }
  out += "}";
  if ((data[0] & 8) != 0) out = "{\"type\":\"array\",\"items\":" + out + ",\"uniqueItems\":true,\"maxItems\":4}";
  return out;
}

void check_answer(const std::string& text, const uint8_t* data) {
  require(is_utf8(text));
  rapidjson::Document answer;
  answer.Parse<rapidjson::kParseValidateEncodingFlag>(text.data(), text.size());
  require(!answer.HasParseError());
  const auto& arguments = answer[0]["arguments"];
  if (!arguments.HasMember("x") || !arguments["x"].IsString()) return;
  const std::string_view value = json::view(arguments["x"]).substr(1);
  const auto length = static_cast<unsigned>(std::count_if(value.begin(), value.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  require((data[0] & 1) == 0 || length >= data[1] % 8u);
  require((data[0] & 2) == 0 || length <= data[2] % 16u);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  const size_t length = std::min<size_t>(data[3] % 64, size - 4);
  const std::string pattern(reinterpret_cast<const char*>(data) + 4, length);
  ToolSet set;
  const Status status = compile_tools(
      "[{\"name\":\"t\",\"parameters\":{\"type\":\"object\",\"properties\":{\"x\":" + schema_of(data, pattern) + "}}}]", {}, set);
  require(status.ok() || status.code == Code::bad_tools);
  if (!status.ok()) return 0;
  CallGrammar grammar(set);
  CallState state;
  require(grammar.start({ToolChoice::required, {}, 1}, state).ok());
  std::string text;
  for (size_t i = 4 + length; text.size() < 500 && !grammar.finished(state); ++i) {
    const ByteSet legal = grammar.next_bytes(state);
    require(legal.any());
    size_t nth = i < size ? data[i] % legal.count() : text.size() % legal.count();
    size_t byte = 0;
    while (!legal[byte] || nth-- > 0) ++byte;
    grammar.advance(state, static_cast<uint8_t>(byte));
    text += static_cast<char>(byte);
  }
  if (grammar.finished(state)) check_answer(text, data);
  return 0;
}
