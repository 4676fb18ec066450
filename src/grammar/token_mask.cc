#include "grammar/token_mask.h"

#include <algorithm>
#include <bit>

namespace thimble {
namespace {

constexpr size_t kMaxCachedMasks = 1024;  // 1 KB each with 8192 pieces

}  // namespace

TokenGrammar::TokenGrammar(const Vocabulary& vocabulary, ToolSet tools)
    : vocabulary_(vocabulary), grammar_(std::move(tools)), mask_(vocabulary.mask_words()),
      stack_(vocabulary.longest_piece() + 1), scalar_stack_(vocabulary.longest_piece() + 1) {}

Status TokenGrammar::start(const CallOptions& options) {
  CallState state;
  if (Status s = grammar_.start(options, state); !s.ok()) return s;
  state_ = state;
  if (vocabulary_.leading_space()) state_.phase = CallState::lead;
  text_.clear();
  tokens_.clear();
  mask_is_current_ = false;
  return {};
}

void TokenGrammar::advance(TokenId token) {
  tokens_.push_back({token, text_.size()});
  for (const char c : vocabulary_.bytes(token)) {
    if (state_.phase == CallState::array_first) value_begin_ = text().size();
    text_ += c;
    grammar_.advance(state_, static_cast<uint8_t>(c));
    if (state_.phase == CallState::value && state_.fresh) value_begin_ = text().size();
  }
  mask_is_current_ = false;
}

bool TokenGrammar::accept(TokenId token) {
  if (token < 0 || static_cast<size_t>(token) >= vocabulary_.tokenizer().size()) return false;
  if (!has_bit(mask(), token)) return false;
  if (!done()) advance(token);
  return true;
}

bool TokenGrammar::widen_for(TokenId token) {
  if (vocabulary_.bytes(token).empty()) return false;  // eos and the like
  CallState wide = state_;
  if (!grammar_.widen(wide, text().substr(value_begin_))) return false;
  CallState after = wide;
  for (const char c : vocabulary_.bytes(token)) {
    if (!grammar_.legal(after, static_cast<uint8_t>(c))) return false;
    grammar_.advance(after, static_cast<uint8_t>(c));
  }
  state_ = wide;
  mask_is_current_ = false;
  return true;
}

// Forced tokens.

void TokenGrammar::take_forced(std::vector<TokenId>& out) {
  while (!done() && !grammar_.asked(state_)) {
    if (take_canonical(out)) continue;
    const TokenId only = only_token();
    if (only < 0) return;
    advance(only);
    out.push_back(only);
  }
}

TokenId TokenGrammar::only_token() {
  TokenId only = -1;
  for (size_t w = 0; w < mask().size(); ++w) {
    const uint64_t word = mask_[w];
    if (word == 0) continue;
    if (only >= 0 || (word & (word - 1)) != 0) return -1;
    only = static_cast<TokenId>(w * 64) + std::countr_zero(word);
  }
  return only;
}

// The last place in (from, text.size()] where every tokenization of text and of what may follow has a
// boundary; `from` if there is none. `behind`: the state after text.
size_t TokenGrammar::last_separation(std::string_view text, size_t from, const CallState& behind) const {
  const ByteSet next = grammar_.next_bytes(behind);
  bool at_end = true;
  for (size_t b = 0; b < next.size(); ++b)
    at_end = at_end && (!next[b] || vocabulary_.separate(static_cast<uint8_t>(text.back()), static_cast<uint8_t>(b)));
  size_t i = text.size();
  if (at_end) return i;
  for (--i; i > from; --i)
    if (vocabulary_.separate(static_cast<uint8_t>(text[i - 1]), static_cast<uint8_t>(text[i]))) break;
  return i;
}

/// Whether the tokens taken since the last separation in `whole` at or before the end of text_ are
/// those of `canonical`, the tokens of `whole`. Those before it cannot matter.
bool TokenGrammar::tail_matches(std::string_view whole, const std::vector<Token>& canonical) const {
  size_t from = text_.size();
  while (from > 0 && !vocabulary_.separate(static_cast<uint8_t>(whole[from - 1]), static_cast<uint8_t>(whole[from]))) --from;
  const auto at = [](const std::vector<Token>& list, size_t begin) {
    return std::partition_point(list.begin(), list.end(), [&](const Token& t) { return t.begin < begin; });
  };
  const auto first = at(canonical, from), last = at(canonical, text_.size());
  const auto mine = at(tokens_, from);
  if (last != canonical.end() && last->begin != text_.size()) return false;
  return std::equal(first, last, mine, tokens_.end(),
                    [](const Token& a, const Token& b) { return a.id == b.id && a.begin == b.begin; });
}

bool TokenGrammar::take_canonical(std::vector<TokenId>& out) {
  CallState behind = state_;
  const std::string run = grammar_.forced_run(behind);
  if (run.empty()) return false;
  const std::string whole = text_ + run;
  const size_t end = last_separation(whole, text_.size(), behind);
  std::vector<TokenId> ids;
  if (end == text_.size() || !vocabulary_.tokenizer().encode(std::string_view(whole).substr(vocabulary_.leading_space()), ids).ok())
    return false;
  std::vector<Token> canonical;
  size_t at = 0;
  for (const TokenId id : ids) {  // a text that the tokenizer does not keep as it is, is left to the model
    const std::string& bytes = vocabulary_.bytes(id);
    if (bytes.empty() || whole.compare(at, bytes.size(), bytes) != 0) return false;
    canonical.push_back({id, at});
    at += bytes.size();
  }
  if (at != whole.size() || !tail_matches(whole, canonical)) return false;
  const size_t from = text_.size();
  for (size_t i = 0; i < canonical.size() && canonical[i].begin < end; ++i) {
    if (canonical[i].begin < from) continue;
    advance(canonical[i].id);
    out.push_back(canonical[i].id);
  }
  return text_.size() > from;
}

// Masks.

std::span<const uint64_t> TokenGrammar::mask() {
  if (!mask_is_current_) build_mask();
  mask_is_current_ = true;
  return mask_;
}

void TokenGrammar::mark_all(std::span<const uint64_t> bits) {
  for (size_t i = 0; i < mask_.size(); ++i) mask_[i] |= bits[i];
}

void TokenGrammar::build_mask() {
  std::fill(mask_.begin(), mask_.end(), 0);
  if (done()) return set_bit(mask_, vocabulary_.tokenizer().eos());
  walk(vocabulary_.marked(), state_);
  // Inside strings most plain pieces fit, and they stay inside: known without walking.
  CallState others = state_;
  if (state_.phase == CallState::value && !state_.fresh) {
    others.scalar_count = 0;
    for (size_t i = 0; i < state_.scalar_count; ++i)
      if (!mark_string(state_.scalars[i])) others.scalars[others.scalar_count++] = state_.scalars[i];
    if (others.scalar_count == 0) return;
  }
  walk(vocabulary_.plain(), others);
}

/// The plain pieces that fit `scalar`, if it is a string before or between its characters.
bool TokenGrammar::mark_string(const ScalarState& scalar) {
  if (scalar.kind != ScalarKind::string) return false;
  const StringState& string = scalar.string;
  const StringSpec& spec = grammar_.set(state_).strings[scalar.spec];
  if (string.phase != StringState::space && string.phase != StringState::body) return false;
  const uint32_t left = spec.max - string.length;
  const bool bounded = spec.max != kNoLimit;
  if (spec.dfa != nullptr) {
    if (bounded && left < vocabulary_.longest_piece() + spec.dfa->size()) return false;
    mark_automaton(scalar);
    return true;
  }
  const bool body = string.phase == StringState::body;
  const auto fitting = [&](uint32_t n) -> const Vocabulary::Mask& { return body ? vocabulary_.plain_up_to(n) : vocabulary_.spaced_up_to(n); };
  mark_all(fitting(left));
  if (bounded && left > 0 && !grammar_.used(state_).empty()) unmark_used(scalar, fitting(left), fitting(left - 1));
  return true;
}

/// Takes out the pieces of `fill` that are not in `leave_room` and make the string one that the array
/// holds already: nothing could follow them, not even the end.
void TokenGrammar::unmark_used(const ScalarState& scalar, const Vocabulary::Mask& fill, const Vocabulary::Mask& leave_room) {
  const auto used = grammar_.used(state_);
  for (size_t w = 0; w < mask_.size(); ++w)
    for (uint64_t word = fill[w] & ~leave_room[w]; word != 0; word &= word - 1) {
      const TokenId id = static_cast<TokenId>(w * 64) + std::countr_zero(word);
      ScalarState full = scalar;
      for (const char c : vocabulary_.bytes(id)) scalar_advance(grammar_.set(state_), full, static_cast<uint8_t>(c));
      if (std::find(used.begin(), used.end(), scalar_key(full)) != used.end()) mask_[w] &= ~(word & -word);
    }
}

void TokenGrammar::mark_automaton(const ScalarState& scalar) {
  const bool body = scalar.string.phase == StringState::body;
  const uint64_t key = uint64_t{scalar.spec} << 32 | uint32_t{body} << 16 | scalar.string.dfa;
  if (automaton_masks_.size() >= kMaxCachedMasks) automaton_masks_.clear();
  const auto [entry, added] = automaton_masks_.try_emplace(key);
  Vocabulary::Mask& mask = entry->second;
  if (added) {
    mask.assign(mask_.size(), 0);
    scalar_stack_[0] = scalar;
    const auto nodes = vocabulary_.plain().nodes();
    for (size_t i = 0; i < nodes.size();) {
      const PieceTrie::Node& node = nodes[i];
      if (!scalar_legal(grammar_.set(state_), scalar_stack_[node.depth], node.byte, {})) {
        i = node.skip;
        continue;
      }
      scalar_stack_[node.depth + 1u] = scalar_stack_[node.depth];
      scalar_advance(grammar_.set(state_), scalar_stack_[node.depth + 1u], node.byte);
      for (uint32_t t = node.first; t < node.last; ++t) set_bit(mask, vocabulary_.plain().tokens()[t]);
      ++i;
    }
  }
  mark_all(mask);
}

void TokenGrammar::walk(const PieceTrie& trie, const CallState& from) {
  stack_[0] = from;
  const auto nodes = trie.nodes();
  for (size_t i = 0; i < nodes.size();) {
    const PieceTrie::Node& node = nodes[i];
    if (!grammar_.legal(stack_[node.depth], node.byte)) {
      i = node.skip;
      continue;
    }
    for (uint32_t t = node.first; t < node.last; ++t) set_bit(mask_, trie.tokens()[t]);
    if (node.skip != ++i) {  // no leaf: a state is worth copying
      stack_[node.depth + 1u] = stack_[node.depth];
      grammar_.advance(stack_[node.depth + 1u], node.byte);
    }
  }
}

}  // namespace thimble
