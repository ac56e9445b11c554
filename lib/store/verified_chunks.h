// The chunks of contents, each checked against its digest before it is handed on; whatever reads
// tensors and files reads them here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cairn/buffer.h"
#include "cairn/error.h"
#include "engine/chunk_reader.h"
#include "engine/cold_reader.h"
#include "record/content_record.h"
#include "store/artifact_state.h"

namespace cairn {

// A chunk of a content, by its number, and where its first byte stands in the content.
struct ChunkAt {
  std::size_t index = 0;
  std::uint64_t offset = 0;
};

// A chunk, and what it is read for.
struct WantedChunk {
  const ReadContext* context = nullptr;
  const ContentRecord* content = nullptr;
  ChunkAt at;

  [[nodiscard]] const ChunkRef& ref() const { return content->chunks[at.index]; }
  // With ref, tensor, chunk and offset.
  [[nodiscard]] tl::unexpected<Error> failed(Error error) const;
};

// Where chunks stand that are better read past the mapping, because they are not in memory and (but
// for Exact) worth a descriptor. Nothing for all others.
[[nodiscard]] std::optional<BlockList> cold_blocks(const Database& database,
                                                   std::span<const WantedChunk> chunks,
                                                   ColdReader::Pattern pattern);

// The chunks that a call reads, in their order, and how.
class ReadPlan {
 public:
  ReadPlan(const Database& database, std::vector<WantedChunk> chunks, ColdReader::Pattern pattern);

  [[nodiscard]] std::size_t size() const noexcept { return chunks_.size(); }
  [[nodiscard]] const WantedChunk& operator[](std::size_t i) const { return chunks_[i]; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  friend class VerifiedChunks;

  const Database& database_;
  std::vector<WantedChunk> chunks_;
  std::uint64_t bytes_ = 0;
  ColdReader::Pattern pattern_;
  std::optional<BlockList> cold_;
};

// All chunks of a content, which outlives the list.
[[nodiscard]] std::vector<WantedChunk> chunks_of(const ReadContext& context,
                                                 const ContentRecord& content);

// Reads chunks of a plan, which outlives it. Used by one thread.
class VerifiedChunks {
 public:
  explicit VerifiedChunks(const ReadPlan& plan);

  // To `to`, where there is room for all of it.
  [[nodiscard]] Result<void> copy(std::size_t i, std::byte* to);
  // Valid until the next call.
  [[nodiscard]] Result<std::span<const std::byte>> view(std::size_t i);

 private:
  [[nodiscard]] Result<bool> copy_cold(std::size_t i, std::byte* to);
  [[nodiscard]] Result<void> copy_of(std::size_t i, std::byte* to);
  [[nodiscard]] Result<std::span<const std::byte>> view_of(std::size_t i);

  const ReadPlan& plan_;
  ChunkReader reader_;
  std::optional<ColdReader> cold_;
  Buffer scratch_;
};

// The chunk where it lies in the mapped file, at a multiple of 64 bytes; nothing where it does not
// lie so. Thread-safe.
[[nodiscard]] Result<std::optional<PlacedBytes>> pin_verified(const WantedChunk& chunk);

}  // namespace cairn
