// Aligned allocation, with huge pages for what is larger than two of them.
#include "cairn/buffer.h"

#include <cstdint>
#include <cstdlib>
#include <string>

#include <sys/mman.h>

#include "base/guard.h"
#include "base/text.h"

namespace cairn {

namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

// More is asked for by mistake, and would not survive being rounded up.
constexpr std::size_t kMostBytes = PTRDIFF_MAX - kHugePage;

std::size_t rounded_up(std::size_t size, std::size_t step) {
  return (size + step - 1) / step * step;
}

tl::unexpected<Error> no_memory(std::size_t bytes) {
  return fail(Code::LimitExceeded, "no memory for " + std::to_string(bytes) + " bytes");
}

}  // namespace

Result<void> Buffer::resize(std::size_t bytes) {
  if (bytes > capacity_) {
    *this = Buffer();  // First, so that old and new memory need not fit side by side.
    if (auto grown = guarded([&] { return grow(bytes); }); !grown) {
      return grown;
    }
  }
  size_ = bytes;
  return {};
}

Result<void> Buffer::grow(std::size_t bytes) {
  if (bytes > kMostBytes) {
    return no_memory(bytes);
  }
  const bool huge = bytes >= 2 * kHugePage;
  const auto alignment = huge ? kHugePage : kCacheLine;
  const auto capacity = rounded_up(bytes, alignment);
  data_.reset(static_cast<std::byte*>(std::aligned_alloc(alignment, capacity)));
  if (!data_) {
    return no_memory(bytes);
  }
  if (huge) {
    ::madvise(data_.get(), capacity, MADV_HUGEPAGE);  // A wish; the kernel may not grant it.
  }
  capacity_ = capacity;
  return {};
}

void Buffer::Free::operator()(std::byte* data) const noexcept {
  std::free(data);
}

}  // namespace cairn
