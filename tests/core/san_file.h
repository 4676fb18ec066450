// Writes .san files from the words of src/weights/FORMAT.md alone, for tests that then damage them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "weights/crc32.h"
#include "weights/tensors.h"
#include "weights/weights.h"

namespace thimble {

template <class T>
T peek(const std::vector<uint8_t>& file, size_t at) {
  T value;
  std::memcpy(&value, file.data() + at, sizeof value);
  return value;
}

template <class T>
void poke(std::vector<uint8_t>& file, size_t at, T value) {
  std::memcpy(file.data() + at, &value, sizeof value);
}

/// Makes the checksums of a file right again where the places that they speak of are inside it.
inline void fix_checksums(std::vector<uint8_t>& file) {
  if (file.size() < 128) return;
  const uint64_t header_bytes = peek<uint32_t>(file, 12);
  if (header_bytes < 128 || header_bytes > file.size()) return;
  for (size_t entry = 128; entry + 32 <= header_bytes; entry += 32) {
    const auto offset = peek<uint64_t>(file, entry + 8), bytes = peek<uint64_t>(file, entry + 16);
    const bool inside = offset <= file.size() && bytes <= file.size() - offset;
    const size_t end = inside ? round_up(static_cast<size_t>(offset + bytes), 64) : 0;
    if (!inside || bytes == 0 || end > file.size()) continue;
    poke(file, entry + 24, crc32(0, {file.data() + offset, end - static_cast<size_t>(offset)}));
  }
  poke<uint32_t>(file, 28, 0);
  poke(file, 28, crc32(0, {file.data(), static_cast<size_t>(header_bytes)}));
}

inline Config tiny_config(WeightType type) {
  return {.vocab_size = 40, .d_model = 32, .num_heads = 2, .num_kv_heads = 1, .head_dim = 16,
          .num_encoder_layers = 2, .num_decoder_layers = 1, .max_seq_len = 64, .max_decode_len = 32,
          .contrastive_hidden = 16, .contrastive_dim = 24, .rope_theta = 10000,
          .attention = AttentionMode::tool_isolated, .text_format = TextFormat::thimble, .weight_type = type};
}

/// A valid file and the places of its sections in it.
struct SanFile {
  struct Place {
    std::string name;
    size_t entry, offset, bytes, end;  // of the table entry; of the content, without and with padding
  };
  std::vector<uint8_t> bytes;
  std::vector<Place> places;

  const Place& at(const std::string& name) const {
    for (const Place& p : places)
      if (p.name == name) return p;
    std::abort();
  }
};

class SanWriter {
 public:
  explicit SanWriter(const Config& config, std::vector<float> calibration = {0.5f, -1.5f})
      : c_(config), random_(7) {
    const size_t sections = 5 + c_.num_encoder_layers + c_.num_decoder_layers;
    out_.bytes.resize(round_up(128 + 32 * sections, 64));
    const uint8_t magic[8] = {0x89, 0x53, 0x41, 0x4E, 0x0D, 0x0A, 0x1A, 0x0A};
    std::memcpy(out_.bytes.data(), magic, 8);
    const auto header_bytes = static_cast<uint32_t>(out_.bytes.size());
    section("metadata", 1, 0, [&] { text(R"({"name":"tiny"})"); });
    section("tokenizer", 2, 0, [&] { text("not looked into by the loader"); });
    section("calibration", 3, 0, [&] { for (const float v : calibration) push(v); });
    section("embedding", 4, 0, [&] { matrix(c_.vocab_size, c_.d_model); });
    for (uint32_t i = 0; i < c_.num_encoder_layers; ++i)
      section("encoder." + std::to_string(i), 5, i, [&] { attention(); });
    for (uint32_t i = 0; i < c_.num_decoder_layers; ++i)
      section("decoder." + std::to_string(i), 6, i, [&] { attention(); attention(); });
    section("output", 7, 0, [&] { output(); });
    write_header(header_bytes);
    fix_checksums(out_.bytes);
  }

  SanFile take() { return std::move(out_); }

 private:
  template <class Write>
  void section(const std::string& name, uint32_t kind, uint32_t index, Write write) {
    const size_t entry = 128 + 32 * out_.places.size(), offset = out_.bytes.size();
    write();
    const size_t bytes = out_.bytes.size() - offset;
    pad();
    poke(out_.bytes, entry, kind);
    poke(out_.bytes, entry + 4, index);
    poke<uint64_t>(out_.bytes, entry + 8, offset);
    poke<uint64_t>(out_.bytes, entry + 16, bytes);
    out_.places.push_back({name, entry, offset, bytes, out_.bytes.size()});
  }

  void write_header(uint32_t header_bytes) {
    auto& b = out_.bytes;
    poke<uint32_t>(b, 8, 1);
    poke<uint32_t>(b, 12, header_bytes);
    poke<uint64_t>(b, 16, b.size());
    poke(b, 24, static_cast<uint32_t>(out_.places.size()));
    const uint32_t fields[] = {c_.vocab_size, c_.d_model, c_.num_heads, c_.num_kv_heads, c_.head_dim,
                               c_.num_encoder_layers, c_.num_decoder_layers, c_.max_seq_len,
                               c_.max_decode_len, c_.contrastive_hidden, c_.contrastive_dim};
    std::memcpy(b.data() + 64, fields, sizeof fields);
    poke(b, 108, c_.rope_theta);
    poke(b, 112, c_.attention);
    poke(b, 116, c_.text_format);
    poke(b, 120, c_.weight_type);
  }

