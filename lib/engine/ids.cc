// Finds where ids go on after an open.
#include "engine/ids.h"

#include <algorithm>

#include "record/keys.h"

namespace cairn {

Result<std::uint64_t> IdAllocator::reserve(std::uint64_t count) {
  auto next = next_.load();
  do {
    if (next >= ChunkId::kSmallBit || count > ChunkId::kSmallBit - next) {
      return tl::unexpected(Error{Code::LimitExceeded, "the store has run out of chunk ids"});
    }
  } while (!next_.compare_exchange_weak(next, next + count));
  return next;
}

Result<std::uint64_t> first_free_id(const Reader& reader, std::uint64_t counter) {
  std::uint64_t next = std::max<std::uint64_t>(counter, 1);
  for (const auto family : {Family::Chunks, Family::ChunksSmall}) {
    auto cursor = reader.cursor(family);
    cursor.seek_to_last();
    if (!cursor.valid()) {
      if (auto ended = cursor.status(); !ended) {
        return tl::unexpected(std::move(ended.error()));
      }
      continue;
    }
    auto last = decode_chunk_key(cursor.key(), family == Family::ChunksSmall);
    if (!last) {
      return tl::unexpected(std::move(last.error()));
    }
    next = std::max(next, last->number() + 1);
  }
  return next;
}

}  // namespace cairn
