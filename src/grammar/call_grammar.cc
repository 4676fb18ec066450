#include "grammar/call_grammar.h"

#include <algorithm>
#include <type_traits>

#include "prompt/json.h"
#include "sort.h"

namespace thimble {
namespace {

static_assert(std::is_trivially_copyable_v<CallState>);

constexpr std::string_view kHead = "{\"name\":\"";
constexpr std::string_view kMiddle = ",\"arguments\":{";

}  // namespace

CallGrammar::CallGrammar(ToolSet set) : CallGrammar(ToolSets{std::make_shared<const ToolSet>(std::move(set))}) {}

CallGrammar::CallGrammar(ToolSets sets) : sets_(std::move(sets)) {
  std::vector<std::pair<std::string, uint32_t>> names;
  for (const auto& set : sets_)
    for (uint32_t i = 0; i < set->tools.size(); ++i) {
      std::string text;
      json::append_string(set->tools[i].written_name, json::strings_of(set->format), text);
      names.emplace_back(text.substr(1), static_cast<uint32_t>(tools_.size()));
      tools_.push_back({set.get(), i});
    }
  heap_sort(names);
  for (auto& [text, tool] : names) {
    name_texts_.push_back(std::move(text));
    name_tool_.push_back(tool);
  }
}

Status CallGrammar::start(const CallOptions& options, CallState& out) {
  if (options.max_calls == 0) return {Code::bad_input, "max_calls: at least 1 is needed"};
  const auto twice = std::adjacent_find(name_texts_.begin(), name_texts_.end());
  if (twice != name_texts_.end()) return {Code::bad_tools, "tools: two tools are named \"" + *twice};
  first_name_ = 0;
  last_name_ = static_cast<uint32_t>(name_texts_.size());
  if (options.tool_choice == ToolChoice::named) {
    while (first_name_ < last_name_ && tool(name_tool_[first_name_]).name != options.tool) ++first_name_;
    if (first_name_ == last_name_)
      return {Code::bad_input, "tool_choice: there is no tool named " + std::string(options.tool)};
    last_name_ = first_name_ + 1;
  }
  if (options.tool_choice == ToolChoice::required && name_texts_.empty())
    return {Code::bad_input, "tool_choice: a call is required, but there are no tools"};
  choice_ = options.tool_choice;
  max_calls_ = options.max_calls;
  out = CallState();
  return {};
}

bool CallGrammar::in_unique(const CallState& s) const {
  return s.depth > 0 && s.frames[s.depth - 1].is_array && set(s).arrays[s.frames[s.depth - 1].spec].unique;
}

std::span<const uint64_t> CallGrammar::used(const CallState& s) const {
  return {s.used.data(), in_unique(s) ? s.used_count : size_t{0}};
}

bool CallGrammar::legal(const CallState& s, uint8_t b) const {
  switch (s.phase) {
    case CallState::lead: return b == ' ';
    case CallState::open: return b == '[';
    case CallState::first_call: {
      const bool call = choice_ != ToolChoice::none && first_name_ < last_name_;
      const bool must = choice_ == ToolChoice::required || choice_ == ToolChoice::named;
      return (b == '{' && call) || (b == ']' && !must);
    }
    case CallState::next_call: return b == '{';
    case CallState::head: return b == static_cast<uint8_t>(kHead[s.position]);
    case CallState::name: return named_legal(s, b);
    case CallState::middle: return b == static_cast<uint8_t>(kMiddle[s.position]);
    case CallState::object_first: {
      const ObjectSpec& object = set(s).objects[s.frames[s.depth - 1].spec];
      return (b == '"' && !object.properties.empty()) || (b == '}' && object.next_required[0] == object.properties.size());
    }
    case CallState::key_quote: return b == '"';
    case CallState::key: return key_legal(s, b);
    case CallState::colon: return b == ':';
    case CallState::array_first: {
      const ArraySpec& array = set(s).arrays[s.frames[s.depth - 1].spec];
      if (b == ']') return array.min == 0;
      if (array.max == 0) return false;
      CallState item = s;
      begin_item(item);
      return value_legal(item, b);
    }
    case CallState::value: return value_legal(s, b);
    case CallState::after_value: return after_value_legal(s, b);
    case CallState::call_end: return b == '}';
    case CallState::after_call: return (b == ',' && s.calls < max_calls_) || b == ']';
    case CallState::finished: return false;
  }
  return false;
}

bool CallGrammar::named_legal(const CallState& s, uint8_t byte) const {
  uint32_t low = s.names.low, high = s.names.high;
  narrow(name_texts_, s.names.depth, byte, low, high);
  return low < high;
}

/// Keys come in order, and a required one cannot be passed over.
uint32_t CallGrammar::last_key(const CallState& s) const {
  const CallState::Frame& frame = s.frames[s.depth - 1];
  const ObjectSpec& object = set(s).objects[frame.spec];
  return std::min(object.next_required[frame.count], static_cast<uint32_t>(object.properties.size() - 1));
}

bool CallGrammar::key_legal(const CallState& s, uint8_t byte) const {
  const CallState::Frame& frame = s.frames[s.depth - 1];
  const ObjectSpec& object = set(s).objects[frame.spec];
  uint32_t low = s.names.low, high = s.names.high;
  narrow(object.key_texts, s.names.depth, byte, low, high);
  const uint32_t last = last_key(s);
  return std::any_of(object.key_property.begin() + low, object.key_property.begin() + high,
                     [&](uint32_t p) { return frame.count <= p && p <= last; });
}

bool CallGrammar::scalars_complete(const CallState& s) const {
  const auto u = used(s);
  return std::any_of(s.scalars.begin(), s.scalars.begin() + s.scalar_count,
                     [&](const ScalarState& x) { return scalar_complete(set(s), x, u); });
}

bool CallGrammar::value_legal(const CallState& s, uint8_t b) const {
  if (s.fresh) {
    const ValueSpec& value = set(s).values[s.value_spec];
    if ((b == '{' && value.object != kNoSpec) || (b == '[' && value.array != kNoSpec)) return true;
  }
  const auto u = used(s);
  for (size_t i = 0; i < s.scalar_count; ++i)
    if (scalar_legal(set(s), s.scalars[i], b, u)) return true;
  if (s.fresh || (b != ',' && b != '}' && b != ']') || !scalars_complete(s)) return false;
  if (u.empty() && !in_unique(s)) return after_value_legal(s, b);
  CallState closed = s;
  close_scalars(closed);
  return after_value_legal(closed, b);
}

bool CallGrammar::item_may_follow(const CallState& s) const {
  const CallState::Frame& frame = s.frames[s.depth - 1];
  const ArraySpec& array = set(s).arrays[frame.spec];
  if (frame.count >= array.max) return false;
  return !array.unique || scalar_left(set(s), set(s).values[array.items].scalars[0], used(s));
}

bool CallGrammar::after_value_legal(const CallState& s, uint8_t b) const {
  const CallState::Frame& frame = s.frames[s.depth - 1];
  if (frame.is_array) return (b == ']' && frame.count >= set(s).arrays[frame.spec].min) || (b == ',' && item_may_follow(s));
  const ObjectSpec& object = set(s).objects[frame.spec];
  return (b == '}' && object.next_required[frame.count] == object.properties.size()) ||
         (b == ',' && frame.count < object.properties.size());
}

void CallGrammar::advance(CallState& s, uint8_t b) const {
  switch (s.phase) {
    case CallState::lead: s.phase = CallState::open; break;
    case CallState::open: s.phase = CallState::first_call; break;
    case CallState::first_call:
    case CallState::next_call:
      s.phase = b == '{' ? CallState::head : CallState::finished;
      s.position = 1;
      break;
    case CallState::head:
      if (++s.position < kHead.size()) break;
      s.phase = CallState::name;
      s.names = {first_name_, last_name_, 0};
      break;
    case CallState::name: name_advance(s, b); break;
    case CallState::middle:
      if (++s.position == kMiddle.size()) open_object(s, tool(s.tool).arguments);
      break;
    case CallState::object_first:
    case CallState::key_quote:
      if (b == '}') return close(s);
      s.phase = CallState::key;
      s.names = {0, static_cast<uint32_t>(set(s).objects[s.frames[s.depth - 1].spec].key_texts.size()), 0};
      break;
    case CallState::key: key_advance(s, b); break;
    case CallState::colon: {
      const CallState::Frame& frame = s.frames[s.depth - 1];
      const Property& property = set(s).objects[frame.spec].properties[frame.count - 1];
      begin_value(s, property.value, property.required && s.depth == 1 && set(s).format == TextFormat::thimble);
      break;
    }
    case CallState::array_first:
      if (b == ']') return close(s);
      begin_item(s);
      value_advance(s, b);
      break;
    case CallState::value: value_advance(s, b); break;
    case CallState::after_value: after_value_advance(s, b); break;
    case CallState::call_end:
      s.phase = CallState::after_call;
      ++s.calls;
      break;
    case CallState::after_call: s.phase = b == ',' ? CallState::next_call : CallState::finished; break;
    case CallState::finished: break;
  }
}

void CallGrammar::name_advance(CallState& s, uint8_t b) const {
  narrow(name_texts_, s.names.depth, b, s.names.low, s.names.high);
  ++s.names.depth;
  if (name_texts_[s.names.low].size() != s.names.depth) return;
  s.tool = name_tool_[s.names.low];
  s.phase = CallState::middle;
  s.position = 0;
}

void CallGrammar::key_advance(CallState& s, uint8_t b) const {
  CallState::Frame& frame = s.frames[s.depth - 1];
  const ObjectSpec& object = set(s).objects[frame.spec];
  narrow(object.key_texts, s.names.depth, b, s.names.low, s.names.high);
  ++s.names.depth;
  // A complete text is the first of those that it begins; it has a quote where others go on.
  if (object.key_texts[s.names.low].size() != s.names.depth) return;
  frame.count = object.key_property[s.names.low] + 1;
  s.phase = CallState::colon;
}

void CallGrammar::open_object(CallState& s, uint32_t object) const {
  s.frames[s.depth++] = {object, 0, false};
  s.phase = CallState::object_first;
}

void CallGrammar::close(CallState& s) const {
  s.phase = --s.depth == 0 ? CallState::call_end : CallState::after_value;
}

void CallGrammar::begin_value(CallState& s, uint32_t value, bool may_be_null) const {
  const ValueSpec& spec = set(s).values[value];
  s.phase = CallState::value;
  s.fresh = true;
  s.value_spec = value;
  s.scalar_count = 0;
  for (const Scalar scalar : spec.scalars) s.scalars[s.scalar_count++] = start_scalar(set(s), scalar);
  if (may_be_null) s.scalars[s.scalar_count++] = start_scalar(set(s), {ScalarKind::literal, ToolSet::kNullLiteral});
}

void CallGrammar::begin_item(CallState& s) const {
  CallState::Frame& frame = s.frames[s.depth - 1];
  const ArraySpec& array = set(s).arrays[frame.spec];
  const uint32_t value = frame.count < array.prefix.size() ? array.prefix[frame.count] : array.items;
  if (frame.count++ == 0) s.used_count = 0;
  begin_value(s, value, false);
}

void CallGrammar::value_advance(CallState& s, uint8_t b) const {
  const bool fresh = s.fresh;
  s.fresh = false;
  if (fresh) {
    const ValueSpec& value = set(s).values[s.value_spec];
    if (b == '{' && value.object != kNoSpec) return open_object(s, value.object);
    if (b == '[' && value.array != kNoSpec) {
      s.frames[s.depth++] = {value.array, 0, true};
      s.phase = CallState::array_first;
      return;
    }
  }
  const auto u = used(s);
  uint8_t alive = 0;
  for (size_t i = 0; i < s.scalar_count; ++i) {
    if (!scalar_legal(set(s), s.scalars[i], b, u)) continue;
    s.scalars[alive] = s.scalars[i];
    scalar_advance(set(s), s.scalars[alive++], b);
  }
  if (alive > 0) {
    s.scalar_count = alive;
    return;
  }
  close_scalars(s);
  after_value_advance(s, b);
}

void CallGrammar::close_scalars(CallState& s) const {
  if (in_unique(s)) s.used[s.used_count++] = scalar_key(s.scalars[0]);  // its items have one scalar
  s.phase = CallState::after_value;
}

void CallGrammar::after_value_advance(CallState& s, uint8_t b) const {
  if (b != ',') return close(s);
  if (s.frames[s.depth - 1].is_array) begin_item(s);
  else s.phase = CallState::key_quote;
}

ByteSet CallGrammar::next_bytes(const CallState& s) const {
  ByteSet out;
  switch (s.phase) {
    case CallState::name: add_next_bytes(name_texts_, s.names, [](uint32_t, uint32_t) { return true; }, out); break;
    case CallState::key: {
      const CallState::Frame& frame = s.frames[s.depth - 1];
      const ObjectSpec& object = set(s).objects[frame.spec];
      const uint32_t last = last_key(s);
      const auto may_come = [&](uint32_t low, uint32_t high) {
        return std::any_of(object.key_property.begin() + low, object.key_property.begin() + high,
                           [&](uint32_t p) { return frame.count <= p && p <= last; });
      };
      add_next_bytes(object.key_texts, s.names, may_come, out);
      break;
    }
    case CallState::value: add_value_bytes(s, out); break;
    case CallState::array_first: {
      if (legal(s, ']')) out.set(']');
      if (set(s).arrays[s.frames[s.depth - 1].spec].max == 0) break;
      CallState item = s;
      begin_item(item);
      add_value_bytes(item, out);
      break;
    }
    case CallState::head: out.set(static_cast<uint8_t>(kHead[s.position])); break;
    case CallState::middle: out.set(static_cast<uint8_t>(kMiddle[s.position])); break;
    default: add_legal(s, " \",:[]{}", out);
  }
  return out;
}

void CallGrammar::add_legal(const CallState& s, std::string_view bytes, ByteSet& out) const {
  for (const char b : bytes)
    if (legal(s, static_cast<uint8_t>(b))) out.set(static_cast<uint8_t>(b));
}

void CallGrammar::add_value_bytes(const CallState& s, ByteSet& out) const {
  for (size_t i = 0; i < s.scalar_count; ++i) add_scalar_bytes(set(s), s.scalars[i], used(s), out);
  add_legal(s, s.fresh ? "[{" : ",]}", out);
}

bool CallGrammar::asked(const CallState& s) const {
  if (s.phase != CallState::value || s.fresh) return false;
  return std::any_of(s.scalars.begin(), s.scalars.begin() + s.scalar_count, [&](const ScalarState& x) {
    switch (x.kind) {
      case ScalarKind::number: return true;
      case ScalarKind::string: return x.string.phase == StringState::body;
      case ScalarKind::literal: return set(s).literals[x.spec].texts[x.literal.low][0] <= '9' &&
                                       set(s).literals[x.spec].texts[x.literal.low][0] != '"';
    }
    return false;
  });
}

bool CallGrammar::widen(CallState& s, std::string_view written) const {
  if (s.phase != CallState::value) return false;
  CallState wide = s;
  wide.scalar_count = 0;
  for (const Scalar scalar : ToolSet::kAnyScalars) {
    ScalarState state = start_scalar(set(s), scalar);
    bool alive = true;
    for (const char c : written) {
      alive = alive && scalar_legal(set(s), state, static_cast<uint8_t>(c), {});
      if (alive) scalar_advance(set(s), state, static_cast<uint8_t>(c));
    }
    if (alive) wide.scalars[wide.scalar_count++] = state;
  }
  if (wide.scalar_count == 0) return false;
  s = wide;
  return true;
}

std::string CallGrammar::forced_run(CallState& s) const {
  std::string run;
  while (!asked(s)) {
    const ByteSet next = next_bytes(s);
    if (next.count() != 1) return run;
    uint8_t only = 0;
    while (!next[only]) ++only;
    run += static_cast<char>(only);
    advance(s, only);
  }
  return run;
}

}  // namespace thimble
