#include "grammar/pattern.h"

#include <algorithm>
#include <map>

#include "grammar/regex_parser.h"
#include "sort.h"

namespace thimble {
namespace {

using regex::Kind;
using regex::Tree;

constexpr size_t kMaxNfaNodes = 6000;
constexpr size_t kMaxDfaStates = 2000;
constexpr size_t kMaxSets = 256;
constexpr size_t kMaxWork = 2'000'000;  // items looked at; a few tens of milliseconds

// Thompson's automaton. An item of a DFA state is a node and whether `$` was passed: then nothing
// may follow.
struct Nfa {
  enum class Op : uint8_t { chars, split, begin, end, match };
  struct Node {
    Op op;
    uint32_t set = 0;
    uint32_t next = 0, other = 0;
  };
  std::vector<Node> nodes;
  uint32_t start = 0, tail = 0;  // tail: the loop after the match, accepting whatever follows
};

class NfaBuilder {
 public:
  NfaBuilder(const Tree& tree, uint32_t any_set) : tree_(tree), any_(any_set) {}

  bool run(Nfa& out) {
    const uint32_t match = add(Nfa::Op::match);
    const uint32_t tail = any_loop(match);
    const uint32_t start = any_loop(build(tree_.root, tail));
    nfa_.start = start;
    nfa_.tail = tail;
    out = std::move(nfa_);
    return !full_;
  }

 private:
  uint32_t add(Nfa::Op op, uint32_t set = 0, uint32_t next = 0, uint32_t other = 0) {
    if (nfa_.nodes.size() >= kMaxNfaNodes) {
      full_ = true;
      return 0;
    }
    nfa_.nodes.push_back({op, set, next, other});
    return static_cast<uint32_t>(nfa_.nodes.size() - 1);
  }
  uint32_t any_loop(uint32_t next) {
    const uint32_t loop = add(Nfa::Op::split, 0, 0, next);
    const uint32_t any = add(Nfa::Op::chars, any_, loop);
    if (!full_) nfa_.nodes[loop].next = any;
    return loop;
  }

  uint32_t build(uint32_t index, uint32_t next) {
    const regex::Node& node = tree_.nodes[index];
    if (full_) return 0;
    switch (node.kind) {
      case Kind::set: return add(Nfa::Op::chars, node.set, next);
      case Kind::begin: return add(Nfa::Op::begin, 0, next);
      case Kind::end: return add(Nfa::Op::end, 0, next);
      case Kind::repeat: return repeat(node, next);
      case Kind::sequence: {
        for (size_t i = node.children.size(); i > 0; --i) next = build(node.children[i - 1], next);
        return next;
      }
      case Kind::choice: {
        uint32_t all = build(node.children.back(), next);
        for (size_t i = node.children.size() - 1; i > 0; --i)
          all = add(Nfa::Op::split, 0, build(node.children[i - 1], next), all);
        return all;
      }
    }
    return next;
  }

  uint32_t repeat(const regex::Node& node, uint32_t next) {
    const uint32_t child = node.children[0];
    uint32_t out = next;
    if (node.max == regex::kUnbounded) {
      out = add(Nfa::Op::split, 0, 0, next);
      const uint32_t body = build(child, out);
      if (!full_) nfa_.nodes[out].next = body;
    } else {
      for (uint32_t i = node.min; i < node.max && !full_; ++i)
        out = add(Nfa::Op::split, 0, build(child, out), next);
    }
    for (uint32_t i = 0; i < node.min && !full_; ++i) out = build(child, out);
    return out;
  }

  const Tree& tree_;
  uint32_t any_;
  Nfa nfa_;
  bool full_ = false;
};

// Code points that no set tells apart share a class.
struct Alphabet {
  std::vector<char32_t> starts;
  std::vector<uint16_t> classes;              // of each range
  std::vector<std::string> contains;          // [class][set], 0 or 1
};

Alphabet alphabet_of(const std::vector<regex::CharSet>& sets) {
  Alphabet out;
  out.starts = {0};
  for (const regex::CharSet& set : sets)
    for (const CharRange r : set) {
      out.starts.push_back(r.first);
      if (r.last < kLastCodePoint) out.starts.push_back(r.last + 1);
    }
  heap_sort(out.starts);
  out.starts.erase(std::unique(out.starts.begin(), out.starts.end()), out.starts.end());
  std::map<std::string, uint16_t> known;
  for (const char32_t start : out.starts) {
    std::string in(sets.size(), '\0');
    for (size_t i = 0; i < sets.size(); ++i)
      in[i] = std::any_of(sets[i].begin(), sets[i].end(),
                          [&](CharRange r) { return r.first <= start && start <= r.last; });
    const auto [entry, added] = known.try_emplace(in, static_cast<uint16_t>(out.contains.size()));
    if (added) out.contains.push_back(in);
    out.classes.push_back(entry->second);
  }
  return out;
}

class SubsetConstruction {
 public:
  SubsetConstruction(const Nfa& nfa, const Alphabet& alphabet)
      : nfa_(nfa), alphabet_(alphabet), seen_(nfa.nodes.size() * 2, 0),
        dfa_(alphabet.starts, alphabet.classes, alphabet.contains.size()) {}

