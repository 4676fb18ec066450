// The productions of FORMAT.md, format `thimble`, one function each.
#include <algorithm>
#include <iterator>

#include "prompt/json.h"
#include "prompt/prompt.h"

namespace thimble {
namespace {

using json::Value;

constexpr size_t kToolDescription = 300;  // code points
constexpr size_t kParamDescription = 160;

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string squeeze(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (!is_space(c)) out += c;
    else if (!out.empty() && out.back() != ' ') out += ' ';
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// At most `limit` code points, ending before the last space before that point.
std::string cut(std::string_view text, size_t limit) {
  std::string out = squeeze(text);
  size_t bytes = 0, points = 0;
  while (bytes < out.size() && points < limit) {
    ++points;
    do ++bytes;
    while (bytes < out.size() && (static_cast<unsigned char>(out[bytes]) & 0xC0) == 0x80);
  }
  if (bytes == out.size()) return out;
  const size_t space = bytes == 0 ? std::string::npos : out.rfind(' ', bytes - 1);
  out.resize(space == std::string::npos || space == 0 ? bytes : space);
  return out;
}

std::string plain(const Value& value) {
  if (value.IsString()) return squeeze(json::view(value));
  std::string out;
  json::append_value(value, json::Strings::utf8, json::Numbers::javascript, out);
  return out;
}

std::string type_text(const Value& schema);
std::string params_text(const Value& schema);

bool is_word(std::string_view kind) {
  static constexpr std::string_view kWords[] = {"string",  "integer", "number", "boolean",
                                                "null",    "array",   "object"};
  return std::find(std::begin(kWords), std::end(kWords), kind) != std::end(kWords);
}

template <class Values>
std::string choices_text(const Values& values, std::string_view kind) {
  bool strings = true;
  std::string list;
  for (const Value* value : values) {
    strings = strings && value->IsString();
    (list += list.empty() ? "[ " : " | ") += plain(*value);
  }
  list += " ]";
  if (strings) return list;
  return std::string(is_word(kind) ? kind : "any") + " " + list;
}

const Value* bound(const Value& schema, const char* inclusive, const char* exclusive) {
  for (const char* key : {inclusive, exclusive})
    if (const Value* v = json::member(schema, key); v != nullptr && v->IsNumber()) return v;
  return nullptr;
}

std::string range_text(const Value& schema) {
  const Value* low = bound(schema, "minimum", "exclusiveMinimum");
  const Value* high = bound(schema, "maximum", "exclusiveMaximum");
  if (low == nullptr && high == nullptr) return "";
  std::string out = " ";
  if (low != nullptr) json::append_number(*low, json::Numbers::javascript, out);
  out += "..";
  if (high != nullptr) json::append_number(*high, json::Numbers::javascript, out);
  return out;
}

std::string one_type_text(const Value& schema, std::string_view kind) {
  if (kind == "string") {
    const Value* format = json::string_member(schema, "format");
    const std::string word = format == nullptr ? "" : squeeze(json::view(*format));
    return word.empty() ? "string" : "string " + word;
  }
  if (kind == "integer" || kind == "number") return std::string(kind) + range_text(schema);
  if (kind == "array") {
    const Value* items = json::object_member(schema, "items");
    return items == nullptr ? "array" : "array of " + type_text(*items);
  }
  if (kind == "object") {
    const Value* properties = json::object_member(schema, "properties");
    if (properties == nullptr || properties->ObjectEmpty()) return "object";
    return "object (" + params_text(schema) + " )";
  }
  return is_word(kind) ? std::string(kind) : "any";
}

std::string type_text(const Value& schema) {
  if (!schema.IsObject()) return "any";
  const Value* type = json::member(schema, "type");
  const std::string_view kind = type != nullptr && type->IsString() ? json::view(*type) : "";
  if (const Value* constant = json::member(schema, "const"))
    return choices_text(std::vector<const Value*>{constant}, kind);
  if (const Value* values = json::array_member(schema, "enum"); values && !values->Empty()) {
    std::vector<const Value*> all;
    for (const Value& v : values->GetArray()) all.push_back(&v);
    return choices_text(all, kind);
  }
  std::string out;
  for (const char* key : {"anyOf", "oneOf"}) {
    const Value* parts = json::array_member(schema, key);
    if (parts == nullptr || parts->Empty()) continue;
    for (const Value& part : parts->GetArray())
      (out += out.empty() ? "" : " or ") += type_text(part);
    return out;
  }
  if (type == nullptr || !type->IsArray() || type->Empty()) return one_type_text(schema, kind);
  for (const Value& part : type->GetArray())
    (out += out.empty() ? "" : " or ") +=
        one_type_text(schema, part.IsString() ? json::view(part) : "");
  return out;
}

bool is_required(const Value* required, std::string_view key) {
  if (required == nullptr) return false;
  for (const Value& name : required->GetArray())
    if (name.IsString() && json::view(name) == key) return true;
  return false;
}

std::string param_text(std::string_view key, const Value& schema, bool required) {
  std::string out = " \"" + std::string(key) + (required ? "\"* " : "\" ") + type_text(schema);
  if (const Value* value = json::member(schema, "default"))
    if (const std::string text = plain(*value); !text.empty()) out += " = " + text;
  if (const Value* description = json::string_member(schema, "description"))
    if (const std::string text = cut(json::view(*description), kParamDescription); !text.empty())
      out += ": " + text;
  return out;
}

std::string params_text(const Value& schema) {
  const Value* required = json::array_member(schema, "required");
  std::string out;
  for (const auto& entry : schema["properties"].GetObject()) {
    const std::string_view key = json::view(entry.name);
    (out += out.empty() ? "" : " ;") += param_text(key, entry.value, is_required(required, key));
  }
  return out;
}

// The flat style: {"city": {"type": "string", "required": true}}; "items" may be a type's name.
Value schema_of_flat(const Value& flat, rapidjson::Document::AllocatorType& memory) {
  Value properties(rapidjson::kObjectType), required(rapidjson::kArrayType);
  for (const auto& entry : flat.GetObject()) {
    if (!entry.value.IsObject()) continue;
    Value schema(entry.value, memory);
    if (const Value* flag = json::member(schema, "required"); flag && flag->IsTrue())
      required.PushBack(Value(entry.name, memory), memory);
    schema.RemoveMember("required");
    if (const Value* items = json::string_member(schema, "items")) {
      Value item(rapidjson::kObjectType);
      item.AddMember("type", Value(*items, memory), memory);
      schema["items"] = item;
    }
    properties.AddMember(Value(entry.name, memory), schema, memory);
  }
  Value out(rapidjson::kObjectType);
  out.AddMember("properties", properties, memory).AddMember("required", required, memory);
  return out;
}

std::string tool_text(const Value& tool, rapidjson::Document::AllocatorType& memory) {
  std::string out = "\"" + std::string(json::view(tool["name"])) + "\"";
  if (const Value* description = json::string_member(tool, "description"))
    if (const std::string text = cut(json::view(*description), kToolDescription); !text.empty())
      out += " " + text;
  out += " (";
  if (const Value* parameters = json::object_member(tool, "parameters"))
    out += json::is_schema(*parameters) ? params_text(*parameters) : params_text(schema_of_flat(*parameters, memory));
  out += " )";
  const char* separator = " e.g. ";
  if (const Value* examples = json::array_member(tool, "examples"))
    for (const Value& example : examples->GetArray()) {
      const std::string text = example.IsString() ? squeeze(json::view(example)) : "";
      if (text.empty()) continue;
      (out += separator) += text;
      separator = " | ";
    }
  return out;
}

}  // namespace

Status thimble_tool_texts(std::string_view tools_json, std::vector<ToolText>& out) {
  rapidjson::Document tools;
  if (Status s = json::parse_array(tools_json, tools); !s.ok()) return s;
  out.clear();
  for (const Value& tool : tools.GetArray()) {
    const Value* name = json::string_member(tool, "name");
    if (name == nullptr || name->GetStringLength() == 0)
      return {Code::bad_tools, "tools[" + std::to_string(out.size()) +
                                   "]: an object with a non-empty string `name` is needed"};
    out.push_back({std::string(json::view(*name)), tool_text(tool, tools.GetAllocator())});
  }
  return {};
}

}  // namespace thimble
