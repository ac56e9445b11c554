// Chunkers: where a content is cut. Tensors into pieces of one size; opaque files by FastCDC, so
// that bytes inserted in the middle leave the chunks around them as they were.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace cairn {

// Constants of format v1. kTensorChunkBytes is a multiple of every element size. Readers take the
// sizes from the records: writers may choose others later.
inline constexpr std::uint64_t kTensorChunkBytes = std::uint64_t{1} << 20;
inline constexpr std::size_t kFileChunkMinBytes = std::size_t{64} << 10;
inline constexpr std::size_t kFileChunkNormalBytes = std::size_t{256} << 10;
inline constexpr std::size_t kFileChunkMaxBytes = std::size_t{1} << 20;
// No chunk of any content is larger, whatever cut it.
inline constexpr std::uint64_t kMaxChunkBytes = std::uint64_t{16} << 20;

// Chunks of a tensor of so many bytes: 0 for none.
[[nodiscard]] constexpr std::uint64_t fixed_chunk_count(std::uint64_t size_bytes) {
  return size_bytes / kTensorChunkBytes + (size_bytes % kTensorChunkBytes != 0 ? 1 : 0);
}

// The length of the chunk that starts at `window`, by FastCDC with normalised chunking. `window`
// holds the next kFileChunkMaxBytes bytes of the file, fewer only where the file ends. The result
// is in [1, window.size()], 0 for an empty window.
[[nodiscard]] std::size_t fastcdc_cut(std::span<const std::byte> window) noexcept;

}  // namespace cairn
