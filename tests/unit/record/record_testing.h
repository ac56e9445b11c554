// What the tests of records share: random text from a seed, and the damage every decoder is put
// through.
//
// CAIRN_TEST_SEED repeats a run; a test that uses it prints it with MESSAGE.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "cairn/error.h"
#include "cairn/key.h"
#include "cairn/value.h"
#include "record/flat.h"

namespace cairn_test {

inline std::uint64_t seed() {
  static const std::uint64_t chosen = [] {
    const char* text = std::getenv("CAIRN_TEST_SEED");
    return text != nullptr ? std::strtoull(text, nullptr, 0) : std::random_device{}();
  }();
  return chosen;
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t next() { return engine_(); }
  // In [0, limit).
  std::size_t below(std::size_t limit) { return engine_() % limit; }
  bool one_in(std::size_t n) { return below(n) == 0; }

  // Text of 1 to `max` bytes, mostly ASCII, with a letter of two bytes here and there.
  std::string text(std::size_t max) {
    std::string out;
    for (std::size_t left = below(max) + 1; out.size() < left;) {
      out += one_in(8) && out.size() + 2 <= left
                 ? "\xC3\xA9"
                 : std::string(1, static_cast<char>(' ' + below(95)));
    }
    return out;
  }

  // `count` sorted, unique texts.
  std::vector<std::string> names(std::size_t count, std::size_t max = 20) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back(text(max));
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  std::string key_name() {
    static constexpr std::string_view kWords[] = {"a", "mnist", "mlp-1", "0x", "b.c_d", "Z"};
    std::string out(kWords[below(6)]);
    while (one_in(2)) {
      out += "/";
      out += kWords[below(6)];
    }
    return out;
  }

  // Small numbers and large ones, and those around the ends of bytes.
  std::uint64_t number() { return next() >> below(64); }

  cairn::Digest digest() {
    cairn::Digest out;
    for (auto& byte : out.bytes) {
      byte = static_cast<std::uint8_t>(next());
    }
    return out;
  }

  std::vector<std::byte> bytes(std::size_t size) {
    std::vector<std::byte> out(size);
    for (auto& byte : out) {
      byte = static_cast<std::byte>(next());
    }
    return out;
  }

  cairn::Value value(int depth = 4) {
    switch (below(depth > 0 ? 9 : 7)) {
      case 0:
        return nullptr;
      case 1:
        return one_in(2);
      case 2:
        return static_cast<std::int64_t>(next());
      case 3:
        return next() | (std::uint64_t{1} << 63);
      case 4:
        return one_in(4) ? -0.0 : static_cast<double>(next()) / 3;
      case 5:
        return text(12);
      case 6:
        return bytes(below(9));
      case 7: {
        cairn::Value::List list;
        for (auto left = below(5); left > 0; --left) {
          list.push_back(value(depth - 1));
        }
        return list;
      }
      default: {
        cairn::Value::Map map;
        for (auto& key : names(below(5))) {
          map.emplace_back(std::move(key), value(depth - 1));
        }
        std::shuffle(map.begin(), map.end(), engine_);
        return map;
      }
    }
  }

 private:
  std::mt19937_64 engine_;
};

// Runs `decode` on a copy of exactly these bytes, `shift` bytes behind an aligned address, so that
// a sanitizer sees every read beside them.
template <class Decode>
auto decode_copy(std::string_view bytes, const Decode& decode, std::size_t shift = 0) {
  const std::unique_ptr<char[]> copy(new char[bytes.size() + shift]);
  std::memcpy(copy.get() + shift, bytes.data(), bytes.size());
  return decode(std::string_view(copy.get() + shift, bytes.size()));
}

// What a decoder says of damaged bytes must be Corruption or NewerFormat, or a record that could
// have been written.
template <class Decode, class Encode>
bool survives(std::string_view damaged, const Decode& decode, const Encode& encode) {
  const auto decoded = decode_copy(damaged, decode);
  if (!decoded) {
    const auto code = decoded.error().code;
    return code == cairn::Code::Corruption || code == cairn::Code::NewerFormat;
  }
  return encode(*decoded);
}

// Cuts, flips and garbage. `encode` says whether a decoded record can be encoded again. Returns
// how many of the flips were refused.
template <class Decode, class Encode>
std::size_t check_damage(const std::string& bytes, const Decode& decode, const Encode& encode) {
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    REQUIRE_MESSAGE(survives(bytes.substr(0, length), decode, encode), "cut to ", length);
  }
  std::size_t refused = 0;
  std::string damaged = bytes;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const auto mask = static_cast<char>(1U << (bit % 8));
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ mask);
    REQUIRE_MESSAGE(survives(damaged, decode, encode), "bit ", bit, " flipped");
    refused += decode(damaged) ? 0U : 1U;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ mask);
  }
  Random random(seed());
  for (int round = 0; round < 2'000; ++round) {
    for (auto left = random.below(8) + 1; left > 0; --left) {
      damaged[random.below(damaged.size())] = static_cast<char>(random.next());
    }
    REQUIRE_MESSAGE(survives(damaged, decode, encode), "round ", round, " of seed ", seed());
    damaged = random.one_in(8) ? bytes : damaged;
  }
  return refused;
}

// A record that is read from any address, and refused with another identifier or too few or many
// bytes; all with the right code and words.
template <class Decode>
void check_header(const std::string& bytes, const Decode& decode,
                  std::size_t max_bytes = cairn::kMaxRecordBytes) {
  for (std::size_t shift = 0; shift < 16; ++shift) {
    CHECK(decode_copy(bytes, decode, shift).has_value());
  }
  std::string other = bytes;
  other.replace(4, 4, "CNXX");
  const auto mistaken = decode(other);
  REQUIRE(!mistaken);
  CHECK(mistaken.error().code == cairn::Code::Corruption);
  CHECK(mistaken.error().message.find("\"CNXX\"") != std::string::npos);
  CHECK(mistaken.error().message.find(bytes.substr(4, 4)) != std::string::npos);

  const auto tiny = decode(bytes.substr(0, cairn::kMinRecordBytes - 1));
  REQUIRE(!tiny);
  CHECK(tiny.error().code == cairn::Code::Corruption);
  CHECK(tiny.error().message.find("found 15") != std::string::npos);

  std::string huge = bytes;
  huge.resize(max_bytes);
  CHECK(decode(huge).has_value());
  huge.resize(max_bytes + 1);
  const auto large = decode(huge);
  REQUIRE(!large);
  CHECK(large.error().code == cairn::Code::Corruption);
  CHECK(large.error().message.find(std::to_string(max_bytes + 1)) != std::string::npos);
}

template <class T>
bool fails_with(const cairn::Result<T>& result, cairn::Code code, std::string_view fragment) {
  if (result) {
    return false;
  }
  INFO(result.error().to_string());
  CHECK_MESSAGE(result.error().code == code, result.error().to_string());
  CHECK_MESSAGE(result.error().message.find(fragment) != std::string::npos, result.error().message);
  return true;
}

}  // namespace cairn_test
