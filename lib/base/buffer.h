// Buffer: uninitialised, aligned memory for loaded bytes; large ones ask for huge pages, because
// page faults, not copying, rule the time of a load into fresh memory.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace cairn {

class Buffer {
 public:
  // 64-byte aligned. Throws std::bad_alloc.
  explicit Buffer(std::size_t size);

  [[nodiscard]] std::span<std::byte> bytes() noexcept { return {data_.get(), size_}; }

 private:
  struct Free {
    void operator()(std::byte* data) const noexcept;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_;
};

}  // namespace cairn
