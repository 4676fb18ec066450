// What a .san header says (FORMAT.md, sections 1 to 4): config and section table, every number of
// them checked. Allocates no more than the table; knows nothing of tensor contents.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "status.h"
#include "weights/weights.h"

namespace thimble {

inline constexpr size_t kPrefixBytes = 64;
inline constexpr size_t kAlign = 64;  // of sections and tensors

enum class SectionKind : uint32_t {
  metadata = 1,
  tokenizer,
  calibration,
  embedding,
  encoder,
  decoder,
  output,
};

struct Section {
  SectionKind kind = SectionKind::metadata;
  uint32_t index = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint32_t crc = 0;

  uint64_t end() const { return (offset + bytes + kAlign - 1) / kAlign * kAlign; }
  std::string name() const;
};

struct Prefix {
  uint32_t header_bytes = 0;
  uint64_t file_bytes = 0;
};

struct Layout {
  Config config;
  std::vector<Section> sections;
};

/// "section NAME: TEXT" as Code::bad_weights.
Status bad_section(const std::string& name, const std::string& text);
Status bad_checksum(const std::string& name, uint32_t computed, uint32_t declared);

/// Gives `w` as many (empty) layers as the config says.
void resize_layers(const Config& c, ModelWeights& w);

/// Reads the first kPrefixBytes bytes. On success 192 <= header_bytes <= 64 KiB, a multiple of 64,
/// and header_bytes < file_bytes <= max_bytes.
Status read_prefix(std::span<const uint8_t> bytes, uint64_t max_bytes, Prefix& out);

/// Reads the whole header, whose prefix was read before. On success the sections tile the file from
/// header_bytes to file_bytes.
Status read_header(std::span<const uint8_t> bytes, const Prefix& prefix, Layout& out);

}  // namespace thimble
