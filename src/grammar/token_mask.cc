#include "grammar/token_mask.h"

#include <algorithm>
#include <bit>

namespace thimble {
namespace {

constexpr size_t kMaxCachedMasks = 1024;  // 1 KB each with 8192 pieces

}  // namespace

TokenGrammar::TokenGrammar(const Vocabulary& vocabulary, ToolSet tools)
    : TokenGrammar(vocabulary, ToolSets{std::make_shared<const ToolSet>(std::move(tools))}) {}

TokenGrammar::TokenGrammar(const Vocabulary& vocabulary, ToolSets sets)
    : vocabulary_(vocabulary), grammar_(std::move(sets)), mask_(vocabulary.mask_words()),
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

/// The last place at or before the end of text_ where every tokenization of `whole`, which begins with
/// text_, has a boundary: what stands before it cannot matter.
size_t TokenGrammar::last_boundary(std::string_view whole) const {
  if (vocabulary_.leading_space()) return 0;  // encoding a part would put a space in front of it
  size_t at = text_.size();
  while (at > 0 && !vocabulary_.separate(static_cast<uint8_t>(whole[at - 1]), static_cast<uint8_t>(whole[at]))) --at;
  return at;
}

/// The tokens of `whole` from `from` on. False if the tokenizer does not keep the text as it is.
bool TokenGrammar::encode(std::string_view whole, size_t from, std::vector<Token>& out) const {
  std::vector<TokenId> ids;
  const std::string_view part = whole.substr(from == 0 ? vocabulary_.leading_space() : from);
  if (!vocabulary_.tokenizer().encode(part, ids).ok()) return false;
  size_t at = from;
  for (const TokenId id : ids) {
    const std::string& bytes = vocabulary_.bytes(id);
    if (bytes.empty() || whole.compare(at, bytes.size(), bytes) != 0) return false;
    out.push_back({id, at});
    at += bytes.size();
  }
  return at == whole.size();
}

bool TokenGrammar::take_canonical(std::vector<TokenId>& out) {
  CallState behind = state_;
  const std::string run = grammar_.forced_run(behind);
  if (run.empty()) return false;
  const std::string whole = text_ + run;
  const size_t from = text_.size(), end = last_separation(whole, from, behind), boundary = last_boundary(whole);
  std::vector<Token> canonical;
  if (end == from || !encode(whole, boundary, canonical)) return false;
  // The tokens taken so far must be the tokenizer's own.
  const auto before = [](size_t begin) { return [begin](const Token& t) { return t.begin < begin; }; };
  const auto first = std::partition_point(canonical.begin(), canonical.end(), before(from));
  const auto mine = std::partition_point(tokens_.begin(), tokens_.end(), before(boundary));
  const auto same = [](const Token& a, const Token& b) { return a.id == b.id && a.begin == b.begin; };
  if (first == canonical.end() || first->begin != from ||
      !std::equal(canonical.begin(), first, mine, tokens_.end(), same)) return false;
  for (auto t = first; t != canonical.end() && t->begin < end; ++t) {
    advance(t->id);
    out.push_back(t->id);
  }
  return true;
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

/// The plain pieces that fit `scalar`, if it is a string that is not complete: they stay inside.
bool TokenGrammar::mark_string(const ScalarState& scalar) {
  if (scalar.kind != ScalarKind::string || scalar.string.phase == StringState::end) return false;
  const StringState& string = scalar.string;
  const StringSpec& spec = grammar_.set(state_).strings[scalar.spec];
  const uint32_t left = spec.max - string.length;
  const bool bounded = spec.max != kNoLimit, body = string.phase == StringState::body;
  if (!body && string.phase != StringState::space) {
    walk_string(scalar);
  } else if (spec.dfa != nullptr) {
    if (bounded && left < vocabulary_.longest_piece() + spec.dfa->size()) walk_string(scalar);
    else mark_automaton(scalar);
  } else {
    const auto fitting = [&](uint32_t n) -> const Vocabulary::Mask& { return body ? vocabulary_.plain_up_to(n) : vocabulary_.spaced_up_to(n); };
    mark_all(fitting(left));
    if (bounded && left > 0 && !grammar_.used(state_).empty()) unmark_used(scalar, fitting(left), fitting(left - 1));
  }
  return true;
}

void TokenGrammar::walk_string(const ScalarState& scalar) {
  const ToolSet& set = grammar_.set(state_);
  const StringSpec& spec = set.strings[scalar.spec];
  const auto used = grammar_.used(state_);
  const auto nodes = vocabulary_.plain().nodes();
  const auto tokens = vocabulary_.plain().tokens();
  scalar_stack_[0] = scalar;
  for (size_t i = 0; i < nodes.size();) {
    const PieceTrie::Node& node = nodes[i];
    ScalarState& after = scalar_stack_[node.depth + 1u];
    const bool legal = scalar_legal(set, scalar_stack_[node.depth], node.byte, used);
    if (legal) scalar_advance(set, after = scalar_stack_[node.depth], node.byte);
    // Free and far from its end, a string takes whatever stands below.
    const bool all = legal && spec.dfa == nullptr && after.string.phase == StringState::body &&
                     spec.max - after.string.length > vocabulary_.longest_piece();
    const size_t next = legal && !all ? i + 1 : node.skip;
    const uint32_t last = !legal ? node.first : !all ? node.last : next < nodes.size() ? nodes[next].first : static_cast<uint32_t>(tokens.size());
    for (uint32_t t = node.first; t < last; ++t) set_bit(mask_, tokens[t]);
    i = next;
  }
}

/// Takes out the pieces of `fill` that are not in `leave_room` and make the string one that the array
/// holds already: nothing could follow them, not even the end.
void TokenGrammar::unmark_used(const ScalarState& scalar, const Vocabulary::Mask& fill, const Vocabulary::Mask& leave_room) {
  const auto used = grammar_.used(state_);
  const size_t space = scalar.string.phase == StringState::space;  // the extra one, no part of the key
  for (size_t w = 0; w < mask_.size(); ++w)
    for (uint64_t word = fill[w] & ~leave_room[w]; word != 0; word &= word - 1) {
      const std::string_view bytes = vocabulary_.bytes(static_cast<TokenId>(w * 64) + std::countr_zero(word));
      if (std::find(used.begin(), used.end(), string_key(scalar, bytes.substr(space))) != used.end()) mask_[w] &= ~(word & -word);
    }
}

void TokenGrammar::mark_automaton(const ScalarState& scalar) {
  const bool spaced = scalar.string.phase == StringState::space;
  const std::shared_ptr<const CharDfa>& dfa = grammar_.set(state_).strings[scalar.spec].dfa;
  if (automaton_masks_.size() >= kMaxCachedMasks) automaton_masks_.clear();
  const auto [entry, added] = automaton_masks_.try_emplace(AutomatonSpot(dfa, scalar.string.dfa, spaced));
  if (added) entry->second = vocabulary_.plain_in(*dfa, scalar.string.dfa, spaced);
  mark_all(entry->second);
}

void TokenGrammar::walk(const PieceTrie& trie, const CallState& from) {
  stack_[0] = {from, grammar_.next_bytes(from)};
  const auto nodes = trie.nodes();
  for (size_t i = 0; i < nodes.size();) {
    const PieceTrie::Node& node = nodes[i];
    if (!stack_[node.depth].next[node.byte]) {
      i = node.skip;
      continue;
    }
    for (uint32_t t = node.first; t < node.last; ++t) set_bit(mask_, trie.tokens()[t]);
    if (node.skip == ++i) continue;  // a leaf
    Spot& spot = stack_[node.depth + 1u];
    spot.state = stack_[node.depth].state;
    grammar_.advance(spot.state, node.byte);
    spot.next = grammar_.next_bytes(spot.state);
  }
}

}  // namespace thimble
