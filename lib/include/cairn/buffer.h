// Buffer: memory to load into again and again. Page faults, not copying, rule the time of a load
// into fresh memory: memory that was used before has none, and huge pages have few.
//
//   cairn::Buffer buffer;  // Outside of the loop over checkpoints.
//   if (auto done = buffer.resize(info->size_bytes); !done) return fail(done.error());
//   artifact->read_into("weights", buffer.elements<float>());
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "cairn/error.h"
#include "cairn/tensor.h"

namespace cairn {

// Uninitialised bytes, 64-byte aligned; where there are 4 MiB or more the kernel is asked for huge
// pages. Move-only; a buffer that was moved from is empty. To be used by one thread at a time.
class Buffer {
 public:
  Buffer() noexcept = default;
  Buffer(Buffer&& other) noexcept
      : data_(std::move(other.data_)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }

  // Makes bytes() so long. The memory is kept where it suffices, with what is in it, and never
  // given back; else it is replaced by more, and what it holds is unspecified. LimitExceeded where
  // there is not as much; the buffer is empty then.
  [[nodiscard]] CAIRN_API Result<void> resize(std::size_t bytes);

  // Valid until the buffer is resized, moved from or destroyed.
  [[nodiscard]] std::span<std::byte> bytes() noexcept { return {data_.get(), size_}; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_.get(), size_}; }
  // As elements of a type; bytes at the end that make no whole one are left out.
  template <Element T>
  [[nodiscard]] std::span<T> elements() noexcept {
    return {reinterpret_cast<T*>(data_.get()), size_ / sizeof(T)};
  }

 private:
  [[nodiscard]] Result<void> grow(std::size_t bytes);

  struct Free {
    CAIRN_API void operator()(std::byte* data) const noexcept;
  };

  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace cairn
