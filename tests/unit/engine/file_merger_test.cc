// Which files of chunks are merged, and that they hold afterwards what they held before.
#include "engine/file_merger.h"

#include <algorithm>
#include <fstream>

#include <doctest/doctest.h>
#include <rocksdb/db.h>
#include <rocksdb/metadata.h>

#include "content/random_bytes.h"
#include "engine/engine_testing.h"

namespace cairn {

namespace {

using cairn_test::build_file;
using cairn_test::Bytes;
using cairn_test::must;
using cairn_test::ok;
using cairn_test::open_database;
using cairn_test::Random;
using cairn_test::stored_payload;
using cairn_test::TempDir;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::size_t kMany = 1'000'000;

// `count` files of ten ids each, side by side.
std::vector<ChunkFile> row_of(std::size_t count, std::uint64_t bytes) {
  std::vector<ChunkFile> files;
  for (std::size_t i = 0; i < count; ++i) {
    files.push_back({std::to_string(i) + ".sst", i * 10, i * 10 + 9, bytes});
  }
  return files;
}

std::vector<IdRange> none() {
  return {};
}

void add_files(Database& database, std::uint64_t first_id, std::size_t count, std::size_t bytes) {
  Random random(first_id);
  for (std::size_t i = 0; i < count; ++i) {
    must(ingest(database, {build_file(database, "f.sst", {{first_id + i, random.bytes(bytes)}})}));
  }
}

bool is_aligned(const Database& database, ChunkId id) {
  const auto pinned = must(pin_frame(database, id));
  const auto frame = must(decode_frame(pinned.stored()));
  return reinterpret_cast<std::uintptr_t>(frame.payload.data()) % 64 == 0;
}

void check_chunks(const Database& database, std::uint64_t first_id, std::size_t count,
                  std::size_t bytes) {
  Random random(first_id);
  for (std::size_t i = 0; i < count; ++i) {
    CHECK(stored_payload(database, ChunkId{first_id + i}) == random.bytes(bytes));
  }
}

}  // namespace

TEST_CASE("merge plan: nothing below 32 files side by side") {
  CHECK(plan_merge({}, kMany, {}, {}).files.empty());
  CHECK(plan_merge(row_of(31, kMiB), kMany, {}, {}).files.empty());
  CHECK(plan_merge(row_of(32, kMiB), kMany, {}, {}).files.size() == 32);
}

TEST_CASE("merge plan: as many as make a whole file, and never a large one") {
  const auto merge = plan_merge(row_of(100, 20 * kMiB), kMany, {}, {});
  CHECK(merge.files.size() == 12);  // 240 of 256 MiB.
  CHECK(merge.bytes_a_file == 256 * kMiB);
  CHECK(merge.files.front().name == "0.sst");
  CHECK(plan_merge(row_of(100, 32 * kMiB), kMany, {}, {}).files.empty());
  auto files = row_of(63, kMiB);
  files[31].bytes = 40 * kMiB;  // 31 on each side.
  CHECK(plan_merge(files, kMany, {}, {}).files.empty());
  files = row_of(64, kMiB);
  files[20].bytes = 40 * kMiB;
  CHECK(plan_merge(files, kMany, {}, {}).files.front().name == "21.sst");
}

TEST_CASE("merge plan: larger files are merged only where there are too many in all") {
  const auto files = row_of(100, 100 * kMiB);
  CHECK(plan_merge(files, 100, {}, {}).files.empty());
  const auto merge = plan_merge(files, 99, {}, {});
  CHECK(merge.files.size() == 20);
  CHECK(merge.bytes_a_file == 2048 * kMiB);
  CHECK(plan_merge(row_of(100, 1024 * kMiB), 99, {}, {}).bytes_a_file == 16384 * kMiB);
  CHECK(plan_merge(row_of(20, 100 * kMiB), 1, {}, {}).files.empty());
}

TEST_CASE("merge plan: damaged files are left out") {
  const auto files = row_of(64, kMiB);
  CHECK(plan_merge(files, kMany, {"31.sst"}, {}).files.front().name == "32.sst");
  CHECK(plan_merge(files, kMany, {"31.sst", "40.sst"}, {}).files.empty());
}

TEST_CASE("merge plan: ids that a running save may still use lie on one side") {
  auto files = row_of(64, kMiB);
  for (std::size_t i = 40; i < files.size(); ++i) {  // A gap of ids before file 40.
    files[i].first_id += 100;
    files[i].last_id += 100;
  }
  CHECK(plan_merge(files, kMany, {}, {{400, 500}}).files.size() == 40);
  CHECK(plan_merge(files, kMany, {}, {{420, 430}}).files.size() == 40);
  CHECK(plan_merge(files, kMany, {}, {{740, 900}}).files.size() == 64);  // Behind all of them.
  CHECK(plan_merge(files, kMany, {}, {}).files.size() == 64);
  // Part of a save's ids are in a file already.
  CHECK(plan_merge(files, kMany, {}, {{395, 500}}).files.size() == 40);
}

TEST_CASE("merger: many small files become one, and every chunk is where it was") {
  const TempDir temp;
  auto database = open_database(temp.store());
  add_files(*database, 1, 40, 3'000);
  CHECK(list_chunk_files(*database).size() == 40);
  {
    FileMerger merger(*database, none);
    merger.settle();
    CHECK(merger.files() == 1);
    add_files(*database, 100, 20, 3'000);
    merger.files_added(20);
    merger.settle();
    CHECK(list_chunk_files(*database).size() == 21);
  }
  for (int round = 0; round < 2; ++round) {
    check_chunks(*database, 1, 40, 3'000);
    check_chunks(*database, 100, 20, 3'000);
    CHECK(is_aligned(*database, ChunkId{7}));
    database.reset();
    database = open_database(temp.store());
  }
}

TEST_CASE("merger: what is pinned in a merged file stays readable") {
  const TempDir temp;
  const auto database = open_database(temp.store());
  add_files(*database, 1, 32, 5'000);
  const auto pinned = must(pin_frame(*database, ChunkId{3}));
  const Bytes before(pinned.stored().begin(), pinned.stored().end());
  FileMerger merger(*database, none);
  merger.settle();
  CHECK(list_chunk_files(*database).size() == 1);
  CHECK(std::equal(before.begin(), before.end(), pinned.stored().begin(), pinned.stored().end()));
}

TEST_CASE("merger: a file with a damaged block is left as it is, and writing goes on") {
  const TempDir temp;
  const auto dir = temp.store();
  auto database = open_database(dir);
  add_files(*database, 1, 70, 5'000);
  const auto victim = list_chunk_files(*database)[35].name;
  database.reset();
  {
    std::fstream file(dir.database() / victim.substr(1),
                      std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(2'000);
    file.put('\x55').put('\x55');
  }
  database = open_database(dir);
  FileMerger merger(*database, none);
  merger.settle();
  const auto files = list_chunk_files(*database);
  CHECK(files.size() == 3);  // What was before it, it, what was behind.
  CHECK(std::any_of(files.begin(), files.end(),
                    [&](const ChunkFile& file) { return file.name == victim; }));
  CHECK(ok(database->check_writable()));
  add_files(*database, 200, 2, 1'000);
  must(database->flush());
  check_chunks(*database, 200, 2, 1'000);
}

TEST_CASE("merger: files between which a save may still put one are not merged") {
  const TempDir temp;
  const auto database = open_database(temp.store());
  add_files(*database, 1, 20, 1'000);
  add_files(*database, 100, 20, 1'000);
  std::vector<IdRange> reserved = {{50, 60}};
  {
    FileMerger merger(*database, [&] { return reserved; });
    merger.settle();
    CHECK(list_chunk_files(*database).size() == 40);
  }
  add_files(*database, 55, 1, 1'000);
  FileMerger merger(*database, none);
  merger.settle();
  CHECK(list_chunk_files(*database).size() == 1);
  check_chunks(*database, 55, 1, 1'000);
}

}  // namespace cairn
