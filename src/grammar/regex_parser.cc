#include "grammar/regex_parser.h"

#include <algorithm>

#include "sort.h"
#include "tokenizer/utf8.h"

namespace thimble::regex {
namespace {

constexpr size_t kMaxNesting = 64;
constexpr uint32_t kMaxRepeat = 1000;

const CharSet kDigits = {{'0', '9'}};
const CharSet kWord = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
const CharSet kSpace = {{9, 13},         {32, 32},         {0xA0, 0xA0},     {0x1680, 0x1680},
                        {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
                        {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
const CharSet kLineEnds = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

std::u32string code_points(std::string_view text) {
  std::u32string out;
  while (!text.empty()) {
    const size_t length = std::max<size_t>(utf8_length(text), 1);
    char32_t point = static_cast<uint8_t>(text[0]);
    if (length > 1) point &= 0x7Fu >> length;
    for (size_t i = 1; i < length; ++i) point = point << 6 | (static_cast<uint8_t>(text[i]) & 0x3F);
    out += point;
    text.remove_prefix(length);
  }
  return out;
}

int hex_value(char32_t c) {
  if (c >= '0' && c <= '9') return static_cast<int>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<int>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<int>(c - 'A') + 10;
  return -1;
}

class Parser {
 public:
  Parser(std::string_view pattern, Tree& tree) : text_(code_points(pattern)), tree_(tree) {}

  bool run(std::string& why) {
    uint32_t root = 0;
    if (choice(0, root) && (at_ == text_.size() || fail("unmatched )"))) {
      tree_.root = root;
      return true;
    }
    why = why_ + " at character " + std::to_string(at_);
    return false;
  }

 private:
  bool fail(const char* why) {
    if (why_.empty()) why_ = why;
    return false;
  }
  bool more() const { return at_ < text_.size(); }
  bool looking_at(char32_t c) const { return more() && text_[at_] == c; }
  bool take(char32_t c) {
    if (!looking_at(c)) return false;
    ++at_;
    return true;
  }
  bool take(std::u32string_view s) {
    if (std::u32string_view(text_).substr(at_, s.size()) != s) return false;
    at_ += s.size();
    return true;
  }

  uint32_t add(Node node) {
    tree_.nodes.push_back(std::move(node));
    return static_cast<uint32_t>(tree_.nodes.size() - 1);
  }
  uint32_t add_set(CharSet set) {
    set = normalized(std::move(set));
    const auto same = [&](const CharSet& other) {
      return std::equal(set.begin(), set.end(), other.begin(), other.end(),
                        [](CharRange x, CharRange y) { return x.first == y.first && x.last == y.last; });
    };
    const auto found = std::find_if(tree_.sets.begin(), tree_.sets.end(), same);
    const auto index = static_cast<uint32_t>(found - tree_.sets.begin());
    if (found == tree_.sets.end()) tree_.sets.push_back(std::move(set));
    return add({.kind = Kind::set, .set = index, .children = {}});
  }

  bool choice(size_t depth, uint32_t& out) {
    if (depth > kMaxNesting) return fail("groups nested too deep");
    Node node{.kind = Kind::choice, .children = {}};
    do {
      uint32_t branch = 0;
      if (!sequence(depth, branch)) return false;
      node.children.push_back(branch);
    } while (take('|'));
    out = node.children.size() == 1 ? node.children[0] : add(std::move(node));
    return true;
  }

  bool sequence(size_t depth, uint32_t& out) {
    Node node{.kind = Kind::sequence, .children = {}};
    while (more() && !looking_at('|') && !looking_at(')')) {
      uint32_t part = 0;
      if (!atom(depth, part) || !quantifier(part)) return false;
      node.children.push_back(part);
    }
    out = add(std::move(node));
    return true;
  }

  bool atom(size_t depth, uint32_t& out) {
    if (take('^')) return out = add({.kind = Kind::begin, .children = {}}), true;
    if (take('$')) return out = add({.kind = Kind::end, .children = {}}), true;
    if (take('(')) return group(depth, out);
    CharSet set;
    if (take('[')) {
      if (!char_class(set)) return false;
    } else if (take('.')) {
      set = complement(kLineEnds);
    } else if (take('\\')) {
      bool single = false;
      if (!escape(set, single, /*in_class=*/false)) return false;
    } else if (std::u32string_view(U"*+?{}]").find(text_[at_]) != std::u32string_view::npos) {
      return fail("a quantifier or bracket that belongs to nothing");
    } else {
      set = {{text_[at_], text_[at_]}};
      ++at_;
    }
    out = add_set(std::move(set));
    return true;
  }

  bool group(size_t depth, uint32_t& out) {
    if (take('?') && !take(':')) {
      if (!take('<') || looking_at('=') || looking_at('!')) return fail("look-around or flags");
      while (more() && !looking_at('>')) ++at_;
      if (!take('>')) return fail("unfinished group name");
    }
    return choice(depth + 1, out) && (take(')') || fail("unmatched ("));
  }

  bool number(uint32_t& out) {
    if (!more() || text_[at_] < '0' || text_[at_] > '9') return fail("malformed quantifier");
    for (out = 0; more() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      out = out * 10 + static_cast<uint32_t>(text_[at_] - '0');
      if (out > kMaxRepeat) return fail("repeat count above 1000");
    }
    return true;
  }

  bool quantifier(uint32_t& part) {
    uint32_t min = 0, max = kUnbounded;
    if (take('*')) {
    } else if (take('+')) {
      min = 1;
    } else if (take('?')) {
      max = 1;
    } else if (take('{')) {
      if (!number(min)) return false;
      max = min;
      if (take(',') && !looking_at('}')) {
        if (!number(max)) return false;
      } else if (text_[at_ - 1] == ',') {
        max = kUnbounded;
      }
      if (!take('}') || max < min) return fail("malformed quantifier");
    } else {
      return true;
    }
    take('?');  // lazy: the same strings
    const Kind kind = tree_.nodes[part].kind;
    if (kind == Kind::begin || kind == Kind::end) return fail("a quantifier on an anchor");
    part = add({.kind = Kind::repeat, .min = min, .max = max, .children = {part}});
    return true;
  }

  bool char_class(CharSet& out) {
    const bool negated = take('^');
    while (more() && !looking_at(']')) {
      CharSet first, last;
      bool single = false, single_last = false;
      if (!class_item(first, single)) return false;
      if (looking_at('-') && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        if (!class_item(last, single_last)) return false;
        if (!single || !single_last || last[0].first < first[0].first) return fail("malformed range");
        first[0].last = last[0].first;
      }
      out.insert(out.end(), first.begin(), first.end());
    }
    if (!take(']')) return fail("unfinished class");
    if (negated) out = complement(normalized(std::move(out)));
    return true;
  }

  bool class_item(CharSet& out, bool& single) {
    if (take('\\')) return escape(out, single, /*in_class=*/true);
    single = true;
    out = {{text_[at_], text_[at_]}};
    ++at_;
    return true;
  }

  bool hex(size_t digits, char32_t& out) {
    out = 0;
    for (size_t i = 0; i < digits; ++i, ++at_) {
      const int value = more() ? hex_value(text_[at_]) : -1;
      if (value < 0) return fail("malformed escape");
      out = out << 4 | static_cast<char32_t>(value);
    }
    return true;
  }

  bool unicode(char32_t& out) {
    if (!take('{')) {
      if (!hex(4, out)) return false;
      char32_t low = 0;
      const bool lead = out >= 0xD800 && out < 0xDC00;
      if (!lead || !take(U"\\u")) return true;
      if (!hex(4, low) || low < 0xDC00 || low > 0xDFFF) return fail("a lone surrogate");
      out = 0x10000 + ((out - 0xD800) << 10) + (low - 0xDC00);
      return true;
    }
    for (out = 0; more() && hex_value(text_[at_]) >= 0; ++at_) {
      out = out << 4 | static_cast<char32_t>(hex_value(text_[at_]));
      if (out > kLastCodePoint) return fail("a code point above 10FFFF");
    }
    return take('}') || fail("malformed escape");
  }

  bool escape(CharSet& out, bool& single, bool in_class) {
    if (!more()) return fail("unfinished escape");
    const char32_t c = text_[at_++];
    switch (c) {
      case 'd': return out = kDigits, true;
      case 'D': return out = complement(kDigits), true;
      case 'w': return out = kWord, true;
      case 'W': return out = complement(kWord), true;
      case 's': return out = kSpace, true;
      case 'S': return out = complement(kSpace), true;
      default: break;
    }
    single = true;
    char32_t point = c;
    if (c == 't') point = '\t';
    else if (c == 'n') point = '\n';
    else if (c == 'v') point = '\v';
    else if (c == 'f') point = '\f';
    else if (c == 'r') point = '\r';
    else if (c == 'b' && in_class) point = '\b';
    else if (c == '0') point = 0;
    else if (c == 'x') { if (!hex(2, point)) return false; }
    else if (c == 'u') { if (!unicode(point)) return false; }
    else if (c == 'c') {
      const char32_t letter = more() ? text_[at_] | 0x20 : 0;
      if (letter < 'a' || letter > 'z') return fail("malformed escape");
      ++at_;
      point = letter & 0x1F;
    } else if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')) {
      --at_;
      return fail("an escape that is not supported (back-reference, \\b, \\p)");
    }
    out = {{point, point}};
    return true;
  }

  std::u32string text_;
  Tree& tree_;
  size_t at_ = 0;
  std::string why_;
};

}  // namespace

CharSet normalized(CharSet set) {
  heap_sort(set, [](CharRange a, CharRange b) { return a.first < b.first; });
  CharSet out;
  for (const CharRange r : set) {
    if (!out.empty() && r.first <= out.back().last + 1) out.back().last = std::max(out.back().last, r.last);
    else out.push_back(r);
  }
  CharSet legal;
  for (const CharRange r : out) {
    if (r.first < 0xD800) legal.push_back({r.first, std::min<char32_t>(r.last, 0xD7FF)});
    if (r.last > 0xDFFF) legal.push_back({std::max<char32_t>(r.first, 0xE000), r.last});
  }
  return legal;
}

CharSet complement(const CharSet& set) {
  CharSet out;
  char32_t next = 0;
  for (const CharRange r : set) {
    if (r.first > next) out.push_back({next, r.first - 1});
    next = r.last + 1;
  }
  if (next <= kLastCodePoint) out.push_back({next, kLastCodePoint});
  return normalized(std::move(out));
}

bool parse(std::string_view pattern, Tree& out, std::string& why) {
  return Parser(pattern, out).run(why);
}

}  // namespace thimble::regex
