#include "weights/weights.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/san_file.h"
#include "core/test_data.h"
#include "weights/crc32.h"

using namespace thimble;

namespace {

bool names(const Status& status, Code code, const std::string& section) {
  INFO(status.message);
  const std::string start = "section " + section + ": ";
  const bool good = status.code == code && status.message.compare(0, start.size(), start) == 0;
  CHECK(good);
  return good;
}

SanFile tiny(WeightType type = WeightType::i8) { return SanWriter(tiny_config(type)).take(); }

// Loads a copy of `file` that `damage` changed and whose checksums were made right again.
template <class Damage>
Status after(const SanFile& file, Damage damage) {
  std::vector<uint8_t> bytes = file.bytes;
  damage(bytes);
  fix_checksums(bytes);
  return load_bytes(bytes).status;
}

struct Matrix {
  std::string name;
  Linear weights;
};

std::vector<Matrix> all_matrices(const ModelWeights& w) {
  std::vector<Matrix> all{{"embedding", w.embedding}};
  const auto add = [&](const char* stack, const std::vector<AttentionWeights>& layers) {
    for (const AttentionWeights& a : layers)
      for (const auto& [name, m] : {std::pair{"q", a.q}, {"k", a.k}, {"v", a.v}, {"o", a.o}})
        all.push_back({std::string(stack) + " " + name, m});
  };
  add("encoder", w.encoder);
  add("decoder self", w.decoder_self);
  add("decoder cross", w.decoder_cross);
  all.push_back({"head.hidden", w.head_hidden});
  all.push_back({"head.output", w.head_output});
  return all;
}

int8_t code_at(const MatrixI8& m, size_t r, size_t c) {
  return m.data[((r / 32) * (m.cols / 4) + c / 4) * 128 + (r % 32) * 4 + c % 4];
}

float float_at(const MatrixF32& m, size_t r, size_t c) { return m.data[((r / 32) * m.cols + c) * 32 + r % 32]; }

}  // namespace

TEST_CASE("crc32 is that of zlib, however the bytes are cut") {
  const std::string text = "123456789";
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  CHECK(crc32(0, {p, text.size()}) == 0xCBF43926u);
  std::vector<uint8_t> bytes(1000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7 + i / 256);
  const uint32_t whole = crc32(0, bytes);
  CHECK(whole == 0x668F073Du);
  // python3 -c "import zlib; print(hex(zlib.crc32(bytes((i * 7 + i // 256) % 256 for i in range(1000)))))"
  for (size_t cut = 0; cut <= bytes.size(); cut += 37)
    CHECK(crc32(crc32(0, std::span(bytes).first(cut)), std::span(bytes).subspan(cut)) == whole);
}

TEST_CASE("a file loads into config, views of its own bytes and row sums") {
  const SanFile file = tiny();
  Loaded l = load_bytes(file.bytes);
  REQUIRE(l.status.ok());
  CHECK(l.loader->loaded_bytes() == file.bytes.size());
  CHECK(l.loader->total_bytes() == file.bytes.size());
  const ModelWeights& w = l.weights;
  CHECK(w.config.vocab_size == 40);
  CHECK(w.config.contrastive_dim == 24);
  CHECK(w.config.rope_theta == 10000.0f);
  CHECK(w.config.attention == AttentionMode::tool_isolated);
  CHECK(w.config.text_format == TextFormat::thimble);
  CHECK(w.metadata == R"({"name":"tiny"})");
  CHECK(std::string(w.tokenizer.begin(), w.tokenizer.end()) == "not looked into by the loader");
  REQUIRE(w.calibration.size() == 2);
  CHECK(w.calibration[1] == -1.5f);
  CHECK(w.encoder.size() == 2);
  CHECK(w.decoder_cross.size() == 1);
  CHECK(w.encoder[1].gate == peek<float>(file.bytes, file.at("encoder.1").offset + 32 * 4 + 64 + 64));
  CHECK(std::memcmp(w.encoder[0].norm, file.bytes.data() + file.at("encoder.0").offset, 32 * 4) == 0);
  CHECK(std::memcmp(w.decoder_norm, file.bytes.data() + file.at("output").offset + 32 * 4, 32 * 4) == 0);
  for (const auto& matrix : all_matrices(w)) {
    const auto& m = matrix.weights;
    INFO(matrix.name);
    CHECK(reinterpret_cast<uintptr_t>(m.i8.data) % 64 == 0);
    CHECK(reinterpret_cast<uintptr_t>(m.i8.scale) % 64 == 0);
    for (size_t r = 0; r < round_up(m.i8.rows, 32); ++r) {
      int32_t sum = 0;
      for (size_t c = 0; c < m.i8.cols; ++c) sum += code_at(m.i8, r, c);
      CHECK(m.i8.sum[r] == sum);
    }
    CHECK(m.i8.scale[m.i8.rows - 1] == 0.01f * static_cast<float>(m.i8.rows));
  }
}

