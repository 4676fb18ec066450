// The section's checks, the piece look-up, and decoding. Encoding is in encode.cc.
#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "sort.h"
#include "tokenizer/flags.h"
#include "tokenizer/utf8.h"

namespace thimble {
namespace {

static_assert(std::endian::native == std::endian::little, "the section is read in place");

constexpr size_t kHeaderBytes = 28;
constexpr size_t kMaxUnkSurfaceBytes = 256;

template <typename T>
T load(const uint8_t* bytes, size_t index) {
  T value;
  std::memcpy(&value, bytes + index * sizeof(T), sizeof(T));
  return value;
}

Status refuse(const std::string& what) {
  return {Code::bad_tokenizer, "tokenizer section: " + what + "; pack the model again"};
}

Status refuse_piece(TokenId id, const std::string& what) {
  return refuse("piece " + std::to_string(id) + " " + what);
}

std::string_view chars(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

uint32_t hash(std::string_view text) {  // FNV-1a
  uint32_t h = 2166136261u;
  for (const char c : text) h = (h ^ static_cast<uint8_t>(c)) * 16777619u;
  return h ^ (h >> 15);
}

/// The byte spelled by "<0x00>" to "<0xFF>", or -1.
int parse_byte_piece(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
  const int high = digit(text[3]), low = digit(text[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/// Appends `bytes` with everything that is no character as U+FFFD, one a byte, and empties it.
void flush_bytes(std::string& bytes, std::string& out) {
  for (std::string_view rest = bytes; !rest.empty();) {
    const size_t length = utf8_length(rest);
    out += length == 0 ? kReplacementCharacter : rest.substr(0, length);
    rest.remove_prefix(std::max<size_t>(length, 1));
  }
  bytes.clear();
}

void append_with_spaces(std::string_view piece, std::string& out) {
  for (size_t at; (at = piece.find(kSpaceSymbol)) != piece.npos;) {
    out.append(piece.substr(0, at)).push_back(' ');
    piece.remove_prefix(at + kSpaceSymbol.size());
  }
  out += piece;
}

}  // namespace

Status Tokenizer::parse(std::span<const uint8_t> section, Tokenizer& out) {
  Tokenizer parsed;
  if (Status s = parsed.read_layout(section); !s.ok()) return s;
  if (Status s = parsed.check_pieces(); !s.ok()) return s;
  if (Status s = parsed.check_specials(); !s.ok()) return s;
  out = std::move(parsed);
  return {};
}

Status Tokenizer::read_layout(std::span<const uint8_t> section) {
  if (section.size() < kHeaderBytes) {
    return refuse(std::to_string(section.size()) + " bytes, shorter than its header");
  }
  const uint8_t* header = section.data();
  flags_ = load<uint32_t>(header, 0);
  size_ = load<uint32_t>(header, 1);
  const size_t text_bytes = load<uint32_t>(header, 2);
  const size_t surface_bytes = load<uint32_t>(header, 3);
  pad_ = load<TokenId>(header, 4);
  eos_ = load<TokenId>(header, 5);
  bos_ = load<TokenId>(header, 6);
  if ((flags_ & ~kAllFlags) != 0) return refuse("unknown flags " + std::to_string(flags_));
  if (size_ == 0 || size_ > kMaxPieces) return refuse(std::to_string(size_) + " pieces");
  if (surface_bytes > kMaxUnkSurfaceBytes) return refuse("unknown surface is too long");
  const uint64_t bytes = uint64_t{kHeaderBytes} + 9 * size_ + 4 + text_bytes + surface_bytes;
  if (bytes != section.size()) {
    return refuse(std::to_string(bytes) + " bytes declared, " + std::to_string(section.size()) +
                  " found");
  }
  scores_ = header + kHeaderBytes;
  offsets_ = scores_ + 4 * size_;
  types_ = offsets_ + 4 * (size_ + 1);
  text_ = chars(types_ + size_, text_bytes);
  unk_surface_ = chars(types_ + size_ + text_bytes, surface_bytes);
  if (!is_utf8(unk_surface_)) return refuse("unknown surface is not UTF-8");
  return {};
}

Status Tokenizer::check_pieces() {
  if (load<uint32_t>(offsets_, 0) != 0) return refuse("first piece does not start the text");
  if (load<uint32_t>(offsets_, size_) != text_.size()) return refuse("text beyond the last piece");
  slots_.assign(std::bit_ceil(2 * size_), -1);
  byte_ids_.fill(-1);
  for (TokenId id = 0; valid_id(id); ++id) {
    const size_t begin = load<uint32_t>(offsets_, id), end = load<uint32_t>(offsets_, id + 1);
    if (begin >= end || end > text_.size()) return refuse_piece(id, "is empty or out of the text");
    const std::string_view text = piece(id);
    if (text.size() > kMaxPieceBytes) return refuse_piece(id, "is longer than 256 bytes");
    if (!is_utf8(text) || text.find('\0') != text.npos) return refuse_piece(id, "is not UTF-8");
    if (!std::isfinite(score(id))) return refuse_piece(id, "has no finite score");
    if (!index(id)) return refuse_piece(id, "is there twice");
    if (Status s = check_type(id); !s.ok()) return s;
    longest_piece_ = std::max(longest_piece_, text.size());
  }
  heap_sort(user_defined_, [this](TokenId a, TokenId b) { return piece(a) < piece(b); });
  return {};
}

Status Tokenizer::check_type(TokenId id) {
  const PieceType t = type(id);
  if (t < PieceType::normal || t > PieceType::byte) return refuse_piece(id, "has no known type");
  if (t == PieceType::user_defined) user_defined_.push_back(id);
  if (t == PieceType::unknown) {
    if (unk_ >= 0) return refuse_piece(id, "is a second unknown piece");
    unk_ = id;
  }
  if (t == PieceType::byte) {
    if (!has(kByteFallback)) return refuse_piece(id, "is a byte piece without byte fallback");
    const int byte = parse_byte_piece(piece(id));
    if (byte < 0) return refuse_piece(id, "is a byte piece but not <0x00> to <0xFF>");
    byte_ids_[static_cast<size_t>(byte)] = id;
  }
  return {};
}

Status Tokenizer::check_specials() {
  if (unk_ < 0) return refuse("no unknown piece");
  if (has(kByteFallback) && std::count(byte_ids_.begin(), byte_ids_.end(), -1) > 0) {
    return refuse("byte fallback without all 256 byte pieces");
  }
  for (const TokenId id : {pad_, eos_, bos_}) {
    if (!valid_id(id) || type(id) != PieceType::control) {
      return refuse("padding, end or begin of sequence is not a control piece");
    }
  }
  tool_call_ = find("<tool_call>");
  tools_ = find("<tools>");
  for (const TokenId id : {tool_call_, tools_}) {
    if (!valid_id(id)) return refuse("no piece <tool_call> or <tools>");
    if (type(id) != PieceType::control && type(id) != PieceType::user_defined) {
      return refuse_piece(id, "must be a control or user-defined piece");
    }
  }
  return {};
}

/// Enters a piece into the table. False if its text is there already, or after so many collisions
/// that the texts must have been chosen for it (an honest table is at most half full).
bool Tokenizer::index(TokenId id) {
  constexpr size_t kMaxProbes = 512;
  const std::string_view text = piece(id);
  size_t at = hash(text);
  for (size_t probe = 0; probe < kMaxProbes; ++probe, ++at) {
    TokenId& slot = slots_[at & (slots_.size() - 1)];
    if (slot < 0) {
      slot = id;
      return true;
    }
    if (piece(slot) == text) return false;
  }
  return false;
}

/// The piece with this text, or -1.
TokenId Tokenizer::find(std::string_view text) const {
  if (text.size() > longest_piece_) return -1;
  for (size_t at = hash(text);; ++at) {
    const TokenId id = slots_[at & (slots_.size() - 1)];
    if (id < 0 || piece(id) == text) return id;
  }
}

float Tokenizer::score(TokenId id) const { return load<float>(scores_, static_cast<size_t>(id)); }

std::string_view Tokenizer::piece(TokenId id) const {
  if (!valid_id(id)) return {};
  const size_t begin = load<uint32_t>(offsets_, static_cast<size_t>(id));
  return text_.substr(begin, load<uint32_t>(offsets_, static_cast<size_t>(id) + 1) - begin);
}

PieceType Tokenizer::type(TokenId id) const {
  return valid_id(id) ? static_cast<PieceType>(types_[id]) : PieceType::unknown;
}

int Tokenizer::byte_value(TokenId id) const {
  return type(id) == PieceType::byte ? parse_byte_piece(piece(id)) : -1;
}

/// SentencePiece's rule for the space that encoding may have put at the front: the first piece
/// with text loses one; with remove_extra_whitespaces so do the pieces after it while there is no
/// text yet.
std::string_view Tokenizer::strip_bos_space(std::string_view piece, bool& at_start) const {
  const bool strips = has(kAddDummyPrefix | kRemoveExtraWhitespaces);
  if (!at_start || !strips || !piece.starts_with(kSpaceSymbol)) return piece;
  at_start = has(kRemoveExtraWhitespaces);
  return piece.substr(kSpaceSymbol.size());
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  std::string out, bytes;
  bool at_start = true;
  for (const TokenId id : ids) {
    if (!valid_id(id)) continue;
    if (type(id) == PieceType::byte) {
      bytes.push_back(static_cast<char>(byte_value(id)));
      continue;
    }
    flush_bytes(bytes, out);
    if (!out.empty()) at_start = false;
    if (type(id) == PieceType::control) continue;
    if (type(id) == PieceType::unknown) {
      out += unk_surface_;
      continue;
    }
    append_with_spaces(strip_bos_space(piece(id), at_start), out);
  }
  flush_bytes(bytes, out);
  return out;
}

}  // namespace thimble
