#include "answer/answer.h"

#include <algorithm>

#include "answer/normalize.h"
#include "grammar/scalar_state.h"
#include "prompt/json.h"  // before RapidJSON's own headers: it sets their options

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

namespace thimble {
namespace {

constexpr unsigned kParseFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;

/// Handler of RapidJSON's events for answer_text.
class Reader : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Reader> {
 public:
  Reader(const AnswerWriter& writer, std::string_view query, const Calibration& calibration)
      : writer_(writer), query_(query), calibration_(calibration),
        stream_(writer.text().data(), writer.text().size()) {}

  std::vector<AnsweredCall> read() {
    rapidjson::Reader reader;
    reader.Parse<kParseFlags>(stream_, *this);
    return std::move(calls_);
  }

  bool Null() { return leaf("null"); }
  bool Bool(bool value) { return leaf(value ? "true" : "false"); }
  bool RawNumber(const char* text, unsigned size, bool) { return leaf(std::string(text, size)); }
  bool String(const char* text, unsigned size, bool);
  bool Key(const char* text, unsigned size, bool);
  bool StartObject() { return open(false); }
  bool StartArray() { return open(true); }
  bool EndObject(unsigned) { return close('}'); }
  bool EndArray(unsigned) { return close(']'); }

 private:
  struct Frame {  // an array or object of the arguments
    bool array;
    uint32_t spec;  // of ToolSet::arrays or objects; kNoSpec inside a value of an enum
    uint32_t count = 0;
    bool empty = true;
    std::string key;
    std::vector<std::string> keys = {};  // so far
  };

  const Property* property(const Frame& frame) const;
  const ValueSpec* value_spec(const Frame& frame) const;
  const LooseValue* loose() const;
  std::string path() const;
  std::string dotted_path() const;

  uint32_t find_tool();
  bool spaced(const std::string& text) const;
  void add_left_out(const Frame& arguments);
  bool open(bool array);
  bool close(char bracket);
  bool leaf(const std::string& text);
  void keep(const std::string& text);
  bool not_said(const std::string& text) const;
  void add_evidence(const std::string& text);
  void begin_value();
  float confidence(size_t begin, size_t end) const;

