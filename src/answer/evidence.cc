#include "answer/evidence.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "answer/fold.h"

namespace thimble {
namespace {

constexpr char32_t kFirstWithoutSpaces = 0x2E80;  // CJK and what follows: no spaces between words

struct Char {
  char32_t point;  // folded
  size_t begin;    // byte of the query
};

std::vector<Char> chars_of(std::string_view text) {
  std::vector<Char> out;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    const char32_t point = fold(next_code_point(text, i));
    if (point == ' ' && !out.empty() && out.back().point == ' ') continue;
    out.push_back({point, begin});
  }
  return out;
}

bool in_word(char32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '_' || (c >= 0xC0 && c < kFirstWithoutSpaces && (c < 0x2000 || c > 0x206F));
}

bool overlaps(QuerySpan a, std::span<const QuerySpan> taken) {
  return std::any_of(taken.begin(), taken.end(), [&](QuerySpan t) { return a.begin < t.end && t.begin < a.end; });
}

/// Numbers of the query with their places.
struct Said {
  double value;
  QuerySpan span;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Digits with thousands separators and a fraction, at `i`; `i` moves behind them.
Said digits_at(std::string_view query, size_t& i) {
  Said said{0, {i, i}};
  double scale = 0;
  for (; i < query.size(); ++i) {
    if (is_digit(query[i])) {
      said.value = scale == 0 ? said.value * 10 + (query[i] - '0') : said.value + (query[i] - '0') * scale;
      scale /= 10;
      continue;
    }
    if (i + 1 >= query.size() || !is_digit(query[i + 1])) break;
    const bool group = query[i] == ',' && i + 3 < query.size() && is_digit(query[i + 2]) && is_digit(query[i + 3]) &&
                       (i + 4 == query.size() || !is_digit(query[i + 4]));
    if (query[i] == '.' && scale == 0) scale = 0.1;
    else if (!group || scale != 0) break;
  }
  said.span.end = i;
  return said;
}

void numbers_in_digits(std::string_view query, std::vector<Said>& out) {
  for (size_t i = 0; i < query.size();) {
    if (!is_digit(query[i])) {
      ++i;
      continue;
    }
    const bool negative = i > 0 && query[i - 1] == '-' && (i == 1 || query[i - 2] == ' ');
    Said said = digits_at(query, i);
    if (negative) said = {-said.value, {said.span.begin - 1, said.span.end}};
    out.push_back(said);
  }
}

constexpr std::array<std::pair<std::string_view, int>, 29> kNumberWords = {{
    {"zero", 0}, {"one", 1}, {"two", 2}, {"three", 3}, {"four", 4}, {"five", 5}, {"six", 6}, {"seven", 7},
    {"eight", 8}, {"nine", 9}, {"ten", 10}, {"eleven", 11}, {"twelve", 12}, {"thirteen", 13}, {"fourteen", 14},
    {"fifteen", 15}, {"sixteen", 16}, {"seventeen", 17}, {"eighteen", 18}, {"nineteen", 19}, {"twenty", 20},
    {"thirty", 30}, {"forty", 40}, {"fifty", 50}, {"sixty", 60}, {"seventy", 70}, {"eighty", 80}, {"ninety", 90},
    {"dozen", 12}}};

int word_value(std::string_view word) {
  for (const auto& [text, value] : kNumberWords)
    if (text == word) return value;
  return word == "hundred" ? 100 : word == "thousand" ? 1000 : -1;
}

/// Runs of number words, "two hundred and fifty" as one number.
void numbers_in_words(std::string_view query, std::vector<Said>& out) {
  double total = 0, part = 0, last = 0;
  QuerySpan span;
  const auto finish = [&] {
    if (span.end > span.begin) out.push_back({total + part, span});
    total = part = last = 0;
    span = {};
  };
  for (size_t i = 0; i < query.size();) {
    std::string word;
    const size_t begin = i;
    while (i < query.size() && (query[i] | 32) >= 'a' && (query[i] | 32) <= 'z') word += static_cast<char>(query[i++] | 32);
    if (word.empty()) {
      if (query[i] != ' ' && query[i] != '-') finish();
      ++i;
      continue;
    }
    const int value = word_value(word);
    if (value < 0) {
      if (word != "and") finish();
      continue;
    }
    const bool joins = span.end > span.begin && (value >= 100 || last == 100 || last == 1000 || (last >= 20 && last < 100 && value < 10));
    if (!joins) finish();
    if (span.end == span.begin) span.begin = begin;
    if (value == 100) part = std::max(part, 1.0) * 100;
    else if (value == 1000) total += std::max(part, 1.0) * 1000, part = 0;
    else part += value;
    last = value;
    span.end = i;
  }
  finish();
}

}  // namespace

std::optional<QuerySpan> find_text(std::string_view query, std::string_view text, std::span<const QuerySpan> taken) {
  const std::vector<Char> in = chars_of(query), wanted = chars_of(text);
  const auto bounded = [&](size_t i) {  // between i - 1 and i
    return i == 0 || i == in.size() || !in_word(in[i - 1].point) || !in_word(in[i].point);
  };
  std::optional<QuerySpan> best;
  int best_rank = -1;
  for (size_t i = 0; !wanted.empty() && i + wanted.size() <= in.size(); ++i) {
    if (!bounded(i)) continue;
    const auto same = [](const Char& a, const Char& b) { return a.point == b.point; };
    if (!std::equal(wanted.begin(), wanted.end(), in.begin() + static_cast<long>(i), same)) continue;
    const size_t end = i + wanted.size();
    const QuerySpan span{in[i].begin, end == in.size() ? query.size() : in[end].begin};
    const int rank = (bounded(end) ? 2 : 0) + (overlaps(span, taken) ? 0 : 1);
    if (rank > best_rank) best = span, best_rank = rank;
  }
  return best;
}

std::optional<QuerySpan> find_number(std::string_view query, double number, std::span<const QuerySpan> taken) {
  std::vector<Said> said;
  numbers_in_digits(query, said);
  numbers_in_words(query, said);
  std::optional<QuerySpan> best;
  int best_rank = -1;
  for (const Said& s : said) {
    if (std::abs(std::abs(s.value) - std::abs(number)) > 1e-9 * std::max(1.0, std::abs(number))) continue;
    const int rank = (s.value == number ? 2 : 0) + (overlaps(s.span, taken) ? 0 : 1);
    if (rank > best_rank) best = s.span, best_rank = rank;
  }
  return best;
}

}  // namespace thimble
