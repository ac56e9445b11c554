// Ids of stored things: chunks by a number that is never used twice, contents by digest and slot.
#pragma once

#include <compare>
#include <cstdint>

#include "cairn/key.h"

namespace cairn {

// Bit 63 says that the chunk stands in `chunks_small`. 0 is no chunk.
struct ChunkId {
  std::uint64_t value = 0;

  static constexpr std::uint64_t kSmallBit = std::uint64_t{1} << 63;
  [[nodiscard]] constexpr bool is_small() const { return (value & kSmallBit) != 0; }
  [[nodiscard]] constexpr std::uint64_t number() const { return value & ~kSmallBit; }

  friend constexpr auto operator<=>(const ChunkId&, const ChunkId&) = default;
};

// Contents that differ under one digest stand in slots 0, 1, 2 and so on.
struct ContentId {
  Digest digest;
  std::uint32_t slot = 0;

  friend auto operator<=>(const ContentId&, const ContentId&) = default;
};

}  // namespace cairn
