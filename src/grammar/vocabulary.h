// A tokenizer's pieces as the grammar reads them: bytes in tries, and the places where no piece joins
// two characters.
#pragma once

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "grammar/char_dfa.h"
#include "status.h"
#include "text_format.h"
#include "tokenizer/tokenizer.h"

namespace thimble {

/// Pieces by their bytes, in preorder: a node that does not match is passed over with its subtree by
/// one jump.
class PieceTrie {
 public:
  struct Node {
    uint8_t byte;
    uint16_t depth;        // 0 for a first byte
    uint32_t skip;         // the node after this subtree
    uint32_t first, last;  // tokens that end here: tokens()[first, last)
  };

  PieceTrie() = default;
  /// `ids`: the pieces, in any order; `bytes[id]`: their bytes.
  PieceTrie(std::vector<TokenId> ids, std::span<const std::string> bytes);

  std::span<const Node> nodes() const { return nodes_; }
  std::span<const TokenId> tokens() const { return tokens_; }

 private:
  std::vector<Node> nodes_;
  std::vector<TokenId> tokens_;
};

class Vocabulary {
 public:
  using Mask = std::vector<uint64_t>;  // bit id % 64 of word id / 64

  /// `tokenizer` must outlive `out`. Fails with bad_tokenizer if some byte has no piece: then a legal
  /// text might have no tokens.
  static Status create(const Tokenizer& tokenizer, Vocabulary& out, TextFormat format = TextFormat::thimble);

  const Tokenizer& tokenizer() const { return *tokenizer_; }
  TextFormat format() const { return format_; }
  size_t mask_words() const { return (bytes_.size() + 63) / 64; }
  /// The bytes that a piece adds to the text; empty for a piece that never stands in one.
  const std::string& bytes(TokenId id) const { return bytes_[static_cast<size_t>(id)]; }
  size_t longest_piece() const { return longest_piece_; }
  /// Texts begin with a space that is not theirs.
  bool leading_space() const { return leading_space_; }

  /// Whole characters, none of them a control, '"' or '\', with format needle only ASCII: what can stand inside any
  /// JSON string.
  const PieceTrie& plain() const { return plain_; }
  /// All the others.
  const PieceTrie& marked() const { return marked_; }
  /// The pieces of plain() with at most n code points. `n` of any size.
  const Mask& plain_up_to(uint32_t n) const { return plain_up_to_[std::min<size_t>(n, plain_up_to_.size() - 1)]; }
  /// The pieces of plain() that begin with a space, with at most n code points after it.
  const Mask& spaced_up_to(uint32_t n) const { return spaced_up_to_[std::min<size_t>(n, spaced_up_to_.size() - 1)]; }

  /// The pieces of plain() that lead from `state` of `dfa` into one of its states; `spaced`: of those
  /// that begin with a space, which is not read.
  Mask plain_in(const CharDfa& dfa, CharDfa::State state, bool spaced) const;

  /// True if no piece holds `left` right before `right`: then every tokenization has a boundary
  /// between them, and what stands on one side changes nothing on the other.
  bool separate(uint8_t left, uint8_t right) const {
    return left < 128 && right < 128 && !joined_[left * size_t{128} + right];
  }

 private:
  void read_pieces();
  void build_tries();
  Status check_bytes() const;

  const Tokenizer* tokenizer_ = nullptr;
  TextFormat format_ = TextFormat::thimble;
  std::vector<std::string> bytes_;
  size_t longest_piece_ = 1;
  bool leading_space_ = false;
  PieceTrie plain_, marked_;
  std::vector<Mask> plain_up_to_, spaced_up_to_;
  std::bitset<128 * 128> joined_;
};

inline void set_bit(std::span<uint64_t> mask, TokenId id) {
  mask[static_cast<size_t>(id) / 64] |= uint64_t{1} << (static_cast<size_t>(id) % 64);
}
inline bool has_bit(std::span<const uint64_t> mask, TokenId id) {
  return (mask[static_cast<size_t>(id) / 64] >> (static_cast<size_t>(id) % 64) & 1) != 0;
}

}  // namespace thimble
