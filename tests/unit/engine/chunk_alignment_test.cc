// The alignment that views without a copy hang on: raw payloads in the mapped tables, whoever wrote
// the table. It follows from RocksDB's block layout, so nothing but a look at real files holds it.
#include <algorithm>
#include <map>
#include <set>

#include <doctest/doctest.h>

#include "content/random_bytes.h"
#include "engine/engine_testing.h"

namespace cairn {

namespace {

using cairn_test::build_file;
using cairn_test::Bytes;
using cairn_test::mapped_file;
using cairn_test::must;
using cairn_test::open_database;
using cairn_test::rewrite_chunks;
using cairn_test::same_bytes;
using cairn_test::TempDir;

using Chunks = std::map<std::uint64_t, Bytes>;

// Payload sizes that no header brings to 64: the varint of the value grows just there.
constexpr std::size_t kGap[] = {83, 16'340, 2'097'109};

bool in_gap(std::size_t size) {
  return std::ranges::find(kGap, size) != std::end(kGap);
}

// One chunk of each size that matters, and of odd ones, with consecutive ids.
Chunks chunks_of_all_sizes() {
  MESSAGE("CAIRN_TEST_SEED=" << cairn_test::seed());
  cairn_test::Random random(cairn_test::seed());
  std::set<std::size_t> sizes(std::begin(kGap), std::end(kGap));
  for (std::size_t size = 1; size <= 140; ++size) {
    sizes.insert(size);
  }
  for (const std::size_t edge : {256U, 1'000U, 4'096U, 16'340U, 65'536U, 262'144U, 1'048'574U}) {
    sizes.insert({edge - 2, edge - 1, edge, edge + 1, edge + 2});
  }
  for (int i = 0; i < 30; ++i) {
    sizes.insert(random.below(std::size_t{1} << 20U) | 1U);
  }
  Chunks chunks;
  for (const auto size : sizes) {
    const auto id = 1'000 + chunks.size();
    chunks[id] = random.bytes(size);
  }
  return chunks;
}

void check_aligned_in_table(const Database& database, const Chunks& chunks) {
  const auto directory = std::filesystem::canonical(database.dir().database()).string();
  for (const auto& [id, payload] : chunks) {
    CAPTURE(payload.size());
    const auto pinned = must(pin_frame(database, ChunkId{id}));
    const auto frame = must(decode_frame(pinned.stored()));
    CHECK(same_bytes(frame.payload, payload));
    if (!in_gap(payload.size())) {
      CHECK(reinterpret_cast<std::uintptr_t>(frame.payload.data()) % 64 == 0);
    }
    const auto file = mapped_file(frame.payload.data());
    CHECK_MESSAGE(file.starts_with(directory), file);
    CHECK_MESSAGE(file.ends_with(".sst"), file);
  }
}

}  // namespace

TEST_CASE("chunks: payloads of any size are 64-byte aligned in the mapped table") {
  const TempDir temp;
  const auto chunks = chunks_of_all_sizes();
  auto database = open_database(temp.store());
  // Two files, so that a later rewrite merges tables that did not begin alike.
  const auto middle = std::next(chunks.begin(), static_cast<std::ptrdiff_t>(chunks.size() / 2));
  must(ingest(*database, {build_file(*database, "1.sst", Chunks(chunks.begin(), middle)),
                          build_file(*database, "2.sst", Chunks(middle, chunks.end()))}));
  {
    INFO("after the ingestion");
    check_aligned_in_table(*database, chunks);
  }
  database.reset();
  database = open_database(temp.store());
  {
    INFO("after a reopen");
    check_aligned_in_table(*database, chunks);
  }
  rewrite_chunks(*database);
  {
    INFO("after a rewrite");
    check_aligned_in_table(*database, chunks);
  }
  database.reset();
  database = open_database(temp.store());
  {
    INFO("after a rewrite and a reopen");
    check_aligned_in_table(*database, chunks);
  }
}

TEST_CASE("chunks: the sizes that no header can align are known, and read right") {
  for (std::size_t size = 1; size <= (std::size_t{2} << 20U) + 100; ++size) {
    const auto header = frame_header_bytes(size);
    const auto stored = header + size;
    const std::size_t varint =
        stored < 128 ? 1 : (stored < 16'384 ? 2 : (stored < 2'097'152 ? 3 : 4));
    const bool aligned = 18 + varint + header == 64;
    if (aligned == in_gap(size)) {
      FAIL_CHECK("payload of ", size, " bytes, header of ", header);
    }
  }
}

TEST_CASE("chunks: without mmap every size is read right, too") {
  const TempDir temp;
  const auto chunks = chunks_of_all_sizes();
  auto database = open_database(temp.store(), false);
  must(ingest(*database, {build_file(*database, "1.sst", chunks)}));
  const auto check = [&] {
    ChunkReader reader(*database);
    for (const auto& [id, payload] : chunks) {
      CAPTURE(payload.size());
      const auto pinned = must(pin_frame(*database, ChunkId{id}));
      CHECK(same_bytes(must(decode_frame(pinned.stored())).payload, payload));
      CHECK(mapped_file(pinned.stored().data()).find(".sst") == std::string::npos);
      CHECK(same_bytes(must(decode_frame(must(reader.read(ChunkId{id})))).payload, payload));
    }
  };
  check();
  database.reset();
  database = open_database(temp.store(), false);
  check();
  rewrite_chunks(*database);
  check();
}

TEST_CASE("chunks: what is pinned stays readable when its table is rewritten and removed") {
  const TempDir temp;
  const auto chunks = chunks_of_all_sizes();
  auto database = open_database(temp.store());
  must(ingest(*database, {build_file(*database, "1.sst", chunks)}));
  std::vector<PinnedFrame> pins;
  for (const auto& [id, payload] : chunks) {
    pins.push_back(must(pin_frame(*database, ChunkId{id})));
  }
  rewrite_chunks(*database);
  auto pin = pins.begin();
  for (const auto& [id, payload] : chunks) {
    CHECK(same_bytes(must(decode_frame(pin->stored())).payload, payload));
    ++pin;
  }
  pins.clear();
}

TEST_CASE("chunks: a reader that was opened before a chunk came finds it") {
  const TempDir temp;
  auto database = open_database(temp.store());
  must(ingest(*database, {build_file(*database, "1.sst", {{5, Bytes(10)}, {9, Bytes(30)}})}));
  ChunkReader reader(*database);
  CHECK(cairn_test::ok(reader.read(ChunkId{5})));
  must(ingest(*database, {build_file(*database, "2.sst", {{6, Bytes(20)}, {7, Bytes(25)}})}));
  must(ingest(*database, {build_file(*database, "3.sst", {{10, Bytes(40)}})}));
  for (const std::uint64_t id : {6U, 7U, 10U, 5U, 9U}) {
    CHECK(cairn_test::ok(reader.read(ChunkId{id})));
  }
  must(ingest(*database, {build_file(*database, "4.sst", {{11, Bytes(40)}})}));
  CHECK(must(decode_frame(must(reader.read(ChunkId{11})))).payload.size() == 40);
}

TEST_CASE("chunks: a reader finds them in order, in any order, and says which one is missing") {
  const TempDir temp;
  auto database = open_database(temp.store());
  const Chunks chunks = {{5, Bytes(10)}, {6, Bytes(20)}, {9, Bytes(30)}};
  must(ingest(*database, {build_file(*database, "1.sst", chunks)}));
  ChunkReader reader(*database);
  for (const std::uint64_t id : {5U, 6U, 9U, 5U, 9U, 6U, 6U}) {
    const auto frame = must(decode_frame(must(reader.read(ChunkId{id}))));
    CHECK(same_bytes(frame.payload, chunks.at(id)));
  }
  for (const std::uint64_t id : {1U, 7U, 10U}) {
    const auto text = "chunk " + std::to_string(id);
    CHECK(cairn_test::fails(reader.read(ChunkId{id}), Code::Corruption, text, "missing"));
    CHECK(cairn_test::fails(pin_frame(*database, ChunkId{id}), Code::Corruption, text, "missing"));
    CHECK(same_bytes(must(decode_frame(must(reader.read(ChunkId{6})))).payload, chunks.at(6)));
  }
  const ChunkId small{5 | ChunkId::kSmallBit};
  CHECK(cairn_test::fails(reader.read(small), Code::Corruption, "chunk 5 (small)", "missing"));
  CHECK(cairn_test::fails(pin_frame(*database, small), Code::Corruption, "(small)", "missing"));
}

}  // namespace cairn
