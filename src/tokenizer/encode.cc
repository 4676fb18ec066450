// Text to ids: white-space rules (SentencePiece's normalizer.cc), then merging by score
// (bpe_model.cc).
#include <algorithm>
#include <map>

#include "tokenizer/flags.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/utf8.h"

namespace thimble {

/// The piece with this text that text can become, or -1.
TokenId Tokenizer::find_in_text(std::string_view text) const {
  const TokenId id = find(text);
  const PieceType t = type(id);
  const bool in_text =
      t == PieceType::normal || t == PieceType::user_defined || t == PieceType::unused;
  return in_text ? id : -1;
}

/// Bytes of the longest user-defined piece at the front of `text`, or 0. Narrows the sorted list
/// to the pieces that start with `text`'s first 1, 2, 3 ... bytes.
size_t Tokenizer::match_user_defined(std::string_view text) const {
  size_t longest = 0;
  auto low = user_defined_.begin(), high = user_defined_.end();
  for (size_t depth = 0; low != high && depth < text.size(); ++depth) {
    const auto byte = static_cast<uint8_t>(text[depth]);
    const auto at_depth = [&](TokenId id) { return static_cast<uint8_t>(piece(id)[depth]); };
    low = std::partition_point(low, high, [&](TokenId id) {
      return piece(id).size() <= depth || at_depth(id) < byte;
    });
    high = std::partition_point(low, high, [&](TokenId id) { return at_depth(id) == byte; });
    if (low != high && piece(*low).size() == depth + 1) longest = depth + 1;
  }
  return longest;
}

Tokenizer::Prefix Tokenizer::next_prefix(std::string_view text) const {
  if (const size_t n = match_user_defined(text); n > 0) return {text.substr(0, n), n};
  const size_t length = utf8_length(text);
  if (length == 0) return {kReplacementCharacter, 1};
  return {text.substr(0, length), length};
}

std::string Tokenizer::normalize(std::string_view text) const {
  const bool trim = has(kRemoveExtraWhitespaces);
  const std::string_view space = has(kEscapeWhitespaces) ? kSpaceSymbol : " ";
  const bool suffix = has(kTreatWhitespaceAsSuffix);
  std::string out;
  while (trim && !text.empty() && next_prefix(text).text == " ") text.remove_prefix(1);
  if (text.empty()) return out;

  out.reserve(text.size() + text.size() / 2 + 2 * space.size());
  if (has(kAddDummyPrefix) && !suffix) out += space;
  bool after_space = trim;
  while (!text.empty()) {
    Prefix prefix = next_prefix(text);
    while (after_space && prefix.text.starts_with(' ')) prefix.text.remove_prefix(1);
    for (const char c : prefix.text) {
      if (c == ' ') {
        out += space;
      } else {
        out.push_back(c);
      }
    }
    if (!prefix.text.empty()) after_space = trim && prefix.text.ends_with(' ');
    text.remove_prefix(prefix.consumed);
  }
  while (trim && out.ends_with(space)) out.resize(out.size() - space.size());
  if (has(kAddDummyPrefix) && suffix) out += space;
  return out;
}

/// One run of byte-pair merging. Symbols are a doubly linked list over an array; candidate merges
/// wait in a heap and are skipped if a neighbour has changed since.
class Tokenizer::Segmenter {
 public:
  Segmenter(const Tokenizer& tokenizer, std::string_view text)
      : tokenizer_(tokenizer), text_(text) {}

  void run(std::vector<TokenId>& out) {
    split();
    for (size_t i = 1; i < symbols_.size(); ++i) {
      consider(static_cast<int32_t>(i) - 1, static_cast<int32_t>(i));
    }
    while (!heap_.empty()) merge_best();
    for (int32_t i = symbols_.empty() ? -1 : 0; i >= 0; i = symbols_[i].next) {
      emit(symbols_[i].id, text_of(symbols_[i]), out);
    }
  }

 private:
  struct Symbol {
    uint32_t begin, size;  // in text_; size 0: merged into the symbol to its left
    int32_t previous, next;
    TokenId id;   // -1: no piece
    bool frozen;  // user defined
  };

