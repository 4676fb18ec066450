// Places the bytes of a .san file and checks each section when its last byte is there.
#include "weights/weights.h"

#include <cstdlib>
#include <cstring>

#include "weights/bind.h"
#include "weights/crc32.h"
#include "weights/hash64.h"
#include "weights/layout.h"
#include "weights/tensors.h"

namespace thimble {
namespace {

struct Free {
  void operator()(uint8_t* p) const { std::free(p); }
};
using AlignedBytes = std::unique_ptr<uint8_t[], Free>;

// Null if there is not the memory. (Emscripten's nothrow operator new would abort.)
AlignedBytes allocate(uint64_t bytes) {
  if (bytes > SIZE_MAX - kAlign) return nullptr;
  return AlignedBytes(static_cast<uint8_t*>(std::aligned_alloc(kAlign, round_up(static_cast<size_t>(bytes), kAlign))));
}

// Bytes of the row sums of all int8 matrices; they live behind the file image.
uint64_t row_sum_bytes(const Layout& layout) {
  if (layout.config.weight_type == WeightType::f32) return 0;
  ModelWeights scratch;
  resize_layers(layout.config, scratch);
  TensorSizes sizes{layout.config.weight_type};
  for (const Section& s : layout.sections) visit_section(layout.config, s.kind, s.index, scratch, sizes);
  return sizes.rows * sizeof(int32_t);
}

}  // namespace

struct ModelLoader::Impl {
  const uint64_t max_bytes;
  Status error;                 // sticky
  std::vector<uint8_t> header;  // at first only the prefix
  Prefix prefix;
  Layout layout;                // without sections until the header is known
  AlignedBytes image;           // the file without its header, then the row sums
  int32_t* next_sums = nullptr;
  size_t filled = 0;            // bytes of the file that have arrived
  size_t section = 0;           // that is being filled
  uint32_t crc = 0;             // of its bytes so far
  bool checksums = true;
  ModelWeights weights;
  bool finished = false;

  explicit Impl(size_t max) : max_bytes(max), header(kPrefixBytes) {}

  Status fail(Status s) { return error = std::move(s); }
  bool header_known() const { return !layout.sections.empty(); }
  bool done() const { return error.ok() && header_known() && section == layout.sections.size(); }
  uint8_t* at(uint64_t file_offset) { return image.get() + (file_offset - header.size()); }

  std::span<uint8_t> next() {
    if (!error.ok() || done()) return {};
    if (!header_known()) return std::span(header).subspan(filled);
    return {at(filled), static_cast<size_t>(layout.sections[section].end() - filled)};
  }

  std::string current_name() const { return header_known() ? layout.sections[section].name() : "header"; }

  Status complete_prefix() {
    if (Status s = read_prefix(header, max_bytes, prefix); !s.ok()) return s;
    header.resize(prefix.header_bytes);
    return {};
  }

  Status complete_header() {
    Layout known;
    if (Status s = read_header(header, prefix, known); !s.ok()) return s;
    const uint64_t image_bytes = prefix.file_bytes - header.size();
    const uint64_t bytes = image_bytes + row_sum_bytes(known);
    image = allocate(bytes);
    if (!image) {
      return {Code::out_of_memory, "the model needs " + std::to_string(bytes >> 20) +
                                       " MiB and the machine does not give them; close other pages"};
    }
    next_sums = reinterpret_cast<int32_t*>(image.get() + image_bytes);
    weights.config = known.config;
    weights.fingerprint = hash64(0, header);
    resize_layers(known.config, weights);
    layout = std::move(known);
    return {};
  }

  Status complete_section() {
    const Section& s = layout.sections[section];
    if (checksums && crc != s.crc) return bad_checksum(s.name(), crc, s.crc);
    const std::span bytes(at(s.offset), static_cast<size_t>(s.bytes));
    for (const uint8_t* p = at(s.offset + s.bytes); p < at(s.end()); ++p) {
      if (*p != 0) return bad_section(s.name(), "the padding after it is not zero");
    }
    if (Status status = bind_section(s, bytes, next_sums, weights); !status.ok()) return status;
    ++section;
    crc = 0;
    // An empty section (calibration) has no last byte that would complete it.
    return !done() && layout.sections[section].bytes == 0 ? complete_section() : Status();
  }

  Status advance(size_t bytes) {
    if (!error.ok()) return error;
    const std::span<uint8_t> room = next();
    if (bytes == 0 || bytes > room.size()) {
      return fail({Code::bad_input, "advance(" + std::to_string(bytes) + ") where next() has " +
                                        std::to_string(room.size()) + " bytes; start over with a new loader"});
    }
    const bool in_header = !header_known();
    if (!in_header && checksums) crc = crc32(crc, room.first(bytes));
    filled += bytes;
    if (bytes < room.size()) return {};
    if (!in_header) return fail(complete_section());
    return fail(filled == kPrefixBytes ? complete_prefix() : complete_header());
  }
};

ModelLoader::ModelLoader(size_t max_bytes) : impl_(std::make_unique<Impl>(max_bytes)) {}
ModelLoader::~ModelLoader() = default;

void ModelLoader::skip_checksums() { impl_->checksums = false; }
std::span<uint8_t> ModelLoader::next() { return impl_->next(); }
Status ModelLoader::advance(size_t bytes) { return impl_->advance(bytes); }
bool ModelLoader::done() const { return impl_->done(); }
size_t ModelLoader::loaded_bytes() const { return impl_->filled; }
size_t ModelLoader::total_bytes() const {
  return impl_->header_known() ? static_cast<size_t>(impl_->prefix.file_bytes) : 0;
}

Status ModelLoader::finish(ModelWeights& out) {
  if (!impl_->error.ok()) return impl_->error;
  if (!impl_->done()) {
    return impl_->fail(bad_section(impl_->current_name(),
                                   "the file ends after " + std::to_string(impl_->filled) +
                                       " bytes, in the middle of it; download the file again"));
  }
  if (impl_->finished) return impl_->fail({Code::bad_input, "finish() was called twice"});
  impl_->finished = true;
  out = std::move(impl_->weights);
  return {};
}

}  // namespace thimble
