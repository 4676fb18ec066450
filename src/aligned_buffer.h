// Memory for tensors: aligned, not initialised beyond zero, and never thrown about.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace thimble {

/// One zeroed block at a 64-byte boundary. `allocate` returns false when the machine has no room.
class AlignedBuffer {
 public:
  static constexpr size_t kAlign = 64;

  [[nodiscard]] bool allocate(size_t bytes) {
    const size_t padded = (bytes + kAlign - 1) / kAlign * kAlign;
    data_.reset(static_cast<uint8_t*>(std::aligned_alloc(kAlign, padded == 0 ? kAlign : padded)));
    size_ = data_ ? bytes : 0;
    if (data_) std::memset(data_.get(), 0, padded);
    return data_ != nullptr;
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
    uint8_t* at = base_ == nullptr ? nullptr : base_ + used_;
    const size_t bytes = count * sizeof(T);
    used_ += (bytes + AlignedBuffer::kAlign - 1) / AlignedBuffer::kAlign * AlignedBuffer::kAlign;
    return reinterpret_cast<T*>(at);
  }
  size_t used() const { return used_; }

 private:
  uint8_t* base_;
  size_t used_ = 0;
};

}  // namespace thimble
