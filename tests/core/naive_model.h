// The network once more, in double, with no cache, tile or kernel: one sequence of all segments and
// one mask that says who sees whom. Slow and plain on purpose; it shares no code with src/model.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "weights/weights.h"

namespace thimble {

struct NaiveResult {
  std::vector<double> encoder_query;  // [query tokens][d_model], after the final norm
  std::vector<double> embedding;      // contrastive vector of the query segment
  std::vector<double> logits;         // after the last answer token
};

namespace naive {

using Rows = std::vector<std::vector<double>>;
using Sees = std::function<bool(size_t row, size_t key)>;

inline double weight(const Linear& w, size_t r, size_t c) {
  if (w.f32.data != nullptr) return w.f32.data[(r / 32 * w.f32.cols + c) * 32 + r % 32];
  return double(w.i8.data[((r / 32) * (w.i8.cols / 4) + c / 4) * 128 + r % 32 * 4 + c % 4]) *
         w.i8.scale[r];
}

inline Rows multiply(const Rows& x, const Linear& w) {
  const size_t rows = w.f32.data ? w.f32.rows : w.i8.rows;
  Rows y(x.size(), std::vector<double>(rows));
  for (size_t m = 0; m < x.size(); ++m)
    for (size_t r = 0; r < rows; ++r)
      for (size_t c = 0; c < x[m].size(); ++c) y[m][r] += x[m][c] * weight(w, r, c);
  return y;
}

inline void norm(double* x, size_t n, const float* gamma) {
  double squares = 0;
  for (size_t i = 0; i < n; ++i) squares += x[i] * x[i];
  for (size_t i = 0; i < n; ++i) x[i] *= (1 + gamma[i]) / std::sqrt(squares / double(n) + 1e-6);
}

inline Rows norm_rows(Rows x, const float* gamma) {
  for (auto& row : x) norm(row.data(), row.size(), gamma);
  return x;
}

inline void norm_heads(Rows& x, size_t head_dim, const float* gamma, double theta,
                       const std::vector<size_t>* positions) {
  const size_t half = head_dim / 2;
  for (size_t m = 0; m < x.size(); ++m)
    for (size_t h = 0; h < x[m].size(); h += head_dim) {
      double* v = x[m].data() + h;
      norm(v, head_dim, gamma);
      for (size_t j = 0; positions != nullptr && j < half; ++j) {
        const double angle = double((*positions)[m]) * std::pow(theta, -2.0 * double(j) / double(head_dim));
        const double a = v[j], b = v[j + half];
        v[j] = a * std::cos(angle) - b * std::sin(angle);
        v[j + half] = b * std::cos(angle) + a * std::sin(angle);
      }
    }
}

inline Rows attend(const AttentionShape& s, const Rows& q, const Rows& k, const Rows& v, const Sees& sees) {
  Rows out(q.size(), std::vector<double>(s.heads * s.head_dim));
  for (size_t m = 0; m < q.size(); ++m)
    for (size_t h = 0; h < s.heads; ++h) {
      const size_t qo = h * s.head_dim, ko = h / (s.heads / s.kv_heads) * s.head_dim;
      double total = 0;
      for (size_t t = 0; t < k.size(); ++t) {
        if (!sees(m, t)) continue;
        double dot = 0;
        for (size_t c = 0; c < s.head_dim; ++c) dot += q[m][qo + c] * k[t][ko + c];
        const double e = std::exp(dot / std::sqrt(double(s.head_dim)));
        total += e;
        for (size_t c = 0; c < s.head_dim; ++c) out[m][qo + c] += e * v[t][ko + c];
      }
      for (size_t c = 0; c < s.head_dim; ++c) out[m][qo + c] /= total;
    }
  return out;
}

// x += sigmoid(gate) * o(attend(q(norm(x)), memory)); self-attention when `memory` is null.
inline void add_attention(const Config& c, const AttentionWeights& w, Rows& x, const Rows* memory,
                          const std::vector<size_t>* positions, const Sees& sees) {
  const Rows n = norm_rows(x, w.norm);
  const Rows& source = memory ? *memory : n;
  Rows q = multiply(n, w.q), k = multiply(source, w.k);
  norm_heads(q, c.head_dim, w.q_norm, c.rope_theta, positions);
  norm_heads(k, c.head_dim, w.k_norm, c.rope_theta, positions);
  const Rows y = multiply(attend(c.shape(), q, k, multiply(source, w.v), sees), w.o);
  for (size_t m = 0; m < x.size(); ++m)
    for (size_t i = 0; i < x[m].size(); ++i) x[m][i] += y[m][i] / (1 + std::exp(-double(w.gate)));
}

inline Rows embed(const ModelWeights& w, const std::vector<int32_t>& ids) {
  const size_t d = w.config.d_model;
  Rows x(ids.size(), std::vector<double>(d));
  for (size_t m = 0; m < ids.size(); ++m)
    for (size_t c = 0; c < d; ++c) x[m][c] = weight(w.embedding, size_t(ids[m]), c) * std::sqrt(double(d));
  return x;
}

}  // namespace naive

inline NaiveResult naive_forward(const ModelWeights& w, const std::vector<std::vector<int32_t>>& tools,
                                 const std::vector<int32_t>& query, const std::vector<int32_t>& answer) {
  using namespace naive;
  const Config& c = w.config;
  std::vector<int32_t> ids;
  std::vector<size_t> segment, position;
  auto add = [&](const std::vector<int32_t>& tokens, size_t number) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      ids.push_back(tokens[i]);
      segment.push_back(number);
      position.push_back(i);
    }
  };
  add(query, 0);  // the query first: the mask, not the place, decides
  for (size_t t = 0; t < tools.size(); ++t) add(tools[t], t + 1);

  Rows x = embed(w, ids);
  const Sees isolated = [&](size_t m, size_t t) { return segment[m] == 0 || segment[m] == segment[t]; };
  for (const AttentionWeights& layer : w.encoder) add_attention(c, layer, x, nullptr, &position, isolated);
  x = norm_rows(x, w.encoder_norm);

  NaiveResult out;
  Rows mean(1, std::vector<double>(c.d_model));
  for (size_t m = 0; m < query.size(); ++m)
    for (size_t i = 0; i < c.d_model; ++i) {
      out.encoder_query.push_back(x[m][i]);
      mean[0][i] += x[m][i] / double(query.size());
    }
  Rows hidden = multiply(mean, w.head_hidden);
  for (size_t i = 0; i < c.contrastive_hidden; ++i) hidden[0][i] = std::max(0.0, hidden[0][i] + w.head_bias[i]);
  out.embedding = multiply(hidden, w.head_output)[0];
  double squares = 1e-12;
  for (double value : out.embedding) squares += value * value;
  for (double& value : out.embedding) value /= std::sqrt(squares);

  Rows y = embed(w, answer);
  std::vector<size_t> places(answer.size());
  for (size_t i = 0; i < places.size(); ++i) places[i] = i;
  for (size_t l = 0; l < w.decoder_self.size(); ++l) {
    add_attention(c, w.decoder_self[l], y, nullptr, &places, [](size_t m, size_t t) { return t <= m; });
    add_attention(c, w.decoder_cross[l], y, &x, nullptr, [](size_t, size_t) { return true; });
  }
  const Rows last(1, norm_rows(y, w.decoder_norm).back());
  out.logits = multiply(last, w.embedding)[0];
  return out;
}

}  // namespace thimble
