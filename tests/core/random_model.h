// A small network with random weights, made in memory: for tests that need no file.
#pragma once

#include <cmath>
#include <cstdint>
#include <deque>
#include <random>
#include <vector>

#include "weights/weights.h"

namespace thimble {

/// Owns the numbers that its ModelWeights point to.
class RandomModel {
 public:
  RandomModel(AttentionMode attention, WeightType type, uint32_t seed) : random_(seed) {
    Config& c = weights_.config;
    c = {.vocab_size = 96, .d_model = 64, .num_heads = 4, .num_kv_heads = 2, .head_dim = 16,
         .num_encoder_layers = 3, .num_decoder_layers = 2, .max_seq_len = 512,
         .max_decode_len = 160, .contrastive_hidden = 16, .contrastive_dim = 24,
         .rope_theta = 10000, .attention = attention,
         .text_format = attention == AttentionMode::bidirectional ? TextFormat::needle
                                                                  : TextFormat::thimble,
         .weight_type = type};
    weights_.embedding = matrix(c.vocab_size, c.d_model, 1.0f);
    for (uint32_t i = 0; i < c.num_encoder_layers; ++i) weights_.encoder.push_back(attention_layer());
    for (uint32_t i = 0; i < c.num_decoder_layers; ++i) {
      weights_.decoder_self.push_back(attention_layer());
      weights_.decoder_cross.push_back(attention_layer());
    }
    weights_.encoder_norm = floats(c.d_model, 0.2f);
    weights_.decoder_norm = floats(c.d_model, 0.2f);
    weights_.head_hidden = matrix(c.contrastive_hidden, c.d_model, 0.2f);
    weights_.head_bias = floats(c.contrastive_hidden, 0.2f);
    weights_.head_output = matrix(c.contrastive_dim, c.contrastive_hidden, 0.2f);
  }

  const ModelWeights& weights() const { return weights_; }

  std::vector<int32_t> tokens(size_t count) {
    std::vector<int32_t> ids(count);
    for (int32_t& id : ids)
      id = std::uniform_int_distribution<int32_t>(0, static_cast<int32_t>(weights_.config.vocab_size) - 1)(random_);
    return ids;
  }

 private:
  float normal(float sigma) { return std::normal_distribution<float>(0, sigma)(random_); }

  const float* floats(size_t count, float sigma) {
    floats_.emplace_back(count);
    for (float& value : floats_.back()) value = normal(sigma);
    return floats_.back().data();
  }

  Linear matrix(size_t rows, size_t cols, float sigma) {
    const size_t padded = round_up(rows, kPanelRows);
    Linear out;
    if (weights_.config.weight_type == WeightType::f32) {
      std::vector<float>& data = floats_.emplace_back(padded * cols);
      for (size_t r = 0; r < rows; ++r)
        for (size_t c = 0; c < cols; ++c)
          data[(r / kPanelRows * cols + c) * kPanelRows + r % kPanelRows] = normal(sigma);
      out.f32 = {data.data(), rows, cols};
      return out;
    }
    std::vector<int8_t>& codes = codes_.emplace_back(padded * cols);
    std::vector<float>& scales = floats_.emplace_back(padded);
    std::vector<int32_t>& sums = sums_.emplace_back(padded);
    for (size_t r = 0; r < rows; ++r) {
      scales[r] = sigma / 60 * (0.5f + std::abs(normal(0.5f)));
      for (size_t c = 0; c < cols; ++c) {
        const int code = std::uniform_int_distribution<int>(-127, 127)(random_);
        codes[((r / 32) * (cols / 4) + c / 4) * 128 + (r % 32) * 4 + c % 4] = static_cast<int8_t>(code);
        sums[r] += code;
      }
    }
    out.i8 = {codes.data(), scales.data(), sums.data(), rows, cols};
    return out;
  }

  AttentionWeights attention_layer() {
    const Config& c = weights_.config;
    const size_t kv = c.num_kv_heads * c.head_dim, all = c.num_heads * c.head_dim;
    AttentionWeights w;
    w.norm = floats(c.d_model, 0.2f);
    w.q_norm = floats(c.head_dim, 0.2f);
    w.k_norm = floats(c.head_dim, 0.2f);
    w.gate = normal(1);
    w.q = matrix(all, c.d_model, 0.2f);
    w.k = matrix(kv, c.d_model, 0.2f);
    w.v = matrix(kv, c.d_model, 0.2f);
    w.o = matrix(c.d_model, all, 0.2f);
    return w;
  }

  std::mt19937 random_;
  ModelWeights weights_;
  std::deque<std::vector<float>> floats_;
  std::deque<std::vector<int8_t>> codes_;
  std::deque<std::vector<int32_t>> sums_;
};

}  // namespace thimble
