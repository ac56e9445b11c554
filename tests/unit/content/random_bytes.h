// Bytes and numbers for the tests of this layer: from a seed that CAIRN_TEST_SEED sets, or, for
// golden values, from a fixed one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

namespace cairn_test {

// splitmix64: small, and the same everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e37'79b9'7f4a'7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
    return z ^ (z >> 31);
  }

  // In [0, limit).
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }

  std::vector<std::byte> bytes(std::size_t size) {
    std::vector<std::byte> out((size + 7) / 8 * 8);
    for (std::size_t i = 0; i < out.size(); i += 8) {
      const std::uint64_t word = next();
      std::memcpy(out.data() + i, &word, sizeof word);
    }
    out.resize(size);
    return out;
  }

 private:
  std::uint64_t state_;
};

// The seed of this run's random tests. A test that uses it prints it.
inline std::uint64_t seed() {
  static const std::uint64_t chosen = [] {
    const char* text = std::getenv("CAIRN_TEST_SEED");
    return text != nullptr ? std::strtoull(text, nullptr, 0) : std::random_device{}();
  }();
  return chosen;
}

}  // namespace cairn_test