  struct Merge {
    float score;
    int32_t left, right;
    uint32_t size;  // bytes of both when this was found
    TokenId id;
    // A heap's order: the highest score on top, the leftmost of equals.
    bool operator<(const Merge& o) const {
      return score < o.score || (score == o.score && left > o.left);
    }
  };

  std::string_view text_of(const Symbol& s) const { return text_.substr(s.begin, s.size); }

  void split() {
    const auto starts_character = [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; };
    symbols_.reserve(
        static_cast<size_t>(std::count_if(text_.begin(), text_.end(), starts_character)));
    for (size_t at = 0; at < text_.size();) {
      const std::string_view rest = text_.substr(at);
      const size_t matched = tokenizer_.match_user_defined(rest);
      // normalize() leaves only whole characters.
      const size_t size = matched > 0 ? matched : utf8_length(rest);
      const auto i = static_cast<int32_t>(symbols_.size());
      symbols_.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(size), i - 1, i + 1,
                          tokenizer_.find_in_text(rest.substr(0, size)), matched > 0});
      at += size;
    }
    if (!symbols_.empty()) symbols_.back().next = -1;
    heap_.reserve(symbols_.size());
  }

  /// Adds the merge of two neighbours to the heap if it spells a piece.
  void consider(int32_t left, int32_t right) {
    if (left < 0 || right < 0) return;
    const Symbol &l = symbols_[left], &r = symbols_[right];
    if (l.frozen || r.frozen) return;
    const uint32_t size = l.size + r.size;
    const TokenId id = tokenizer_.find_in_text(text_.substr(l.begin, size));
    if (id < 0) return;
    heap_.push_back({tokenizer_.score(id), left, right, size, id});
    std::push_heap(heap_.begin(), heap_.end());
    if (tokenizer_.type(id) == PieceType::unused) left_bytes_[id] = l.size;
  }

  void merge_best() {
    std::pop_heap(heap_.begin(), heap_.end());
    const Merge best = heap_.back();
    heap_.pop_back();
    Symbol &l = symbols_[best.left], &r = symbols_[best.right];
    if (l.size == 0 || r.size == 0 || l.size + r.size != best.size) return;
    l.size = best.size;
    l.id = best.id;
    l.next = r.next;
    if (r.next >= 0) symbols_[r.next].previous = best.left;
    r.size = 0;
    consider(l.previous, best.left);
    consider(best.left, l.next);
  }

  /// Appends one symbol: an unused piece as the two it was last made from, an unknown one as its
  /// bytes or, without byte fallback, as one id for a run. Recursion is at most kMaxPieceBytes
  /// deep, since every half is shorter.
  void emit(TokenId id, std::string_view text, std::vector<TokenId>& out) {
    if (const auto at = left_bytes_.find(id); at != left_bytes_.end()) {
      const std::string_view left = text.substr(0, at->second), right = text.substr(at->second);
      emit(tokenizer_.find_in_text(left), left, out);
      emit(tokenizer_.find_in_text(right), right, out);
      return;
    }
    if (id >= 0) {
      out.push_back(id);
    } else if (tokenizer_.has(kByteFallback)) {
      for (const char c : text) out.push_back(tokenizer_.byte_ids_[static_cast<uint8_t>(c)]);
    } else if (!after_unknown_) {
      out.push_back(tokenizer_.unk_);
    }
    after_unknown_ = id < 0;
  }

  const Tokenizer& tokenizer_;
  std::string_view text_;
  std::vector<Symbol> symbols_;
  std::vector<Merge> heap_;
  std::map<TokenId, uint32_t> left_bytes_;  // of unused pieces; empty for most models
  bool after_unknown_ = false;
};

Status Tokenizer::encode(std::string_view utf8, std::vector<TokenId>& out) const {
  if (utf8.size() > kMaxTextBytes) {
    return {Code::bad_input, "text of " + std::to_string(utf8.size()) + " bytes: at most " +
                                 std::to_string(kMaxTextBytes) + " can be encoded"};
  }
  const std::string text = normalize(utf8);
  Segmenter(*this, text).run(out);
  return {};
}

}  // namespace thimble
