// The seed of a random test: from the environment's CAIRN_TEST_SEED, else a new one each run; a
// test prints it with CAPTURE.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace cairn::test {

inline std::uint64_t seed() {
  if (const char* text = std::getenv("CAIRN_TEST_SEED")) {
    return std::stoull(text);
  }
  return std::random_device()();
}

// Below `end`, which is not 0.
inline std::size_t below(std::mt19937_64& random, std::size_t end) {
  return random() % end;
}

// Any bytes, or those of `alphabet` where it is not empty; less than `end` of them.
inline std::string random_text(std::mt19937_64& random, std::size_t end,
                               const std::string& alphabet = {}) {
  std::string text(below(random, end), '\0');
  for (char& c : text) {
    c = alphabet.empty() ? static_cast<char>(random()) : alphabet[below(random, alphabet.size())];
  }
  return text;
}

}  // namespace cairn::test
