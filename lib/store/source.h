// Source: where the bytes of one content come from while it is being saved.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "cairn/error.h"

namespace cairn {

// Thread-safe; every thread brings its own scratch memory.
class Source {
 public:
  virtual ~Source() = default;

  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // `size` bytes from `offset` on, which lie inside: in place, or read into `scratch` and valid
  // until its next use. InvalidArgument where the bytes are no longer there.
  [[nodiscard]] virtual Result<std::span<const std::byte>> read(
      std::uint64_t offset, std::size_t size, std::vector<std::byte>& scratch) const = 0;
};

// Borrows the bytes.
[[nodiscard]] std::unique_ptr<Source> memory_source(std::span<const std::byte> bytes);
// A regular file as it is now; InvalidArgument from read() once it is another.
[[nodiscard]] Result<std::unique_ptr<Source>> file_source(const std::filesystem::path& path);

}  // namespace cairn
