#include "grammar/char_dfa.h"

#include <algorithm>
#include <map>

#include "sort.h"

namespace thimble {

CharDfa::CharDfa(std::vector<char32_t> starts, std::vector<uint16_t> classes, size_t class_count)
    : classes_(class_count), starts_(std::move(starts)), classes_of_ranges_(std::move(classes)) {
  for (char32_t c = 0; c < ascii_.size(); ++c) ascii_[c] = classes_of_ranges_[range_of(c)];
  find_first_bytes();
}

void CharDfa::find_first_bytes() {
  const auto first_byte = [](char32_t c) {
    return c < 0x80 ? c : c < 0x800 ? 0xC0 | c >> 6 : c < 0x10000 ? 0xE0 | c >> 12 : 0xF0 | c >> 18;
  };
  first_bytes_.resize(classes_);
  for (size_t r = 0; r < starts_.size(); ++r) {
    const char32_t last = r + 1 < starts_.size() ? starts_[r + 1] - 1 : kLastCodePoint;
    for (char32_t b = first_byte(starts_[r]); b <= first_byte(last); ++b)
      if (b < 0x80 || b >= 0xC2) first_bytes_[classes_of_ranges_[r]].set(b);
  }
}

ByteSet CharDfa::first_bytes(State s) const {
  ByteSet out;
  for (size_t c = 0; c < classes_; ++c)
    if (next_of_class(s, c) != kDead) out |= first_bytes_[c];
  return out;
}

size_t CharDfa::range_of(char32_t point) const {
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), point);
  return static_cast<size_t>(after - starts_.begin()) - 1;
}

CharDfa::State CharDfa::add_state(bool accepts) {
  accepts_.push_back(accepts);
  next_.insert(next_.end(), classes_, kDead);
  return static_cast<State>(accepts_.size() - 1);
}

uint32_t CharDfa::distance_after(State s, char32_t first, char32_t last) const {
  uint32_t best = kFar;
  if (first == last) {
    const State t = next(s, first);
    return t == kDead ? kFar : distance_[t];
  }
  for (size_t r = range_of(first); r < starts_.size() && starts_[r] <= last; ++r)
    if (const State t = next_of_class(s, classes_of_ranges_[r]); t != kDead)
      best = std::min(best, distance_[t]);
  return best;
}

// Breadth first from the accepting states, against the edges.
void CharDfa::measure() {
  std::vector<std::vector<State>> from(size());
  for (size_t s = 0; s < size(); ++s)
    for (size_t c = 0; c < classes_; ++c)
      if (const State t = next_[s * classes_ + c]; t != kDead)
        if (from[t].empty() || from[t].back() != s) from[t].push_back(static_cast<State>(s));
  distance_.assign(size(), kFar);
  std::vector<State> queue;
  for (size_t s = 0; s < size(); ++s)
    if (accepts_[s]) {
      distance_[s] = 0;
      queue.push_back(static_cast<State>(s));
    }
  for (size_t i = 0; i < queue.size(); ++i)
    for (const State s : from[queue[i]])
      if (distance_[s] == kFar) {
        distance_[s] = distance_[queue[i]] + 1;
        queue.push_back(s);
      }
}

bool CharDfa::trim() {
  if (size() == 0) return false;
  measure();
  if (distance_[0] == kFar) return false;
  std::vector<State> renamed(size(), kDead);
  State count = 0;
  for (size_t s = 0; s < size(); ++s)
    if (distance_[s] != kFar) renamed[s] = count++;
  for (size_t s = 0; s < size(); ++s) {
    if (renamed[s] == kDead) continue;
    accepts_[renamed[s]] = accepts_[s];
    distance_[renamed[s]] = distance_[s];
    for (size_t c = 0; c < classes_; ++c) {
      const State t = next_[s * classes_ + c];
      next_[renamed[s] * classes_ + c] = t == kDead ? kDead : renamed[t];
    }
  }
  accepts_.resize(count);
  distance_.resize(count);
  next_.resize(count * classes_);
  return true;
}

namespace {

// The coarsest classes that both automata's classes are unions of.
CharDfa common_alphabet(const CharDfa& a, const CharDfa& b,
                        std::vector<std::pair<uint16_t, uint16_t>>& pairs) {
  std::vector<char32_t> starts = a.starts();
  starts.insert(starts.end(), b.starts().begin(), b.starts().end());
  heap_sort(starts);
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  std::vector<uint16_t> classes;
  for (const char32_t start : starts) {
    const std::pair<uint16_t, uint16_t> pair(a.class_of(start), b.class_of(start));
    const auto found = std::find(pairs.begin(), pairs.end(), pair);
    classes.push_back(static_cast<uint16_t>(found - pairs.begin()));
    if (found == pairs.end()) pairs.push_back(pair);
  }
  return CharDfa(std::move(starts), std::move(classes), pairs.size());
}

}  // namespace

bool intersect(const CharDfa& a, const CharDfa& b, CharDfa& out, bool& too_large) {
  std::vector<std::pair<uint16_t, uint16_t>> pairs;
  CharDfa product = common_alphabet(a, b, pairs);
  std::vector<std::pair<CharDfa::State, CharDfa::State>> states;
  std::map<uint32_t, CharDfa::State> known;
  const auto state_of = [&](CharDfa::State s, CharDfa::State t) {
    const auto [entry, added] =
        known.try_emplace(uint32_t{s} << 16 | t, static_cast<CharDfa::State>(states.size()));
    if (added) {
      states.emplace_back(s, t);
      product.add_state(a.accepts(s) && b.accepts(t));
    }
    return entry->second;
  };
  state_of(0, 0);
  too_large = false;
  for (size_t i = 0; i < states.size(); ++i) {
    if (states.size() > CharDfa::kMaxStates) {
      too_large = true;
      return false;
    }
    const auto [s, t] = states[i];
    for (size_t c = 0; c < pairs.size(); ++c) {
      const CharDfa::State x = a.next_of_class(s, pairs[c].first);
      const CharDfa::State y = b.next_of_class(t, pairs[c].second);
      if (x != CharDfa::kDead && y != CharDfa::kDead)
        product.set_next(static_cast<CharDfa::State>(i), c, state_of(x, y));
    }
  }
  if (!product.trim()) return false;
  out = std::move(product);
  return true;
}

CharDfa at_least(size_t min_points) {
  CharDfa dfa({0}, {0}, 1);
  for (size_t n = 0; n <= min_points; ++n) dfa.add_state(n == min_points);
  for (size_t n = 0; n <= min_points; ++n)
    dfa.set_next(static_cast<CharDfa::State>(n), 0,
                 static_cast<CharDfa::State>(std::min(n + 1, min_points)));
  dfa.trim();
  return dfa;
}

}  // namespace thimble
