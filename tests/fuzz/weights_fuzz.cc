// Arbitrary bytes as a model file, in arbitrary chunks: once as they are, and once with the
// checksums made right, so that what lies behind them is reached too. Whatever the loader accepts
// must keep the promises of weights.h, and every byte that it points to must be there.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "core/san_file.h"
#include "weights/tensors.h"

using namespace thimble;

namespace {

constexpr size_t kMaxBytes = 4 << 20;

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

// Reads everything that a model would read and compares the row sums with the codes.
struct Reader {
  WeightType type;

  void vector(const char* name, const float* values, size_t count) {
    for (size_t i = 0; i < count; ++i) require(values[i] - values[i] == 0, name);
  }
  void scalar(const char* name, float value) { vector(name, &value, 1); }
  void matrix(const char* name, const Linear& m, size_t rows, size_t cols) {
    const size_t padded = round_up(rows, kPanelRows);
    if (type == WeightType::f32) {
      require(m.f32.rows == rows && m.f32.cols == cols, "shape");
      return vector(name, m.f32.data, padded * cols);
    }
    require(m.i8.rows == rows && m.i8.cols == cols && cols % kInputAlign == 0, "shape");
    vector(name, m.i8.scale, padded);
    for (size_t r = 0; r < padded; ++r) {
      int32_t sum = 0;
      for (size_t c = 0; c < cols; ++c) {
        const int8_t code = m.i8.data[((r / 32) * (cols / 4) + c / 4) * 128 + (r % 32) * 4 + c % 4];
        require(code != -128, "codes are -127..127");
        sum += code;
      }
      require(m.i8.sum[r] == sum && m.i8.scale[r] >= 0, "row sum and scale");
    }
  }
};

void read_all(ModelWeights& w) {
  const Config& c = w.config;
  require(w.encoder.size() == c.num_encoder_layers && w.decoder_self.size() == c.num_decoder_layers &&
              w.decoder_cross.size() == c.num_decoder_layers, "layers");
  Reader reader{c.weight_type};
  visit_section(c, SectionKind::embedding, 0, w, reader);
  for (uint32_t i = 0; i < c.num_encoder_layers; ++i) visit_section(c, SectionKind::encoder, i, w, reader);
  for (uint32_t i = 0; i < c.num_decoder_layers; ++i) visit_section(c, SectionKind::decoder, i, w, reader);
  visit_section(c, SectionKind::output, 0, w, reader);
  reader.vector("calibration", w.calibration.data(), w.calibration.size());
  require(!w.tokenizer.empty(), "there is a tokenizer");
  crc32(0, w.tokenizer);  // reads its bytes, for AddressSanitizer
  require(w.metadata.size() >= 2, "there is metadata");
}

void load(std::span<const uint8_t> bytes) {
  std::minstd_rand random(static_cast<uint32_t>(bytes.size()) + (bytes.empty() ? 0 : bytes.back()));
  const size_t limit = size_t{1} << (random() % 16);
  Loaded l = load_bytes(bytes, kMaxBytes, [&] { return 1 + random() % limit; });
  if (l.status.ok()) return read_all(l.weights);
  require(l.status.code == Code::bad_weights, "a refusal is bad_weights");
  require(l.status.message.rfind("section ", 0) == 0, "a refusal names the section");
  require(l.loader->next().empty() && !l.loader->done(), "a failed loader takes no bytes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> bytes(data, data + size);
  load(bytes);
  fix_checksums(bytes);
  load(bytes);
  return 0;
}
