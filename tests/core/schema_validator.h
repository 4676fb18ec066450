// A plain JSON Schema validator over RapidJSON, for what the grammar says it enforces. Written apart
// from src/grammar and sharing nothing with it.
#pragma once

#include <cmath>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // inside GCC 12's <regex>, under -fsanitize
#endif
#include <regex>
#include <string>

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>

namespace grammar_test {

class Validator {
 public:
  using Value = rapidjson::Value;
  explicit Validator(const Value& root) : root_(root) {}

  bool valid(const Value& schema, const Value& v) const {
    if (schema.IsBool()) return schema.GetBool();
    if (const Value* ref = get(schema, "$ref")) {
      const rapidjson::Pointer pointer(ref->GetString() + 1, ref->GetStringLength() - 1);
      const Value* target = pointer.Get(root_);
      return target != nullptr && valid(*target, v);
    }
    return typed(schema, v) && listed(schema, v) && joined(schema, v) && number(schema, v) && string(schema, v) &&
           array(schema, v) && object(schema, v);
  }

 private:
  static const Value* get(const Value& object, const char* key) {
    const auto found = object.FindMember(key);
    return found == object.MemberEnd() ? nullptr : &found->value;
  }

  static bool is(const std::string& type, const Value& v) {
    if (type == "string") return v.IsString();
    if (type == "number") return v.IsNumber();
    if (type == "integer") return v.IsNumber() && v.GetDouble() == std::floor(v.GetDouble());
    if (type == "boolean") return v.IsBool();
    if (type == "null") return v.IsNull();
    return type == "array" ? v.IsArray() : type == "object" && v.IsObject();
  }

  bool typed(const Value& schema, const Value& v) const {
    const Value* type = get(schema, "type");
    if (type == nullptr) return true;
    if (type->IsString()) return is(type->GetString(), v);
    for (const Value& one : type->GetArray())
      if (is(one.GetString(), v)) return true;
    return false;
  }

  bool listed(const Value& schema, const Value& v) const {
    const Value* constant = get(schema, "const");
    if (constant != nullptr && *constant != v) return false;
    const Value* list = get(schema, "enum");
    if (list == nullptr) return true;
    for (const Value& one : list->GetArray())
      if (one == v) return true;
    return false;
  }

  bool joined(const Value& schema, const Value& v) const {
    const auto matching = [&](const Value& parts) {
      size_t n = 0;
      for (const Value& part : parts.GetArray()) n += valid(part, v);
      return n;
    };
    const Value *any = get(schema, "anyOf"), *one = get(schema, "oneOf");
    return (any == nullptr || matching(*any) > 0) && (one == nullptr || matching(*one) == 1);
  }

  bool number(const Value& schema, const Value& v) const {
    if (!v.IsNumber()) return true;
    const double x = v.GetDouble();
    const auto limit = [&](const char* key, auto holds) {
      const Value* bound = get(schema, key);
      return bound == nullptr || holds(bound->GetDouble());
    };
    return limit("minimum", [&](double b) { return x >= b; }) && limit("maximum", [&](double b) { return x <= b; }) &&
           limit("exclusiveMinimum", [&](double b) { return x > b; }) && limit("exclusiveMaximum", [&](double b) { return x < b; }) &&
           limit("multipleOf", [&](double b) { return std::fmod(x, b) == 0; });
  }

  static size_t code_points(const Value& v) {
    size_t n = 0;
    for (rapidjson::SizeType i = 0; i < v.GetStringLength(); ++i) n += (v.GetString()[i] & 0xC0) != 0x80;
    return n;
  }

  static const char* format_pattern(const std::string& name) {
    if (name == "date") return "^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$";
    if (name == "time") return "^([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d)$";
    if (name == "email") return "^[A-Za-z0-9_+-]+(\\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$";
    if (name == "uuid") return "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$";
    return "^$^";  // the tests use no other
  }

  bool string(const Value& schema, const Value& v) const {
    if (!v.IsString()) return true;
    const Value *min = get(schema, "minLength"), *max = get(schema, "maxLength");
    if ((min != nullptr && code_points(v) < min->GetUint()) || (max != nullptr && code_points(v) > max->GetUint())) return false;
    const std::string text(v.GetString(), v.GetStringLength());
    const Value *pattern = get(schema, "pattern"), *format = get(schema, "format");
    if (pattern != nullptr && !std::regex_search(text, std::regex(pattern->GetString()))) return false;
    return format == nullptr || std::regex_search(text, std::regex(format_pattern(format->GetString())));
  }

  bool array(const Value& schema, const Value& v) const {
    if (!v.IsArray()) return true;
    const Value *min = get(schema, "minItems"), *max = get(schema, "maxItems"), *items = get(schema, "items");
    if ((min != nullptr && v.Size() < min->GetUint()) || (max != nullptr && v.Size() > max->GetUint())) return false;
    const Value* prefix = get(schema, "prefixItems");
    const rapidjson::SizeType fixed = prefix == nullptr ? 0 : prefix->Size();
    for (rapidjson::SizeType i = 0; i < v.Size(); ++i) {
      if (i < fixed ? !valid((*prefix)[i], v[i]) : items != nullptr && !valid(*items, v[i])) return false;
      for (rapidjson::SizeType j = 0; j < i; ++j)
        if (get(schema, "uniqueItems") != nullptr && v[i] == v[j]) return false;
    }
    return true;
  }

  bool object(const Value& schema, const Value& v) const {
    if (!v.IsObject() || get(schema, "type") == nullptr) return true;
    const Value *properties = get(schema, "properties"), *required = get(schema, "required");
    if (required != nullptr)
      for (const Value& name : required->GetArray())
        if (!v.HasMember(name)) return false;
    size_t expected = 0;
    for (const auto& member : v.GetObject()) {
      const Value* of = properties == nullptr ? nullptr : get(*properties, member.name.GetString());
      if (of == nullptr || !valid(*of, member.value)) return false;  // closed, as the grammar has it
      ++expected;
      if (v.FindMember(member.name) != v.MemberBegin() + static_cast<std::ptrdiff_t>(expected - 1)) return false;  // twice
    }
    return true;
  }

  const Value& root_;
};

}  // namespace grammar_test
