// Chunks are read without RocksDB's block checksums: cairn's own digest covers the bytes, and is
// checked by whoever asked.
#include "engine/chunk_reader.h"

#include <atomic>
#include <string>
#include <utility>

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>

#include "base/bytes.h"
#include "engine/rocks_options.h"
#include "engine/status.h"
#include "record/keys.h"

namespace cairn {

namespace {

// A pinned block costs the iterator some hundred bytes, which go when the iterator does.
constexpr unsigned kPinsAnAnchor = 1024;

rocksdb::ReadOptions chunk_reads() {
  rocksdb::ReadOptions options;
  options.verify_checksums = false;
  options.fill_cache = false;
  return options;
}

Error missing(ChunkId id) {
  return {Code::Corruption, "chunk " + std::to_string(id.number()) +
                                (id.is_small() ? " (small)" : "") + " is missing"};
}

std::span<const std::byte> bytes_of(const rocksdb::Slice& slice) {
  return as_byte_span(slice.ToStringView());
}

// Moves the iterator to the chunk. Where it is not found: why.
Result<void> go_to(rocksdb::Iterator& iterator, ChunkId id, ChunkId last) {
  const auto key = encode_chunk_key(id);
  if (id.value == last.value + 1 && iterator.Valid()) {
    iterator.Next();  // Ids of one save follow each other.
  }
  if (!iterator.Valid() || iterator.key() != rocksdb::Slice(key)) {
    iterator.Seek(key);
  }
  if (iterator.Valid() && iterator.key() == rocksdb::Slice(key)) {
    return {};
  }
  if (!iterator.status().ok()) {
    return tl::unexpected(
        to_error(iterator.status(), "reading chunk " + std::to_string(id.number())));
  }
  return tl::unexpected(missing(id));
}

Result<void> get_small(const Database& database, ChunkId id, rocksdb::PinnableSlice& out) {
  const auto status = database.rocks()->Get(chunk_reads(), database.handle(Family::ChunksSmall),
                                            encode_chunk_key(id), &out);
  if (status.IsNotFound()) {
    return tl::unexpected(missing(id));
  }
  if (!status.ok()) {
    return tl::unexpected(to_error(status, "reading chunk " + std::to_string(id.number())));
  }
  return {};
}

std::unique_ptr<rocksdb::Iterator> big_chunks(const Database& database, bool pinning) {
  auto options = chunk_reads();
  options.pin_data = pinning;  // What the iterator has passed stays until it goes.
  return std::unique_ptr<rocksdb::Iterator>(
      database.rocks()->NewIterator(options, database.handle(Family::Chunks)));
}

}  // namespace

Result<PinnedFrame> pin_frame(const Database& database, ChunkId id) {
  return ChunkPins().pin(database, id);
}

// `moving` is held by the one thread that moves the iterator; what others have pinned stays.
struct ChunkPins::Anchor {
  explicit Anchor(const Database& database) : iterator(big_chunks(database, true)) {}

  std::unique_ptr<rocksdb::Iterator> iterator;
  ChunkId last;
  unsigned pinned = 0;
  std::atomic<bool> moving{true};
};

std::shared_ptr<ChunkPins::Anchor> ChunkPins::take() {
  std::shared_ptr<Anchor> anchor;
  {
    const std::lock_guard guard(mutex_);
    anchor = last_.lock();
  }
  return anchor && !anchor->moving.exchange(true) ? anchor : nullptr;
}

std::shared_ptr<ChunkPins::Anchor> ChunkPins::take_new(const Database& database) {
  auto anchor = std::make_shared<Anchor>(database);
  const std::lock_guard guard(mutex_);
  last_ = anchor;
  return anchor;
}

Result<PinnedFrame> ChunkPins::pin(const Database& database, ChunkId id) {
  if (id.is_small()) {
    auto slice = std::make_shared<rocksdb::PinnableSlice>();
    if (auto got = get_small(database, id, *slice); !got) {
      return tl::unexpected(std::move(got.error()));
    }
    const auto stored = bytes_of(*slice);
    return PinnedFrame(stored, std::move(slice));
  }
  auto anchor = take();
  auto found = anchor ? go_to(*anchor->iterator, id, anchor->last) : Result<void>();
  if (!anchor || !found) {
    anchor = take_new(database);  // None to be had, or it is older than the chunk.
    found = go_to(*anchor->iterator, id, {});
  }
  if (!found) {
    return tl::unexpected(std::move(found.error()));
  }
  anchor->last = id;
  const auto stored = bytes_of(anchor->iterator->value());
  anchor->moving = ++anchor->pinned == kPinsAnAnchor;  // What was enough is not moved again.
  return PinnedFrame(stored, std::move(anchor));
}

ChunkReader::ChunkReader(const Database& database) : database_(&database) {}
ChunkReader::~ChunkReader() = default;
ChunkReader::ChunkReader(ChunkReader&&) noexcept = default;

Result<std::span<const std::byte>> ChunkReader::read(ChunkId id) {
  if (id.is_small()) {
    return read_small(id);
  }
  const bool fresh = !big_;
  if (fresh) {
    big_ = big_chunks(*database_, false);
  }
  auto found = go_to(*big_, id, last_);
  if (!found && !fresh) {
    big_ = big_chunks(*database_, false);  // The iterator may be older than the chunk.
    found = go_to(*big_, id, {});
  }
  if (!found) {
    return tl::unexpected(std::move(found.error()));
  }
  last_ = id;
  return bytes_of(big_->value());
}

Result<std::span<const std::byte>> ChunkReader::read_small(ChunkId id) {
  if (!small_) {
    small_ = std::make_unique<rocksdb::PinnableSlice>();
  }
  small_->Reset();
  if (auto got = get_small(*database_, id, *small_); !got) {
    return tl::unexpected(std::move(got.error()));
  }
  return bytes_of(*small_);
}

}  // namespace cairn
