// Aligned allocation, with huge pages for what is larger than two of them.
#include "base/buffer.h"

#include <cstdlib>
#include <new>

#include <sys/mman.h>

namespace cairn {

namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::size_t rounded_up(std::size_t size, std::size_t step) {
  return (size + step - 1) / step * step;
}

}  // namespace

Buffer::Buffer(std::size_t size) : size_(size) {
  const bool huge = size >= 2 * kHugePage;
  const auto alignment = huge ? kHugePage : kCacheLine;
  const auto reserved = rounded_up(size == 0 ? 1 : size, alignment);
  auto* data = static_cast<std::byte*>(std::aligned_alloc(alignment, reserved));
  if (data == nullptr) {
    throw std::bad_alloc();
  }
  data_.reset(data);
  if (huge) {
    ::madvise(data, reserved, MADV_HUGEPAGE);  // A wish; the kernel may not grant it.
  }
}

void Buffer::Free::operator()(std::byte* data) const noexcept {
  std::free(data);
}

}  // namespace cairn
