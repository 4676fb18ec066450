// The kinds of values of a schema, one function each, and what joins schemas: anyOf, oneOf, $ref.
#include <algorithm>
#include <cmath>

#include "grammar/pattern.h"
#include "grammar/scalar_state.h"
#include "grammar/schema_compiler.h"
#include "sort.h"

#include <rapidjson/pointer.h>  // after prompt/json.h, which configures RapidJSON

namespace thimble {

bool SchemaCompiler::count(const Value& schema, const char* keyword, uint32_t& out) {
  const Value* v = json::member(schema, keyword);
  if (v == nullptr) return true;
  const double number = v->IsNumber() ? v->GetDouble() : -1;
  if (number < 0 || number != std::floor(number)) return refuse(keyword, "a whole number from 0 on is needed");
  out = number < kNoLimit ? static_cast<uint32_t>(number) : kNoLimit;
  return true;
}

// Strings.

bool SchemaCompiler::string(const Value& schema, ValueSpec& out) {
  StringSpec spec{.ascii = set_.format == TextFormat::needle};
  if (!count(schema, "minLength", spec.min) || !count(schema, "maxLength", spec.max)) return false;
  if (spec.min > spec.max) return refuse("minLength", "is above maxLength");
  if (!automaton(schema, spec)) return false;
  if (spec.dfa != nullptr && spec.dfa->distance(0) > spec.max) return refuse("maxLength", "no string is this short");
  out.scalars.push_back({ScalarKind::string, static_cast<uint32_t>(set_.strings.size())});
  set_.strings.push_back(std::move(spec));
  return true;
}

bool SchemaCompiler::automaton(const Value& schema, StringSpec& spec) {
  const Value* pattern = json::member(schema, "pattern");
  const Value* format = json::member(schema, "format");
  if (pattern != nullptr && !pattern->IsString()) return refuse("pattern", "a string is needed");
  if (format != nullptr && !format->IsString()) return refuse("format", "a string is needed");
  const std::string_view name = format == nullptr ? "" : json::view(*format);
  if (options_.spoken_dates && is_spoken_format(name)) {
    spec.min = std::max(spec.min, 1u);
    return pattern == nullptr || unenforced("pattern", "cannot be combined with a date or time that may be said in words");
  }
  std::shared_ptr<const CharDfa> of_format = format_dfa(name);
  if (format != nullptr && of_format == nullptr && name != "password" &&
      !unenforced("format", std::string(name) + " is not a format that can be enforced"))
    return false;
  if (of_format != nullptr && !narrow(std::move(of_format), "format", spec)) return false;
  if (pattern != nullptr) {
    std::string why;
    std::shared_ptr<const CharDfa> dfa = compile_pattern(json::view(*pattern), why);
    if (dfa == nullptr && !unenforced("pattern", why)) return false;
    if (dfa != nullptr && !narrow(std::move(dfa), "pattern", spec)) return false;
  }
  if (spec.dfa == nullptr || spec.min <= spec.dfa->distance(0)) return true;
  if (spec.min >= CharDfa::kMaxStates) return unenforced("minLength", "is too large together with pattern or format");
  return narrow(std::make_shared<const CharDfa>(at_least(spec.min)), "minLength", spec);
}

bool SchemaCompiler::narrow(std::shared_ptr<const CharDfa> with, const char* keyword, StringSpec& spec) {
  if (spec.dfa == nullptr) {
    spec.dfa = std::move(with);
    return true;
  }
  CharDfa both({0}, {0}, 1);
  bool too_large = false;
  if (intersect(*spec.dfa, *with, both, too_large)) {
    spec.dfa = std::make_shared<const CharDfa>(std::move(both));
    return true;
  }
  if (too_large) return unenforced(keyword, "is too large together with the other limits of this string");
  return refuse(keyword, "no string satisfies it together with the other limits");
}

// Numbers.

bool SchemaCompiler::number(const Value& schema, bool integer, ValueSpec& out) {
  NumberRange range(integer, /*trailing_zeros=*/set_.format == TextFormat::needle);
  if (!bound(schema, false, range) || !bound(schema, true, range) || !multiple(schema, range)) return false;
  if (const Value* format = json::member(schema, "format")) {
    const std::string_view name = format->IsString() ? json::view(*format) : "";
    if (name == "int32") {
      range.add_minimum("-2147483648", false);
      range.add_maximum("2147483647", false);
    } else if (name != "int64" && name != "float" && name != "double") {
      if (!unenforced("format", std::string(name) + " is not a format of numbers that can be enforced")) return false;
    }
  }
  if (range.count({}, 0, {}) + range.count({.negative = true}, 0, {}) == 0)
    return refuse("", "no number satisfies minimum, maximum and multipleOf");
  out.scalars.push_back({ScalarKind::number, static_cast<uint32_t>(set_.numbers.size())});
  set_.numbers.push_back(range);
  return true;
}

// exclusiveMinimum: true is the form of OpenAPI 3.0 and draft 4.
bool SchemaCompiler::bound(const Value& schema, bool upper, NumberRange& range) {
  const char* inclusive = upper ? "maximum" : "minimum";
  const char* exclusive = upper ? "exclusiveMaximum" : "exclusiveMinimum";
  const Value* flag = json::member(schema, exclusive);
  const bool excluded = flag != nullptr && flag->IsTrue();
  for (const char* keyword : {inclusive, exclusive}) {
    const Value* v = json::member(schema, keyword);
    if (v == nullptr || (keyword == exclusive && v->IsBool())) continue;
    if (!v->IsNumber()) return refuse(keyword, "a number is needed");
    std::string text;
    json::append_number(*v, json::Numbers::javascript, text);
    if (upper) range.add_maximum(text, keyword == exclusive || excluded);
    else range.add_minimum(text, keyword == exclusive || excluded);
  }
  return true;
}

bool SchemaCompiler::multiple(const Value& schema, NumberRange& range) {
  const Value* v = json::member(schema, "multipleOf");
  if (v == nullptr) return true;
  const double m = v->IsNumber() ? v->GetDouble() : 0;
  if (!(m > 0)) return refuse("multipleOf", "a number above 0 is needed");
  if (m != std::floor(m) || m > static_cast<double>(NumberRange::kMaxInteger))
    return unenforced("multipleOf", "only whole numbers can be enforced");
  range.set_multiple(static_cast<int64_t>(m));
  return true;
}

// Arrays.

bool SchemaCompiler::array(const Value& schema, ValueSpec& out) {
  ArraySpec spec;
  if (!count(schema, "minItems", spec.min) || !count(schema, "maxItems", spec.max) || !items(schema, spec)) return false;
  if (spec.items == kNoSpec) spec.max = std::min(spec.max, static_cast<uint32_t>(spec.prefix.size()));
  const Value* flag = json::member(schema, "uniqueItems");
  if (flag != nullptr && !flag->IsBool()) return refuse("uniqueItems", "true or false is needed");
  if (flag != nullptr && flag->IsTrue() && spec.max > 1 && !unique(spec)) return false;
  if (spec.min > spec.max) return refuse("minItems", "more than the array can hold");
  out.array = static_cast<uint32_t>(set_.arrays.size());
  set_.arrays.push_back(std::move(spec));
  return true;
}

bool SchemaCompiler::items(const Value& schema, ArraySpec& spec) {
  const Value* prefix = json::member(schema, "prefixItems");
  const Value* items = json::member(schema, "items");
  const Value* rest = items;
  if (items != nullptr && items->IsArray()) {  // draft 4 to 2019-09
    if (prefix != nullptr) return refuse("items", "a list together with prefixItems");
    prefix = items;
    rest = json::member(schema, "additionalItems");
  }
  if (prefix != nullptr) {
    if (!prefix->IsArray()) return refuse("prefixItems", "a list of schemas is needed");
    for (uint32_t i = 0; i < prefix->Size(); ++i) {
      const Segment segment(*this, "prefixItems", i);
      spec.prefix.emplace_back();
      if (!value((*prefix)[i], spec.prefix.back())) return false;
    }
  }
  if (rest == nullptr && prefix != nullptr) return true;  // closed, as objects are
  if (rest != nullptr && rest->IsFalse()) return true;
  const Segment segment(*this, "items");
  if (rest == nullptr) return value(Value(true), spec.items);
  if (!flat_ || !rest->IsString()) return value(*rest, spec.items);
  unsigned kinds = 0;
  ValueSpec named;
  return kind_named(json::view(*rest), kinds) && scalars(Value(rapidjson::kObjectType), kinds, named) &&
         (kinds < Kinds::array || value(Value(true), spec.items)) &&
         (kinds >= Kinds::array || add(std::move(named), spec.items));
}

// What the next byte may be depends on the items before, so only sets where that is easily known.
bool SchemaCompiler::unique(ArraySpec& spec) {
  const auto simple = [&](uint32_t id) {
    const ValueSpec& v = set_.values[id];
    if (v.array != kNoSpec || v.object != kNoSpec || v.scalars.size() != 1) return false;
    return v.scalars[0].kind != ScalarKind::string || set_.strings[v.scalars[0].spec].dfa == nullptr;
  };
  if (!spec.prefix.empty() || spec.items == kNoSpec || !simple(spec.items) || spec.min > kMaxUnique)
    return unenforced("uniqueItems", "needs items of one kind (enum, number, or string without pattern and format) and at most 16 of them");
  const Scalar item = set_.values[spec.items].scalars[0];
  uint64_t different = kMaxUnique;
  if (item.kind == ScalarKind::literal) different = set_.literals[item.spec].texts.size();
  if (item.kind == ScalarKind::number)
    different = set_.numbers[item.spec].count({}, kMaxUnique, {}) + set_.numbers[item.spec].count({.negative = true}, kMaxUnique, {});
  if (item.kind == ScalarKind::string && set_.strings[item.spec].max == 0) different = 1;
  spec.unique = true;
  spec.max = static_cast<uint32_t>(std::min<uint64_t>({spec.max, kMaxUnique, different}));
  return true;
}

// Objects.

bool SchemaCompiler::required_names(const Value& schema, std::vector<std::string_view>& out) {
  const Value* required = json::member(schema, "required");
  if (required == nullptr) return true;
  if (!required->IsArray()) return refuse("required", "a list of names is needed");
  for (const Value& name : required->GetArray()) {
    if (!name.IsString()) return refuse("required", "a list of names is needed");
    out.push_back(json::view(name));
  }
  heap_sort(out);
  return true;
}

// Objects are closed: what `additionalProperties` would allow is never written.
bool SchemaCompiler::object(const Value& schema, ValueSpec& out) {
  std::vector<std::string_view> required;
  if (!required_names(schema, required)) return false;
  const Value* properties = json::member(schema, "properties");
  if (properties != nullptr && !properties->IsObject()) return refuse("properties", "an object is needed");
  const Value none(rapidjson::kObjectType);
  return object(properties == nullptr ? none : *properties, required, out.object);
}

bool SchemaCompiler::object(const Value& properties, const std::vector<std::string_view>& required, uint32_t& index) {
  if (properties.MemberCount() > kMaxProperties)
    return refuse("properties", "more than " + std::to_string(kMaxProperties) + " properties");
  ObjectSpec spec;
  std::vector<std::pair<std::string, uint32_t>> keys;
  const Segment segment(*this, "properties");
  for (const auto& member : properties.GetObject()) {
    const std::string_view key = json::view(member.name);
    const Segment of_key(*this, key);
    const bool needed = std::binary_search(required.begin(), required.end(), key);
    spec.properties.push_back({std::string(key), 0, needed});
    if (!value(member.value, spec.properties.back().value)) return false;
    std::string text;
    json::append_string(key, json::strings_of(set_.format), text);
    keys.emplace_back(text.substr(1), static_cast<uint32_t>(keys.size()));
  }
  heap_sort(keys);
  for (auto& [text, property] : keys) {
    if (!spec.key_texts.empty() && spec.key_texts.back() == text)
      return refuse(spec.properties[property].key, "the property stands twice");
    spec.key_texts.push_back(std::move(text));
    spec.key_property.push_back(property);
  }
  for (const std::string_view name : required)
    if (std::none_of(spec.properties.begin(), spec.properties.end(), [&](const Property& p) { return p.key == name; }))
      return refuse("", "required names " + std::string(name) + ", which is not there; describe it");
  uint32_t next = static_cast<uint32_t>(spec.properties.size());
  spec.next_required.assign(next + 1, next);
  for (uint32_t i = next; i-- > 0;) spec.next_required[i] = next = spec.properties[i].required ? i : next;
  index = static_cast<uint32_t>(set_.objects.size());
  set_.objects.push_back(std::move(spec));
  return true;
}

// The flat style: {"city": {"type": "string", "required": true}}. Members that are no objects are
// ignored, as in the prompt.
bool SchemaCompiler::flat_arguments(const Value& parameters, uint32_t& index) {
  rapidjson::Document memory;
  Value properties(rapidjson::kObjectType);
  std::vector<std::string_view> required;
  for (const auto& member : parameters.GetObject()) {
    if (!member.value.IsObject()) continue;
    Value schema(member.value, memory.GetAllocator());
    const Value* flag = json::member(schema, "required");
    if (flag != nullptr && flag->IsTrue()) required.push_back(json::view(member.name));
    if (flag != nullptr && flag->IsBool()) schema.RemoveMember("required");
    properties.AddMember(Value(member.name, memory.GetAllocator()), schema, memory.GetAllocator());
  }
  heap_sort(required);
  return object(properties, required, index);
}

// Joining.

bool SchemaCompiler::reference(const Value& schema, uint32_t& id) {
  const Value* target = json::string_member(schema, "$ref");
  const std::string_view name = target == nullptr ? "" : json::view(*target);
  if (name != "#" && !name.starts_with("#/")) return refuse("$ref", "only references inside the tool's parameters (#/...) can be followed");
  const auto [known, added] = references_.try_emplace(std::string(name), kNoSpec);
  if (!added) {
    id = known->second;
    return id != kNoSpec || refuse("$ref", std::string(name) + " refers to itself; a call has no endless values");
  }
  const rapidjson::Pointer pointer(name.data() + 1, name.size() - 1);
  const Value* found = pointer.IsValid() ? pointer.Get(*root_) : nullptr;
  if (found == nullptr) return refuse("$ref", std::string(name) + " is not there");
  const Segment segment(*this, name);
  if (!value(*found, id)) return false;
  known->second = id;
  return true;
}

bool SchemaCompiler::combine(const Value& schema, const char* keyword, uint32_t& id) {
  const Value* parts = json::array_member(schema, keyword);
  if (parts == nullptr || parts->Empty()) return refuse(keyword, "a list of at least one schema is needed");
  const Value* type = json::member(schema, "type");
  ValueSpec all;
  for (uint32_t i = 0; i < parts->Size(); ++i) {
    const Segment segment(*this, keyword, i);
    const Value& part = (*parts)[i];
    const Value* own = json::member(part, "type");
    if (type != nullptr && own != nullptr && *own != *type) return refuse("type", "differs from the type beside the alternatives");
    rapidjson::Document memory;
    Value typed(rapidjson::kObjectType);
    if (type != nullptr && own == nullptr && part.IsObject()) {
      typed.CopyFrom(part, memory.GetAllocator());
      typed.AddMember("type", Value(*type, memory.GetAllocator()), memory.GetAllocator());
    }
    uint32_t one = 0;
    if (!value(typed.ObjectEmpty() ? part : typed, one)) return false;
    if (!merge(ValueSpec(set_.values[one]), keyword == std::string_view("oneOf"), keyword, all)) return false;
  }
  return add(std::move(all), id);
}

bool SchemaCompiler::merge(const ValueSpec& part, bool exclusive, const char* keyword, ValueSpec& into) {
  if (exclusive && !disjoint(part, into))
    return refuse("", std::string("overlaps with another alternative of ") + keyword + "; use anyOf or tell them apart by type");
  const auto starts_with = [&](const ValueSpec& v, char bracket) {
    return std::any_of(v.scalars.begin(), v.scalars.end(), [&](Scalar s) {
      if (s.kind != ScalarKind::literal) return false;
      const auto& texts = set_.literals[s.spec].texts;
      return std::any_of(texts.begin(), texts.end(), [&](const std::string& t) { return t[0] == bracket; });
    });
  };
  const auto clash = [&](uint32_t ValueSpec::*of, char bracket) {
    const int n = (part.*of != kNoSpec) + (into.*of != kNoSpec);
    return n == 2 || (n == 1 && (starts_with(part, bracket) || starts_with(into, bracket)));
  };
  if (clash(&ValueSpec::array, '[')) return refuse("", "only one alternative can be an array");
  if (clash(&ValueSpec::object, '{')) return refuse("", "only one alternative can be an object; use one object with optional properties");
  if (part.array != kNoSpec) into.array = part.array;
  if (part.object != kNoSpec) into.object = part.object;
  for (const Scalar s : part.scalars) {
    if (s.kind != ScalarKind::literal) into.scalars.push_back(s);
    else if (!add_literals(set_.literals[s.spec].texts, into)) return false;
  }
  return true;
}

bool SchemaCompiler::disjoint(const ValueSpec& a, const ValueSpec& b) const {
  for (const Scalar x : a.scalars)
    for (const Scalar y : b.scalars) {
      if (x.kind == y.kind && x.kind != ScalarKind::literal) return false;
      const Scalar literal = x.kind == ScalarKind::literal ? x : y, other = x.kind == ScalarKind::literal ? y : x;
      if (literal.kind != ScalarKind::literal) continue;
      const auto& texts = set_.literals[literal.spec].texts;
      if (std::any_of(texts.begin(), texts.end(), [&](const std::string& t) { return scalar_accepts(set_, other, t); })) return false;
    }
  return true;
}

}  // namespace thimble
