#include "grammar/schema_compiler.h"

#include <algorithm>
#include <array>

#include "grammar/scalar_state.h"
#include "prompt/prompt.h"
#include "sort.h"

namespace thimble {
namespace {

constexpr size_t kMaxRecursion = 64;                      // schemas inside schemas, references followed
constexpr size_t kMaxLiteralBytes = size_t{4} << 20;

// They say nothing about which values are legal (JSON Schema 2020-12, core 8.3 and validation 9;
// OpenAPI's own), or are read where they matter.
constexpr std::string_view kAnnotations[] = {
    "title",     "description", "default",  "examples",     "example",       "$comment",
    "deprecated", "readOnly",   "writeOnly", "nullable",    "$schema",       "$id",
    "$defs",     "definitions", "externalDocs", "xml",      "discriminator", "contentMediaType",
    "contentEncoding", "contentSchema", "id"};
constexpr std::string_view kEnforced[] = {
    "type",      "enum",       "const",     "anyOf",     "oneOf",            "allOf",
    "$ref",      "properties", "required",  "additionalProperties",          "items",
    "prefixItems", "minItems", "maxItems",  "uniqueItems", "additionalItems", "minLength",
    "maxLength", "pattern",    "format",    "minimum",   "maximum",          "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf"};

constexpr const char* kOfStrings[] = {"minLength", "maxLength", "pattern", "format"};
constexpr const char* kOfNumbers[] = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"};
constexpr const char* kOfArrays[] = {"items", "prefixItems", "minItems", "maxItems", "uniqueItems"};
constexpr const char* kOfObjects[] = {"properties", "required", "additionalProperties"};

template <class Keywords>
bool limited(const json::Value& schema, const Keywords& keywords) {
  return std::any_of(std::begin(keywords), std::end(keywords),
                     [&](const char* k) { return json::member(schema, k) != nullptr; });
}

/// The flat style. A parameter may be named properties: its members are then no schemas.
bool is_flat(const json::Value& parameters) {
  if (json::member(parameters, "$ref") != nullptr || json::string_member(parameters, "type") != nullptr) return false;
  const json::Value* properties = json::object_member(parameters, "properties");
  if (properties == nullptr) return true;
  const auto is_schema = [](const auto& member) { return member.value.IsObject() || member.value.IsBool(); };
  return !std::all_of(properties->MemberBegin(), properties->MemberEnd(), is_schema);
}

template <class List>
bool in(const List& list, std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

bool is_annotation(std::string_view keyword) { return in(kAnnotations, keyword) || keyword.starts_with("x-"); }

/// As answer_text.
void append_literal(const json::Value& value, TextFormat format, std::string& out) {
  if (value.IsString()) {
    append_string_value(json::view(value), format, out);
  } else if (value.IsArray()) {
    out += '[';
    for (const json::Value& item : value.GetArray()) {
      if (out.back() != '[') out += ',';
      append_literal(item, format, out);
    }
    out += ']';
  } else if (value.IsObject()) {
    const char* separator = "{";
    for (const auto& member : value.GetObject()) {
      json::append_string(json::view(member.name), json::strings_of(format), out += separator);
      append_literal(member.value, format, out += ':');
      separator = ",";
    }
    out += value.ObjectEmpty() ? "{}" : "}";
  } else {
    json::append_value(value, json::Strings::utf8, json::Numbers::javascript, out);
  }
}

}  // namespace

bool SchemaCompiler::refuse(std::string_view keyword, std::string_view why) {
  std::string message = path_;
  if (!keyword.empty()) (message += '.') += keyword;
  if (status_.ok()) status_ = {Code::bad_tools, (message += ": ") += why};
  return false;
}

bool SchemaCompiler::unenforced(std::string_view keyword, std::string_view why) {
  if (options_.unenforced == nullptr) return refuse(keyword, why);
  options_.unenforced->push_back((path_ + ": ").append(keyword));
  return true;
}

Status SchemaCompiler::arguments(const Value& parameters, std::string path, uint32_t& object_index) {
  path_ = std::move(path);
  root_ = &parameters;
  status_ = {};
  references_.clear();
  flat_ = is_flat(parameters);
  if (flat_) {
    uint32_t id = 0;
    ValueSpec spec;
    if (flat_arguments(parameters, spec.object) && add(spec, id)) check_height(id);
    object_index = spec.object;
    return status_;
  }
  uint32_t id = 0;
  if (!value(parameters, id)) return status_;
  const ValueSpec& spec = set_.values[id];
  if (spec.object == kNoSpec || spec.array != kNoSpec || !spec.scalars.empty())
    refuse("", "the parameters of a tool are one object: type object with properties");
  else
    check_height(id);
  object_index = spec.object;
  return status_;
}

bool SchemaCompiler::check_height(uint32_t id) {
  return heights_[id] <= kMaxValueDepth ||
         refuse("", "values nested more than " + std::to_string(kMaxValueDepth) + " deep; flatten the schema");
}

uint32_t SchemaCompiler::height_of(const ValueSpec& spec) const {
  uint32_t height = 0;
  if (spec.array != kNoSpec) {
    const ArraySpec& array = set_.arrays[spec.array];
    for (const uint32_t v : array.prefix) height = std::max(height, heights_[v]);
    if (array.items != kNoSpec) height = std::max(height, heights_[array.items]);
  }
  if (spec.object != kNoSpec)
    for (const Property& p : set_.objects[spec.object].properties) height = std::max(height, heights_[p.value]);
  return height + (spec.array != kNoSpec || spec.object != kNoSpec);
}

bool SchemaCompiler::add(ValueSpec spec, uint32_t& id) {
  if (spec.scalars.size() > kMaxAlternatives)
    return refuse("", "more than " + std::to_string(kMaxAlternatives) + " alternatives for one value");
  heights_.resize(set_.values.size());
  heights_.push_back(height_of(spec));
  id = static_cast<uint32_t>(set_.values.size());
  set_.values.push_back(std::move(spec));
  return true;
}

// All literals of a value are one sorted list.
bool SchemaCompiler::add_literals(std::vector<std::string> texts, ValueSpec& out) {
  for (size_t i = 0; i < out.scalars.size(); ++i) {
    if (out.scalars[i].kind != ScalarKind::literal) continue;
    const std::vector<std::string>& old = set_.literals[out.scalars[i].spec].texts;
    texts.insert(texts.end(), old.begin(), old.end());
    out.scalars.erase(out.scalars.begin() + static_cast<std::ptrdiff_t>(i));
    break;
  }
  for (const std::string& text : texts) literal_bytes_ += text.size();
  if (literal_bytes_ > kMaxLiteralBytes) return refuse("", "enumerated values of more than 4 MB");
  heap_sort(texts);
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  out.scalars.push_back({ScalarKind::literal, static_cast<uint32_t>(set_.literals.size())});
  set_.literals.push_back({std::move(texts)});
  return true;
}

bool SchemaCompiler::value(const Value& schema, uint32_t& id) {
  if (++depth_ > kMaxRecursion) return refuse("", "schemas nested more than 64 deep; flatten them");
  bool ok = false;
  if (schema.IsFalse()) ok = refuse("", "false allows no value; leave the property out");
  else if (!schema.IsObject() && !schema.IsTrue()) ok = refuse("", "a JSON Schema is an object or a boolean");
  else ok = check_keywords(schema) && value_of_keywords(schema, id);
  --depth_;
  return ok;
}

bool SchemaCompiler::check_keywords(const Value& schema) {
  if (!schema.IsObject()) return true;
  std::vector<std::string_view> seen;
  for (const auto& member : schema.GetObject()) {
    const std::string_view keyword = json::view(member.name);
    seen.push_back(keyword);
    if (in(kEnforced, keyword) || is_annotation(keyword)) continue;
    if (!unenforced(keyword, "this keyword cannot be enforced; src/grammar/SCHEMA.md lists those that can")) return false;
  }
  heap_sort(seen);
  const auto twice = std::adjacent_find(seen.begin(), seen.end());
  return twice == seen.end() || refuse(*twice, "stands twice");
}

bool SchemaCompiler::value_of_keywords(const Value& schema, uint32_t& id) {
  for (const char* keyword : {"$ref", "allOf", "anyOf", "oneOf"}) {
    if (json::member(schema, keyword) == nullptr) continue;
    for (const auto& member : schema.GetObject()) {
      const std::string_view other = json::view(member.name);
      if (other == keyword || is_annotation(other) || !in(kEnforced, other)) continue;
      if (other == "type" && (keyword == std::string_view("anyOf") || keyword == std::string_view("oneOf"))) continue;
      if (!unenforced(other, std::string("cannot be combined with ") + keyword + "; move it into each alternative"))
        return false;
    }
    if (keyword == std::string_view("$ref")) return reference(schema, id);
    if (keyword != std::string_view("allOf")) return combine(schema, keyword, id);
    const Value* parts = json::array_member(schema, "allOf");
    if (parts == nullptr || parts->Size() != 1) return refuse("allOf", "only one schema in allOf is supported; merge them");
    const Segment segment(*this, keyword, 0);
    return value((*parts)[0], id);
  }
  ValueSpec spec;
  if (json::member(schema, "enum") != nullptr || json::member(schema, "const") != nullptr) {
    if (!choices(schema, spec)) return false;
    if (!spec.scalars.empty()) return add(std::move(spec), id);
  }
  unsigned kinds = 0;
  if (!kinds_of(schema, kinds) || !scalars(schema, kinds, spec)) return false;
  if ((kinds & Kinds::array) != 0 && !array(schema, spec)) return false;
  if ((kinds & Kinds::object) != 0 && !object(schema, spec)) return false;
  return add(std::move(spec), id);
}

bool SchemaCompiler::scalars(const Value& schema, unsigned kinds, ValueSpec& out) {
  if ((kinds & Kinds::string) != 0 && !string(schema, out)) return false;
  const unsigned numeric = kinds & (Kinds::number | Kinds::integer);
  if (numeric != 0 && !number(schema, numeric == Kinds::integer, out)) return false;
  std::vector<std::string> literals;
  if ((kinds & Kinds::boolean) != 0) literals = {"false", "true"};
  if ((kinds & Kinds::null) != 0) literals.push_back("null");
  return literals.empty() || add_literals(std::move(literals), out);
}

bool SchemaCompiler::kind_named(std::string_view name, unsigned& kinds) {
  static constexpr std::string_view kNames[] = {"string", "integer", "number", "boolean", "null", "array", "object"};
  const auto found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) return refuse("type", "one of string, integer, number, boolean, null, array, object is needed");
  kinds |= 1u << (found - std::begin(kNames));
  return true;
}

// Without `type`, the keywords tell; without any, all scalars but null, which would be taken for a
// value that was not said.
bool SchemaCompiler::kinds_of(const Value& schema, unsigned& kinds) {
  const Value* type = json::member(schema, "type");
  if (type != nullptr && type->IsString()) return kind_named(json::view(*type), kinds);
  if (type != nullptr && (!type->IsArray() || type->Empty())) return refuse("type", "a name or a list of names is needed");
  if (type != nullptr) {
    for (const Value& name : type->GetArray())
      if (!kind_named(name.IsString() ? json::view(name) : "", kinds)) return false;
    return true;
  }
  if (limited(schema, kOfObjects)) kinds |= Kinds::object;
  if (limited(schema, kOfArrays)) kinds |= Kinds::array;
  if (limited(schema, kOfStrings)) kinds |= Kinds::string;
  if (limited(schema, kOfNumbers)) kinds |= Kinds::number;
  if (kinds == 0) kinds = Kinds::string | Kinds::number | Kinds::boolean;
  return true;
}

/// `out` stays empty if no value is left: the keyword is then one that cannot be enforced.
bool SchemaCompiler::choices(const Value& schema, ValueSpec& out) {
  const Value* list = json::member(schema, "enum");
  const Value* constant = json::member(schema, "const");
  if (list != nullptr && (!list->IsArray() || list->Empty())) return refuse("enum", "a list of at least one value is needed");
  unsigned kinds = 0;
  if (json::member(schema, "type") == nullptr) kinds = ~0u;
  else if (!kinds_of(schema, kinds)) return false;
  ValueSpec strings, numbers;  // what else the schema says of them
  if ((kinds & Kinds::string) != 0 && limited(schema, kOfStrings) && !string(schema, strings)) return false;
  if ((kinds & (Kinds::number | Kinds::integer)) != 0 && limited(schema, kOfNumbers) && !number(schema, false, numbers))
    return false;

  std::vector<std::string> texts;
  std::string only;
  if (constant != nullptr) append_literal(*constant, set_.format, only);
  const auto consider = [&](const Value& choice) {
    std::string text;
    append_literal(choice, set_.format, text);
    if ((constant == nullptr || text == only) && fits(choice, text, schema, kinds, strings, numbers)) texts.push_back(std::move(text));
  };
  if (list == nullptr) consider(*constant);
  else for (const Value& choice : list->GetArray()) consider(choice);
  if (texts.empty()) return unenforced(list != nullptr ? "enum" : "const", "no value satisfies the rest of the schema");
  return add_literals(std::move(texts), out);
}

bool SchemaCompiler::fits(const Value& choice, const std::string& text, const Value& schema, unsigned kinds,
                          const ValueSpec& strings, const ValueSpec& numbers) const {
  const bool integral = choice.IsNumber() && text.find_first_not_of("-0123456789") == std::string::npos;
  unsigned kind = 0;
  if (choice.IsString()) kind = Kinds::string;
  else if (choice.IsNumber()) kind = integral ? Kinds::integer | Kinds::number : unsigned{Kinds::number};
  else if (choice.IsBool()) kind = Kinds::boolean;
  else if (choice.IsNull()) kind = Kinds::null;
  else kind = choice.IsArray() ? Kinds::array : Kinds::object;
  if ((kinds & kind) == 0) return false;
  if (choice.IsString() && !strings.scalars.empty()) return scalar_accepts(set_, strings.scalars[0], text);
  if (choice.IsNumber() && !numbers.scalars.empty()) return scalar_accepts(set_, numbers.scalars[0], text);
  return choice.IsObject() ? !limited(schema, kOfObjects) : !choice.IsArray() || !limited(schema, kOfArrays);
}

}  // namespace thimble