  const AnswerWriter& writer_;
  std::string_view query_;
  const Calibration& calibration_;
  rapidjson::MemoryStream stream_;
  std::vector<AnsweredCall> calls_;
  const ToolSet* tools_ = nullptr;  // the list that the call's tool is in
  std::vector<QuerySpan> taken_;
  std::vector<Frame> frames_;  // empty outside arguments
  size_t call_begin_ = 0;      // byte of the text where the call begins
  size_t value_end_ = 0;       // where the value before ends
  bool in_call_ = false;
};

float Reader::confidence(size_t begin, size_t end) const {
  double sum = 0;
  for (const Decision& d : writer_.decisions())
    if (begin <= d.begin && d.begin < end) sum += d.log_probability;
  return calibration_.confidence(sum, /*no_call=*/false);
}

const Property* Reader::property(const Frame& frame) const {
  if (frame.array || frame.spec == kNoSpec) return nullptr;
  const auto& all = tools_->objects[frame.spec].properties;
  const auto found = std::find_if(all.begin(), all.end(), [&](const Property& p) { return p.key == frame.key; });
  return found == all.end() ? nullptr : &*found;
}

const ValueSpec* Reader::value_spec(const Frame& frame) const {
  if (frame.spec == kNoSpec) return nullptr;
  if (!frame.array) {
    const Property* p = property(frame);
    return p == nullptr ? nullptr : &tools_->values[p->value];
  }
  const ArraySpec& array = tools_->arrays[frame.spec];
  const uint32_t value = frame.count < array.prefix.size() ? array.prefix[frame.count] : array.items;
  return value == kNoSpec ? nullptr : &tools_->values[value];
}

const LooseValue* Reader::loose() const {
  for (const LooseValue& value : writer_.loose_values())
    if (value_end_ <= value.begin && value.begin < stream_.Tell()) return &value;
  return nullptr;
}

std::string Reader::path() const {
  std::string out = "[";
  for (const Frame& frame : frames_) {
    if (out.size() > 1) out += ',';
    if (frame.array) out += std::to_string(frame.count);
    else json::append_string(frame.key, json::Strings::utf8, out);
  }
  return out + ']';
}

std::string Reader::dotted_path() const {
  std::string out;
  for (const Frame& frame : frames_) (out += out.empty() ? "" : ".") += frame.array ? std::to_string(frame.count) : frame.key;
  return out;
}

bool Reader::Key(const char* text, unsigned size, bool) {
  if (frames_.empty()) return true;
  frames_.back().key.assign(text, size);
  frames_.back().keys.push_back(frames_.back().key);
  return true;
}

bool Reader::String(const char* text, unsigned size, bool) {
  if (frames_.empty()) {  // of "name"
    calls_.back().tool.assign(text, size);
    return true;
  }
  std::string value;
  json::append_string({text, size}, json::strings_of(tools_->format), value);
  return leaf(value);
}

/// Sets tools_ for the call's tool, and its name. -> its arguments, of ToolSet::objects
uint32_t Reader::find_tool() {
  const CallGrammar& grammar = writer_.grammar();
  for (size_t i = 0; i < grammar.tool_count(); ++i) {
    if (grammar.tool(i).written_name != calls_.back().tool) continue;
    calls_.back().tool = grammar.tool(i).name;
    tools_ = &grammar.set_of(i);
    return grammar.tool(i).arguments;
  }
  return kNoSpec;
}

bool Reader::open(bool array) {
  if (frames_.empty() && !in_call_) {  // the answer's list, a call
    in_call_ = !array;
    if (in_call_) calls_.emplace_back();
    return true;
  }
  uint32_t spec = kNoSpec;
  if (frames_.empty()) {
    spec = find_tool();
    value_end_ = stream_.Tell() - 1;
  } else {
    begin_value();
    const ValueSpec* value = value_spec(frames_.back());
    if (value != nullptr) spec = array ? value->array : value->object;
  }
  calls_.back().arguments += array ? '[' : '{';
  frames_.push_back({array, spec, 0, true, {}});
  return true;
}

bool Reader::close(char bracket) {
  if (!frames_.empty()) {
    if (frames_.size() == 1) add_left_out(frames_[0]);
    calls_.back().arguments += bracket;
    frames_.pop_back();
    if (!frames_.empty()) ++frames_.back().count;
  } else if (in_call_) {
    calls_.back().confidence = confidence(call_begin_, stream_.Tell());
    call_begin_ = stream_.Tell();
    in_call_ = false;
  }
  return true;
}

/// Format needle: a required argument that is not said is not written at all.
void Reader::add_left_out(const Frame& arguments) {
  for (const Property& p : tools_->objects[arguments.spec].properties)
    if (p.required && std::find(arguments.keys.begin(), arguments.keys.end(), p.key) == arguments.keys.end())
      calls_.back().missing.push_back(p.key);
}

void Reader::begin_value() {
  Frame& frame = frames_.back();
  std::string& out = calls_.back().arguments;
  if (!frame.empty) out += ',';
  frame.empty = false;
  if (frame.array) return;
  json::append_string(frame.key, json::Strings::utf8, out);
  out += ':';
}

/// Whether the value stands for one that the query does not give.
bool Reader::not_said(const std::string& text) const {
  const LooseValue* value = loose();
  if (value != nullptr && value->kind == LooseValue::ungrounded) return true;
  if (text != "null") return false;
  const ValueSpec* spec = value_spec(frames_.back());
  return spec != nullptr && std::none_of(spec->scalars.begin(), spec->scalars.end(), [&](Scalar s) { return scalar_accepts(*tools_, s, text); });
}

bool Reader::leaf(const std::string& text) {
  AnsweredCall& call = calls_.back();
  const ValueSpec* spec = value_spec(frames_.back());
  if (not_said(text)) {
    const Property* p = property(frames_.back());
    if (p != nullptr && p->required) call.missing.push_back(dotted_path());
  } else {
    const LooseValue* value = loose();
    std::optional<std::string> fitting = text;
    if (value != nullptr && spec != nullptr) fitting = normalized(*tools_, *spec, text);
    if (value != nullptr && value->kind == LooseValue::garbled) fitting.reset();
    if (fitting) keep(*fitting);
    else call.invalid.push_back({path(), spaced(text) ? "\"" + text.substr(2) : text});
    add_evidence(text);
  }
  value_end_ = stream_.Tell();
  ++frames_.back().count;
  return true;
}

bool Reader::spaced(const std::string& text) const { return tools_->format == TextFormat::thimble && text.starts_with("\" "); }

void Reader::keep(const std::string& text) {
  begin_value();
  (calls_.back().arguments += text.substr(0, 1)) += text.substr(spaced(text) ? 2 : 1);
}

void Reader::add_evidence(const std::string& text) {
  if (text == "null") return;
  ArgumentEvidence evidence{path(), confidence(value_end_, stream_.Tell()), std::nullopt};
  if (text[0] == '"') {
    evidence.span = find_text(query_, string_of(text, tools_->format), taken_);
  } else if (text != "true" && text != "false") {
    rapidjson::Document number;
    if (json::parse(text, number)) evidence.span = find_number(query_, number.GetDouble(), taken_);
  }
  if (evidence.span) taken_.push_back(*evidence.span);
  calls_.back().evidence.push_back(std::move(evidence));
}

Answer::Outcome outcome_of(const std::vector<AnsweredCall>& calls) {
  const auto any = [&](auto list) { return std::any_of(calls.begin(), calls.end(), [&](const AnsweredCall& c) { return !(c.*list).empty(); }); };
  if (any(&AnsweredCall::invalid)) return Answer::Outcome::invalid;
  if (any(&AnsweredCall::missing)) return Answer::Outcome::missing;
  return calls.empty() ? Answer::Outcome::irrelevant : Answer::Outcome::call;
}

}  // namespace

Answer read_answer(const AnswerWriter& writer, std::string_view query, const Calibration& calibration) {
  Answer answer;
  answer.calls = Reader(writer, query, calibration).read();
  answer.outcome = outcome_of(answer.calls);
  for (const Decision& d : writer.decisions()) answer.log_probability += d.log_probability;
  answer.confidence = calibration.confidence(answer.log_probability, answer.calls.empty());
  return answer;
}

}  // namespace thimble
