#include "answer/answer.h"
#include "prompt/json.h"
#include "prompt/prompt.h"

namespace thimble {
namespace {

void append_key(const char* key, std::string& out) {
  if (out.back() != '{') out += ',';
  ((out += '"') += key) += "\":";
}

void append_text(std::string_view text, std::string& out) { json::append_string(text, json::Strings::utf8, out); }

template <class List, class Append>
void append_list(const char* key, const List& list, std::string& out, const Append& append) {
  append_key(key, out);
  out += '[';
  for (const auto& item : list) {
    if (out.back() != '[') out += ',';
    append(item);
  }
  out += ']';
}

/// UTF-16 units of the first `bytes` bytes.
size_t utf16_units(std::string_view text, size_t bytes) {
  size_t units = 0;
  for (const char c : text.substr(0, bytes)) units += (static_cast<uint8_t>(c) & 0xC0) != 0x80, units += static_cast<uint8_t>(c) >= 0xF0;
  return units;
}

void append_evidence(const ArgumentEvidence& evidence, std::string_view query, std::string& out) {
  ((((out += "{\"path\":") += evidence.path) += ",\"confidence\":") += number_text(evidence.confidence)) += ",\"span\":";
  if (evidence.span)
    out += '[' + std::to_string(utf16_units(query, evidence.span->begin)) + ',' + std::to_string(utf16_units(query, evidence.span->end)) + ']';
  else
    out += "null";
  out += '}';
}

void append_call(const AnsweredCall& call, std::string_view query, std::string& out) {
  out += '{';
  append_key("tool", out);
  append_text(call.tool, out);
  append_key("arguments", out);
  out += call.arguments;
  append_list("missing", call.missing, out, [&](const std::string& name) { append_text(name, out); });
  append_list("invalid", call.invalid, out, [&](const InvalidValue& value) {
    (((out += "{\"path\":") += value.path) += ",\"value\":") += value.value;
    out += '}';
  });
  append_key("confidence", out);
  out += number_text(call.confidence);
  append_list("evidence", call.evidence, out, [&](const ArgumentEvidence& e) { append_evidence(e, query, out); });
  out += '}';
}

}  // namespace

std::string to_json(const Answer& answer, std::string_view query, const AnswerCounts& counts) {
  std::string out = "{";
  append_key("outcome", out);
  out += answer.outcome == Answer::Outcome::call ? "\"call\"" : "\"none\"";
  if (answer.outcome != Answer::Outcome::call) {
    append_key("reason", out);
    out += answer.outcome == Answer::Outcome::irrelevant ? "\"irrelevant\"" : answer.outcome == Answer::Outcome::missing ? "\"missing\"" : "\"invalid\"";
  }
  append_key("confidence", out);
  out += number_text(answer.confidence);
  append_key("logProbability", out);
  out += number_text(answer.log_probability);
  append_list("calls", answer.calls, out, [&](const AnsweredCall& call) { append_call(call, query, out); });
  append_key("tokens", out);
  out += "{\"query\":" + std::to_string(counts.query) + ",\"answer\":" + std::to_string(counts.answer) +
         ",\"forced\":" + std::to_string(counts.forced) + ",\"passes\":" + std::to_string(counts.passes) + '}';
  return out + '}';
}

}  // namespace thimble
