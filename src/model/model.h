// The Simple Attention Network: encoder, decoder with KV cache, contrastive head. Knows token ids
// and tensors, no text. Source of the maths: Needle v1 (training/model.py is the same network in
// PyTorch, under the same names); every formula of a kernel is in kernels/kernels.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "aligned_buffer.h"
#include "kernels/kernels.h"
#include "status.h"
#include "weights/weights.h"

namespace thimble {

using TokenId = int32_t;

/// What the network keeps of one encoded segment (a tool, or a query): keys and values of every
/// layer. A tool's state depends on that tool alone, so it is made once and serves every query.
class SegmentState {
 public:
  /// Room for `tokens` tokens. `keep_self`: also the encoder's own keys and values of all layers,
  /// to which other segments attend; without it one layer's room is used over and over. False when
  /// the machine has not that much memory.
  [[nodiscard]] bool allocate(const Config& config, size_t tokens, bool keep_self);

  size_t tokens() const { return tokens_; }
  size_t bytes() const { return memory_.size(); }
  /// Unit vector of the contrastive head, [contrastive_dim]; empty if the model has no head.
  std::span<const float> embedding() const { return embedding_; }

 private:
  friend class Model;
  void carve(const Config& config, size_t self_layers, Carver& carver);
  KvSegment& self(size_t layer) { return self_[self_.size() == 1 ? 0 : layer]; }
  const KvSegment& self(size_t layer) const { return self_[self_.size() == 1 ? 0 : layer]; }

  AlignedBuffer memory_;
  std::vector<KvSegment> self_;   // one an encoder layer, or one in all
  std::vector<KvSegment> cross_;  // one a decoder layer
  std::vector<float> embedding_;
  size_t capacity_ = 0;
  size_t tokens_ = 0;
};

class Model {
 public:
  /// Takes the weights' views (their memory must outlive the model) and all scratch memory that
  /// encode_query and decode will ever use.
  static Status create(ModelWeights weights, const KernelSet& kernels, Model& out);

  const Config& config() const { return weights_.config; }
  const KernelSet& kernels() const { return *kernels_; }
  /// Longest segment (tokens). In bidirectional mode the one segment holds query and tools.
  size_t max_segment_tokens() const;
  /// Bytes of scratch memory and caches, the weights not counted.
  size_t scratch_bytes() const { return memory_.size() + query_.bytes(); }

  /// tool_isolated: encodes one tool by itself into `state`, which is allocated to its size.
  Status encode_tool(std::span<const TokenId> tokens, SegmentState& state);

  /// The same in bounded pieces: begin_tool or begin_query checks and takes the tokens, then
  /// advance_encoding() does one piece at a time (part of a layer for at most 64 rows) and returns
  /// true when the encoding is complete, or when there is none. A new begin_* gives up an encoding
  /// that is not complete. `state`, and the states of `tools`, must stay alive and where they are
  /// until then. A tool may be encoded while a query is being decoded, between two decodes.
  Status begin_tool(std::span<const TokenId> tokens, SegmentState& state);
  Status begin_query(std::span<const TokenId> tokens, std::span<const SegmentState* const> tools);
  bool advance_encoding();

  /// Whether tools of these lengths (tokens) fit into the context together; else Code::overflow.
  Status check_tools(std::span<const size_t> lengths) const;

  /// Encodes the query segment, which attends to itself and to `tools`, and readies the decoder
  /// for it. The states of `tools` must stay alive until the last decode or forget_query; their
  /// order is an order of summation, so the caller keeps it canonical. In bidirectional mode
  /// `tokens` hold the tools too and `tools` is empty.
  Status encode_query(std::span<const TokenId> tokens, std::span<const SegmentState* const> tools);

  /// Lets go of the tools' states, also in the middle of their use: decode refuses until the next
  /// query is encoded.
  void forget_query();

  /// Contrastive vector of the last encode_query, [contrastive_dim]; empty without a head.
  std::span<const float> query_embedding() const { return query_.embedding(); }

