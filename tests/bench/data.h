// Random tensors for the benchmarks: bytes that no codec and no deduplication can shrink.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <stdlib.h>

namespace bench {

// Page-aligned memory that has been written to, so that no run pays for its page faults.
class Block {
 public:
  explicit Block(std::size_t bytes)
      : data_(static_cast<std::byte*>(::aligned_alloc(4096, bytes))), bytes_(bytes) {}
  ~Block() { ::free(data_); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  void fill(std::uint64_t seed) {
    std::uint64_t x = seed * 0x9E37'79B9'7F4A'7C15 + 1;
    auto* words = reinterpret_cast<std::uint64_t*>(data_);
    for (std::size_t i = 0; i < bytes_ / sizeof *words; ++i) {
      x ^= x << 13;
      x ^= x >> 7;
      x ^= x << 17;
      // Exponents of ordinary floats: random bits would be full of NaN.
      words[i] = (x & 0x007F'FFFF'007F'FFFF) | 0x3F00'0000'3F00'0000;
    }
  }
  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return bytes_; }
  [[nodiscard]] std::span<const float> floats(std::size_t offset, std::size_t bytes) const {
    return {reinterpret_cast<const float*>(data_ + offset), bytes / sizeof(float)};
  }

 private:
  std::byte* data_;
  std::size_t bytes_;
};

}  // namespace bench
