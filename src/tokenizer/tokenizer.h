// SentencePiece BPE, exactly: the same ids and the same text as the library (checked against
// 0.1.97) for every model that FORMAT.md can hold. It has no other normalization than the
// library's white-space rules, and no sampling.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "status.h"

namespace thimble {

using TokenId = int32_t;

/// The values of ModelProto.SentencePiece.Type (sentencepiece_model.proto).
enum class PieceType : uint8_t {
  normal = 1,
  unknown = 2,
  control = 3,       // never matched in text; decodes to nothing
  user_defined = 4,  // matched before everything else, longest first, and never merged
  unused = 5,        // may arise in merging, then is split again
  byte = 6,          // "<0x00>" to "<0xFF>": one byte of a character that has no piece
};

class Tokenizer {
 public:
  static constexpr size_t kMaxPieces = 65536;
  static constexpr size_t kMaxPieceBytes = 256;
  static constexpr size_t kMaxTextBytes = size_t{1} << 20;

  /// Checks the section (FORMAT.md) and makes `out` a view of it: `section` must outlive `out`,
  /// which allocates only its look-up table (8 to 16 bytes a piece). Fails with bad_tokenizer and
  /// leaves `out` as it was.
  static Status parse(std::span<const uint8_t> section, Tokenizer& out);

  /// Appends the ids of `utf8`. Bytes that are not UTF-8 count as U+FFFD, one each. Fails with
  /// bad_input beyond kMaxTextBytes. O(n log n) time, at most 130 bytes
  /// of scratch memory a byte of text.
  Status encode(std::string_view utf8, std::vector<TokenId>& out) const;

  /// The text of `ids`, always valid UTF-8: control pieces dropped, byte pieces joined (those that
  /// form no character become U+FFFD, one each), the dummy prefix removed. Ids outside [0, size())
  /// are skipped.
  std::string decode(std::span<const TokenId> ids) const;

  size_t size() const { return size_; }
  /// Text of a piece as the model spells it: U+2581 is a space. Empty for an id out of range.
  std::string_view piece(TokenId id) const;
  /// PieceType::unknown for an id out of range.
  PieceType type(TokenId id) const;
  /// The byte, 0 to 255, that a byte piece stands for; -1 for any other piece.
  int byte_value(TokenId id) const;

  TokenId pad() const { return pad_; }
  TokenId eos() const { return eos_; }
  TokenId bos() const { return bos_; }
  TokenId unk() const { return unk_; }
  TokenId tool_call() const { return tool_call_; }
  TokenId tools() const { return tools_; }

 private:
  class Segmenter;
  struct Prefix {  // what normalize() takes from the front of a text
    std::string_view text;
    size_t consumed;
  };

  bool valid_id(TokenId id) const { return id >= 0 && static_cast<size_t>(id) < size_; }
  bool has(uint32_t flag) const { return (flags_ & flag) != 0; }
  float score(TokenId id) const;

  Status read_layout(std::span<const uint8_t> section);
  Status check_pieces();
  Status check_type(TokenId id);
  Status check_specials();
  bool index(TokenId id);
  TokenId find(std::string_view text) const;
  TokenId find_in_text(std::string_view text) const;
  size_t match_user_defined(std::string_view text) const;

  Prefix next_prefix(std::string_view text) const;
  std::string normalize(std::string_view text) const;
  std::string_view strip_bos_space(std::string_view piece, bool& at_start) const;

  uint32_t flags_ = 0;
  size_t size_ = 0;
  size_t longest_piece_ = 0;
  TokenId pad_ = -1, eos_ = -1, bos_ = -1, unk_ = -1, tool_call_ = -1, tools_ = -1;
  const uint8_t* scores_ = nullptr;   // f32[size_], unaligned
  const uint8_t* offsets_ = nullptr;  // u32[size_ + 1], unaligned
  const uint8_t* types_ = nullptr;    // u8[size_]
  std::string_view text_;
  std::string_view unk_surface_;
  std::array<TokenId, 256> byte_ids_{};  // piece of each byte; -1 without byte fallback
  std::vector<TokenId> user_defined_;    // in the order of their bytes
  std::vector<TokenId> slots_;           // open addressing by hash of the text; -1 is free
};

}  // namespace thimble
