// When memtables become files: by cairn's own count, all families at once, and all or nothing of
// that in the manifest. A disk that is full is in tests/integration.
#include <algorithm>

#include <sys/stat.h>

#include <doctest/doctest.h>
#include <rocksdb/db.h>

#include "content/random_bytes.h"
#include "engine/engine_testing.h"
#include "engine/manifest.h"

namespace cairn {

namespace {

namespace fs = std::filesystem;

using cairn_test::must;
using cairn_test::ok;
using cairn_test::open_database;
using cairn_test::Random;
using cairn_test::TempDir;

constexpr std::size_t kMiB = std::size_t{1} << 20U;

// A row in every family but that of chunks, `bytes` in all.
void write_row(Database& database, std::uint64_t number, std::size_t bytes) {
  rocksdb::WriteBatch batch;
  const auto value = Random(number).bytes(bytes / (kFamilyCount - 1));
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    if (static_cast<Family>(i) != Family::Chunks) {
      REQUIRE(batch
                  .Put(database.handle(static_cast<Family>(i)), "row" + std::to_string(number),
                       {reinterpret_cast<const char*>(value.data()), value.size()})
                  .ok());
    }
  }
  must(database.write(batch));
}

std::vector<fs::path> logs_of(const StoreDir& dir) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(dir.database())) {
    if (entry.path().extension() == ".log") {
      out.push_back(entry.path());
    }
  }
  return out;
}

// How many families have the row.
std::size_t families_with(const Database& database, std::uint64_t number) {
  std::size_t count = 0;
  const auto reader = database.snapshot();
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    const auto value = reader->get(static_cast<Family>(i), "row" + std::to_string(number));
    count += must(value) ? 1 : 0;
  }
  return count;
}

std::size_t tables_of(const Database& database) {
  std::vector<rocksdb::LiveFileMetaData> all;
  database.rocks()->GetLiveFilesMetaData(&all);
  return all.size();
}

}  // namespace

TEST_CASE("write: memtables are flushed at 24 MiB, and there is one log before and after") {
  const TempDir temp;
  const auto dir = temp.store();
  const auto database = open_database(dir);
  for (std::uint64_t row = 0; row < 70; ++row) {
    CAPTURE(row);
    CHECK(tables_of(*database) == row / 24 * (kFamilyCount - 1));
    CHECK(logs_of(dir).size() == 1);
    CHECK(fs::file_size(logs_of(dir).front()) < 25 * kMiB);
    write_row(*database, row, kMiB);
  }
  for (std::uint64_t row = 0; row < 70; ++row) {
    CHECK(families_with(*database, row) == kFamilyCount - 1);
  }
}

TEST_CASE("write: a batch of any size is written, and flushed when it is more than memtables may") {
  const TempDir temp;
  const auto dir = temp.store();
  const auto database = open_database(dir);
  write_row(*database, 0, 20 * kMiB);
  CHECK(tables_of(*database) == 0);
  write_row(*database, 1, 80 * kMiB);
  CHECK(tables_of(*database) == 2 * (kFamilyCount - 1));  // What was there before, and itself.
  CHECK(logs_of(dir).size() == 1);
  CHECK(fs::file_size(logs_of(dir).front()) == 0);
  CHECK(families_with(*database, 0) == kFamilyCount - 1);
  CHECK(families_with(*database, 1) == kFamilyCount - 1);
}

TEST_CASE("write: a flush is in the manifest for all families or for none, wherever it is cut") {
  const TempDir temp;
  const auto dir = temp.store();
  std::uint64_t before = 0;
  {
    const auto database = open_database(dir);
    write_row(*database, 1, kMiB);
    must(database->flush());
    before = must(current_manifest(dir)).bytes;
    write_row(*database, 2, kMiB);
    must(database->flush());
  }
  const auto manifest = must(current_manifest(dir));
  const auto whole = cairn_test::read_file(manifest.path);
  std::size_t without = 0;
  std::size_t cuts = 0;
  for (auto size = before; size < whole.size(); size += 7) {
    ++cuts;
    CAPTURE(size);
    cairn_test::write_file(manifest.path, std::string_view(whole).substr(0, size));
    const auto database =
        Database::open(dir, {.write = false, .create = false, .mmap = false}, std::nullopt);
    REQUIRE(ok(database));
    CHECK(families_with(**database, 1) == kFamilyCount - 1);
    const auto families = families_with(**database, 2);
    CHECK((families == 0 || families == kFamilyCount - 1));
    without += families == 0 ? 1 : 0;
  }
  CHECK(cuts > 50);
  CHECK(without == cuts);
  cairn_test::write_file(manifest.path, whole);
  CHECK(families_with(*open_database(dir), 2) == kFamilyCount - 1);
}

TEST_CASE("write: a log sets no more space aside than it may come to use") {
  const TempDir temp;
  const auto dir = temp.store();
  const auto database = open_database(dir);
  write_row(*database, 1, 1'000);
  struct stat log {};
  REQUIRE(::stat(logs_of(dir).front().c_str(), &log) == 0);
  CHECK(static_cast<std::size_t>(log.st_blocks) * 512 <= 17 * kMiB);
}

}  // namespace cairn
