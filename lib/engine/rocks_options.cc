// The options of the database and of its three kinds of column family: records, the index of
// chunks, and the chunks themselves.
#include "engine/rocks_options.h"

#include <algorithm>
#include <memory>
#include <string>

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>

namespace cairn {

namespace {

// The directory of a store holds data only: no log files, and a reader changes nothing at all.
class SilentLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, std::va_list) override {}
};

// After an error in the background nothing is written any more before the store is opened again.
class NoRecovery final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

// Never reached: cairn says itself when memtables are flushed (database_write.cc).
constexpr std::size_t kWriteBufferBytes = std::size_t{128} << 20;

rocksdb::CompressionType record_compression() {
  const auto known = rocksdb::GetSupportedCompressions();
  const bool lz4 = std::find(known.begin(), known.end(), rocksdb::kLZ4Compression) != known.end();
  return lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

rocksdb::BlockBasedTableOptions common_table() {
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;  // Pinned: a newer default must not lock older readers out.
  table.checksum = rocksdb::kXXH3;
  return table;
}

rocksdb::ColumnFamilyOptions record_family(const std::shared_ptr<rocksdb::Cache>& cache) {
  auto table = common_table();
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = record_compression();
  options.write_buffer_size = kWriteBufferBytes;
  options.memtable_protection_bytes_per_key = 8;
  return options;
}

// Written by ingestion only: never compacted on its own, never cached (the mapping is the cache).
// One chunk a block, padded to 64 bytes, so that payloads are aligned in the mapped file.
rocksdb::ColumnFamilyOptions chunk_family() {
  auto table = common_table();
  table.no_block_cache = true;
  table.block_align = true;
  table.block_size = 64;
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kNoCompression;
  options.disable_auto_compactions = true;
  options.target_file_size_base = std::uint64_t{256} << 20;
  return options;
}

rocksdb::ColumnFamilyOptions small_chunk_family() {
  auto table = common_table();
  table.no_block_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kNoCompression;
  // A compaction that meets a damaged block makes RocksDB refuse every further write. These are
  // merged only when the database is closed, where that does no harm.
  options.disable_auto_compactions = true;
  options.write_buffer_size = kWriteBufferBytes;
  options.memtable_protection_bytes_per_key = 8;
  return options;
}

rocksdb::DBOptions database_options(const RocksChoices& choices) {
  rocksdb::DBOptions db;
  db.create_if_missing = choices.create;
  db.create_missing_column_families = choices.create;
  db.info_log = std::make_shared<SilentLogger>();
  // The default mode drops synced records in silence behind a damaged one; this one refuses, and
  // forgives only a torn tail, which nobody was told is safe.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.allow_mmap_reads = choices.mmap;
  db.advise_random_on_open = false;  // With mmap it makes cold reads twenty times slower.
  db.max_open_files = -1;            // Open files stay readable when a writer removes them.
  db.file_checksum_gen_factory = file_digest_factory(choices.watch);
  db.listeners = {std::make_shared<NoRecovery>()};
  db.max_bgerror_resume_count = 0;
  // Every opening reader reads the manifest; a full one is written anew as a snapshot.
  db.max_manifest_file_size = std::uint64_t{4} << 20;
  db.max_total_wal_size = std::uint64_t{128} << 20;  // Never reached either.
  db.atomic_flush = true;  // The counters leave the log together with what they count.
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.bytes_per_sync = std::uint64_t{4} << 20;  // Start writing back while the file grows.
  return db;
}

}  // namespace

RocksOptions rocks_options(const RocksChoices& choices) {
  RocksOptions out;
  out.db = database_options(choices);
  if (choices.watch) {
    out.env = rocksdb::NewCompositeEnv(watching_file_system(choices.watch));
    out.db.env = out.env.get();
  }
  const auto cache = rocksdb::NewLRUCache(std::size_t{32} << 20);
  const auto records = record_family(cache);
  for (const auto name : kFamilyNames) {
    auto options = records;
    if (name == name_of(Family::Chunks)) {
      options = chunk_family();
    } else if (name == name_of(Family::ChunksSmall)) {
      options = small_chunk_family();
    } else if (name == name_of(Family::ChunkIndex)) {
      options.compression = rocksdb::kNoCompression;  // Digests do not compress.
    }
    out.families.emplace_back(std::string(name), options);
  }
  return out;
}

}  // namespace cairn
