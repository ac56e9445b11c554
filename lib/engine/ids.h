// IdAllocator: chunk ids, each given out once in the life of a store.
#pragma once

#include <atomic>
#include <cstdint>

#include "cairn/error.h"
#include "engine/database.h"
#include "record/ids.h"

namespace cairn {

// Thread-safe. Ids up to next() may be in use; next() goes into the counters with every commit.
class IdAllocator {
 public:
  explicit IdAllocator(std::uint64_t next) : next_(next) {}

  // The first of `count` consecutive ids; LimitExceeded where there are no more below kSmallBit.
  [[nodiscard]] Result<std::uint64_t> reserve(std::uint64_t count);
  [[nodiscard]] std::uint64_t next() const { return next_.load(); }

 private:
  std::atomic<std::uint64_t> next_;
};

// max(counter, last key of `chunks` + 1, last key of `chunks_small` + 1): also the ids of chunks
// that were written for a save that never committed are passed over.
[[nodiscard]] Result<std::uint64_t> first_free_id(const Reader& reader, std::uint64_t counter);

}  // namespace cairn
