#include <algorithm>

#include "prompt/json.h"
#include "prompt/prompt.h"

namespace thimble {
namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// One place between two characters where Needle's rules put an underscore: aB, 9B, and ABc.
bool splits(std::string_view s, size_t i) {
  if (i == 0 || !is_upper(s[i])) return false;
  if (is_lower(s[i - 1]) || is_digit(s[i - 1])) return true;
  return is_upper(s[i - 1]) && i + 1 < s.size() && is_lower(s[i + 1]);
}

using Memory = rapidjson::Document::AllocatorType;

bool is_required(const json::Value& schema, const json::Value& key) {
  const json::Value* list = json::array_member(schema, "required");
  return list != nullptr && std::find(list->Begin(), list->End(), key) != list->End();
}

/// The flat style of a JSON Schema, which Needle was not trained on.
json::Value flat_of_schema(const json::Value& schema, Memory& memory) {
  json::Value out(rapidjson::kObjectType);
  for (const auto& entry : schema["properties"].GetObject()) {
    json::Value parameter(rapidjson::kObjectType);
    if (entry.value.IsObject()) parameter.CopyFrom(entry.value, memory);
    if (is_required(schema, entry.name)) {
      parameter.RemoveMember("required");  // of an object: the names inside
      parameter.AddMember("required", true, memory);
    }
    out.AddMember(json::Value(entry.name, memory), parameter, memory);
  }
  return out;
}

}  // namespace

std::string to_snake_case(std::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool word = is_upper(c) || is_lower(c) || is_digit(c);
    if ((!word || splits(name, i)) && !out.empty() && out.back() != '_') out += '_';
    if (word) out += is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (!out.empty() && out.back() == '_') out.pop_back();
  return out;
}

Status needle_tools_text(std::string_view tools_json, std::string& out) {
  rapidjson::Document tools;
  if (Status s = json::parse_array(tools_json, tools); !s.ok()) return s;
  for (json::Value& tool : tools.GetArray()) {
    if (json::string_member(tool, "name") == nullptr) continue;
    json::Value& name = tool["name"];
    name.SetString(to_snake_case(json::view(name)), tools.GetAllocator());
    tool.RemoveMember("examples");
    if (const json::Value* parameters = json::object_member(tool, "parameters"); parameters != nullptr && json::is_schema(*parameters)) {
      json::Value flat = flat_of_schema(*parameters, tools.GetAllocator());
      tool["parameters"] = flat;
    }
  }
  out.clear();
  json::append_value(tools, json::Strings::ascii, json::Numbers::python, out);
  return {};
}

}  // namespace thimble
