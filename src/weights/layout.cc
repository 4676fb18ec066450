#include "weights/layout.h"

#include <bit>
#include <cstring>

#include "weights/crc32.h"
#include "weights/tensors.h"

namespace thimble {
namespace {

static_assert(std::endian::native == std::endian::little, "a .san file is used as it stands");

constexpr uint8_t kMagic[8] = {0x89, 'S', 'A', 'N', '\r', '\n', 0x1A, '\n'};
constexpr uint32_t kVersion = 1;
constexpr size_t kConfigBytes = 64;
constexpr size_t kEntryBytes = 32;
constexpr size_t kTableOffset = kPrefixBytes + kConfigBytes;
constexpr uint32_t kMaxHeaderBytes = 64 << 10;
constexpr uint64_t kMaxMetadataBytes = 64 << 10;
constexpr uint64_t kMaxTokenizerBytes = 8 << 20;
constexpr uint64_t kMaxCalibrationBytes = 4 << 10;

Status bad_header(const std::string& text) { return bad_section("header", text); }

template <class T>
T read(std::span<const uint8_t> bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

bool all_zero(std::span<const uint8_t> bytes) {
  for (const uint8_t b : bytes) {
    if (b != 0) return false;
  }
  return true;
}

Status check_range(const char* name, uint64_t value, uint64_t low, uint64_t high, uint64_t step) {
  if (value >= low && value <= high && value % step == 0) return {};
  return bad_header(std::string(name) + " is " + std::to_string(value) + ", must be " +
                    std::to_string(low) + " to " + std::to_string(high) +
                    (step > 1 ? " and a multiple of " + std::to_string(step) : "") +
                    "; the file was made by a faulty writer");
}

Status check_heads(const Config& c) {
  if (c.num_kv_heads == 0 || c.num_heads % c.num_kv_heads != 0) {
    return bad_header("num_kv_heads is " + std::to_string(c.num_kv_heads) + ", must divide num_heads " +
                      std::to_string(c.num_heads));
  }
  if (!std::has_single_bit(c.head_dim)) {
    return bad_header("head_dim is " + std::to_string(c.head_dim) + ", must be a power of two");
  }
  return check_range("num_heads * head_dim", uint64_t{c.num_heads} * c.head_dim, 16, 4096, 16);
}

Status check_head_and_enums(const Config& c) {
  if ((c.contrastive_hidden == 0) != (c.contrastive_dim == 0)) {
    return bad_header("contrastive_hidden and contrastive_dim must both be 0 or neither");
  }
  if (!(c.rope_theta > 1.0f && c.rope_theta <= 1e9f)) {
    return bad_header("rope_theta must be above 1 and at most 1e9");
  }
  Status s = check_range("attention", static_cast<uint32_t>(c.attention), 0, 1, 1);
  if (s.ok()) s = check_range("text_format", static_cast<uint32_t>(c.text_format), 0, 1, 1);
  if (s.ok()) s = check_range("weight_type", static_cast<uint32_t>(c.weight_type), 0, 1, 1);
  if (!s.ok()) return s;
  if ((c.attention == AttentionMode::tool_isolated) != (c.text_format == TextFormat::thimble)) {
    return bad_header("text_format thimble goes with attention tool_isolated, needle with bidirectional");
  }
  return {};
}

Status check_config(const Config& c) {
  const struct { const char* name; uint32_t value, low, high, step; } ranges[] = {
      {"vocab_size", c.vocab_size, 8, 65536, 1},
      {"d_model", c.d_model, 16, 2048, 16},
      {"num_heads", c.num_heads, 1, 64, 1},
      {"head_dim", c.head_dim, 16, 256, 1},
      {"num_encoder_layers", c.num_encoder_layers, 1, 64, 1},
      {"num_decoder_layers", c.num_decoder_layers, 1, 64, 1},
      {"max_seq_len", c.max_seq_len, 32, 8192, 1},
      {"max_decode_len", c.max_decode_len, 32, 8192, 1},
      {"contrastive_hidden", c.contrastive_hidden, 0, 2048, 16},
      {"contrastive_dim", c.contrastive_dim, 0, 2048, 1},
  };
  for (const auto& r : ranges) {
    if (Status s = check_range(r.name, r.value, r.low, r.high, r.step); !s.ok()) return s;
  }
  if (Status s = check_heads(c); !s.ok()) return s;
  return check_head_and_enums(c);
}

Status read_config(std::span<const uint8_t> header, Config& c) {
  const auto u32 = [&](size_t field) { return read<uint32_t>(header, kPrefixBytes + 4 * field); };
  c.vocab_size = u32(0);
  c.d_model = u32(1);
  c.num_heads = u32(2);
  c.num_kv_heads = u32(3);
  c.head_dim = u32(4);
  c.num_encoder_layers = u32(5);
  c.num_decoder_layers = u32(6);
  c.max_seq_len = u32(7);
  c.max_decode_len = u32(8);
  c.contrastive_hidden = u32(9);
  c.contrastive_dim = u32(10);
  c.rope_theta = __builtin_bit_cast(float, u32(11));
  c.attention = static_cast<AttentionMode>(u32(12));
  c.text_format = static_cast<TextFormat>(u32(13));
  c.weight_type = static_cast<WeightType>(u32(14));
  if (u32(15) != 0) return bad_header("the reserved config field is not zero");
  return check_config(c);
}

std::vector<Section> expected_sections(const Config& c) {
  std::vector<Section> sections;
  const auto add = [&](SectionKind kind, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) sections.push_back({.kind = kind, .index = i});
  };
  add(SectionKind::metadata, 1);
  add(SectionKind::tokenizer, 1);
  add(SectionKind::calibration, 1);
  add(SectionKind::embedding, 1);
  add(SectionKind::encoder, c.num_encoder_layers);
  add(SectionKind::decoder, c.num_decoder_layers);
  add(SectionKind::output, 1);
  return sections;
}

Status check_bytes(const Config& c, const Section& s, ModelWeights& scratch) {
  const auto within = [&](uint64_t low, uint64_t high, uint64_t step) -> Status {
    if (s.bytes >= low && s.bytes <= high && s.bytes % step == 0) return {};
    return bad_section(s.name(), std::to_string(s.bytes) + " bytes declared, must be " + std::to_string(low) +
                                     " to " + std::to_string(high));
  };
  switch (s.kind) {
    case SectionKind::metadata: return within(2, kMaxMetadataBytes, 1);
    case SectionKind::tokenizer: return within(1, kMaxTokenizerBytes, 1);
    case SectionKind::calibration: return within(0, kMaxCalibrationBytes, 4);
    default: break;
  }
  TensorSizes sizes{c.weight_type};
  visit_section(c, s.kind, s.index, scratch, sizes);
  if (s.bytes == sizes.bytes) return {};
  return bad_section(s.name(), std::to_string(s.bytes) + " bytes declared, its tensors take " +
                                   std::to_string(sizes.bytes));
}

// Fills in offsets, lengths and checksums of the sections that the config calls for.
Status read_table(std::span<const uint8_t> header, const Config& c, std::vector<Section>& sections) {
  ModelWeights scratch;
  resize_layers(c, scratch);
  uint64_t offset = header.size();
  for (size_t i = 0; i < sections.size(); ++i) {
    Section& s = sections[i];
    const auto entry = header.subspan(kTableOffset + i * kEntryBytes, kEntryBytes);
    s.offset = read<uint64_t>(entry, 8);
    s.bytes = read<uint64_t>(entry, 16);
    s.crc = read<uint32_t>(entry, 24);
    if (read<uint32_t>(entry, 0) != static_cast<uint32_t>(s.kind) || read<uint32_t>(entry, 4) != s.index) {
      return bad_section(s.name(), "the section table has another section in its place");
    }
    if (s.offset != offset) {
      return bad_section(s.name(), "declared at byte " + std::to_string(s.offset) + ", must be at " +
                                       std::to_string(offset));
    }
    if (Status status = check_bytes(c, s, scratch); !status.ok()) return status;
    if (read<uint32_t>(entry, 28) != 0) return bad_section(s.name(), "the reserved field is not zero");
    offset = s.end();
  }
  return {};
}

uint32_t header_checksum(std::span<const uint8_t> header) {
  constexpr uint8_t zero[4] = {};
  uint32_t crc = crc32(0, header.first(28));
  crc = crc32(crc, zero);
  return crc32(crc, header.subspan(32));
}

}  // namespace

std::string Section::name() const {
  switch (kind) {
    case SectionKind::metadata: return "metadata";
    case SectionKind::tokenizer: return "tokenizer";
    case SectionKind::calibration: return "calibration";
    case SectionKind::embedding: return "embedding";
    case SectionKind::encoder: return "encoder." + std::to_string(index);
    case SectionKind::decoder: return "decoder." + std::to_string(index);
    case SectionKind::output: return "output";
  }
  return "unknown";
}

Status bad_section(const std::string& name, const std::string& text) {
  return {Code::bad_weights, "section " + name + ": " + text};
}

Status bad_checksum(const std::string& name, uint32_t computed, uint32_t declared) {
  const auto hex = [](uint32_t value) {
    std::string text(8, '0');
    for (size_t i = 8; i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
    return text;
  };
  return bad_section(name, "checksum is " + hex(computed) + ", the file says " + hex(declared) +
                               "; download the file again");
}

void resize_layers(const Config& c, ModelWeights& w) {
  w.encoder.resize(c.num_encoder_layers);
  w.decoder_self.resize(c.num_decoder_layers);
  w.decoder_cross.resize(c.num_decoder_layers);
}

Status read_prefix(std::span<const uint8_t> bytes, uint64_t max_bytes, Prefix& out) {
  if (std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0) {
    return bad_header("this is not a .san model file; make one with `thimble pack`");
  }
  if (const auto version = read<uint32_t>(bytes, 8); version != kVersion) {
    return bad_header("version is " + std::to_string(version) + ", this build reads " +
                      std::to_string(kVersion) + "; use a matching pair of package and model file");
  }
  out.header_bytes = read<uint32_t>(bytes, 12);
  out.file_bytes = read<uint64_t>(bytes, 16);
  if (out.header_bytes <= kTableOffset || out.header_bytes > kMaxHeaderBytes || out.header_bytes % kAlign != 0) {
    return bad_header("header_bytes is " + std::to_string(out.header_bytes) + "; download the file again");
  }
  if (out.file_bytes <= out.header_bytes || out.file_bytes > max_bytes) {
    return bad_header("file_bytes is " + std::to_string(out.file_bytes) + ", at most " +
                      std::to_string(max_bytes) + " are accepted");
  }
  return {};
}

Status read_header(std::span<const uint8_t> bytes, const Prefix& prefix, Layout& out) {
  const auto declared = read<uint32_t>(bytes, 28);
  if (const uint32_t crc = header_checksum(bytes); crc != declared) return bad_checksum("header", crc, declared);
  if (!all_zero(bytes.subspan(32, 32))) return bad_header("bytes 32 to 63 are not zero");
  if (Status s = read_config(bytes, out.config); !s.ok()) return s;

  out.sections = expected_sections(out.config);
  const size_t table_end = kTableOffset + out.sections.size() * kEntryBytes;
  const auto count = read<uint32_t>(bytes, 24);
  if (count != out.sections.size() || bytes.size() != round_up(table_end, kAlign)) {
    return bad_header("section_count is " + std::to_string(count) + " and header_bytes " +
                      std::to_string(bytes.size()) + ", the config calls for " +
                      std::to_string(out.sections.size()) + " sections");
  }
  if (!all_zero(bytes.subspan(table_end))) return bad_header("the bytes after the section table are not zero");
  if (Status s = read_table(bytes, out.config, out.sections); !s.ok()) return s;
  if (const uint64_t end = out.sections.back().end(); end != prefix.file_bytes) {
    return bad_header("file_bytes is " + std::to_string(prefix.file_bytes) + ", the sections end at " +
                      std::to_string(end));
  }
  return {};
}

}  // namespace thimble
