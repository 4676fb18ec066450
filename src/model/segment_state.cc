#include "model/segment_state.h"

#include <cstddef>
#include <cstring>
#include <string>

#include "model/kv.h"
#include "weights/hash64.h"

namespace thimble {
namespace {

constexpr uint32_t kMagic = 0x47455354;  // "TSEG"

struct Header {
  uint32_t magic, version;
  uint64_t model;
  uint32_t tokens, zero;
  uint64_t bytes;
  uint64_t checksum;
  uint8_t zeros[24];
};
static_assert(sizeof(Header) == AlignedBuffer::kAlign);

Header header_of(const uint8_t* image) {
  Header header;
  std::memcpy(&header, image, sizeof header);
  return header;
}

uint64_t checksum_of(const uint8_t* image, size_t bytes) {
  Header header = header_of(image);
  header.checksum = 0;
  const uint64_t start = hash64(0, {reinterpret_cast<const uint8_t*>(&header), sizeof header});
  return hash64(start, {image + sizeof header, bytes - sizeof header});
}

Status refused(const std::string& why) {
  return {Code::bad_input, "the stored tool " + why + "; encode the tool again"};
}

}  // namespace

void SegmentState::carve(const Config& config, Carver& carver) {
  carver.take<Header>(1);
  embedding_ = {carver.take<float>(config.contrastive_dim), config.contrastive_dim};
  const size_t capacity = round_up(tokens_, kDotDepth);
  self_ = carve_segments(config, config.num_encoder_layers, capacity, carver);
  cross_ = carve_segments(config, config.num_decoder_layers, capacity, carver);
}

uint64_t SegmentState::image_bytes(const Config& config, size_t tokens) {
  SegmentState state;
  state.tokens_ = tokens;
  Carver measure(nullptr);
  state.carve(config, measure);
  return measure.used();
}

bool SegmentState::allocate(const Config& config, size_t tokens) {
  *this = {};
  if (!memory_.allocate(image_bytes(config, tokens))) return false;
  tokens_ = tokens;
  Carver carver(memory_.data());
  carve(config, carver);
  return true;
}

void SegmentState::seal(uint64_t fingerprint) {
  const Header header{kMagic, kVersion, fingerprint, static_cast<uint32_t>(tokens_), 0,
                      memory_.size(), 0, {}};
  std::memcpy(memory_.data(), &header, sizeof header);
  const uint64_t checksum = checksum_of(memory_.data(), memory_.size());
  std::memcpy(memory_.data() + offsetof(Header, checksum), &checksum, sizeof checksum);
}

Status SegmentState::check_header(const Config& config, uint64_t fingerprint,
                                  size_t tokens_limit) const {
  const Header header = header_of(memory_.data());
  if (header.magic != kMagic) return refused("is not one");
  if (header.version != kVersion)
    return refused("has version " + std::to_string(header.version) + ", this engine reads " +
                   std::to_string(kVersion));
  if (header.model != fingerprint) return refused("belongs to another model");
  if (header.tokens == 0 || header.tokens > tokens_limit)
    return refused("has " + std::to_string(header.tokens) + " tokens, the model takes 1 to " +
                   std::to_string(tokens_limit));
  if (header.bytes != memory_.size() || header.bytes != image_bytes(config, header.tokens))
    return refused("has " + std::to_string(memory_.size()) + " bytes, its " +
                   std::to_string(header.tokens) + " tokens take " +
                   std::to_string(image_bytes(config, header.tokens)));
  if (header.checksum != checksum_of(memory_.data(), memory_.size()))
    return refused("is damaged: its checksum is wrong");
  return {};
}

Status SegmentState::open(const Config& config, uint64_t fingerprint, size_t tokens_limit) {
  complete_ = false;
  if (memory_.size() < sizeof(Header))
    return refused("has " + std::to_string(memory_.size()) + " bytes, less than its header");
  if (Status s = check_header(config, fingerprint, tokens_limit); !s.ok()) return s;
  tokens_ = header_of(memory_.data()).tokens;
  Carver carver(memory_.data());
  carve(config, carver);
  for (std::vector<KvSegment>* segments : {&self_, &cross_})
    for (KvSegment& kv : *segments) kv.length = tokens_;
  complete_ = true;
  return {};
}

}  // namespace thimble
