#include "prompt/json.h"

#include <cmath>

#include <rapidjson/error/en.h>
#include <rapidjson/internal/dtoa.h>

#include "prompt/prompt.h"

namespace thimble {
namespace json {
namespace {

// Depth by the brackets outside strings; the text is known to be valid JSON.
int depth_of(std::string_view text) {
  int depth = 0, deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      else if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  return deepest;
}

// RapidJSON takes an escaped low surrogate without its other half, and would make bytes of it that are no UTF-8.
// The text is known to be JSON otherwise: a backslash stands in a string, a high surrogate before its other half.
size_t lone_surrogate(std::string_view text) {
  for (size_t i = 0; (i = text.find('\\', i)) != text.npos; i += 2) {
    if (text[i + 1] != 'u' || (text[i + 2] | 0x20) != 'd') continue;
    const char next = static_cast<char>(text[i + 3] | 0x20);
    if (next >= 'c') return i;
    if (next == '8' || next == '9' || next == 'a' || next == 'b') i += 6;
  }
  return text.npos;
}

void append_unicode(unsigned unit, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[unit >> shift & 15];
}

// The code point that starts at `i` in valid UTF-8; `i` moves to its last byte.
unsigned code_point(std::string_view text, size_t& i) {
  const unsigned char lead = static_cast<unsigned char>(text[i]);
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  unsigned point = lead & (0x3F >> more);
  for (int k = 0; k < more && i + 1 < text.size(); ++k)
    point = point << 6 | (static_cast<unsigned char>(text[++i]) & 0x3F);
  return point;
}

void append_ascii(std::string_view text, size_t& i, std::string& out) {
  const unsigned point = code_point(text, i);
  if (point < 0x10000) return append_unicode(point, out);
  append_unicode(0xD800 + ((point - 0x10000) >> 10), out);
  append_unicode(0xDC00 + ((point - 0x10000) & 0x3FF), out);
}

const char* short_escape(char c) {
  switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    case '\b': return "\\b";
    case '\f': return "\\f";
    default: return nullptr;
  }
}

void append_exponent(std::string_view digits, int power, size_t width, std::string& out) {
  out += digits.substr(0, 1);
  if (digits.size() > 1) (out += '.') += digits.substr(1);
  out += power < 0 ? "e-" : "e+";
  std::string figures = std::to_string(std::abs(power));
  if (figures.size() < width) figures.insert(0, width - figures.size(), '0');
  out += figures;
}

// ECMAScript Number::toString; Python's repr differs in the exponents and in ".0".
std::string double_text(double value, Numbers style) {
  const bool python = style == Numbers::python;
  if (value == 0) return python ? (std::signbit(value) ? "-0.0" : "0.0") : "0";
  char buffer[32];
  int length = 0, k = 0;
  rapidjson::internal::Grisu2(std::abs(value), buffer, &length, &k);
  const std::string_view digits(buffer, static_cast<size_t>(length));
  const int point = length + k;  // value = 0.digits * 10^point
  std::string out = value < 0 ? "-" : "";
  const auto at = static_cast<size_t>(std::max(point, 0));
  if (point > (python ? 16 : 21) || point <= (python ? -4 : -6)) {
    append_exponent(digits, point - 1, python ? 2 : 1, out);
  } else if (point >= length) {
    (out += digits).append(at - digits.size(), '0');
    if (python) out += ".0";
  } else if (point > 0) {
    ((out += digits.substr(0, at)) += '.') += digits.substr(at);
  } else {
    ((out += "0.").append(static_cast<size_t>(-point), '0')) += digits;
  }
  return out;
}

}  // namespace

bool parse(std::string_view text, rapidjson::Document& out) {
  out.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag |
            rapidjson::kParseFullPrecisionFlag>(text.data(), text.size());
  return !out.HasParseError();
}

Status parse_array(std::string_view text, rapidjson::Document& out) {
  if (text.size() > kMaxToolsBytes)
    return {Code::bad_tools, "tools: " + std::to_string(text.size()) + " bytes of JSON, at most " +
                                 std::to_string(kMaxToolsBytes) + " are read; register fewer tools"};
  if (!parse(text, out))
    return {Code::bad_tools, std::string("tools: ") + GetParseError_En(out.GetParseError()) +
                                 " (byte " + std::to_string(out.GetErrorOffset()) + ")"};
  if (const size_t at = lone_surrogate(text); at != text.npos)
    return {Code::bad_tools, "tools: half of a surrogate pair (byte " + std::to_string(at) + ")"};
  if (!out.IsArray()) return {Code::bad_tools, "tools: a JSON array of tools is needed"};
  if (depth_of(text) > kMaxToolDepth)
    return {Code::bad_tools, "tools: nested more than " + std::to_string(kMaxToolDepth) +
                                 " levels deep; flatten the schema"};
  return {};
}

const Value* member(const Value& object, const char* key) {
  if (!object.IsObject()) return nullptr;
  const auto found = object.FindMember(key);
  return found == object.MemberEnd() ? nullptr : &found->value;
}
const Value* string_member(const Value& object, const char* key) {
  const Value* v = member(object, key);
  return v != nullptr && v->IsString() ? v : nullptr;
}
const Value* object_member(const Value& object, const char* key) {
  const Value* v = member(object, key);
  return v != nullptr && v->IsObject() ? v : nullptr;
}
const Value* array_member(const Value& object, const char* key) {
  const Value* v = member(object, key);
  return v != nullptr && v->IsArray() ? v : nullptr;
}

bool is_schema(const Value& parameters) {
  const Value* properties = object_member(parameters, "properties");
  if (properties == nullptr) return false;
  for (const auto& entry : properties->GetObject())
    if (!entry.value.IsObject() && !entry.value.IsBool()) return false;
  return true;
}

void append_string(std::string_view text, Strings style, std::string& out) {
  out += '"';
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (const char* escape = short_escape(text[i])) out += escape;
    else if (c < 0x20 || (c == 0x7F && style == Strings::ascii)) append_unicode(c, out);
    else if (c >= 0x80 && style == Strings::ascii) append_ascii(text, i, out);
    else out += text[i];
  }
  out += '"';
}

void append_number(const Value& number, Numbers style, std::string& out) {
  if (number.IsInt64()) out += std::to_string(number.GetInt64());
  else if (number.IsUint64()) out += std::to_string(number.GetUint64());
  else out += double_text(number.GetDouble(), style);
}

void append_value(const Value& value, Strings strings, Numbers numbers, std::string& out) {
  if (value.IsString()) return append_string(view(value), strings, out);
  if (value.IsNumber()) return append_number(value, numbers, out);
  if (value.IsNull()) {
    out += "null";
  } else if (value.IsBool()) {
    out += value.GetBool() ? "true" : "false";
  } else if (value.IsArray()) {
    out += '[';
    for (const Value& item : value.GetArray()) {
      if (out.back() != '[') out += ',';
      append_value(item, strings, numbers, out);
    }
    out += ']';
  } else {
    out += '{';
    const char* separator = "";
    for (const auto& entry : value.GetObject()) {
      append_string(view(entry.name), strings, out += separator);
      append_value(entry.value, strings, numbers, out += ':');
      separator = ",";
    }
    out += '}';
  }
}

}  // namespace json

void append_string_value(std::string_view text, TextFormat format, std::string& out) {
  const size_t quote = out.size();
  json::append_string(text, json::strings_of(format), out);
  if (format == TextFormat::thimble) out.insert(quote + 1, " ");
}

std::string number_text(double value) {
  return json::double_text(value, json::Numbers::javascript);
}

}  // namespace thimble
