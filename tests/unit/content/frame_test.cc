// Frames: their layout, where payloads come to stand, and what is refused.
#include "content/frame.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/bytes.h"
#include "base/text.h"
#include "content/chunker.h"
#include "random_bytes.h"

namespace cairn {

namespace {

using cairn_test::Random;

std::vector<std::byte> framed(std::span<const std::byte> payload, std::uint8_t width = 4) {
  std::vector<std::byte> out(frame_header_bytes(payload.size()));
  encode_frame_header({Codec::Raw, width, payload.size()}, out);
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

std::size_t varint_bytes(std::size_t value) {
  std::size_t bytes = 1;
  for (; value >= 128; value /= 128) {
    ++bytes;
  }
  return bytes;
}

bool is_aligned(std::size_t payload_bytes) {
  const std::size_t header = frame_header_bytes(payload_bytes);
  return 18 + varint_bytes(header + payload_bytes) + header == 64;
}

// A frame whose header says what `change` made of it, with the check that belongs to it: the one
// that the refusal of the wrong one names.
template <class Change>
std::vector<std::byte> forged(std::size_t payload_bytes, Change change) {
  std::vector<std::byte> out = framed(Random(1).bytes(payload_bytes));
  change(out);
  const auto wrong = decode_frame(out);
  REQUIRE_FALSE(wrong);
  const std::string& message = wrong.error().message;
  const std::size_t at = message.find("check, expected ");
  REQUIRE(at != std::string::npos);
  const auto check = static_cast<std::uint32_t>(std::stoull(message.substr(at + 16)));
  std::memcpy(out.data() + 4, &check, sizeof check);
  return out;
}

void check_refused(std::span<const std::byte> stored, Code code, std::string_view fragment) {
  const auto frame = decode_frame(stored);
  REQUIRE_FALSE(frame);
  CHECK(frame.error().code == code);
  INFO(frame.error().message);
  CHECK(frame.error().message.find(fragment) != std::string::npos);
}

std::vector<std::size_t> sizes_around(std::size_t middle, std::size_t distance) {
  std::vector<std::size_t> out;
  for (std::size_t size = middle - distance; size <= middle + distance; ++size) {
    out.push_back(size);
  }
  return out;
}

}  // namespace

TEST_CASE("frame: a header has the bytes that the format says") {
  const auto stored = framed(Random(9).bytes(3), 8);
  REQUIRE(stored.size() == 45 + 3);
  const std::string header = to_hex(as_text(std::span(stored).first(45)));
  CHECK(header.substr(0, 8) == "2d000800");
  CHECK(header.substr(8, 8) == "cb053a81");
  CHECK(header.substr(16) == "0300000000000000" + std::string(58, '0'));
}

TEST_CASE("frame: what was framed comes back, for all sizes around the boundaries") {
  const auto bytes = Random(2).bytes((std::size_t{2} << 20) + 64);
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size <= 300; ++size) {
    sizes.push_back(size);
  }
  for (const std::size_t size : sizes_around(16384, 64)) {
    sizes.push_back(size);
  }
  for (const std::size_t size : {std::size_t{1} << 20, (std::size_t{2} << 20) - 43}) {
    sizes.push_back(size);
  }
  for (const std::size_t size : sizes) {
    const auto payload = std::span(bytes).first(size);
    const std::uint8_t width = static_cast<std::uint8_t>(1U << (size % 5));
    const auto stored = framed(payload, width);
    const auto frame = decode_frame(stored);
    REQUIRE(frame);
    CHECK(frame->header.codec == Codec::Raw);
    CHECK(frame->header.element_width == width);
    CHECK(frame->header.plain_bytes == size);
    CHECK(frame->payload.data() == stored.data() + stored.size() - size);
    CHECK(std::ranges::equal(frame->payload, payload));
  }
}

TEST_CASE("frame: a block is its payload, 64 bytes in front and 13 behind, and padded to 64") {
  for (std::size_t size = 1; size < 70'000; size += 1 + size / 50) {
    CAPTURE(size);
    CHECK((payload_offset(size) == 64) == is_aligned(size));
    CHECK(block_bytes(size) == (payload_offset(size) + size + 13 + 63) / 64 * 64);
  }
  CHECK(payload_offset(83) == 65);
  CHECK(payload_offset(16'340) == 66);
  CHECK(payload_offset(2'097'109) == 67);
  CHECK(block_bytes(51) == 128);
  CHECK(block_bytes(52) == 192);
  CHECK(block_bytes(std::size_t{1} << 20U) == (1U << 20U) + 128);
}

TEST_CASE("frame: payloads stand 64 bytes into their block, but for one size a varint boundary") {
  std::vector<std::size_t> gaps;
  const auto look_at = [&](std::size_t size) {
    CHECK(frame_header_bytes(size) >= 16);
    CHECK(frame_header_bytes(size) <= 45);
    if (!is_aligned(size)) {
      CHECK(frame_header_bytes(size) == 45);
      gaps.push_back(size);
    }
  };
  for (std::size_t size = 1; size <= 4096; ++size) {
    look_at(size);
  }
  for (const std::size_t middle : {std::size_t{16} << 10, std::size_t{2} << 20}) {
    for (const std::size_t size : sizes_around(middle, 4096)) {
      look_at(size);
    }
  }
  CHECK(gaps == std::vector<std::size_t>{83, 16340, 2'097'109});
  CHECK(is_aligned(kTensorChunkBytes));
  CHECK(is_aligned(kMaxChunkBytes));
}

TEST_CASE("frame: a stored value cut short anywhere is corrupt") {
  const auto stored = framed(Random(3).bytes(40));
  for (std::size_t size = 0; size < stored.size(); ++size) {
    check_refused(std::span(stored).first(size), Code::Corruption, "frame header, byte");
  }
}

TEST_CASE("frame: bytes behind the payload are corrupt") {
  auto stored = framed(Random(3).bytes(40));
  stored.push_back(std::byte{0});
  check_refused(stored, Code::Corruption, "plain size, expected 41");
}

TEST_CASE("frame: any flipped bit of a header is corrupt") {
  const auto stored = framed(Random(4).bytes(100));
  for (std::size_t bit = 0; bit < (stored.size() - 100) * 8; ++bit) {
    auto damaged = stored;
    damaged[bit / 8] ^= std::byte{1} << (bit % 8);
    check_refused(damaged, Code::Corruption, "frame header, byte");
  }
}

TEST_CASE("frame: a codec that this build does not know is of a newer format") {
  check_refused(forged(100, [](auto& frame) { frame[1] = std::byte{7}; }), Code::NewerFormat,
                "codec, expected 0 (raw), found 7");
}

TEST_CASE("frame: a header that contradicts itself is corrupt although its check fits") {
  check_refused(forged(100, [](auto& frame) { frame[2] = std::byte{3}; }), Code::Corruption,
                "byte 2: element width, expected 1, 2, 4, 8 or 16, found 3");
  check_refused(forged(100, [](auto& frame) { frame[2] = std::byte{0}; }), Code::Corruption,
                "element width");
  check_refused(forged(100, [](auto& frame) { frame[2] = std::byte{32}; }), Code::Corruption,
                "element width");
  check_refused(forged(100, [](auto& frame) { frame[3] = std::byte{1}; }), Code::Corruption,
                "byte 3: reserved byte");
  check_refused(forged(100, [](auto& frame) { frame[8] = std::byte{99}; }), Code::Corruption,
                "byte 8: plain size, expected 100 (the bytes that follow), found 99");
  check_refused(forged(100, [](auto& frame) { frame[12] = std::byte{1}; }), Code::Corruption,
                "plain size, expected at most 16777216");
  check_refused(forged(100, [](auto& frame) { frame[0] = std::byte{15}; }), Code::Corruption,
                "byte 0: header length");
  check_refused(forged(100, [](auto& frame) { frame[0] = std::byte{65}; }), Code::Corruption,
                "byte 0: header length");
  check_refused(forged(3, [](auto& frame) { frame[0] = std::byte{64}; }), Code::Corruption,
                "at most the stored 48");
}

TEST_CASE("frame: a header longer than this writer's is read") {
  std::vector<std::byte> stored(64 + 10);
  encode_frame_header({Codec::Raw, 1, 10}, std::span(stored).first(64));
  const auto frame = decode_frame(stored);
  REQUIRE(frame);
  CHECK(frame->payload.size() == 10);
}

TEST_CASE("frame: a chunk over the cap is refused") {
  std::vector<std::byte> stored(16 + kMaxChunkBytes + 1);
  encode_frame_header({Codec::Raw, 1, kMaxChunkBytes + 1}, std::span(stored).first(16));
  check_refused(stored, Code::Corruption, "plain size, expected at most");
  stored.pop_back();
  encode_frame_header({Codec::Raw, 1, kMaxChunkBytes}, std::span(stored).first(16));
  CHECK(decode_frame(stored));
}

}  // namespace cairn
