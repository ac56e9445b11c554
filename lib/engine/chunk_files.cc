// RocksDB tells which table holds a key, and how many bytes lie between two keys of it; where a
// table begins is asked for all of them at once, so that is kept.
#include "engine/chunk_files.h"

#include <utility>

#include <rocksdb/db.h>
#include <rocksdb/metadata.h>
#include <rocksdb/table_properties.h>

#include "content/frame.h"
#include "engine/database.h"
#include "record/keys.h"

namespace cairn {

namespace {

std::string name_in(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

std::shared_ptr<const ChunkFiles::Tables> ChunkFiles::tables_with(const Database& database,
                                                                  const std::string& name) {
  {
    const std::lock_guard guard(mutex_);
    if (tables_ && tables_->contains(name)) {
      return tables_;
    }
  }
  rocksdb::ColumnFamilyMetaData meta;
  database.rocks()->GetColumnFamilyMetaData(database.handle(Family::Chunks), &meta);
  auto tables = std::make_shared<Tables>();
  for (const auto& level : meta.levels) {
    for (const auto& file : level.files) {
      tables->emplace(file.relative_filename, Table{file.smallestkey, file.largestkey, file.size});
    }
  }
  const std::lock_guard guard(mutex_);
  tables_ = std::move(tables);
  return tables_;
}

std::optional<BlockPlace> ChunkFiles::find(const Database& database, ChunkId id) {
  auto* const handle = database.handle(Family::Chunks);
  const auto key = encode_chunk_key(id);
  const rocksdb::Range here(key, key);
  rocksdb::TablePropertiesCollection found;
  if (!database.rocks()->GetPropertiesOfTablesInRange(handle, &here, 1, &found).ok() ||
      found.size() != 1) {
    return std::nullopt;
  }
  const auto& [path, properties] = *found.begin();
  const auto name = name_in(path);
  const auto tables = tables_with(database, name);
  const auto table = tables->find(name);
  if (table == tables->end() || table->second.bytes == 0) {
    return std::nullopt;
  }
  const rocksdb::Range before(table->second.first, key);
  std::uint64_t scaled = 0;
  if (!database.rocks()->GetApproximateSizes({}, handle, &before, 1, &scaled).ok()) {
    return std::nullopt;
  }
  // RocksDB spreads the index and the rest of a table over its blocks. Without them, rounded to
  // where a block can begin, the size is exact.
  const double bytes = static_cast<double>(scaled) * static_cast<double>(properties->data_size) /
                       static_cast<double>(table->second.bytes);
  const auto blocks = static_cast<std::uint64_t>(bytes / kBlockAlignment + 0.5);
  auto last = decode_chunk_key(table->second.last, false);
  return BlockPlace{path, blocks * kBlockAlignment, last ? *last : id};
}

}  // namespace cairn
