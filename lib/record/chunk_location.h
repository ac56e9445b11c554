// ChunkLocation: a row of the chunk index: where the chunk of a digest stands.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cairn/error.h"
#include "content/frame.h"
#include "record/ids.h"

namespace cairn {

struct ChunkLocation {
  ChunkId id;
  ChunkId base;
  std::uint32_t plain_bytes = 0;
  std::uint32_t stored_bytes = 0;  // Frame header and payload.
  Codec codec = Codec::Raw;
};

// 32 bytes, little-endian; FORMAT.md has the table.
[[nodiscard]] std::string encode_location(const ChunkLocation& location);
[[nodiscard]] Result<ChunkLocation> decode_location(std::string_view bytes);

}  // namespace cairn