  std::shared_ptr<const CharDfa> run(std::string& why) {
    Items items;
    begin_closure();
    close(nfa_.start, false, /*at_start=*/true, items);
    state_of(std::move(items));
    for (size_t s = 0; s < states_.size(); ++s) {
      for (size_t c = 0; c < alphabet_.contains.size(); ++c) step(s, c);
      if (states_.size() > kMaxDfaStates || work_ > kMaxWork)
        return why = "its automaton is too large; write a simpler pattern", nullptr;
    }
    if (!dfa_.trim()) return why = "it matches no string", nullptr;
    return std::make_shared<const CharDfa>(std::move(dfa_));
  }

 private:
  using Items = std::vector<uint32_t>;  // node * 2 + ended; sorted

  void begin_closure() { ++round_; }

  // Explicit stack: the depth of epsilon edges is the attacker's choice.
  void close(uint32_t node, bool ended, bool at_start, Items& out) {
    stack_.push_back(node * 2 + ended);
    while (!stack_.empty()) {
      const uint32_t item = stack_.back();
      stack_.pop_back();
      if (seen_[item] == round_) continue;
      seen_[item] = round_;
      ++work_;
      const Nfa::Node& n = nfa_.nodes[item / 2];
      const uint32_t end = item & 1;
      switch (n.op) {
        case Nfa::Op::chars: if (!end) out.push_back(item); break;
        case Nfa::Op::match: out.push_back(item); break;
        case Nfa::Op::begin: if (at_start) stack_.push_back(n.next * 2 + end); break;
        case Nfa::Op::end: stack_.push_back(n.next * 2 + 1); break;
        case Nfa::Op::split:
          stack_.push_back(n.other * 2 + end);
          stack_.push_back(n.next * 2 + end);
          break;
      }
    }
  }

  bool everything_follows() const { return seen_[nfa_.tail * 2] == round_; }

  void step(size_t s, size_t c) {
    Items items;
    begin_closure();
    for (size_t i = 0; i < states_[s].size(); ++i) {
      const Nfa::Node& n = nfa_.nodes[states_[s][i] / 2];
      ++work_;
      if (n.op == Nfa::Op::chars && alphabet_.contains[c][n.set]) close(n.next, false, false, items);
    }
    if (items.empty()) return;
    if (everything_follows()) {  // one state for all of these keeps the automaton small
      items.clear();
      begin_closure();
      close(nfa_.tail, false, false, items);
    }
    dfa_.set_next(static_cast<CharDfa::State>(s), c, state_of(std::move(items)));
  }

  CharDfa::State state_of(Items items) {
    heap_sort(items);
    const auto [entry, added] = known_.try_emplace(items, static_cast<CharDfa::State>(states_.size()));
    if (added) {
      dfa_.add_state(std::any_of(items.begin(), items.end(), [&](uint32_t item) {
        return nfa_.nodes[item / 2].op == Nfa::Op::match;
      }));
      states_.push_back(std::move(items));
    }
    return entry->second;
  }

  const Nfa& nfa_;
  const Alphabet& alphabet_;
  std::vector<uint32_t> seen_;
  uint32_t round_ = 0;
  size_t work_ = 0;
  std::vector<uint32_t> stack_;
  std::map<Items, CharDfa::State> known_;
  std::vector<Items> states_;
  CharDfa dfa_;
};

}  // namespace

std::shared_ptr<const CharDfa> compile_pattern(std::string_view pattern, std::string& why) {
  if (pattern.size() > kMaxPatternBytes) return why = "it is longer than 4096 bytes", nullptr;
  Tree tree;
  if (!regex::parse(pattern, tree, why)) return nullptr;
  if (tree.sets.size() > kMaxSets) return why = "it has more than 256 different classes", nullptr;
  tree.sets.push_back(regex::complement({}));
  Nfa nfa;
  if (!NfaBuilder(tree, static_cast<uint32_t>(tree.sets.size() - 1)).run(nfa))
    return why = "its automaton is too large; write a simpler pattern", nullptr;
  const Alphabet alphabet = alphabet_of(tree.sets);
  return SubsetConstruction(nfa, alphabet).run(why);
}

}  // namespace thimble
