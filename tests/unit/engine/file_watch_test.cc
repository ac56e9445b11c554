// What the watch says of files, against the files themselves: the checksums of tables, however they
// came to be, the manifest in use, and syncs that fail.
#include "engine/file_watch.h"

#include <cerrno>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include <doctest/doctest.h>
#include <rocksdb/db.h>
#include <rocksdb/file_system.h>
#include <rocksdb/metadata.h>

#include "base/bytes.h"
#include "content/random_bytes.h"
#include "engine/engine_testing.h"
#include "engine/manifest.h"
#include "engine/sync_calls.h"

namespace cairn {

namespace {

namespace fs = std::filesystem;

using cairn_test::add_chunk;
using cairn_test::build_file;
using cairn_test::Bytes;
using cairn_test::fails;
using cairn_test::files_in;
using cairn_test::must;
using cairn_test::ok;
using cairn_test::OnSync;
using cairn_test::open_database;
using cairn_test::Random;
using cairn_test::read_file;
using cairn_test::TempDir;
using cairn_test::write_file;

constexpr int kBottomLevel = 6;

std::string digest_of(std::string_view bytes) {
  const auto digest = chunk_digest(as_byte_span(bytes));
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

std::vector<rocksdb::LiveFileMetaData> tables_of(const Database& database) {
  std::vector<rocksdb::LiveFileMetaData> all;
  database.rocks()->GetLiveFilesMetaData(&all);
  return all;
}

std::vector<std::string> names_of(const Database& database, Family family) {
  std::vector<std::string> names;
  for (const auto& table : tables_of(database)) {
    if (table.column_family_name == name_of(family)) {
      names.push_back(table.name);
    }
  }
  return names;
}

// Every table's checksum is that of the file's bytes, and RocksDB finds so, too; the families that
// have tables.
std::set<std::string> check_tables(const Database& database) {
  std::set<std::string> families;
  for (const auto& table : tables_of(database)) {
    CAPTURE(table.column_family_name);
    CAPTURE(table.name);
    CHECK(table.file_checksum_func_name == kFileChecksumName);
    CHECK(table.file_checksum == digest_of(read_file(table.db_path + table.name)));
    families.insert(table.column_family_name);
  }
  const auto status = database.rocks()->VerifyFileChecksums({});
  CHECK_MESSAGE(status.ok(), status.ToString());
  return families;
}

// Chunks of the sizes where frames and padding are odd, and of random ones.
std::map<std::uint64_t, Bytes> some_chunks(std::uint64_t first) {
  Random random(first);
  std::map<std::uint64_t, Bytes> chunks;
  for (const std::size_t size : {1U, 63U, 64U, 65U, 83U, 127U, 128U, 4'096U, 16'340U, 65'536U}) {
    chunks[first + chunks.size()] = random.bytes(size);
  }
  for (int i = 0; i < 20; ++i) {
    chunks[first + chunks.size()] = random.bytes(1 + random.below(30'000));
  }
  return chunks;
}

void put_rows(const Database& database, Family family, std::uint64_t salt) {
  Random random(salt);
  for (int row = 0; row < 50; ++row) {
    const auto value = random.bytes(random.below(2'000));
    REQUIRE(database.rocks()
                ->Put({}, database.handle(family), "key" + std::to_string(random.below(1'000)),
                      as_text(value))
                .ok());
  }
}

void fill(Database& database, std::uint64_t salt) {
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    if (static_cast<Family>(i) != Family::Chunks) {
      put_rows(database, static_cast<Family>(i), salt + i);
    }
  }
  must(database.flush());
  for (int file = 0; file < 3; ++file) {
    const auto name = std::to_string(file) + ".sst";
    must(ingest(database, {build_file(database, name, some_chunks(salt))}));
    salt += 100;
  }
}

void compact_range(const Database& database, Family family) {
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  const auto before = names_of(database, family);
  REQUIRE(!before.empty());
  REQUIRE(database.rocks()->CompactRange(options, database.handle(family), nullptr, nullptr).ok());
  CHECK(names_of(database, family) != before);
}

void compact_files(const Database& database, Family family) {
  rocksdb::CompactionOptions options;
  options.compression = rocksdb::kNoCompression;
  const auto before = names_of(database, family);
  REQUIRE(before.size() > 1);
  const auto status =
      database.rocks()->CompactFiles(options, database.handle(family), before, kBottomLevel);
  REQUIRE_MESSAGE(status.ok(), status.ToString());
  CHECK(names_of(database, family).size() == 1);
}

// The database keeps a HEAD, which says what the watch knows of the manifest.
std::shared_ptr<Database> open_with_head(const StoreDir& dir) {
  auto database = open_database(dir);
  const HeadState state;
  database->keep_head(must(HeadFile::create(dir, state)), state);
  return database;
}

ManifestState manifest_of(Database& database) {
  must(database.note_head(1));
  return must(HeadFile::read(database.dir())).value().manifest;
}

// What the watch says is what is there.
ManifestState check_manifest_of(Database& database) {
  auto said = manifest_of(database);
  auto current = must(current_manifest(database.dir()));
  // A compaction of records may come between the two looks.
  for (int look = 0; look < 200 && said.bytes != current.bytes; ++look) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    said = manifest_of(database);
    current = must(current_manifest(database.dir()));
  }
  CHECK(said.number != 0);
  CHECK(said.number == current.number);
  CHECK(said.bytes == current.bytes);  // Each record of a manifest is synced.
  CHECK(ok(check_manifest(current, said)));
  return said;
}

std::unique_ptr<rocksdb::FSWritableFile> new_file(rocksdb::FileSystem& files,
                                                  const fs::path& path) {
  std::unique_ptr<rocksdb::FSWritableFile> out;
  REQUIRE(files.NewWritableFile(path.string(), {}, &out, nullptr).ok());
  return out;
}

void append(rocksdb::FSWritableFile& file, std::string_view text) {
  REQUIRE(file.Append(rocksdb::Slice(text.data(), text.size()), {}, nullptr).ok());
}

}  // namespace

TEST_CASE("watch: every table's checksum is that of its file: flushed, ingested, rewritten") {
  for (const bool mmap : {false, true}) {
    CAPTURE(mmap);
    const TempDir temp;
    const auto dir = temp.store();
    auto database = open_database(dir, false);
    const auto check_reopened = [&] {
      CHECK(check_tables(*database).size() == kFamilyCount);
      database.reset();
      // RocksDB cannot check the files of an mmap instance; what it writes there is checked next.
      database = open_database(dir, false);
      CHECK(check_tables(*database).size() == kFamilyCount);
      if (mmap) {
        database.reset();
        database = open_database(dir, true);
      }
    };
    fill(*database, 1'000);
    check_reopened();
    fill(*database, 5'000);
    compact_range(*database, Family::Chunks);
    compact_range(*database, Family::Models);
    database.reset();
    database = open_database(dir, false);
    check_reopened();
    fill(*database, 9'000);
    compact_files(*database, Family::Chunks);
    compact_files(*database, Family::ChunksSmall);
    database.reset();
    database = open_database(dir, false);
    check_reopened();
  }
}

TEST_CASE("watch: a flipped bit anywhere in a table is found by its checksum, padding included") {
  const TempDir temp;
  const auto dir = temp.store();
  auto database = open_database(dir, false);
  fill(*database, 1'000);
  compact_range(*database, Family::Chunks);
  const auto table = dir.database() / names_of(*database, Family::Chunks).front().substr(1);
  database.reset();
  const auto bytes = read_file(table);
  // Blocks are padded with zeros to 64 bytes: the middle of a run of them is padding.
  const auto padding = bytes.find(std::string(40, '\0'));
  REQUIRE(padding != std::string::npos);
  Random random(1);
  std::vector<std::size_t> places{0, padding + 20, bytes.size() - 1};
  for (int i = 0; i < 5; ++i) {
    places.push_back(random.below(bytes.size()));
  }
  for (const auto place : places) {
    CAPTURE(place);
    auto damaged = bytes;
    damaged[place] = static_cast<char>(damaged[place] ^ 1);
    write_file(table, damaged);
    const auto reopened = Database::open(dir, {.write = true, .create = false, .mmap = false}, {});
    // Damage at the end, where the table says what is in it, may be found before.
    CHECK((!reopened || (*reopened)->rocks()->VerifyFileChecksums({}).IsCorruption()));
    write_file(table, bytes);
  }
  database = open_database(dir, false);
  check_tables(*database);
}

TEST_CASE("watch: the manifest is known from the start, and as long and as good as it is on disk") {
  const TempDir temp;
  const auto dir = temp.store();
  std::uint64_t last = 0;
  for (int round = 0; round < 3; ++round) {
    const auto database = open_with_head(dir);
    auto said = check_manifest_of(*database);
    CHECK(said.number > last);
    const auto grows = [&] {
      const auto now = check_manifest_of(*database);
      CHECK(now.number == said.number);
      CHECK(now.bytes > said.bytes);
      said = now;
    };
    fill(*database, 1'000 * (static_cast<std::uint64_t>(round) + 1));
    grows();
    compact_range(*database, Family::Chunks);
    grows();
    put_rows(*database, Family::Names, 1);
    must(database->flush());
    grows();
    last = said.number;
  }
}

TEST_CASE("watch: a manifest that is full is replaced, and the new one is known at once") {
  const TempDir temp;
  const auto dir = temp.store();
  std::set<std::uint64_t> numbers;
  {
    const auto database = open_with_head(dir);
    // A manifest names the first and the last key of a table: long ones fill it fast.
    for (int table = 0; table < 12; ++table) {
      const std::string key(600'000, static_cast<char>('a' + table));
      REQUIRE(database->rocks()->Put({}, database->handle(Family::Names), key, "value").ok());
      must(database->flush());
      numbers.insert(check_manifest_of(*database).number);
    }
    must(ingest(*database, {build_file(*database, "1.sst", some_chunks(1))}));
    check_manifest_of(*database);
  }
  CHECK(numbers.size() > 2);
  check_manifest_of(*open_with_head(dir));
}

TEST_CASE("watch: a new manifest counts when the directory was synced after CURRENT named it") {
  const TempDir temp;
  const auto watch = std::make_shared<FileWatch>();
  const auto files = watching_file_system(watch);
  const auto current = temp.path() / "CURRENT";
  const auto name_in_current = [&](std::string_view name) {
    write_file(temp.path() / "000099.dbtmp", std::string(name) + "\n");
    REQUIRE(files->RenameFile(temp.path() / "000099.dbtmp", current, {}, nullptr).ok());
  };
  std::unique_ptr<rocksdb::FSDirectory> directory;
  REQUIRE(files->NewDirectory(temp.path(), {}, &directory, nullptr).ok());

  const auto first = new_file(*files, temp.path() / "MANIFEST-000004");
  append(*first, "first");
  REQUIRE(first->Sync({}, nullptr).ok());
  name_in_current("MANIFEST-000004");
  CHECK(watch->manifest().number == 0);
  REQUIRE(directory->Fsync({}, nullptr).ok());
  CHECK(watch->manifest() == ManifestState{4, 5, chunk_digest(as_byte_span("first"))});

  append(*first, " and more");
  CHECK(watch->manifest().bytes == 5);  // Not synced.
  REQUIRE(first->Fsync({}, nullptr).ok());
  CHECK(watch->manifest() == ManifestState{4, 14, chunk_digest(as_byte_span("first and more"))});

  const auto second = new_file(*files, temp.path() / "MANIFEST-000008");
  append(*second, "second");
  REQUIRE(second->Sync({}, nullptr).ok());
  CHECK(watch->manifest().number == 4);
  {
    // A sync that began before the renaming need not have carried it to the disk.
    const OnSync renaming([&](const std::string&) {
      if (watch->manifest().number == 4) {
        name_in_current("MANIFEST-000008");
      }
      return 0;
    });
    REQUIRE(directory->FsyncWithDirOptions({}, nullptr, {}).ok());
    CHECK(watch->manifest().number == 4);
  }
  REQUIRE(directory->FsyncWithDirOptions({}, nullptr, {}).ok());
  CHECK(watch->manifest() == ManifestState{8, 6, chunk_digest(as_byte_span("second"))});
}

TEST_CASE("watch: a sync that fails is kept, the first one, whatever it was of") {
  const TempDir temp;
  for (const int error : {EIO, ENOSPC}) {
    for (const std::string name : {"000001.sst", "000002.log", "MANIFEST-000003", "directory",
                                   "OPTIONS-000004", "000005.sst again"}) {
      CAPTURE(name);
      const auto watch = std::make_shared<FileWatch>();
      const auto files = watching_file_system(watch);
      std::unique_ptr<rocksdb::FSWritableFile> file;
      std::unique_ptr<rocksdb::FSDirectory> directory;
      const auto path = temp.path() / name.substr(0, name.find(' '));
      if (name == "directory") {
        fs::create_directories(path);
        REQUIRE(files->NewDirectory(path, {}, &directory, nullptr).ok());
      } else {
        file = new_file(*files, path);
        append(*file, "bytes");
      }
      if (name.ends_with("again")) {  // As a table is that is ingested.
        REQUIRE(file->Close({}, nullptr).ok());
        REQUIRE(files->ReopenWritableFile(path, {}, &file, nullptr).ok());
      }
      const auto sync = [&] {
        return directory ? directory->Fsync({}, nullptr) : file->Sync({}, nullptr);
      };
      CHECK(sync().ok());
      CHECK(!watch->failed_sync());
      {
        const OnSync failing([&](const std::string&) { return error; });
        CHECK(!sync().ok());
      }
      const auto failed = watch->failed_sync();
      REQUIRE(failed.has_value());
      CHECK(failed->starts_with(path.string() + ": "));
      CHECK(sync().ok());  // The kernel says OK the next time, and that means nothing.
      watch->sync_failed("a later one");
      CHECK(watch->failed_sync() == failed);
    }
  }
}

TEST_CASE("watch: after a sync that failed no file is deleted any more") {
  const TempDir temp;
  const auto watch = std::make_shared<FileWatch>();
  const auto files = watching_file_system(watch);
  for (const std::string name : {"000001.sst", "000002.log", "MANIFEST-000003"}) {
    const auto path = temp.path() / name;
    write_file(path, "x");
    CHECK(files->DeleteFile(path, {}, nullptr).ok());
    CHECK(!fs::exists(path));
    CHECK(!files->DeleteFile(path, {}, nullptr).ok());
    write_file(path, "x");
  }
  watch->sync_failed("some file");
  for (const std::string name : {"000001.sst", "000002.log", "MANIFEST-000003"}) {
    CHECK(files->DeleteFile(temp.path() / name, {}, nullptr).ok());
    CHECK(fs::exists(temp.path() / name));
  }
}

TEST_CASE(
    "watch: what a manifest may name after its sync failed is there when it is opened again") {
  const TempDir temp;
  for (const int error : {EIO, ENOSPC}) {
    const StoreDir dir{temp.path() / std::to_string(error)};
    auto database = open_database(dir);
    put_rows(*database, Family::Names, 1);
    must(database->flush());
    const auto built = build_file(*database, "1.sst", some_chunks(1));
    {
      const OnSync failing([&](const std::string& path) {
        return path.find("MANIFEST-") != std::string::npos ? error : 0;
      });
      CHECK(!ingest(*database, {built}));
    }
    database.reset();
    database = open_database(dir, false);
    check_tables(*database);
    must(ingest(*database, {build_file(*database, "2.sst", some_chunks(1'000))}));
  }
}

TEST_CASE("watch: after a sync that failed the database refuses to write and says which one") {
  const TempDir temp;
  for (const std::string part : {".log", "MANIFEST-", ".sst"}) {
    for (const int error : {EIO, ENOSPC}) {
      CAPTURE(part);
      const StoreDir dir{temp.path() / std::to_string(files_in(temp.path()))};
      const auto database = open_database(dir);
      put_rows(*database, Family::Names, 1);
      {
        const OnSync failing([&](const std::string& path) {
          return path.find(part) != std::string::npos ? error : 0;
        });
        if (part == ".log") {
          rocksdb::WriteBatch batch;
          REQUIRE(batch.Put(database->handle(Family::Names), "key", "value").ok());
          CHECK(fails(database->write(batch), error == EIO ? Code::Io : Code::NoSpace, part));
        } else {
          CHECK(!database->flush());
        }
      }
      CHECK(fails(database->check_writable(), Code::Io, "refuses to write", part));
      CHECK(fails(database->flush(), Code::Io, part));
      CHECK(database->failed());
    }
  }
}

TEST_CASE("watch: an ingestion whose sync fails ends all writing, on a full disk as well") {
  const TempDir temp;
  for (const int error : {EIO, ENOSPC}) {
    // Of the file where it was built, of it again when it is taken in, of the manifest.
    for (const std::string part : {"/incoming/", "/db/0", "/db/MANIFEST-"}) {
      CAPTURE(part);
      const StoreDir dir{temp.path() / std::to_string(files_in(temp.path()))};
      const auto database = open_database(dir);
      bool failed = false;
      {
        const OnSync failing([&](const std::string& path) {
          const bool hit = path.find(part) != std::string::npos;
          failed = failed || hit;
          return hit ? error : 0;
        });
        auto writer = must(BulkWriter::create(*database, dir.incoming() / "1.sst"));
        must(add_chunk(*writer, 1, Bytes(5'000)));
        const auto built = writer->finish();
        CHECK(built.has_value() == (part != "/incoming/"));
        CHECK((!built || !ingest(*database, {*built})));
      }
      REQUIRE(failed);
      CHECK(fails(database->check_writable(), Code::Io, "refuses to write"));
      CHECK(files_in(dir.incoming()) == 0);
    }
  }
}

}  // namespace cairn
