#include "weights/bind.h"

#include <bit>
#include <cstring>
#include <string>

#include "weights/tensors.h"

namespace thimble {
namespace {

// Zero if all values are finite: the largest exponent is the mark of infinities and NaNs.
bool all_finite(const float* values, size_t count) {
  const auto* bits = reinterpret_cast<const uint32_t*>(values);
  uint32_t bad = 0;
  for (size_t i = 0; i < count; ++i) bad |= (bits[i] & 0x7F800000u) == 0x7F800000u;
  return bad == 0;
}

bool all_zero(const uint8_t* begin, const uint8_t* end) {
  uint8_t any = 0;
  for (; begin < end; ++begin) any |= *begin;
  return any == 0;
}

// Sums the codes of each row of one panel (32 rows, FORMAT.md section 5): the four codes of a row
// that stand together are one 32-bit lane, so plain lane arithmetic is all that is needed. Codes are
// biased by 128 and added as two 16-bit halves, which hold 128 steps. False if a code is -128.
bool sum_panel(const uint8_t* codes, size_t cols, int32_t* sums) {
  constexpr size_t kSteps = 128;
  uint32_t zero_byte = 0;
  for (size_t r = 0; r < kPanelRows; ++r) sums[r] = static_cast<int32_t>(cols) * -128;
  for (size_t c = 0; c < cols / 4; c += kSteps) {
    uint32_t halves[kPanelRows] = {};
    const size_t steps = cols / 4 - c < kSteps ? cols / 4 - c : kSteps;
    for (size_t s = 0; s < steps; ++s, codes += 4 * kPanelRows) {
      uint32_t lanes[kPanelRows];
      std::memcpy(lanes, codes, sizeof lanes);
      for (size_t r = 0; r < kPanelRows; ++r) {
        const uint32_t v = lanes[r] ^ 0x80808080u;
        zero_byte |= (v - 0x01010101u) & ~v & 0x80808080u;
        halves[r] += (v & 0x00FF00FFu) + (v >> 8 & 0x00FF00FFu);
      }
    }
    for (size_t r = 0; r < kPanelRows; ++r) {
      sums[r] += static_cast<int32_t>((halves[r] & 0xFFFF) + (halves[r] >> 16));
    }
  }
  return zero_byte == 0;
}

// Whether the rows from number `rows` on of a matrix's last panel are zero; `unit`: bytes that a row has
// at each step of the panel.
bool padding_rows_zero(const uint8_t* data, size_t rows, size_t steps, size_t unit) {
  const size_t used = rows % kPanelRows;
  if (used == 0) return true;
  const uint8_t* panel = data + rows / kPanelRows * kPanelRows * steps * unit;
  for (size_t s = 0; s < steps; ++s, panel += kPanelRows * unit)
    if (!all_zero(panel + used * unit, panel + kPanelRows * unit)) return false;
  return true;
}

// Hands out the tensors of a section one after the other and keeps the first fault.
class Binder {
 public:
  Binder(const Section& section, WeightType type, const uint8_t* bytes, int32_t*& sums)
      : section_(section), type_(type), at_(bytes), sums_(sums) {}

  void vector(const char* name, const float*& out, size_t count) {
    out = floats(count);
    if (!all_finite(out, count)) fail(name, "has a value that is not finite");
  }

  void scalar(const char* name, float& out) {
    const float* value = nullptr;
    vector(name, value, 1);
    out = *value;
  }

  void matrix(const char* name, Linear& out, size_t rows, size_t cols) {
    if (type_ == WeightType::f32) {
      out.f32 = {nullptr, rows, cols};
      vector(name, out.f32.data, round_up(rows, kPanelRows) * cols);
      check_padding(name, reinterpret_cast<const uint8_t*>(out.f32.data), rows, cols, sizeof(float));
    } else {
      matrix_i8(name, out.i8, rows, cols);
    }
  }

  const Status& status() const { return status_; }

 private:
  const float* floats(size_t count) { return reinterpret_cast<const float*>(take(count * sizeof(float))); }

  const uint8_t* take(size_t bytes) {
    const uint8_t* begin = at_;
    at_ += round_up(bytes, kAlign);
    if (!all_zero(begin + bytes, at_)) fail("padding", "is not zero");
    return begin;
  }

  void matrix_i8(const char* name, MatrixI8& out, size_t rows, size_t cols) {
    const size_t padded = round_up(rows, kPanelRows);
    out.rows = rows;
    out.cols = cols;
    out.scale = floats(padded);
    check_scales(name, out.scale, rows, padded);
    const uint8_t* codes = take(padded * cols);
    out.data = reinterpret_cast<const int8_t*>(codes);
    check_padding(name, codes, rows, cols / 4, 4);
    out.sum = sums_;
    for (size_t r = 0; r < padded; r += kPanelRows, codes += kPanelRows * cols, sums_ += kPanelRows) {
      if (!sum_panel(codes, cols, sums_)) fail(name, "has the code -128, which is not allowed");
    }
  }

  void check_padding(const char* name, const uint8_t* data, size_t rows, size_t steps, size_t unit) {
    if (!padding_rows_zero(data, rows, steps, unit)) fail(name, "has a padding row that is not zero");
  }

  void check_scales(const char* name, const float* scale, size_t rows, size_t padded) {
    if (!all_finite(scale, padded)) return fail(name, "has a scale that is not finite");
    for (size_t r = 0; r < padded; ++r) {
      if (scale[r] < 0) return fail(name, "has a negative scale");
      if (r >= rows && scale[r] != 0) return fail(name, "has a scale on a padding row");
    }
  }

  void fail(const char* tensor, const char* text) {
    if (status_.ok()) status_ = bad_section(section_.name(), std::string(tensor) + " " + text);
  }

  const Section& section_;
  const WeightType type_;
  const uint8_t* at_;
  int32_t*& sums_;
  Status status_;
};

Status bind_calibration(std::span<const uint8_t> bytes, ModelWeights& w) {
  w.calibration = {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
  if (all_finite(w.calibration.data(), w.calibration.size())) return {};
  return bad_section("calibration", "has a value that is not finite");
}

}  // namespace

Status bind_section(const Section& section, std::span<const uint8_t> bytes, int32_t*& sums, ModelWeights& w) {
  switch (section.kind) {
    case SectionKind::metadata: w.metadata.assign(bytes.begin(), bytes.end()); return {};
    case SectionKind::tokenizer: w.tokenizer = bytes; return {};
    case SectionKind::calibration: return bind_calibration(bytes, w);
    default: break;
  }
  Binder binder(section, w.config.weight_type, bytes.data(), sums);
  visit_section(w.config, section.kind, section.index, w, binder);
  return binder.status();
}

}  // namespace thimble
