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
#include "model/kv.h"
#include "model/segment_state.h"
#include "status.h"
#include "weights/weights.h"

namespace thimble {

using TokenId = int32_t;

class Model {
 public:
  /// Takes the weights' views (their memory must outlive the model) and working memory for short
  /// inputs. It grows with the longest segment, context and answer so far, and is then kept; where
  /// the machine has no more, begin_tool, begin_query and feed return Code::out_of_memory.
  static Status create(ModelWeights weights, const KernelSet& kernels, Model& out);

  const Config& config() const { return weights_.config; }
  const KernelSet& kernels() const { return *kernels_; }
  /// Longest segment (tokens). In bidirectional mode the one segment holds query and tools.
  size_t max_segment_tokens() const;
  /// Bytes of working memory and caches now, without the weights and the tools' states.
  size_t scratch_bytes() const;

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
  /// Whether this tool's encoding is at work, or the query's.
  bool encodes(const SegmentState& state) const { return encoding_.active && encoding_.tool == &state; }
  bool encodes_query() const { return encoding_.active && encoding_.tool == nullptr; }
  /// Ends the tool's encoding, if it is at work.
  void give_up_tool(const SegmentState& state);
  /// Frees the state. A query that uses it ends.
  void forget_tool(SegmentState& state);

  /// Which model file this is, for the keys of a store: ModelWeights::fingerprint.
  uint64_t fingerprint() const { return weights_.fingerprint; }
  /// Bytes of a complete state, for a store; they stay valid until the state changes. Empty if the
  /// state is not complete.
  std::span<const uint8_t> save_tool(SegmentState& state) const;
  /// The way back: room for `bytes` bytes in `state`, to be filled with what save_tool gave, then
  /// restore_tool, which checks them and refuses (Code::bad_input) what is damaged or was made by
  /// another model or version. An empty span: no state has that size, or there is no memory.
  std::span<uint8_t> begin_restore(size_t bytes, SegmentState& state);
  Status restore_tool(SegmentState& state);

  /// Whether tools of these lengths (tokens) fit into one query's context; else Code::overflow. Any
  /// number of other tools may be encoded beside them.
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
  std::span<const float> query_embedding() const { return query_embedding_; }

  /// Encoder values after the final norm of the last encode, [tokens][d_model].
  std::span<const float> encoder_output() const;

  /// Feeds 1 to kMaxFeed tokens at the decoder's position. n tokens at once give the same bits as
  /// one by one.
  static constexpr size_t kMaxFeed = kTileRows;
  Status feed(std::span<const TokenId> tokens);
  /// Logits after token number `row` of the last feed, [vocab_size], valid until the next call.
  std::span<const float> logits(size_t row);
  /// Only those of `ids`, in their order; the same bits at less cost. `out` is as long as `ids`.
  void logits_for(size_t row, std::span<const TokenId> ids, std::span<float> out);
  /// Takes back what was fed from `position` (at most decoder_position()) on.
  void rewind(size_t position);

  /// Feeds any number of tokens; `logits` are those after the last.
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

  float* x_row(size_t row) const {
    return reinterpret_cast<float*>(rows_.data()) + row * config().d_model;
  }
  bool is_int8() const { return weights_.config.weight_type == WeightType::i8; }
  Status check_tokens(std::span<const TokenId> tokens, size_t limit, const char* what) const;
  Status check_memory(std::span<const SegmentState* const> tools) const;
  Status check_sizes() const;
  void carve(Carver& carver);
  [[nodiscard]] bool reserve_rows(size_t rows);
  [[nodiscard]] bool reserve_query(size_t rows);
  [[nodiscard]] bool reserve_keys(std::span<const SegmentState* const> tools, size_t own_keys);
  void release(const SegmentState& state);

  // attention.cc
  void embed(std::span<const TokenId> tokens, float* x) const;
  void normalize(const float* x, const float* gamma, size_t rows, Operand& out) const;
  void prepare(size_t cols, Operand& operand) const;
  void multiply(const Operand& a, const Linear& w, float* y) const;
  void add_product(const Operand& a, const Linear& w, float gate, float* y) const;
  // `rotation`: position of the first row, or kNoRotation.
  static constexpr size_t kNoRotation = SIZE_MAX;
  void append_keys(const AttentionWeights& w, const Operand& source, size_t rotation,
                   KvSegment& kv) const;
  void add_attention(const AttentionWeights& w, float gate, const Operand& normed, size_t rotation,
                     const Memory& memory, float* x);
  void norm_heads(float* x, size_t rows, size_t heads, const float* gamma, size_t rotation) const;

  // encoder.cc
  void begin(std::span<const TokenId> tokens, SegmentState* tool);
  size_t encoding_tiles() const { return (encoded_rows_ + kTileRows - 1) / kTileRows; }
  KvSegment& own_keys(size_t row);
  void collect_segments();
  void encode_piece();
  void finish_encoding();
  void add_cross_keys(size_t row, size_t rows);
  void contrastive(size_t rows, std::span<float> out);

  // decoder.cc
  void start_decoder();
  Status check_feed(std::span<const TokenId> tokens) const;
  void decode_tile(std::span<const TokenId> tokens, float* x);

  ModelWeights weights_;
  const KernelSet* kernels_ = nullptr;
  std::vector<float> encoder_gate_, decoder_self_gate_, decoder_cross_gate_;  // after the sigmoid

  AlignedBuffer memory_;        // what follows, of fixed size
  float* decoder_x_ = nullptr;  // [kMaxFeed][d_model] rows of the last feed
  float* q_ = nullptr;          // [kTileRows][heads * head_dim]; [contrastive_hidden] in the head
  float *k_ = nullptr, *v_ = nullptr;  // [kTileRows][kv_heads * head_dim]
  float* product_ = nullptr;    // [kTileRows][d_model], float path only
  float* logits_ = nullptr;     // [vocab_size]
  float *cos_ = nullptr, *sin_ = nullptr;  // [positions][head_dim / 2]
  Operand normed_;              // normed rows of one tile
  Operand mixed_;               // attention output of one tile

  AlignedBuffer rows_;              // [rows of the longest segment so far][d_model]: the encoder's
                                    // residual stream
  AlignedBuffer attend_scratch_;    // for the longest context so far
  KvCache query_self_, query_cross_;  // one layer, used over and over; one a decoder layer
  KvCache decoder_cache_;             // one a decoder layer

  std::vector<KvSegment> layer_segments_;               // encoder: tools, then own
  std::vector<std::vector<KvSegment>> cross_segments_;  // decoder layer: tools, then query

  // The encoding at work: every layer takes two pieces a tile of rows, first its keys and values
  // for all tiles, then its attention; after the layers come the keys of the cross attention.
  struct Encoding {
    bool active = false;
    SegmentState* tool = nullptr;  // null: the query
    size_t layer = 0;
    size_t piece = 0;  // of the layer
  };
  Encoding encoding_;
  size_t encoded_rows_ = 0;

  std::vector<const SegmentState*> query_tools_;  // what the query attends to
  std::vector<float> query_embedding_;
  size_t query_rows_ = 0;
  size_t decoder_position_ = 0;
  size_t fed_rows_ = 0;  // valid rows of decoder_x_
  bool ready_to_decode_ = false;
};

}  // namespace thimble
