// Reading past RocksDB: the place of every block of every table, and what is done where a guess is
// wrong. What it reads is verified by those who ask.
#include "engine/cold_reader.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "content/random_bytes.h"
#include "engine/engine_testing.h"

namespace cairn {

namespace {

using cairn_test::build_file;
using cairn_test::Bytes;
using cairn_test::must;
using cairn_test::open_database;
using cairn_test::read_file;
using cairn_test::rewrite_chunks;
using cairn_test::same_bytes;
using cairn_test::tables_of_chunks;
using cairn_test::TempDir;
using Pattern = ColdReader::Pattern;

using Chunks = std::map<std::uint64_t, Bytes>;

// Payloads of all kinds of sizes, those that no header aligns among them.
Chunks odd_chunks(std::uint64_t first) {
  cairn_test::Random random(cairn_test::seed() + first);
  Chunks out;
  for (const std::size_t size : {1U, 63U, 83U, 84U, 127U, 128U, 16'340U, 16'341U, 65'536U,
                                 1'048'576U, 2'097'108U, 2'097'109U, 2'097'110U}) {
    out[first + out.size()] = random.bytes(size);
  }
  for (int i = 0; i < 40; ++i) {
    out[first + out.size()] = random.bytes(1 + random.below(200'000));
  }
  return out;
}

ChunkRef ref_of(std::uint64_t id, const Bytes& payload) {
  return {chunk_digest(payload), ChunkId{id}, {}, static_cast<std::uint32_t>(payload.size())};
}

std::vector<ChunkRef> refs_of(const Chunks& chunks) {
  std::vector<ChunkRef> out;
  for (const auto& [id, payload] : chunks) {
    out.push_back(ref_of(id, payload));
  }
  return out;
}

BlockList list_of(const Database& database, std::span<const ChunkRef> refs) {
  BlockList out(database);
  for (const auto& ref : refs) {
    out.add(ref);
  }
  return out;
}

// Reads one chunk, by a reader of its own.
Result<bool> read_one(const Database& database, std::uint64_t id, Bytes& out) {
  const auto ref = ref_of(id, out);
  const auto blocks = list_of(database, {&ref, 1});
  return ColdReader(blocks, Pattern::Exact).read(0, out);
}

bool is_cold(const Database& database, std::span<const ChunkRef> refs) {
  return list_of(database, refs).is_cold();
}

void check_reads(const Database& database, const Chunks& chunks) {
  auto refs = refs_of(chunks);
  const auto in_order = list_of(database, refs);
  std::reverse(refs.begin(), refs.end());
  const auto backwards = list_of(database, refs);
  ColdReader forth(in_order, Pattern::Stream);
  ColdReader back(backwards, Pattern::Exact);
  std::size_t i = 0;
  for (const auto& [id, payload] : chunks) {
    CAPTURE(payload.size());
    Bytes out(payload.size());
    CHECK(must(forth.read(i, out)));
    CHECK(out == payload);
    out.assign(payload.size(), std::byte{0});
    CHECK(must(back.read(chunks.size() - 1 - i, out)));
    CHECK(out == payload);
    must(forth.fetch(i));
    ++i;
  }
}

// Two tables, with a gap between their ids and one inside.
Chunks ingest_two(Database& database) {
  auto chunks = odd_chunks(10);
  for (auto& [id, payload] : odd_chunks(200)) {
    chunks[id] = std::move(payload);
  }
  chunks.erase(20);
  const auto middle = chunks.find(200);
  must(ingest(database, {build_file(database, "1.sst", Chunks(chunks.begin(), middle)),
                         build_file(database, "2.sst", Chunks(middle, chunks.end()))}));
  return chunks;
}

std::filesystem::path only_table(const Database& database) {
  const auto tables = tables_of_chunks(database);
  REQUIRE(tables.size() == 1);
  return database.dir().database() / tables.begin()->substr(1);
}

// Writes the pages back and asks for them to be dropped, which those that are mapped are not.
void drop_from_memory(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  ::fdatasync(fd);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  ::close(fd);
}

}  // namespace

TEST_CASE("cold reader: every chunk of every table is found, also after a rewrite and a reopen") {
  MESSAGE("CAIRN_TEST_SEED=" << cairn_test::seed());
  for (const bool mmap : {true, false}) {
    const TempDir temp;
    auto database = open_database(temp.store(), mmap);
    const auto chunks = ingest_two(*database);
    check_reads(*database, chunks);
    rewrite_chunks(*database);
    check_reads(*database, chunks);
    database.reset();
    database = open_database(temp.store(), mmap);
    check_reads(*database, chunks);
    must(ingest(*database, {build_file(*database, "3.sst", odd_chunks(500))}));
    check_reads(*database, odd_chunks(500));
  }
}

TEST_CASE("cold reader: what is not there, or not as was thought, is left to the usual way") {
  const TempDir temp;
  auto database = open_database(temp.store());
  const auto chunks = ingest_two(*database);
  Bytes out(100);
  for (const std::uint64_t id : {std::uint64_t{1}, std::uint64_t{20}, std::uint64_t{150},
                                 std::uint64_t{1000}, 10 | ChunkId::kSmallBit}) {
    CAPTURE(id);
    CHECK(!must(read_one(*database, id, out)));
  }
  CHECK(!must(read_one(*database, 15, out)));  // Another size than it has.
  Bytes right(chunks.at(15).size());
  CHECK(must(read_one(*database, 15, right)));
  CHECK(right == chunks.at(15));
}

TEST_CASE(
    "cold reader: a damaged header, a short file and a missing one are left to the usual way") {
  const TempDir temp;
  auto database = open_database(temp.store(), false);
  Chunks chunks = {{1, Bytes(5000, std::byte{1})}, {2, Bytes(5000, std::byte{2})}};
  must(ingest(*database, {build_file(*database, "1.sst", chunks)}));
  const auto table = only_table(*database);
  const auto whole = read_file(table);
  Bytes out(5000);
  const auto reads = [&](std::uint64_t id) { return must(read_one(*database, id, out)); };
  REQUIRE(reads(1));
  const auto payload = whole.find(std::string(5000, '\1'));
  REQUIRE(payload == 64);
  for (std::size_t byte = 64 - frame_header_bytes(5000); byte < 64; ++byte) {
    auto damaged = whole;
    damaged[byte] = static_cast<char>(damaged[byte] ^ 4);
    cairn_test::write_file(table, damaged);
    CAPTURE(byte);
    CHECK(!reads(1));
    CHECK(reads(2));
  }
  auto damaged = whole;
  damaged[payload + 77] = 0;
  cairn_test::write_file(table, damaged);
  CHECK(reads(1));  // For the digest to find.
  CHECK(out != chunks.at(1));
  cairn_test::write_file(table, whole.substr(0, 3000));
  CHECK(!reads(1));
  CHECK(!reads(2));
  cairn_test::write_file(table, whole);
  CHECK(reads(2));
  std::filesystem::rename(table, temp.path() / "elsewhere");
  CHECK(!reads(2));
  std::filesystem::rename(temp.path() / "elsewhere", table);
  CHECK(reads(2));
}

TEST_CASE("cold reader: what is in memory is told from what is not, and only looked at") {
  const TempDir temp;
  auto database = open_database(temp.store());
  Chunks chunks;
  for (std::uint64_t id = 1; id <= 40; ++id) {
    chunks[id] = cairn_test::Random(id).bytes(std::size_t{1} << 20U);
  }
  must(ingest(*database, {build_file(*database, "1.sst", chunks)}));
  const auto refs = refs_of(chunks);
  const auto some = [&](std::size_t first, std::size_t count) {
    return std::span(refs).subspan(first, count);
  };
  const auto table = only_table(*database);
  database.reset();
  drop_from_memory(table);
  database = open_database(temp.store());
  if (!is_cold(*database, some(0, 10))) {
    MESSAGE("skipped: the file system keeps everything in memory");
    return;
  }
  CHECK(is_cold(*database, some(0, 10)));  // To look has brought nothing in.
  Bytes out(chunks.at(11).size());
  REQUIRE(is_cold(*database, some(10, 1)));
  CHECK(must(read_one(*database, 11, out)));
  CHECK(out == chunks.at(11));
  CHECK(!is_cold(*database, some(10, 1)));
  CHECK(is_cold(*database, some(9, 1)));  // Exact: nothing around it came along.
  CHECK(is_cold(*database, some(11, 1)));
  for (std::uint64_t id = 1; id <= 19; ++id) {
    CHECK(must(read_one(*database, id, out)));
  }
  CHECK(!is_cold(*database, some(0, 19)));
  CHECK(is_cold(*database, some(0, 20)));  // The last one is looked at, too.
  const auto last = list_of(*database, some(19, 1));
  must(ColdReader(last, Pattern::Exact).fetch(0));
  CHECK(!is_cold(*database, some(0, 20)));
}

TEST_CASE("cold reader: without mmap all is read past it") {
  const TempDir temp;
  auto database = open_database(temp.store(), false);
  const Chunks chunks = {{1, Bytes(5000)}};
  must(ingest(*database, {build_file(*database, "1.sst", chunks)}));
  CHECK(is_cold(*database, refs_of(chunks)));
}

TEST_CASE("cold reader: chunks in many files take one descriptor") {
  const TempDir temp;
  auto database = open_database(temp.store());
  Chunks all;
  for (std::uint64_t id = 1; id <= 40; ++id) {
    const Chunks one = {{id, cairn_test::Random(id).bytes(3000)}};
    must(ingest(*database, {build_file(*database, std::to_string(id) + ".sst", one)}));
    all.insert(one.begin(), one.end());
  }
  const auto before = cairn_test::files_in("/proc/self/fd");
  {
    const auto blocks = list_of(*database, refs_of(all));
    CHECK(cairn_test::files_in("/proc/self/fd") == before);
    ColdReader reader(blocks, Pattern::Stream);
    for (std::size_t i : {0U, 39U, 20U, 21U, 0U}) {
      Bytes out(3000);
      CHECK(must(reader.read(i, out)));
      CHECK(out == all.at(i + 1));
      CHECK(cairn_test::files_in("/proc/self/fd") == before + 1);
    }
  }
  CHECK(cairn_test::files_in("/proc/self/fd") == before);
}

}  // namespace cairn
