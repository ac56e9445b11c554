// Chunks with other bytes and one XXH3-128 digest, as many as one likes, by arithmetic.
//
// Above 240 bytes XXH3 takes blocks of 1,024 bytes, each of 16 stripes of 64 bytes, each of eight
// words, one a lane; behind a block it scrambles its eight sums. A word adds to the sum of its lane
// the product of the two halves of (word XOR secret), and to the sum of the lane beside it itself.
// Where the upper half of the XOR is 0, so is the product, and two such words of one lane in two
// stripes of a block count by their sum alone: what is added to one may be taken from the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <vector>

#define XXH_INLINE_ALL  // For its secret.
#include <xxhash.h>

#include "content/random_bytes.h"

namespace cairn_test {

// Where the two words of a chunk stand.
struct Twist {
  static constexpr std::size_t kStripeBytes = 64;
  static constexpr std::size_t kStripes = 16;
  static constexpr std::size_t kLanes = 8;

  std::size_t block = 0;
  std::size_t first = 0;  // Stripes of the block.
  std::size_t second = 1;
  std::size_t lane = 0;

  [[nodiscard]] std::size_t offset(std::size_t stripe) const {
    return (block * kStripes + stripe) * kStripeBytes + lane * sizeof(std::uint64_t);
  }
  // The last 64 bytes of a chunk are hashed in another way, and so are chunks of up to 240 bytes.
  [[nodiscard]] bool fits(std::size_t size) const {
    const auto last = offset(first < second ? second : first) + sizeof(std::uint64_t);
    return size > 240 && first != second && last + kStripeBytes <= size;
  }
};

// Any place in a chunk of that size, which is at least 256.
inline Twist random_twist(Random& random, std::size_t size) {
  const std::size_t blocks = size / (Twist::kStripes * Twist::kStripeBytes) + 1;
  for (;;) {
    const Twist at{random.below(blocks), random.below(Twist::kStripes),
                   random.below(Twist::kStripes), random.below(Twist::kLanes)};
    if (at.fits(size)) {
      return at;
    }
  }
}

// Writes the two words: for each number below 1,000,000 the chunk is another one, and its digest
// the same.
inline void twist(std::span<std::byte> chunk, const Twist& at, std::uint32_t number) {
  if (!at.fits(chunk.size()) || number >= 1'000'000) {
    throw std::invalid_argument("no place for such a twist");
  }
  const auto put = [&](std::size_t stripe, std::uint64_t lower) {
    constexpr std::uint64_t kUpper = 0xffff'ffff'0000'0000;
    std::uint64_t secret = 0;
    std::memcpy(&secret, XXH3_kSecret + (stripe + at.lane) * sizeof secret, sizeof secret);
    const auto word = (secret & kUpper) | lower;
    std::memcpy(chunk.data() + at.offset(stripe), &word, sizeof word);
  };
  put(at.first, 1'000'000U + number);
  put(at.second, 2'000'000U - number);
}

// Chunk `number` of those that collide, at this size.
inline std::vector<std::byte> colliding_chunk(std::size_t size, std::uint32_t number) {
  auto out = Random(size).bytes(size);
  twist(out, {}, number);
  return out;
}

}  // namespace cairn_test
