// The model file (.san), see FORMAT.md: checks every length and checksum once, then hands out
// views into one buffer. The buffer is the file: bytes are used where they arrive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "status.h"
#include "text_format.h"

namespace thimble {

enum class AttentionMode : uint32_t { bidirectional = 0, tool_isolated = 1 };
enum class WeightType : uint32_t { f32 = 0, i8 = 1 };

struct Config {
  uint32_t vocab_size = 0;
  uint32_t d_model = 0;
  uint32_t num_heads = 0;
  uint32_t num_kv_heads = 0;
  uint32_t head_dim = 0;
  uint32_t num_encoder_layers = 0;
  uint32_t num_decoder_layers = 0;
  uint32_t max_seq_len = 0;      // encoder tokens in all
  uint32_t max_decode_len = 0;   // decoder positions
  uint32_t contrastive_hidden = 0;
  uint32_t contrastive_dim = 0;  // 0: the file has no head
  float rope_theta = 0;
  AttentionMode attention = AttentionMode::bidirectional;
  TextFormat text_format = TextFormat::needle;
  WeightType weight_type = WeightType::i8;

  AttentionShape shape() const { return {num_heads, num_kv_heads, head_dim}; }
};

/// One matrix; which member is set follows from config.weight_type.
struct Linear {
  MatrixI8 i8;
  MatrixF32 f32;
};

/// Weights of one attention sublayer: x += sigmoid(gate) * o(attend(q(n), k(m), v(m))).
struct AttentionWeights {
  const float* norm = nullptr;    // [d_model] gamma
  const float* q_norm = nullptr;  // [head_dim]
  const float* k_norm = nullptr;  // [head_dim]
  float gate = 0;                 // before the sigmoid
  Linear q, k, v, o;
};

struct ModelWeights {
  Config config;
  Linear embedding;  // [vocab_size x d_model], input and output
  std::vector<AttentionWeights> encoder, decoder_self, decoder_cross;
  const float* encoder_norm = nullptr;
  const float* decoder_norm = nullptr;
  Linear head_hidden, head_output;
  const float* head_bias = nullptr;           // [contrastive_hidden]
  std::span<const uint8_t> tokenizer;         // section bytes, see src/tokenizer/FORMAT.md
  std::span<const float> calibration;         // see FORMAT.md; may be empty
  std::string metadata;                       // JSON text about the model: name, licence, source
  uint64_t fingerprint = 0;                   // hash64 of the header, which has the checksums of all sections
};

/// Reads a .san file as it arrives. Use: while (!done()) { write k >= 1 bytes to the start of
/// next(); advance(k); } then finish(). A bad byte is reported at the end of its section at the
/// latest, as Code::bad_weights with a sentence that names the section; a wrong call is
/// Code::bad_input. After an error every further call returns the same error.
class ModelLoader {
 public:
  /// `max_bytes`: the largest file that will be accepted (memory is asked for after the header
  /// proved that the file is that size).
  explicit ModelLoader(size_t max_bytes);
  ~ModelLoader();

  /// The caller has compared the bytes with hashes of its own: the sections' checksums, half the time
  /// of a load, are not computed. Everything else is checked as ever.
  void skip_checksums();

  /// Where the next bytes of the file belong; empty when the file is complete or failed.
  std::span<uint8_t> next();
  /// Says that the first `bytes` bytes of next() were written.
  Status advance(size_t bytes);
  bool done() const;
  size_t loaded_bytes() const;
  size_t total_bytes() const;  // 0 until the header is known

  /// Hands out the weights; they point into memory that the loader owns. Call it once, when the
  /// bytes have ended: before done() the file is truncated, which is Code::bad_weights as well.
  Status finish(ModelWeights& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace thimble
