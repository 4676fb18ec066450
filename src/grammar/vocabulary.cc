#include "grammar/vocabulary.h"

#include "tokenizer/utf8.h"
#include "sort.h"

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

uint64_t first_bytes(std::string_view text) {
  uint64_t out = 0;
  for (size_t i = 0; i < 8; ++i) out = out << 8 | (i < text.size() ? static_cast<uint8_t>(text[i]) : 0);
  return out;
}

size_t code_points(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(),
                                           [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

/// Inside a string: the state after its whole characters, and what there is of the next.
struct DfaSpot {
  CharDfa::State state = 0;
  uint8_t pending = 0;  // bytes of the character that are still to come
  char32_t partial = 0;
};

/// `byte`: of valid UTF-8.
DfaSpot after(const CharDfa& dfa, DfaSpot s, uint8_t byte) {
  if (s.pending > 0) {
    s.partial = s.partial << 6 | (byte & 0x3F);
    --s.pending;
  } else {
    s.pending = byte < 0x80 ? 0 : byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    s.partial = s.pending == 0 ? byte : byte & (0xFFu >> (s.pending + 2));
  }
  if (s.pending == 0) s.state = dfa.next(s.state, s.partial);
  return s;
}

bool is_plain(std::string_view text, TextFormat format) {
  return is_utf8(text) && std::none_of(text.begin(), text.end(), [format](char c) {
           const auto byte = static_cast<uint8_t>(c);
           return byte < 0x20 || c == '"' || c == '\\' || (byte >= 0x7F && format == TextFormat::needle);
         });
}

}  // namespace

PieceTrie::PieceTrie(std::vector<TokenId> ids, std::span<const std::string> bytes) {
  const auto of = [&](TokenId id) -> const std::string& { return bytes[static_cast<size_t>(id)]; };
  std::vector<std::pair<uint64_t, TokenId>> order;  // by the first 8 bytes; they seldom leave a tie
  for (const TokenId id : ids) order.emplace_back(first_bytes(of(id)), id);
  heap_sort(order, [&](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : of(a.second) < of(b.second);
  });
  nodes_.reserve(3 * ids.size());
  tokens_.reserve(ids.size());
  std::vector<uint32_t> open;  // the nodes on the way to the piece before
  const auto close_to = [&](size_t depth) {
    for (; open.size() > depth; open.pop_back()) nodes_[open.back()].skip = static_cast<uint32_t>(nodes_.size());
  };
  std::string_view before;
  for (const auto& [first, id] : order) {
    const std::string_view text = of(id);
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

Status Vocabulary::create(const Tokenizer& tokenizer, Vocabulary& out, TextFormat format) {
  Vocabulary made;
  made.format_ = format;
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
  std::vector<TokenId> plain, marked;
  const auto add = [&](std::vector<Mask>& masks, size_t points, TokenId id) {
    if (masks.size() <= points) masks.resize(points + 1, Mask(mask_words()));
    set_bit(masks[points], id);
  };
  plain_up_to_ = spaced_up_to_ = {Mask(mask_words())};
  for (TokenId id = 0; static_cast<size_t>(id) < bytes_.size(); ++id) {
    const std::string& text = bytes(id);
    if (text.empty()) continue;
    if (!is_plain(text, format_)) {
      marked.push_back(id);
      continue;
    }
    plain.push_back(id);
    add(plain_up_to_, code_points(text), id);
    if (text[0] == ' ') add(spaced_up_to_, code_points(text) - 1, id);
  }
  for (std::vector<Mask>* masks : {&plain_up_to_, &spaced_up_to_})
    for (size_t n = 1; n < masks->size(); ++n)
      for (size_t w = 0; w < mask_words(); ++w) (*masks)[n][w] |= (*masks)[n - 1][w];
  plain_ = PieceTrie(std::move(plain), bytes_);
  marked_ = PieceTrie(std::move(marked), bytes_);
}

Vocabulary::Mask Vocabulary::plain_in(const CharDfa& dfa, CharDfa::State state, bool spaced) const {
  Mask out(mask_words());
  std::vector<DfaSpot> stack(longest_piece_ + 1);
  stack[spaced ? 1 : 0].state = state;
  const auto nodes = plain_.nodes();
  for (size_t i = 0; i < nodes.size();) {
    const PieceTrie::Node& node = nodes[i];
    const bool space = spaced && node.depth == 0;
    if (!space) stack[node.depth + 1u] = after(dfa, stack[node.depth], node.byte);
    if (space ? node.byte != ' ' : stack[node.depth + 1u].state == CharDfa::kDead) {
      i = node.skip;
      continue;
    }
    for (uint32_t t = node.first; t < node.last; ++t) set_bit(out, plain_.tokens()[t]);
    ++i;
  }
  return out;
}

}  // namespace thimble