TEST_CASE("row sums are right for the widest rows at the int8 extremes") {
  Config c = tiny_config(WeightType::i8);
  c.d_model = 2048;
  c.vocab_size = 64;  // no padding rows
  for (const int8_t code : {int8_t{127}, int8_t{-127}}) {
    SanFile file = SanWriter(c).take();
    const auto& place = file.at("embedding");
    const size_t codes = place.offset + 64 * 4;
    std::fill_n(file.bytes.begin() + static_cast<ptrdiff_t>(codes), size_t{64} * 2048, static_cast<uint8_t>(code));
    fix_checksums(file.bytes);
    const Loaded l = load_bytes(file.bytes);
    REQUIRE(l.status.ok());
    for (size_t r = 0; r < 64; ++r) CHECK(l.weights.embedding.i8.sum[r] == 2048 * code);
  }
}

TEST_CASE("a file without head and calibration loads") {
  Config c = tiny_config(WeightType::f32);
  c.contrastive_hidden = c.contrastive_dim = 0;
  const SanFile file = SanWriter(c, {}).take();
  const Loaded l = load_bytes(file.bytes);
  REQUIRE(l.status.ok());
  CHECK(l.weights.calibration.empty());
  CHECK(l.weights.head_hidden.f32.data == nullptr);
  CHECK(l.weights.embedding.f32.rows == 40);
  CHECK(float_at(l.weights.embedding.f32, 33, 5) ==
        peek<float>(file.bytes, file.at("embedding").offset + 4 * ((32 + 5) * 32 + 1)));
}

TEST_CASE("chunks of any size give the same weights") {
  const std::vector<uint8_t> file = tiny().bytes;
  const Loaded whole = load_bytes(file);
  REQUIRE(whole.status.ok());
  std::mt19937 random(1);
  for (const size_t limit : {1, 2, 63, 64, 65, 1000, 5000}) {
    const auto chunk = [&] { return std::uniform_int_distribution<size_t>(1, limit)(random); };
    const Loaded l = load_bytes(file, file.size(), chunk);
    REQUIRE(l.status.ok());
    const auto a = all_matrices(whole.weights), b = all_matrices(l.weights);
    for (size_t i = 0; i < a.size(); ++i) {
      const MatrixI8 &x = a[i].weights.i8, &y = b[i].weights.i8;
      const size_t rows = round_up(x.rows, 32);
      CHECK(std::memcmp(x.data, y.data, rows * x.cols) == 0);
      CHECK(std::memcmp(x.scale, y.scale, rows * 4) == 0);
      CHECK(std::memcmp(x.sum, y.sum, rows * 4) == 0);
    }
    CHECK(l.weights.metadata == whole.weights.metadata);
  }
}

TEST_CASE("next() never crosses the end of a section") {
  const SanFile file = tiny();
  ModelLoader loader(file.bytes.size());
  std::vector<size_t> ends{64, file.places[0].offset};
  for (const auto& p : file.places) ends.push_back(p.end);
  size_t at = 0;
  for (const size_t end : ends) {
    const auto room = loader.next();
    REQUIRE(at + room.size() == end);
    std::memcpy(room.data(), file.bytes.data() + at, room.size());
    REQUIRE(loader.advance(room.size()).ok());
    at = end;
  }
  CHECK(loader.done());
  CHECK(loader.next().empty());
}

TEST_CASE("a truncated file is refused with the section where it ends") {
  const SanFile file = tiny();
  const auto load = [&](size_t size) {
    return load_bytes(std::span(file.bytes).first(size), file.bytes.size(), [] { return SIZE_MAX; }).status;
  };
  CHECK(load(file.bytes.size()).ok());
  for (const size_t size : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, file.places[0].offset - 1})
    names(load(size), Code::bad_weights, "header");
  for (const auto& p : file.places) {
    names(load(p.offset), Code::bad_weights, p.name);
    names(load(p.offset + 1), Code::bad_weights, p.name);
    names(load(p.end - 1), Code::bad_weights, p.name);
  }
}

TEST_CASE("one wrong bit anywhere is refused, by checksum, with the section's name") {
  const SanFile file = tiny();
  for (size_t at = 0; at < file.places[0].offset; ++at) {
    std::vector<uint8_t> bytes = file.bytes;
    bytes[at] ^= 0x10;
    CHECK(load_bytes(bytes).status.code == Code::bad_weights);
    names(load_bytes(bytes).status, Code::bad_weights, "header");
  }
  for (const auto& p : file.places) {
    for (const size_t at : {p.offset, p.offset + p.bytes / 2, p.end - 1}) {
      std::vector<uint8_t> bytes = file.bytes;
      bytes[at] ^= 1;
      const Status s = load_bytes(bytes).status;
      names(s, Code::bad_weights, p.name);
      CHECK(s.message.find("checksum is ") != std::string::npos);
    }
  }
}

