// Memory for tensors: aligned, not initialised beyond zero, and never thrown about.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace thimble {

/// One zeroed block at a 64-byte boundary. `allocate` returns false when the machine has no room,
/// and beyond kMaxBytes, which only a hostile configuration asks for. Sizes are 64-bit, so that no
/// checked configuration overflows them on wasm32.
class AlignedBuffer {
 public:
  static constexpr size_t kAlign = 64;
  static constexpr uint64_t kMaxBytes = uint64_t{512} << 20;

  [[nodiscard]] bool allocate(uint64_t bytes) {
    data_.reset();
    size_ = 0;
    if (bytes > kMaxBytes) return false;
    const size_t padded = (static_cast<size_t>(bytes) + kAlign - 1) / kAlign * kAlign;
    data_.reset(static_cast<uint8_t*>(std::aligned_alloc(kAlign, padded == 0 ? kAlign : padded)));
    if (!data_) return false;
    size_ = static_cast<size_t>(bytes);
    std::memset(data_.get(), 0, padded);
    return true;
  }
  uint8_t* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(uint8_t* p) const { std::free(p); }
  };
  std::unique_ptr<uint8_t, Free> data_;
  size_t size_ = 0;
};

/// Hands out parts of a block one after the other, each at a 64-byte boundary. With a null base
/// it only counts, so one routine both measures and carves.
class Carver {
 public:
  explicit Carver(uint8_t* base) : base_(base) {}

  template <class T>
  T* take(size_t count) {
    uint8_t* at = base_ == nullptr ? nullptr : base_ + static_cast<size_t>(used_);
    const uint64_t bytes = uint64_t{count} * sizeof(T);
    used_ += (bytes + AlignedBuffer::kAlign - 1) / AlignedBuffer::kAlign * AlignedBuffer::kAlign;
    return reinterpret_cast<T*>(at);
  }
  uint64_t used() const { return used_; }

 private:
  uint8_t* base_;
  uint64_t used_ = 0;
};

}  // namespace thimble
