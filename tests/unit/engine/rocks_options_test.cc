// The choices about RocksDB that promises hang on, as options and as what real tables are made of.
#include "engine/rocks_options.h"

#include <set>

#include <doctest/doctest.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/metadata.h>
#include <rocksdb/table.h>
#include <rocksdb/table_properties.h>

#include "base/bytes.h"
#include "content/random_bytes.h"
#include "engine/engine_testing.h"

namespace cairn {

namespace {

using cairn_test::build_file;
using cairn_test::must;
using cairn_test::open_database;
using cairn_test::TempDir;

constexpr Family kRecordFamilies[] = {Family::Default,  Family::Models,     Family::Configs,
                                      Family::Metadata, Family::Names,      Family::Aliases,
                                      Family::Contents, Family::ChunkIndex, Family::Trash};

const rocksdb::BlockBasedTableOptions& table_of(const RocksOptions& options, Family family) {
  const auto* table =
      options.of(family).table_factory->GetOptions<rocksdb::BlockBasedTableOptions>();
  REQUIRE(table != nullptr);
  return *table;
}

// The last bytes of a table: block checksum type first, format version and magic number last.
struct Footer {
  std::uint8_t checksum = 0;
  std::uint32_t format_version = 0;
  std::uint64_t magic = 0;
};

Footer footer_of(const std::filesystem::path& table) {
  constexpr std::size_t kFooterBytes = 1 + 40 + 4 + 8;
  const auto bytes = cairn_test::read_file(table);
  REQUIRE(bytes.size() > kFooterBytes);
  const auto footer = std::string_view(bytes).substr(bytes.size() - kFooterBytes);
  return {load_le<std::uint8_t>(footer), load_le<std::uint32_t>(footer, 41),
          load_le<std::uint64_t>(footer, 45)};
}

// A database with a table of every family: flushed, ingested, and rewritten.
std::shared_ptr<Database> database_with_tables(const TempDir& temp) {
  auto database = open_database(temp.store());
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    const auto family = static_cast<Family>(i);
    if (family != Family::Chunks) {
      for (int row = 0; row < 100; ++row) {
        REQUIRE(database->rocks()
                    ->Put({}, database->handle(family), "key" + std::to_string(row),
                          std::string(100, 'x'))
                    .ok());
      }
    }
  }
  must(database->flush());
  must(ingest(*database, {build_file(*database, "1.sst", {{1, cairn_test::Bytes(5'000)}})}));
  must(ingest(*database, {build_file(*database, "2.sst", {{2, cairn_test::Bytes(5'000)}})}));
  return database;
}

std::set<std::string> check_footers(const Database& database) {
  std::vector<rocksdb::LiveFileMetaData> tables;
  database.rocks()->GetLiveFilesMetaData(&tables);
  std::set<std::string> families;
  for (const auto& table : tables) {
    CAPTURE(table.column_family_name);
    const auto footer = footer_of(table.db_path + table.name);
    CHECK(footer.magic == 0x88e2'41b7'85f4'cff7);
    CHECK(footer.format_version == 5);
    CHECK(footer.checksum == rocksdb::kXXH3);
    families.insert(table.column_family_name);
  }
  return families;
}

}  // namespace

TEST_CASE("options: the log refuses damage and forgives a torn tail only") {
  const auto options = rocks_options({});
  CHECK(options.db.wal_recovery_mode == rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords);
  CHECK(!options.db.track_and_verify_wals_in_manifest);  // Cries wolf until RocksDB 7.10.
  CHECK(options.db.paranoid_checks);
  CHECK(!options.db.best_efforts_recovery);
  CHECK(!options.db.skip_checking_sst_file_sizes_on_db_open);
  CHECK(!options.db.allow_2pc);
  CHECK(!options.db.enable_pipelined_write);
  CHECK(!options.db.unordered_write);
}

TEST_CASE("options: memtables are flushed by cairn alone, of all families at once") {
  const auto options = rocks_options({});
  CHECK(options.db.atomic_flush);
  CHECK(options.db.max_total_wal_size == std::uint64_t{128} << 20U);
  CHECK(options.db.db_write_buffer_size == 0);
  for (const auto family : kRecordFamilies) {
    CHECK(options.of(family).write_buffer_size == std::size_t{128} << 20U);
  }
  CHECK(options.of(Family::ChunksSmall).write_buffer_size == std::size_t{128} << 20U);
}

TEST_CASE("options: mmap and creating are chosen, the rest does not depend on it") {
  for (const bool yes : {true, false}) {
    const auto options = rocks_options({.mmap = yes, .create = yes});
    CHECK(options.db.allow_mmap_reads == yes);
    CHECK(!options.db.allow_mmap_writes);
    CHECK(!options.db.use_direct_reads);
    CHECK(options.db.create_if_missing == yes);
    CHECK(options.db.create_missing_column_families == yes);
    CHECK(!options.db.advise_random_on_open);
    CHECK(options.db.max_open_files == -1);
    REQUIRE(options.db.file_checksum_gen_factory);
    CHECK(options.db.file_checksum_gen_factory->CreateFileChecksumGenerator({})->Name() ==
          std::string("cairn.xxh3-128"));
  }
}

TEST_CASE("options: every family is there, in the order of the enum, with format 5") {
  const auto options = rocks_options({});
  REQUIRE(options.families.size() == kFamilyCount);
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    const auto family = static_cast<Family>(i);
    CHECK(options.families[i].name == name_of(family));
    CHECK(table_of(options, family).format_version == 5);
    CHECK(table_of(options, family).checksum == rocksdb::kXXH3);
    CHECK(!options.of(family).enable_blob_files);
  }
  CHECK(name_of(Family::Default) == rocksdb::kDefaultColumnFamilyName);
}

TEST_CASE("options: records have a bloom filter and a checked memtable, digests are not packed") {
  const auto options = rocks_options({});
  for (const auto family : kRecordFamilies) {
    CAPTURE(name_of(family));
    CHECK(table_of(options, family).filter_policy != nullptr);
    CHECK(options.of(family).memtable_protection_bytes_per_key == 8);
    CHECK(!options.of(family).disable_auto_compactions);
  }
  CHECK(options.of(Family::ChunksSmall).memtable_protection_bytes_per_key == 8);
  CHECK(options.of(Family::ChunkIndex).compression == rocksdb::kNoCompression);
  CHECK(options.of(Family::ChunksSmall).compression == rocksdb::kNoCompression);
}

TEST_CASE("options: chunks are aligned, not cached, not packed and not compacted on their own") {
  const auto options = rocks_options({});
  const auto& chunks = options.of(Family::Chunks);
  const auto& table = table_of(options, Family::Chunks);
  CHECK(chunks.disable_auto_compactions);
  CHECK(chunks.compression == rocksdb::kNoCompression);
  CHECK(chunks.bottommost_compression == rocksdb::kDisableCompressionOption);  // As `compression`.
  CHECK(table.block_align);
  CHECK(table.block_size == 64);
  CHECK(table.no_block_cache);
  CHECK(table_of(options, Family::ChunksSmall).no_block_cache);
}

TEST_CASE("options: real tables of every family have the pinned footer, rewritten ones too") {
  const TempDir temp;
  const auto database = database_with_tables(temp);
  CHECK(check_footers(*database).size() == kFamilyCount);
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    rocksdb::CompactRangeOptions force;
    force.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    auto* handle = database->handle(static_cast<Family>(i));
    REQUIRE(database->rocks()->CompactRange(force, handle, nullptr, nullptr).ok());
  }
  CHECK(check_footers(*database).size() == kFamilyCount);
}

TEST_CASE("options: real tables of records have a filter, chunks lie in one block each") {
  const TempDir temp;
  const auto database = database_with_tables(temp);
  for (const auto family : kRecordFamilies) {
    CAPTURE(name_of(family));
    rocksdb::TablePropertiesCollection tables;
    REQUIRE(database->rocks()->GetPropertiesOfAllTables(database->handle(family), &tables).ok());
    CHECK(!tables.empty());
    for (const auto& [name, properties] : tables) {
      CHECK(properties->filter_size > 0);
    }
  }
  rocksdb::TablePropertiesCollection tables;
  REQUIRE(
      database->rocks()->GetPropertiesOfAllTables(database->handle(Family::Chunks), &tables).ok());
  CHECK(tables.size() == 2);
  for (const auto& [name, properties] : tables) {
    CHECK(properties->num_data_blocks == properties->num_entries);
    CHECK(properties->compression_name == "NoCompression");
  }
}

TEST_CASE("options: ingested tables stay where they are, however many there are") {
  const TempDir temp;
  auto database = open_database(temp.store());
  for (std::uint64_t i = 1; i <= 30; ++i) {
    must(
        ingest(*database, {build_file(*database, std::to_string(i), {{i, cairn_test::Bytes(9)}})}));
  }
  const auto names = [&] {
    std::vector<rocksdb::LiveFileMetaData> tables;
    database->rocks()->GetLiveFilesMetaData(&tables);
    std::set<std::string> out;
    for (const auto& table : tables) {
      out.insert(table.name);
    }
    return out;
  };
  const auto before = names();
  CHECK(before.size() == 30);
  database.reset();
  database = open_database(temp.store());
  CHECK(names() == before);
}

TEST_CASE("options: the directory of a database has no file for its log messages") {
  const TempDir temp;
  auto database = database_with_tables(temp);
  database.reset();
  database = open_database(temp.store());
  for (const auto& entry : std::filesystem::directory_iterator(temp.store().database())) {
    CHECK(!entry.path().filename().string().starts_with("LOG"));
  }
}

}  // namespace cairn
