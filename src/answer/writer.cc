#include "answer/writer.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace thimble {
namespace {

/// A value is loosened where the schema leaves less than this share of the probability. Measured on
/// training/eval/unseen.jsonl and wild.jsonl (npm run eval): neither 0.1 nor 0.5 costs a right answer, and
/// 0.5 finds forbidden values in 23 answers instead of 12.
constexpr double kLegalShare = 0.5;

/// Beyond it, all logits cost no more (Model::logits_for).
constexpr size_t kFew = 128;

/// Tokens of a draft: a pass over one more costs less than a tenth of a pass (tests/bench/call.ts), and
/// values that are copied from the query have mostly two to five.
constexpr size_t kDraft = 4;

constexpr float kNegligible = 25;  // e^-25 of the largest changes no sum

TokenId best_of(std::span<const float> logits) {
  return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

template <class Use>
void for_each(std::span<const uint64_t> mask, const Use& use) {
  for (size_t w = 0; w < mask.size(); ++w)
    for (uint64_t word = mask[w]; word != 0; word &= word - 1) use(w * 64 + static_cast<size_t>(std::countr_zero(word)));
}

TokenId best_of(std::span<const float> logits, std::span<const uint64_t> mask) {
  size_t best = logits.size();
  for_each(mask, [&](size_t id) {
    if (best == logits.size() || logits[id] > logits[best]) best = id;
  });
  return static_cast<TokenId>(best);
}

bool is_empty(std::span<const uint64_t> mask) {
  return std::all_of(mask.begin(), mask.end(), [](uint64_t word) { return word == 0; });
}

/// Sum of exp(logit - peak) over the mask.
float mass(std::span<const float> logits, std::span<const uint64_t> mask, float peak) {
  float sum = 0;  // the logarithm of a double would cost 4 KB of tables
  for_each(mask, [&](size_t id) {
    if (logits[id] > peak - kNegligible) sum += std::exp(logits[id] - peak);
  });
  return sum;
}

float mass(std::span<const float> logits, float peak) {
  float sum = 0;
  for (const float logit : logits)
    if (logit > peak - kNegligible) sum += std::exp(logit - peak);
  return sum;
}

/// More digits than a number can have, or an exponent.
bool continues_number(std::string_view bytes) {
  return bytes.starts_with('e') || bytes.starts_with('E') || bytes.starts_with('.') || (!bytes.empty() && bytes[0] >= '0' && bytes[0] <= '9');
}

}  // namespace

AnswerWriter::AnswerWriter(const Vocabulary& vocabulary, ToolSet tools)
    : vocabulary_(vocabulary), grammar_(vocabulary, std::move(tools)) {}

AnswerWriter::AnswerWriter(const Vocabulary& vocabulary, ToolSets sets)
    : vocabulary_(vocabulary), grammar_(vocabulary, std::move(sets)) {}

Status AnswerWriter::start(std::string_view query, const AnswerOptions& options) {
  if (Status s = grammar_.start({options.tool_choice, options.tool, options.max_calls}); !s.ok()) return s;
  const Tokenizer& tokenizer = vocabulary_.tokenizer();
  grounding_ = options.grounding;
  if (grounding_ == Grounding::strict) {
    std::vector<TokenId> ids;
    if (Status s = tokenizer.encode(query, ids); !s.ok()) return s;
    spans_.set_query(tokenizer.decode(ids), vocabulary_.format());
  }
  decisions_.clear();
  loose_.clear();
  tokens_ = {tokenizer.eos(), tokenizer.tool_call()};
  read_ = 0;
  grammar_.take_forced(tokens_);
  return {};
}

void AnswerWriter::choose(std::span<const float> logits) {
  loosen(logits);
  const auto mask = allowed();
  const TokenId best = best_of(logits, mask);
  take(best, -std::log(mass(logits, mask, logits[static_cast<size_t>(best)])));
}

void AnswerWriter::take(TokenId token, float log_probability) {
  decisions_.push_back({text().size(), log_probability});
  grammar_.accept(token);
  tokens_.push_back(token);
  grammar_.take_forced(tokens_);
}

std::span<const TokenId> AnswerWriter::few() {
  few_.clear();
  if (done() || grammar_.state().phase == CallState::value) return few_;  // there, what is forbidden counts, too
  for_each(grammar_.mask(), [&](size_t id) { few_.push_back(static_cast<TokenId>(id)); });
  if (few_.size() > kFew) few_.clear();
  return few_;
}

void AnswerWriter::choose_few(std::span<const float> logits) {
  const size_t best = static_cast<size_t>(best_of(logits));
  take(few_[best], -std::log(mass(logits, logits[best])));
}

std::span<const TokenId> AnswerWriter::draft(std::span<const TokenId> query) const {
  const CallState& state = grammar_.state();
  if (state.phase != CallState::value || state.fresh) return {};
  size_t behind = 0, longest = 0;  // of the first of the longest matches
  for (size_t end = 1; end < query.size(); ++end) {
    size_t same = 0;
    while (same < end && query[end - 1 - same] == tokens_[tokens_.size() - 1 - same]) ++same;
    if (same > longest) behind = end, longest = same;
  }
  return longest == 0 ? query.first(0) : query.subspan(behind, std::min(kDraft, query.size() - behind));
}

bool AnswerWriter::is_loose() const {
  return !loose_.empty() && loose_.back().begin == grammar_.value_begin() && grammar_.state().phase == CallState::value;
}

/// Lets the value be what the model wants to say, if that is not what the schema allows.
void AnswerWriter::loosen(std::span<const float> logits) {
  const TokenId wanted = best_of(logits);
  if (grammar_.state().phase != CallState::value || has_bit(grammar_.mask(), wanted)) return;
  const float peak = logits[static_cast<size_t>(wanted)];
  if (mass(logits, grammar_.mask(), peak) > kLegalShare * mass(logits, peak)) return;
  if (is_loose()) loose_.back().kind = std::max(loose_.back().kind, LooseValue::garbled);
  else if (grammar_.widen_for(wanted)) loose_.push_back({grammar_.value_begin(), LooseValue::said});
  else if (continues_number(vocabulary_.bytes(wanted))) loose_.push_back({grammar_.value_begin(), LooseValue::garbled});
}

std::span<const uint64_t> AnswerWriter::allowed() {
  if (grounding_ == Grounding::free || is_loose()) return grammar_.mask();
  const auto grounded = spans_.filter(grammar_, vocabulary_);
  if (!is_empty(grounded)) return grounded;
  loose_.push_back({grammar_.value_begin(), LooseValue::ungrounded});
  return grammar_.mask();
}

}  // namespace thimble
