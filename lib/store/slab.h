// Slab: the pieces that a lane has at hand. Bytes that are not in memory are read once, and held
// until the lane goes on: what was hashed is what is compared and written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cairn/error.h"
#include "store/cutting.h"

namespace cairn {

class Slab {
 public:
  explicit Slab(const Cutting& cutting) : cutting_(cutting) {}

  // Lets go of everything, and makes room for the pieces in [begin, end).
  void start(std::size_t begin, std::size_t end);
  [[nodiscard]] std::size_t begin() const { return begin_; }
  [[nodiscard]] bool has(std::size_t piece) const { return piece >= begin_ && piece < end_; }

  // The bytes of a piece, to be called once; for different pieces by several threads at once. The
  // error names the content.
  [[nodiscard]] Result<std::span<const std::byte>> read(std::size_t piece, OpenFile& file);
  // The bytes of a piece that was read.
  [[nodiscard]] std::span<const std::byte> bytes(std::size_t piece) const;

 private:
  const Cutting& cutting_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::vector<std::size_t> places_;  // Where in memory_ the pieces stand.
  std::vector<std::byte> memory_;
};

// How much of a piece a slab has to hold.
[[nodiscard]] std::uint64_t held_bytes(const Cutting& cutting, std::size_t piece);

}  // namespace cairn