TEST_CASE("each header field with a hostile value is refused, checksums being right") {
  const SanFile file = tiny();
  for (const uint32_t value : {0u, 1u, 7u, 33u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
    for (size_t at = 0; at < file.places.back().entry + 32; at += 4) {
      const bool checksum = at == 28 || (at >= 128 && (at - 128) % 32 == 24);
      if (checksum || peek<uint32_t>(file.bytes, at) == value) continue;
      // Legal values of fields on which no length depends; a shorter text within the same padding.
      const bool legal = ((at == 92 || at == 96) && value == 33) ||
                         ((at == 128 + 16 || at == 160 + 16) && value == 33);
      INFO("offset " << at << " value " << value);
      const Status s = after(file, [&](auto& b) { poke(b, at, value); });
      CHECK(s.code == (legal ? Code::ok : Code::bad_weights));
      CHECK((s.ok() || s.message.rfind("section ", 0) == 0));
    }
  }
}

TEST_CASE("declared sizes are proved before memory is asked for") {
  const SanFile file = tiny();
  names(after(file, [](auto& b) { poke<uint64_t>(b, 16, uint64_t{1} << 62); }), Code::bad_weights, "header");
  names(after(file, [&](auto& b) { poke<uint64_t>(b, 16, b.size() + 64); }), Code::bad_weights, "header");
  names(after(file, [&](auto& b) { poke<uint64_t>(b, 16, b.size() - 64); }), Code::bad_weights, "header");
  const auto& encoder = file.at("encoder.1");
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{encoder.bytes - 1}, uint64_t{encoder.bytes + 64}, ~uint64_t{0}}) {
    names(after(file, [&](auto& b) { poke(b, encoder.entry + 16, bytes); }), Code::bad_weights, "encoder.1");
  }
  for (const uint64_t offset : {uint64_t{0}, uint64_t{encoder.offset - 64}, ~uint64_t{63}}) {
    names(after(file, [&](auto& b) { poke(b, encoder.entry + 8, offset); }), Code::bad_weights, "encoder.1");
  }
  for (const auto& section : {std::pair{"metadata", 64 << 10}, {"tokenizer", 8 << 20}, {"calibration", 4 << 10}}) {
    const auto& p = file.at(section.first);
    const auto bytes = static_cast<uint64_t>(section.second) + 4;
    names(after(file, [&](auto& b) { poke(b, p.entry + 16, bytes); }), Code::bad_weights, section.first);
  }
  names(load_bytes(file.bytes, file.bytes.size() - 1, [] { return SIZE_MAX; }).status, Code::bad_weights, "header");
}

TEST_CASE("a model that memory cannot hold is out_of_memory") {
  Config c = tiny_config(WeightType::f32);
  c.vocab_size = 65536;
  c.d_model = 2048;
  c.num_heads = c.num_kv_heads = 32;
  c.head_dim = 128;
  c.num_encoder_layers = 8;
  c.num_decoder_layers = 6;
  const Header header = header_of(c);
  CHECK(header.file_bytes > 3000000000u);
  CHECK(header.file_bytes < 0xFFFF0000u);
  ModelLoader loader(SIZE_MAX);
  std::memcpy(loader.next().data(), header.bytes.data(), 64);
  REQUIRE(loader.advance(64).ok());
  std::memcpy(loader.next().data(), header.bytes.data() + 64, header.bytes.size() - 64);
  const Status s = loader.advance(header.bytes.size() - 64);
  if (sizeof(size_t) == 4) {
    CHECK(s.code == Code::out_of_memory);  // WASM memory ends at 2 GiB
    CHECK(loader.next().empty());
  } else {
    CHECK(s.ok());  // the operating system promises the memory; the header itself is legal
    CHECK(loader.total_bytes() == header.file_bytes);
  }
}

TEST_CASE("another version and another kind of file are told apart") {
  const SanFile file = tiny();
  const Status version = after(file, [](auto& b) { poke<uint32_t>(b, 8, 2); });
  names(version, Code::bad_weights, "header");
  CHECK(version.message.find("version is 2") != std::string::npos);
  const Status magic = after(file, [](auto& b) { b[4] = '\n'; });  // what a text-mode copy does
  names(magic, Code::bad_weights, "header");
  CHECK(magic.message.find("not a .san model file") != std::string::npos);
}

