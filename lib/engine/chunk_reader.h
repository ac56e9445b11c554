// Reading stored chunks by id: one after another for loads, or pinned for views without a copy.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "cairn/error.h"
#include "engine/database.h"
#include "record/ids.h"

namespace rocksdb {
class Iterator;
class PinnableSlice;
}  // namespace rocksdb

namespace cairn {

// A stored frame and what keeps it in place. With mmap a big chunk's lies inside the mapped file,
// and outlives the file's removal; else it is a copy on the heap.
class PinnedFrame {
 public:
  PinnedFrame(std::span<const std::byte> stored, std::shared_ptr<const void> pin)
      : stored_(stored), pin_(std::move(pin)) {}

  [[nodiscard]] std::span<const std::byte> stored() const noexcept { return stored_; }
  [[nodiscard]] const std::shared_ptr<const void>& pin() const noexcept { return pin_; }

 private:
  std::span<const std::byte> stored_;
  std::shared_ptr<const void> pin_;
};

// Corruption where the chunk is missing. The database must outlive the frame.
[[nodiscard]] Result<PinnedFrame> pin_frame(const Database& database, ChunkId id);

// Pins many frames at the cost of few: an iterator that pins what it has passed (about 4 KB, and a
// microsecond or two to make) is shared by the frames that were pinned while one of them lives. It
// holds the files as they were when it was made; none outlives its last frame.
//
// Thread-safe.
class ChunkPins {
 public:
  // As pin_frame.
  [[nodiscard]] Result<PinnedFrame> pin(const Database& database, ChunkId id);

 private:
  struct Anchor;
  [[nodiscard]] std::shared_ptr<Anchor> take();
  [[nodiscard]] std::shared_ptr<Anchor> take_new(const Database& database);

  std::mutex mutex_;
  std::weak_ptr<Anchor> last_;  // Guarded by mutex_.
};

// Reads frames; fastest where ids follow each other. Used by one thread.
class ChunkReader {
 public:
  explicit ChunkReader(const Database& database);
  ~ChunkReader();
  ChunkReader(ChunkReader&&) noexcept;

  // The stored frame, valid until the next call. Corruption where the chunk is missing.
  [[nodiscard]] Result<std::span<const std::byte>> read(ChunkId id);

 private:
  [[nodiscard]] Result<std::span<const std::byte>> read_small(ChunkId id);

  const Database* database_;
  std::unique_ptr<rocksdb::Iterator> big_;
  ChunkId last_;  // Where big_ stands.
  std::unique_ptr<rocksdb::PinnableSlice> small_;
};

}  // namespace cairn
