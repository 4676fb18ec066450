#include "answer/grounding.h"

#include <algorithm>
#include <bit>

#include "prompt/json.h"

namespace thimble {
namespace {

/// The free string among the alternatives of the value, or nullptr.
const ScalarState* free_string(const CallGrammar& grammar, const CallState& s) {
  if (s.phase != CallState::value) return nullptr;
  const ToolSet& tools = grammar.set(s);
  for (size_t i = 0; i < s.scalar_count; ++i)
    if (s.scalars[i].kind == ScalarKind::string && tools.strings[s.scalars[i].spec].dfa == nullptr) return &s.scalars[i];
  return nullptr;
}

bool legal(const CallGrammar& grammar, CallState s, std::string_view bytes) {
  for (const char c : bytes) {
    if (!grammar.legal(s, static_cast<uint8_t>(c))) return false;
    grammar.advance(s, static_cast<uint8_t>(c));
  }
  return true;
}

CallState without(CallState s, const ScalarState& scalar) {
  const auto same = [&](const ScalarState& x) { return x.kind == scalar.kind && x.spec == scalar.spec; };
  const auto end = s.scalars.begin() + s.scalar_count;
  s.scalar_count = static_cast<uint8_t>(std::remove_if(s.scalars.begin(), end, same) - s.scalars.begin());
  return s;
}

}  // namespace

void QuerySpans::set_query(std::string_view query, TextFormat format) {
  lead_ = format == TextFormat::needle ? 1 : 2;
  query_.clear();
  starts_.clear();
  for (size_t i = 0; i < query.size();) {
    size_t next = i + 1;
    while (next < query.size() && (static_cast<uint8_t>(query[next]) & 0xC0) == 0x80) ++next;
    std::string text;
    json::append_string(query.substr(i, next - i), json::strings_of(format), text);
    starts_.push_back(true);
    starts_.resize(starts_.size() + text.size() - 3, false);
    query_ += text.substr(1, text.size() - 2);
    i = next;
  }
}

/// Finds where `written`, the string so far, ends in the query, and which bytes come next there.
void QuerySpans::locate(std::string_view written) {
  written.remove_prefix(std::min(written.size(), lead_));
  ends_.clear();
  next_.reset();
  for (size_t i = 0; i < query_.size(); ++i) {
    if (!starts_[i] || query_.compare(i, written.size(), written) != 0) continue;
    ends_.push_back(i + written.size());
    if (ends_.back() < query_.size()) next_.set(static_cast<uint8_t>(query_[ends_.back()]));
  }
}

/// Whether the part of `bytes` that is the string's own goes on in the query.
bool QuerySpans::fits(const ToolSet& tools, ScalarState s, std::string_view bytes) const {
  size_t begin = 0, end = 0;
  for (; end < bytes.size(); ++end) {
    const auto byte = static_cast<uint8_t>(bytes[end]);
    const bool body = s.string.phase >= StringState::body;
    if (body && end == begin && byte != '"' && !next_[byte]) return false;
    if (!scalar_legal(tools, s, byte, {})) return false;
    scalar_advance(tools, s, byte);
    if (s.string.phase == StringState::end) break;
    if (!body) begin = end + 1;
  }
  const std::string_view own = bytes.substr(begin, end - begin);
  return std::any_of(ends_.begin(), ends_.end(), [&](size_t at) { return query_.compare(at, own.size(), own) == 0; });
}

std::span<const uint64_t> QuerySpans::filter(TokenGrammar& grammar, const Vocabulary& vocabulary) {
  const CallState& state = grammar.state();
  const ScalarState* string = free_string(grammar.grammar(), state);
  const auto mask = grammar.mask();
  if (string == nullptr) return mask;
  locate(grammar.text().substr(grammar.value_begin()));
  const bool others = state.scalar_count > 1 || state.fresh;
  const CallState rest = without(state, *string);
  mask_.assign(mask.begin(), mask.end());
  for (size_t w = 0; w < mask_.size(); ++w)
    for (uint64_t word = mask[w]; word != 0; word &= word - 1) {
      const std::string& bytes = vocabulary.bytes(static_cast<TokenId>(w * 64) + std::countr_zero(word));
      if (!fits(grammar.grammar().set(state), *string, bytes) && !(others && legal(grammar.grammar(), rest, bytes)))
        mask_[w] &= ~(word & -word);
    }
  return mask_;
}

}  // namespace thimble