TEST_CASE("poisonous numbers are refused although the checksums are right") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const SanFile i8 = tiny(), f32 = tiny(WeightType::f32);
  const auto poisoned = [&](const SanFile& file, const std::string& section, size_t offset, float value) {
    const Status s = after(file, [&](auto& b) { poke(b, file.at(section).offset + offset, value); });
    names(s, Code::bad_weights, section);
  };
  const size_t gate = 32 * 4 + 64 + 64, q_scale = gate + 64;
  for (const float bad : {nan, inf, -inf}) {
    poisoned(i8, "calibration", 4, bad);
    poisoned(i8, "embedding", 0, bad);
    poisoned(i8, "encoder.0", 0, bad);
    poisoned(i8, "encoder.1", gate, bad);
    poisoned(i8, "encoder.1", q_scale + 4 * 31, bad);
    poisoned(i8, "output", 32 * 4, bad);
    poisoned(f32, "decoder.0", q_scale + 4 * 100, bad);
    poisoned(f32, "output", 3 * 32 * 4, bad);
  }
  poisoned(i8, "encoder.1", q_scale, -0.5f);
  poisoned(i8, "embedding", 4 * 40, 1.0f);  // scale of a padding row
  poisoned(f32, "embedding", 4 * (32 * 32 + 8), 1.0f);              // its first weight
  poisoned(f32, "embedding", 4 * (2 * 32 * 32 - 1), 1.0f);          // the last padding row's last weight
  const auto poke_byte = [&](const SanFile& file, const char* section, size_t offset, uint8_t value) {
    names(after(file, [&](auto& b) { b[file.at(section).offset + offset] = value; }), Code::bad_weights, section);
  };
  const size_t codes = q_scale + 32 * 4;
  for (const int at : {0, 1, 130, 1023}) poke_byte(i8, "encoder.1", codes + static_cast<size_t>(at), 0x80);
  poke_byte(i8, "embedding", 64 * 4 + 32 * 32 + 8 * 4, 1);           // codes of padding rows, first and last
  poke_byte(i8, "embedding", 64 * 4 + 2 * 32 * 32 - 1, 1);
  poke_byte(i8, "encoder.0", gate + 4, 1);                           // padding between tensors
  poke_byte(i8, "metadata", i8.at("metadata").bytes, 1);             // padding after a section
  poke_byte(i8, "calibration", i8.at("calibration").bytes + 55, 1);  // its last byte
}

TEST_CASE("bytes after the end are not taken") {
  const SanFile file = tiny();
  ModelLoader loader(file.bytes.size() + 64);
  size_t fed = 0;
  while (!loader.done()) {
    const auto room = loader.next();
    std::memcpy(room.data(), file.bytes.data() + fed, room.size());
    fed += room.size();
    REQUIRE(loader.advance(room.size()).ok());
  }
  CHECK(loader.next().empty());
  CHECK(loader.advance(1).code == Code::bad_input);
  ModelWeights w;
  CHECK(loader.finish(w).code == Code::bad_input);  // the error stays
}

TEST_CASE("calls out of order are bad_input, and stay it") {
  const SanFile file = tiny();
  for (const size_t bytes : {size_t{0}, size_t{65}, SIZE_MAX}) {
    ModelLoader loader(file.bytes.size());
    CHECK(loader.advance(bytes).code == Code::bad_input);
    CHECK(loader.next().empty());
    CHECK_FALSE(loader.done());
    CHECK(loader.advance(64).code == Code::bad_input);
  }
  Loaded l = load_bytes(file.bytes);
  REQUIRE(l.status.ok());
  CHECK(l.loader->finish(l.weights).code == Code::bad_input);
}

TEST_CASE("the packed reference checkpoint holds the float weights within half a quantization step") {
  const Loaded floats = load_bytes(read_test_file("reference/reference-f32.san"));
  const Loaded int8 = load_bytes(read_test_file("reference/reference-i8.san"));
  REQUIRE(floats.status.ok());
  REQUIRE(int8.status.ok());
  const auto a = all_matrices(floats.weights), b = all_matrices(int8.weights);
  REQUIRE(a.size() == 1 + 4 * (3 + 2 + 2) + 2);
  REQUIRE(b.size() == a.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const MatrixF32& f = a[i].weights.f32;
    const MatrixI8& q = b[i].weights.i8;
    INFO(a[i].name);
    REQUIRE(f.rows == q.rows);
    REQUIRE(f.cols == q.cols);
    for (size_t r = 0; r < f.rows; ++r) {
      float error = 0, max = 0;
      int max_code = 0;
      for (size_t c = 0; c < f.cols; ++c) {
        const int code = code_at(q, r, c);
        error = std::max(error, std::abs(q.scale[r] * static_cast<float>(code) - float_at(f, r, c)));
        max = std::max(max, std::abs(float_at(f, r, c)));
        max_code = std::max(max_code, std::abs(code));
      }
      CHECK(error <= q.scale[r] * 0.50001f);
      CHECK(q.scale[r] == max / 127);
      CHECK(max_code == 127);
    }
  }
}
