// FastCDC: finds the cut points of opaque files (Xia et al., "FastCDC: a Fast and Efficient
// Content-Defined Chunking Approach for Data Deduplication", USENIX ATC 2016).
//
// A gear hash rolls over the bytes behind the minimum; a chunk ends where the bits of a mask are
// all zero in it. Up to the normal size the mask has more bits than the average asks for, beyond
// it fewer (normalised chunking, level 2), so that sizes gather around the normal one.
//
// The table, the masks and the sizes decide where a writer of format v1 cuts, hence what
// deduplicates against what is stored. Readers do not depend on them.
#include "content/chunker.h"

#include <algorithm>
#include <array>

namespace cairn {

namespace {

using GearTable = std::array<std::uint64_t, 256>;

constexpr std::uint64_t kGearSeed = 0x6361'6972'6e2d'6364;  // "cairn-cd"

// The table of format v1: the first 256 values of splitmix64 (Steele, Lea, Flood, "Fast Splittable
// Pseudorandom Number Generators", 2014) that starts from `seed`.
constexpr GearTable make_gear_table(std::uint64_t seed) {
  GearTable table{};
  for (std::uint64_t& entry : table) {
    seed += 0x9e37'79b9'7f4a'7c15;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
    entry = z ^ (z >> 31);
  }
  return table;
}

constexpr GearTable kGear = make_gear_table(kGearSeed);

// The hash shifts left by one a byte, so its topmost bits depend on the last 64 bytes.
constexpr std::uint64_t top_bits(int count) {
  return ~std::uint64_t{0} << (64 - count);
}

// 256 KiB behind the minimum of 64 KiB: 18 bits, and two more or fewer.
constexpr std::uint64_t kMaskBelowNormal = top_bits(20);
constexpr std::uint64_t kMaskAboveNormal = top_bits(16);

}  // namespace

std::size_t fastcdc_cut(std::span<const std::byte> window) noexcept {
  const std::size_t end = std::min(window.size(), kFileChunkMaxBytes);
  const std::size_t normal = std::min(end, kFileChunkNormalBytes);
  std::uint64_t hash = 0;
  std::size_t at = kFileChunkMinBytes;
  for (; at < normal; ++at) {
    hash = (hash << 1) + kGear[std::to_integer<std::size_t>(window[at])];
    if ((hash & kMaskBelowNormal) == 0) {
      return at + 1;
    }
  }
  for (; at < end; ++at) {
    hash = (hash << 1) + kGear[std::to_integer<std::size_t>(window[at])];
    if ((hash & kMaskAboveNormal) == 0) {
      return at + 1;
    }
  }
  return end;
}

}  // namespace cairn