  template <class T>
  void push(T value) {
    out_.bytes.resize(out_.bytes.size() + sizeof value);
    poke(out_.bytes, out_.bytes.size() - sizeof value, value);
  }
  void text(const char* s) { out_.bytes.insert(out_.bytes.end(), s, s + std::strlen(s)); }
  void pad() { out_.bytes.resize(round_up(out_.bytes.size(), 64)); }
  float value() { return std::uniform_real_distribution<float>(-1, 1)(random_); }

  void vector(size_t n) {
    for (size_t i = 0; i < n; ++i) push(value());
    pad();
  }

  void matrix(size_t rows, size_t cols) {
    const size_t padded = round_up(rows, 32), start = out_.bytes.size();
    const bool i8 = c_.weight_type == WeightType::i8;
    out_.bytes.resize(start + (i8 ? padded * 4 + padded * cols : padded * cols * 4));
    for (size_t r = 0; r < rows; ++r) {
      if (i8) poke(out_.bytes, start + 4 * r, 0.01f * static_cast<float>(r + 1));
      for (size_t c = 0; c < cols; ++c) {
        if (i8) {
          const size_t at = ((r / 32) * (cols / 4) + c / 4) * 128 + (r % 32) * 4 + c % 4;
          poke(out_.bytes, start + padded * 4 + at, static_cast<int8_t>(127 * value()));
        } else {
          poke(out_.bytes, start + 4 * (((r / 32) * cols + c) * 32 + r % 32), value());
        }
      }
    }
  }

  void attention() {
    const size_t q = size_t{c_.num_heads} * c_.head_dim, kv = size_t{c_.num_kv_heads} * c_.head_dim;
    vector(c_.d_model);
    vector(c_.head_dim);
    vector(c_.head_dim);
    vector(1);
    matrix(q, c_.d_model);
    matrix(kv, c_.d_model);
    matrix(kv, c_.d_model);
    matrix(c_.d_model, q);
  }

  void output() {
    vector(c_.d_model);
    vector(c_.d_model);
    if (c_.contrastive_dim == 0) return;
    vector(c_.contrastive_hidden);
    matrix(c_.contrastive_hidden, c_.d_model);
    matrix(c_.contrastive_dim, c_.contrastive_hidden);
  }

  const Config c_;
  std::mt19937 random_;
  SanFile out_;
};

/// A header without the file behind it, for models that are too large to write down.
struct Header {
  std::vector<uint8_t> bytes;
  uint64_t file_bytes;
};

/// The lengths of its tensor sections come from the code under test.
inline Header header_of(const Config& c) {
  const uint32_t kinds[] = {1, 2, 3, 4, 5, 6, 7};
  const uint32_t counts[] = {1, 1, 1, 1, c.num_encoder_layers, c.num_decoder_layers, 1};
  const SanFile tiny_file = SanWriter(tiny_config(c.weight_type)).take();
  std::vector<uint8_t> b(tiny_file.bytes.begin(), tiny_file.bytes.begin() + 128);
  ModelWeights scratch;
  resize_layers(c, scratch);
  uint32_t sections = 0;
  for (const uint32_t n : counts) sections += n;
  b.resize(round_up(128 + 32 * sections, 64));
  uint64_t offset = b.size();
  size_t entry = 128;
  for (size_t k = 0; k < 7; ++k) {
    for (uint32_t i = 0; i < counts[k]; ++i, entry += 32) {
      TensorSizes sizes{c.weight_type};
      visit_section(c, static_cast<SectionKind>(kinds[k]), i, scratch, sizes);
      const uint64_t bytes = k < 3 ? 64 : sizes.bytes;
      poke(b, entry, kinds[k]);
      poke(b, entry + 4, i);
      poke(b, entry + 8, offset);
      poke(b, entry + 16, bytes);
      offset += bytes;
    }
  }
  poke(b, 12, static_cast<uint32_t>(b.size()));
  poke(b, 16, offset);
  poke(b, 24, sections);
  const uint32_t config[] = {c.vocab_size, c.d_model, c.num_heads, c.num_kv_heads, c.head_dim,
                             c.num_encoder_layers, c.num_decoder_layers};
  std::memcpy(b.data() + 64, config, sizeof config);
  poke(b, 120, c.weight_type);
  fix_checksums(b);
  return {b, offset};
}

struct Loaded {
  std::unique_ptr<ModelLoader> loader;
  ModelWeights weights;
  Status status;
};

/// Feeds `file` in chunks of the sizes that `chunk()` gives, and finishes.
template <class Chunk>
Loaded load_bytes(std::span<const uint8_t> file, size_t max_bytes, Chunk chunk) {
  Loaded l{std::make_unique<ModelLoader>(max_bytes), {}, {}};
  size_t fed = 0;
  while (fed < file.size() && !l.loader->next().empty()) {
    const auto room = l.loader->next();
    const size_t n = std::min({room.size(), file.size() - fed, std::max<size_t>(1, chunk())});
    std::memcpy(room.data(), file.data() + fed, n);
    fed += n;
    if (l.status = l.loader->advance(n); !l.status.ok()) return l;
  }
  l.status = l.loader->finish(l.weights);
  return l;
}

inline Loaded load_bytes(std::span<const uint8_t> file) {
  return load_bytes(file, file.size() + 4096, [] { return SIZE_MAX; });
}

}  // namespace thimble
