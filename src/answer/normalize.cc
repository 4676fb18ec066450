#include "answer/normalize.h"

#include <algorithm>

#include "answer/fold.h"
#include "grammar/scalar_state.h"
#include "prompt/json.h"
#include "prompt/prompt.h"

namespace thimble {
namespace {

bool is_string(std::string_view text) { return text.starts_with('"'); }

std::string words_of(std::string_view text, TextFormat format) { return is_string(text) ? string_of(text, format) : std::string(text); }

bool accepts(const ToolSet& tools, const ValueSpec& spec, std::string_view text) {
  return std::any_of(spec.scalars.begin(), spec.scalars.end(), [&](Scalar s) { return scalar_accepts(tools, s, text); });
}

/// The one member of an enum that has the same letters and digits.
std::optional<std::string> member(const ToolSet& tools, const ValueSpec& spec, std::string_view said) {
  const std::u32string words = folded_words(words_of(said, tools.format));
  std::optional<std::string> found;
  for (const Scalar scalar : spec.scalars) {
    if (scalar.kind != ScalarKind::literal || words.empty()) continue;
    for (const std::string& text : tools.literals[scalar.spec].texts) {
      if (text[0] == '[' || text[0] == '{' || folded_words(words_of(text, tools.format)) != words) continue;
      if (found) return std::nullopt;
      found = text;
    }
  }
  return found;
}

/// The digits of "1,500", "20 %" or "$ 5.00" as a number of JSON; empty if there is anything else.
std::string number_in(std::string_view said, TextFormat format) {
  const std::string text = words_of(said, format);
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool group = c == ',' && !digits.empty() && text.size() - i > 3;
    if ((c >= '0' && c <= '9') || c == '.' || (c == '-' && digits.empty())) digits += c;
    else if (!group && c != ' ' && c != '%' && c != '$' && !(c == '+' && digits.empty())) return {};
  }
  return digits;
}

std::optional<std::string> number(const ToolSet& tools, const ValueSpec& spec, std::string_view said) {
  const std::string digits = number_in(said, tools.format);
  rapidjson::Document parsed;
  if (digits.empty() || !json::parse(digits, parsed) || !parsed.IsNumber()) return std::nullopt;
  std::string text;
  json::append_number(parsed, json::Numbers::javascript, text);
  return accepts(tools, spec, text) ? std::optional(text) : std::nullopt;
}

/// In capitals or in small letters, ASCII only, and without spaces at the ends.
std::optional<std::string> in_another_case(const ToolSet& tools, const ValueSpec& spec, std::string_view said) {
  const auto quoted = [&](const std::string& text) {
    std::string out;
    append_string_value(text, tools.format, out);
    return out;
  };
  std::string text = words_of(said, tools.format);
  while (text.ends_with(' ')) text.pop_back();
  text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
  std::string upper = text, lower = text;
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  for (const std::string& form : {text, upper, lower})
    if (accepts(tools, spec, quoted(form))) return quoted(form);
  return std::nullopt;
}

}  // namespace

std::string string_of(std::string_view text, TextFormat format) {
  rapidjson::Document parsed;
  if (!json::parse(text, parsed) || !parsed.IsString()) return {};
  std::string_view value = json::view(parsed);
  if (format == TextFormat::thimble && value.starts_with(' ')) value.remove_prefix(1);
  return std::string(value);
}

std::optional<std::string> normalized(const ToolSet& tools, const ValueSpec& spec, std::string_view said) {
  if (accepts(tools, spec, said)) return std::string(said);
  if (auto found = member(tools, spec, said)) return found;
  if (auto found = number(tools, spec, said)) return found;
  return in_another_case(tools, spec, said);
}

}  // namespace thimble
