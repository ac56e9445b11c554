// Frames: how a chunk stands in the database: a header, then its bytes as encoded by a codec.
//
// The header is as long as it takes to put the payload 64 bytes behind the start of its RocksDB
// block, so that every raw payload is 64-byte aligned in the mapped file: a block entry of one
// record is {shared 1, unshared 1, varint value length, key 16, value}, hence 18 + varint length
// + header = 64. FORMAT.md has the byte table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "cairn/error.h"

namespace cairn {

// On disk: never renumber. Format v1 writers use Raw only.
enum class Codec : std::uint8_t { Raw = 0 };

struct FrameHeader {
  Codec codec = Codec::Raw;
  std::uint8_t element_width = 1;  // Bytes of one element, for codecs that split planes.
  std::uint64_t plain_bytes = 0;
};

struct Frame {
  FrameHeader header;
  std::span<const std::byte> payload;  // Points into what was decoded.
};

// Bytes of the header in front of a payload of `payload_bytes`; 16 to 45.
[[nodiscard]] std::size_t frame_header_bytes(std::size_t payload_bytes) noexcept;

// Where the payload of a raw chunk starts in its block: at 64, but for the few sizes that no header
// fits.
[[nodiscard]] std::size_t payload_offset(std::size_t payload_bytes) noexcept;

// From the start of a block with such a payload to the start of the next one; blocks are padded.
inline constexpr std::uint64_t kBlockAlignment = 64;
[[nodiscard]] std::uint64_t block_bytes(std::size_t payload_bytes) noexcept;

// Writes the header into `out`, which holds frame_header_bytes(payload_bytes) bytes.
void encode_frame_header(const FrameHeader& header, std::span<std::byte> out) noexcept;

// Takes a stored value apart. Corruption for a short or inconsistent frame, NewerFormat for a
// codec that this build does not know; the message says offset, expected and found.
[[nodiscard]] Result<Frame> decode_frame(std::span<const std::byte> stored);

}  // namespace cairn