  /// Encoder values after the final norm of the last encode, [tokens][d_model].
  std::span<const float> encoder_output() const;

  /// Feeds `tokens` (at least one) at the decoder's position; `logits` are those after the last
  /// one, [vocab_size], valid until the next decode. A call with n tokens gives the same bits as n
  /// calls with one.
  Status decode(std::span<const TokenId> tokens, std::span<const float>& logits);
  size_t decoder_position() const { return decoder_position_; }

 private:
  // Rows that are ready to be multiplied: floats, or their int8 codes.
  struct Operand {
    float* x = nullptr;
    RowsI8 codes;
    size_t rows = 0;
  };
  // What one attention reads, in order of summation.
  struct Memory {
    std::span<const KvSegment> segments;
    bool causal = false;
  };

  bool is_int8() const { return weights_.config.weight_type == WeightType::i8; }
  Status check_tokens(std::span<const TokenId> tokens, size_t limit, const char* what) const;
  Status check_memory(std::span<const SegmentState* const> tools) const;
  void carve(Carver& carver);

  // attention.cc
  void embed(std::span<const TokenId> tokens, float* x) const;
  void normalize(const float* x, const float* gamma, size_t rows, Operand& out) const;
  void prepare(size_t cols, Operand& operand) const;
  void multiply(const Operand& a, const Linear& w, float* y) const;
  void add_product(const Operand& a, const Linear& w, float gate, float* y) const;
  void append_keys(const AttentionWeights& w, const Operand& source, bool rotate,
                   KvSegment& kv) const;
  void add_attention(const AttentionWeights& w, float gate, const Operand& normed, bool rotate,
                     size_t position, const Memory& memory, float* x);

  // encoder.cc
  void begin(std::span<const TokenId> tokens, SegmentState& state);
  void encode_piece();
  void finish_encoding();
  void add_cross_keys(size_t row, size_t rows);
  void contrastive(size_t rows, std::vector<float>& out);

  // decoder.cc
  void start_decoder();
  void decode_tile(std::span<const TokenId> tokens);

  ModelWeights weights_;
  const KernelSet* kernels_ = nullptr;
  std::vector<float> encoder_gate_, decoder_self_gate_, decoder_cross_gate_;  // after the sigmoid

  AlignedBuffer memory_;
  float* x_ = nullptr;          // [max_segment_tokens][d_model] residual stream of the encoder
  float* decoder_x_ = nullptr;  // [kTileRows][d_model]
  float* q_ = nullptr;          // [kTileRows][heads * head_dim]; [contrastive_hidden] in the head
  float *k_ = nullptr, *v_ = nullptr;  // [kTileRows][kv_heads * head_dim]
  float* product_ = nullptr;    // [kTileRows][d_model], float path only
  float* logits_ = nullptr;     // [vocab_size]
  float *cos_ = nullptr, *sin_ = nullptr;  // [positions][head_dim / 2]
  uint8_t* attend_scratch_ = nullptr;
  Operand normed_;              // normed rows of one tile
  Operand mixed_;               // attention output of one tile
  std::vector<KvSegment> decoder_cache_;                 // one a decoder layer
  std::vector<KvSegment> layer_segments_;                // encoder: tools, then own
  std::vector<std::vector<KvSegment>> cross_segments_;   // decoder layer: tools, then query

  // The encoding at work: every layer takes two pieces a tile of rows, first its keys and values
  // for all tiles, then its attention; after the layers come the keys of the cross attention.
  struct Encoding {
    SegmentState* state = nullptr;  // null: none
    size_t layer = 0;
    size_t piece = 0;  // of the layer
  };
  Encoding encoding_;

  SegmentState query_;
  std::vector<const SegmentState*> query_tools_;  // what the query attends to
  size_t encoded_rows_ = 0;
  size_t decoder_position_ = 0;
  bool ready_to_decode_ = false;
};

}  // namespace thimble
