#include "grammar/vocabulary.h"

#include "tokenizer/utf8.h"

namespace thimble {
namespace {

constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81";  // U+2581: a space in pieces

std::string with_spaces(std::string_view piece) {
  std::string out;
  while (!piece.empty()) {
    if (piece.starts_with(kSpaceSymbol)) {
      out += ' ';
      piece.remove_prefix(kSpaceSymbol.size());
    } else {
      out += piece[0];
      piece.remove_prefix(1);
    }
  }
  return out;
}

size_t code_points(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(),
                                           [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

bool is_plain(std::string_view text) {
  return is_utf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\';
         });
}

}  // namespace

PieceTrie::PieceTrie(const std::vector<std::pair<std::string, TokenId>>& pieces) {
  std::vector<uint32_t> open;  // the nodes on the way to the piece before
  const auto close_to = [&](size_t depth) {
    for (; open.size() > depth; open.pop_back()) nodes_[open.back()].skip = static_cast<uint32_t>(nodes_.size());
  };
  std::string_view before;
  for (const auto& [text, id] : pieces) {
    size_t common = 0;
    while (common < text.size() && common < before.size() && text[common] == before[common]) ++common;
    close_to(common);
    for (size_t d = common; d < text.size(); ++d) {
      open.push_back(static_cast<uint32_t>(nodes_.size()));
      const auto at = static_cast<uint32_t>(tokens_.size());
      nodes_.push_back({static_cast<uint8_t>(text[d]), static_cast<uint16_t>(d), 0, at, at});
    }
    tokens_.push_back(id);
    nodes_[open.back()].last = static_cast<uint32_t>(tokens_.size());
    before = text;
  }
  close_to(0);
}

Status Vocabulary::create(const Tokenizer& tokenizer, Vocabulary& out) {
  Vocabulary made;
  made.tokenizer_ = &tokenizer;
  made.read_pieces();
  if (Status s = made.check_bytes(); !s.ok()) return s;
  made.build_tries();
  std::vector<TokenId> probe;
  if (Status s = tokenizer.encode("[", probe); !s.ok()) return s;
  made.leading_space_ = !probe.empty() && made.bytes(probe[0]).starts_with(' ');
  out = std::move(made);
  return {};
}

// A byte piece of an ASCII character that has a piece of its own is left out: the tokenizer never
// uses it. Pieces of type unused never stand in an answer, but merging passes through them.
void Vocabulary::read_pieces() {
  bytes_.resize(tokenizer_->size());
  std::bitset<128> own;
  for (TokenId id = 0; static_cast<size_t>(id) < bytes_.size(); ++id) {
    const PieceType type = tokenizer_->type(id);
    if (type != PieceType::normal && type != PieceType::user_defined && type != PieceType::unused) continue;
    std::string text = with_spaces(tokenizer_->piece(id));
    for (size_t i = 0; i + 1 < text.size(); ++i) {
      const auto left = static_cast<uint8_t>(text[i]), right = static_cast<uint8_t>(text[i + 1]);
      if (left < 128 && right < 128) joined_[left * size_t{128} + right] = true;
    }
    if (type == PieceType::unused) continue;
    if (text.size() == 1 && static_cast<uint8_t>(text[0]) < 128) own[static_cast<uint8_t>(text[0])] = true;
    longest_piece_ = std::max(longest_piece_, text.size());
    bytes_[static_cast<size_t>(id)] = std::move(text);
  }
  for (TokenId id = 0; static_cast<size_t>(id) < bytes_.size(); ++id) {
    const int byte = tokenizer_->byte_value(id);
    if (byte >= 128 || (byte >= 0 && !own[static_cast<size_t>(byte)])) bytes_[static_cast<size_t>(id)] = static_cast<char>(byte);
  }
}

Status Vocabulary::check_bytes() const {
  std::bitset<256> single;
  for (const std::string& bytes : bytes_)
    if (bytes.size() == 1) single[static_cast<uint8_t>(bytes[0])] = true;
  for (size_t b = 0; b < single.size(); ++b)
    if (!single[b])
      return {Code::bad_tokenizer, "section tokenizer: no piece for byte " + std::to_string(b) +
                                       "; constrained answers need byte fallback"};
  return {};
}

void Vocabulary::build_tries() {
  std::vector<std::pair<std::string, TokenId>> plain, marked;
  size_t longest = 0;
  for (TokenId id = 0; static_cast<size_t>(id) < bytes_.size(); ++id) {
    const std::string& text = bytes(id);
    if (text.empty()) continue;
    if (is_plain(text)) longest = std::max(longest, code_points(text));
    (is_plain(text) ? plain : marked).emplace_back(text, id);
  }
  plain_up_to_.assign(longest + 1, Mask(mask_words()));
  spaced_up_to_ = plain_up_to_;
  for (const auto& [text, id] : plain)
    for (size_t n = 0; n <= longest; ++n) {
      if (code_points(text) <= n) set_bit(plain_up_to_[n], id);
      if (text[0] == ' ' && code_points(text) - 1 <= n) set_bit(spaced_up_to_[n], id);
    }
  std::sort(plain.begin(), plain.end());
  std::sort(marked.begin(), marked.end());
  plain_ = PieceTrie(plain);
  marked_ = PieceTrie(marked);
}

}  // namespace thimble
