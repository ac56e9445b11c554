// Frames: encodes the header in front of a chunk's bytes, and takes a stored value apart again.
//
//   byte  0      length of the header, 16 to 64
//         1      codec
//         2      element width: 1, 2, 4, 8 or 16
//         3      zero
//         4..7   check: the low 32 bits of XXH3-64 over bytes 0..3 and 8..15
//         8..15  plain size
//        16..    zeros up to the length of the header
#include "content/frame.h"

#include <bit>
#include <cassert>
#include <cstring>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/bytes.h"
#include "base/text.h"
#include "content/chunker.h"

namespace cairn {

namespace {

constexpr std::size_t kMinHeaderBytes = 16;
constexpr std::size_t kLongestWritten = 45;
constexpr std::size_t kMaxHeaderBytes = 64;
constexpr std::size_t kBlockPrefixBytes = 18;  // Of a block entry: shared, unshared, the key.
constexpr std::size_t kPayloadOffset = 64;
constexpr std::size_t kBlockEndBytes = 13;  // One restart point, how many there are, the trailer.
constexpr std::uint8_t kMaxElementWidth = 16;

constexpr std::size_t varint_bytes(std::size_t value) {
  return value == 0 ? 1 : (static_cast<std::size_t>(std::bit_width(value)) + 6) / 7;
}

// Of a header whose first 16 bytes stand at `header`.
std::uint32_t header_check(const std::byte* header) noexcept {
  std::byte checked[12];
  std::memcpy(checked, header, 4);
  std::memcpy(checked + 4, header + 8, 8);
  return static_cast<std::uint32_t>(XXH3_64bits(checked, sizeof checked));
}

tl::unexpected<Error> damaged(std::size_t offset, std::string_view what, std::string_view expected,
                              std::uint64_t found) {
  return fail(Code::Corruption, "frame header, byte " + std::to_string(offset) + ": " +
                                    std::string(what) + ", expected " + std::string(expected) +
                                    ", found " + std::to_string(found));
}

[[nodiscard]] Result<void> check_padding(std::span<const std::byte> header) {
  for (std::size_t i = kMinHeaderBytes; i < header.size(); ++i) {
    if (header[i] != std::byte{0}) {
      return damaged(i, "padding", "0", std::to_integer<std::uint64_t>(header[i]));
    }
  }
  return {};
}

[[nodiscard]] Result<void> check_sizes(const FrameHeader& header, std::size_t payload_bytes) {
  if (!std::has_single_bit(header.element_width) || header.element_width > kMaxElementWidth) {
    return damaged(2, "element width", "1, 2, 4, 8 or 16", header.element_width);
  }
  if (header.plain_bytes > kMaxChunkBytes) {
    return damaged(8, "plain size", "at most " + std::to_string(kMaxChunkBytes),
                   header.plain_bytes);
  }
  if (header.plain_bytes != payload_bytes) {
    return damaged(8, "plain size", std::to_string(payload_bytes) + " (the bytes that follow)",
                   header.plain_bytes);
  }
  return {};
}

}  // namespace

std::size_t frame_header_bytes(std::size_t payload_bytes) noexcept {
  // Where the value's varint grows by a byte the header shrinks by one. Between the two stands one
  // payload size that no header fits; its payload is not aligned.
  for (std::size_t header = kMinHeaderBytes; header <= kLongestWritten; ++header) {
    if (kBlockPrefixBytes + varint_bytes(header + payload_bytes) + header == kPayloadOffset) {
      return header;
    }
  }
  return kLongestWritten;
}

std::size_t payload_offset(std::size_t payload_bytes) noexcept {
  const auto header = frame_header_bytes(payload_bytes);
  return kBlockPrefixBytes + varint_bytes(header + payload_bytes) + header;
}

std::uint64_t block_bytes(std::size_t payload_bytes) noexcept {
  const auto used = payload_offset(payload_bytes) + payload_bytes + kBlockEndBytes;
  return (used + kBlockAlignment - 1) / kBlockAlignment * kBlockAlignment;
}

void encode_frame_header(const FrameHeader& header, std::span<std::byte> out) noexcept {
  assert(out.size() >= kMinHeaderBytes && out.size() <= kMaxHeaderBytes);
  std::memset(out.data(), 0, out.size());
  out[0] = static_cast<std::byte>(out.size());
  out[1] = static_cast<std::byte>(header.codec);
  out[2] = static_cast<std::byte>(header.element_width);
  std::memcpy(out.data() + 8, &header.plain_bytes, sizeof header.plain_bytes);
  const std::uint32_t check = header_check(out.data());
  std::memcpy(out.data() + 4, &check, sizeof check);
}

Result<Frame> decode_frame(std::span<const std::byte> stored) {
  if (stored.size() < kMinHeaderBytes) {
    return damaged(0, "stored size", "at least 16", stored.size());
  }
  const std::string_view text = as_text(stored.first(kMinHeaderBytes));
  const auto check = load_le<std::uint32_t>(text, 4);
  if (const std::uint32_t computed = header_check(stored.data()); check != computed) {
    return damaged(4, "check", std::to_string(computed), check);
  }
  // From here on the header is as somebody wrote it. What a codec of later makes of the other
  // fields is not known, so that it comes first.
  if (const auto codec = load_le<std::uint8_t>(text, 1);
      codec != static_cast<std::uint8_t>(Codec::Raw)) {
    return fail(Code::NewerFormat,
                "frame header, byte 1: codec, expected 0 (raw), found " + std::to_string(codec));
  }
  const std::size_t length = load_le<std::uint8_t>(text, 0);
  if (length < kMinHeaderBytes || length > kMaxHeaderBytes || length > stored.size()) {
    return damaged(0, "header length",
                   "16 to 64 and at most the stored " + std::to_string(stored.size()), length);
  }
  if (const auto reserved = load_le<std::uint8_t>(text, 3); reserved != 0) {
    return damaged(3, "reserved byte", "0", reserved);
  }
  if (auto done = check_padding(stored.first(length)); !done) {
    return fail(std::move(done.error()));
  }
  const Frame frame{{Codec::Raw, load_le<std::uint8_t>(text, 2), load_le<std::uint64_t>(text, 8)},
                    stored.subspan(length)};
  if (auto done = check_sizes(frame.header, frame.payload.size()); !done) {
    return fail(std::move(done.error()));
  }
  return frame;
}

}  // namespace cairn
