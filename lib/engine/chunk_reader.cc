// Chunks are read without RocksDB's block checksums: cairn's own digest covers the bytes, and is
// checked by whoever asked.
#include "engine/chunk_reader.h"

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

// Where the iterator does not stand on `key`: why.
Result<void> check_found(const rocksdb::Iterator& iterator, std::string_view key, ChunkId id) {
  if (iterator.Valid() && iterator.key() == rocksdb::Slice(key)) {
    return {};
  }
  if (!iterator.status().ok()) {
    return tl::unexpected(
        to_error(iterator.status(), "reading chunk " + std::to_string(id.number())));
  }
  return tl::unexpected(missing(id));
}

}  // namespace

Result<PinnedFrame> pin_frame(const Database& database, ChunkId id) {
  const auto key = encode_chunk_key(id);
  if (id.is_small()) {
    auto slice = std::make_shared<rocksdb::PinnableSlice>();
    const auto status = database.rocks()->Get(chunk_reads(), database.handle(Family::ChunksSmall),
                                              key, slice.get());
    if (status.IsNotFound()) {
      return tl::unexpected(missing(id));
    }
    if (!status.ok()) {
      return tl::unexpected(to_error(status, "reading chunk " + std::to_string(id.number())));
    }
    const auto stored = bytes_of(*slice);
    return PinnedFrame(stored, std::move(slice));
  }
  std::shared_ptr<rocksdb::Iterator> iterator(
      database.rocks()->NewIterator(chunk_reads(), database.handle(Family::Chunks)));
  iterator->Seek(key);
  if (auto found = check_found(*iterator, key, id); !found) {
    return tl::unexpected(std::move(found.error()));
  }
  const auto stored = bytes_of(iterator->value());
  return PinnedFrame(stored, std::move(iterator));
}

ChunkReader::ChunkReader(const Database& database) : database_(&database) {}
ChunkReader::~ChunkReader() = default;
ChunkReader::ChunkReader(ChunkReader&&) noexcept = default;

void ChunkReader::open_big() {
  big_.reset(database_->rocks()->NewIterator(chunk_reads(), database_->handle(Family::Chunks)));
}

Result<std::span<const std::byte>> ChunkReader::read(ChunkId id) {
  if (id.is_small()) {
    return read_small(id);
  }
  const auto key = encode_chunk_key(id);
  const bool fresh = !big_;
  if (fresh) {
    open_big();
  } else if (big_->Valid()) {
    big_->Next();  // Ids of one save follow each other.
  }
  if (!big_->Valid() || big_->key() != rocksdb::Slice(key)) {
    big_->Seek(key);
  }
  if (!fresh && (!big_->Valid() || big_->key() != rocksdb::Slice(key))) {
    open_big();  // The iterator may be older than the chunk.
    big_->Seek(key);
  }
  if (auto found = check_found(*big_, key, id); !found) {
    return tl::unexpected(std::move(found.error()));
  }
  return bytes_of(big_->value());
}

Result<std::span<const std::byte>> ChunkReader::read_small(ChunkId id) {
  if (!small_) {
    small_ = std::make_unique<rocksdb::PinnableSlice>();
  }
  small_->Reset();
  const auto key = encode_chunk_key(id);
  const auto status = database_->rocks()->Get(chunk_reads(), database_->handle(Family::ChunksSmall),
                                              key, small_.get());
  if (status.IsNotFound()) {
    return tl::unexpected(missing(id));
  }
  if (!status.ok()) {
    return tl::unexpected(to_error(status, "reading chunk " + std::to_string(id.number())));
  }
  return bytes_of(*small_);
}

}  // namespace cairn
