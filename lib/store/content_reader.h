// Reading contents: from a content's record to verified bytes, in the caller's memory, in place,
// or piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "cairn/artifact.h"
#include "cairn/buffer.h"
#include "cairn/error.h"
#include "record/content_record.h"
#include "store/artifact_state.h"
#include "store/verified_chunks.h"

namespace cairn {

// InvalidArgument in a forked child.
[[nodiscard]] Result<void> check_process(const Artifact::State& state);

// The list of chunks behind a tensor or file, which has so many bytes.
[[nodiscard]] Result<ContentRecord> content_of(const ReadContext& context, const ContentId& id,
                                               std::uint64_t size_bytes);

// So many bytes of the call are done. Cancelled where it is to stop.
[[nodiscard]] Result<void> advance(const ReadContext& context, std::uint64_t bytes);

// Calls `take` for every chunk of the plan, on as many threads as it is worth, and counts what it
// returns, the bytes that are done. The error of the first chunk that fails, in their order, ends
// it.
using TakeChunk = std::function<Result<std::uint64_t>(VerifiedChunks& chunks, std::size_t i)>;
[[nodiscard]] Result<void> read_chunks(const ReadPlan& plan, const TakeChunk& take);

// Copies the content into `out`, which has its size; every chunk's digest is checked on the way.
[[nodiscard]] Result<void> read_content_into(const ReadContext& context,
                                             const ContentRecord& content,
                                             std::span<std::byte> out);

// Passes the chunks on in order, each verified first.
[[nodiscard]] Result<void> stream_content(const ReadContext& context, const ContentRecord& content,
                                          const Artifact::Sink& sink);

// The content as contiguous, 64-byte aligned, verified bytes: in place where it is one aligned
// chunk of a mapped file, else in a buffer.
[[nodiscard]] Result<PlacedBytes> place_content(const ReadContext& context,
                                                const ContentRecord& content);

// A new buffer, filled by `fill`, which takes its bytes and returns Result<void>.
template <class Fill>
[[nodiscard]] Result<PlacedBytes> place_in_buffer(std::uint64_t bytes, Fill&& fill) {
  auto buffer = std::make_shared<Buffer>();
  if (auto room = buffer->resize(bytes); !room) {
    return fail(std::move(room.error()));
  }
  if (auto filled = fill(buffer->bytes()); !filled) {
    return fail(std::move(filled.error()));
  }
  const auto placed = buffer->bytes();
  return PlacedBytes{placed, std::move(buffer)};
}

}  // namespace cairn
