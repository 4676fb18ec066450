// Arbitrary bytes as a tokenizer section, and arbitrary text through the tokenizers that parse.
// An input whose first byte is below 128 is the section, and the text as well; so every section is
// a seed. Otherwise the first byte's low bits are the flags of a well-formed section, which is made
// from what follows (a count, then for each piece: type and length, score, text); the rest is text.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/flags.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/utf8.h"

namespace {

using thimble::PieceType;
using thimble::TokenId;
using thimble::Tokenizer;
using Bytes = std::span<const uint8_t>;

void require(bool condition) {
  if (!condition) std::abort();
}

Bytes take(Bytes& input, size_t size) {
  size = std::min(size, input.size());
  const Bytes front = input.first(size);
  input = input.subspan(size);
  return front;
}

uint8_t take_byte(Bytes& input) {
  const Bytes byte = take(input, 1);
  return byte.empty() ? 0 : byte[0];
}

struct Piece {
  std::string text;
  float score;
  uint8_t type;
};

std::string build_section(uint32_t flags, const std::vector<Piece>& pieces) {
  std::string text, scores, offsets, types, out;
  const auto put = [](std::string& to, auto value) {
    to.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  for (const Piece& piece : pieces) {
    put(scores, piece.score);
    put(offsets, static_cast<uint32_t>(text.size()));
    put(types, piece.type);
    text += piece.text;
  }
  put(offsets, static_cast<uint32_t>(text.size()));
  for (const size_t word : {size_t{flags}, pieces.size(), text.size(), size_t{0}}) {
    put(out, static_cast<uint32_t>(word));
  }
  for (const int32_t id : {0, 1, 2}) put(out, id);
  return out + scores + offsets + types + text;
}

std::string made_section(uint32_t flags, Bytes& input) {
  std::vector<Piece> pieces = {{"<pad>", 0, 3}, {"</s>", 0, 3},        {"<s>", 0, 3},
                               {"<unk>", 0, 2}, {"<tool_call>", 0, 3}, {"<tools>", 0, 4},
                               {std::string(thimble::kSpaceSymbol), 0, 1}};
  for (int byte = 0; (flags & thimble::kByteFallback) != 0 && byte < 256; ++byte) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", byte);
    pieces.push_back({text, 0, 6});
  }
  for (size_t count = take_byte(input); count > 0 && !input.empty(); --count) {
    constexpr uint8_t kTypes[] = {1, 1, 1, 1, 1, 4, 5, 1};
    const uint8_t head = take_byte(input);
    const float score = static_cast<float>(take_byte(input) % 8);
    const Bytes text = take(input, 1 + head / 8 % 8);
    pieces.push_back({{text.begin(), text.end()}, score, kTypes[head % 8]});
  }
  return build_section(flags, pieces);
}

/// With these flags nothing of a valid text is lost, if a space that stands alone has a piece and
/// the text has no U+2581 of its own.
bool keeps(const Tokenizer& tokenizer, uint32_t flags, std::string_view text) {
  constexpr uint32_t kNeeded = thimble::kByteFallback | thimble::kEscapeWhitespaces;
  constexpr uint32_t kForbidden = thimble::kRemoveExtraWhitespaces | thimble::kTreatWhitespaceAsSuffix;
  if ((flags & kNeeded) != kNeeded || (flags & kForbidden) != 0) return false;
  bool space = false;
  for (TokenId id = 0; id < static_cast<TokenId>(tokenizer.size()); ++id) {
    space = space || (tokenizer.piece(id) == thimble::kSpaceSymbol &&
                      tokenizer.type(id) != PieceType::control);
  }
  return space && thimble::is_utf8(text) && text.find(thimble::kSpaceSymbol) == text.npos;
}

void exercise(const Tokenizer& tokenizer, uint32_t flags, std::string_view text) {
  std::vector<TokenId> ids;
  require(tokenizer.encode(text, ids).ok());
  for (const TokenId id : ids) {
    require(id >= 0 && static_cast<size_t>(id) < tokenizer.size());
    require(tokenizer.type(id) != PieceType::control);
  }
  const std::string decoded = tokenizer.decode(ids);
  require(thimble::is_utf8(decoded));
  if (keeps(tokenizer, flags, text)) require(decoded == text);

  ids.clear();  // any bytes as ids: in range, out of range, negative
  for (const char c : text) ids.push_back(static_cast<TokenId>(c) * 3);
  require(thimble::is_utf8(tokenizer.decode(ids)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes input(data, size);
  std::string made;
  Bytes section = input;
  if (size > 0 && data[0] >= 128) {
    made = made_section(take_byte(input) & thimble::kAllFlags, input);
    section = {reinterpret_cast<const uint8_t*>(made.data()), made.size()};
  }
  // A block of exactly the section's size, so that reading past its end is seen.
  const auto exact = std::make_unique<uint8_t[]>(section.size());
  if (!section.empty()) std::memcpy(exact.get(), section.data(), section.size());
  Tokenizer tokenizer;
  if (!Tokenizer::parse({exact.get(), section.size()}, tokenizer).ok()) return 0;
  uint32_t flags;
  std::memcpy(&flags, exact.get(), sizeof flags);
  exercise(tokenizer, flags, {reinterpret_cast<const char*>(input.data()), input.size()});
  return 0;
}
