// Pins that are shared: what was pinned stays where it is, whatever is pinned after it, and nothing
// stays once the last of them is gone. Reading in order and alignment: chunk_alignment_test.cc.
#include "engine/chunk_reader.h"

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

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
using cairn_test::tables_of_chunks;
using cairn_test::TempDir;

using Chunks = std::map<std::uint64_t, Bytes>;

Chunks some_chunks(std::uint64_t first, std::size_t count) {
  cairn_test::Random random(cairn_test::seed() + first);
  Chunks out;
  for (std::size_t i = 0; i < count; ++i) {
    out[first + i] = random.bytes(1 + random.below(6000));
  }
  return out;
}

void check_pinned(const std::vector<PinnedFrame>& pins, const Chunks& chunks) {
  REQUIRE(pins.size() >= chunks.size());
  auto pin = pins.begin();
  for (const auto& [id, payload] : chunks) {
    CHECK(same_bytes(must(decode_frame(pin->stored())).payload, payload));
    ++pin;
  }
}

}  // namespace

TEST_CASE("pins: all stay where they are while others come, and when their tables are removed") {
  MESSAGE("CAIRN_TEST_SEED=" << cairn_test::seed());
  for (const bool mmap : {true, false}) {
    const TempDir temp;
    auto database = open_database(temp.store(), mmap);
    const auto chunks = some_chunks(100, 3000);  // More than one iterator pins.
    const auto middle = chunks.find(1500);
    must(ingest(*database, {build_file(*database, "1.sst", Chunks(chunks.begin(), middle)),
                            build_file(*database, "2.sst", Chunks(middle, chunks.end()))}));
    ChunkPins pins;
    std::vector<PinnedFrame> held;
    for (const auto& [id, payload] : chunks) {
      held.push_back(must(pins.pin(*database, ChunkId{id})));
    }
    for (const std::uint64_t id : {2999U, 100U, 1499U, 1500U, 101U, 3099U}) {  // In any order.
      held.push_back(must(pins.pin(*database, ChunkId{id})));
      CHECK(same_bytes(must(decode_frame(held.back().stored())).payload, chunks.at(id)));
    }
    CHECK((mapped_file(held.front().stored().data()).find(".sst") != std::string::npos) == mmap);
    check_pinned(held, chunks);
    rewrite_chunks(*database);
    check_pinned(held, chunks);
    held.clear();
  }
}

TEST_CASE("pins: frames that are held share what pins them, and let go of it together") {
  const TempDir temp;
  auto database = open_database(temp.store());
  const auto chunks = some_chunks(1, 10);
  must(ingest(*database, {build_file(*database, "1.sst", chunks)}));
  ChunkPins pins;
  std::vector<PinnedFrame> held;
  for (const auto& [id, payload] : chunks) {
    held.push_back(must(pins.pin(*database, ChunkId{id})));
    CHECK(held.back().pin() == held.front().pin());
  }
  const auto table = database->dir().database() / tables_of_chunks(*database).begin()->substr(1);
  REQUIRE(std::filesystem::exists(table));
  rewrite_chunks(*database);
  CHECK(std::filesystem::exists(table));
  held.resize(1, held.front());
  CHECK(std::filesystem::exists(table));
  held.clear();
  CHECK(!std::filesystem::exists(table));
  held.push_back(must(pins.pin(*database, ChunkId{3})));
  CHECK(same_bytes(must(decode_frame(held.back().stored())).payload, chunks.at(3)));
}

TEST_CASE("pins: chunks that came after the first was pinned are found") {
  const TempDir temp;
  auto database = open_database(temp.store());
  const auto early = some_chunks(1, 3);
  const auto late = some_chunks(4, 3);
  must(ingest(*database, {build_file(*database, "1.sst", early)}));
  ChunkPins pins;
  const auto first = must(pins.pin(*database, ChunkId{3}));
  must(ingest(*database, {build_file(*database, "2.sst", late)}));
  const auto next = must(pins.pin(*database, ChunkId{4}));
  CHECK(same_bytes(must(decode_frame(next.stored())).payload, late.at(4)));
  CHECK(same_bytes(must(decode_frame(first.stored())).payload, early.at(3)));
  CHECK(cairn_test::fails(pins.pin(*database, ChunkId{9}), Code::Corruption, "chunk 9", "missing"));
}

TEST_CASE("pins: many threads may pin at once") {
  const TempDir temp;
  auto database = open_database(temp.store());
  const auto chunks = some_chunks(1, 200);
  must(ingest(*database, {build_file(*database, "1.sst", chunks)}));
  ChunkPins pins;
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        cairn_test::Random random(t);
        std::vector<std::pair<std::uint64_t, PinnedFrame>> held;
        for (int i = 0; i < 2000; ++i) {
          const auto id = 1 + random.below(200);
          auto pin = pins.pin(*database, ChunkId{id});
          wrong += pin ? 0 : 1;
          if (pin) {
            held.emplace_back(id, std::move(*pin));
          }
          if (random.below(50) == 0) {
            held.clear();
          }
        }
        for (const auto& [id, pin] : held) {
          const auto frame = decode_frame(pin.stored());
          wrong += frame && same_bytes(frame->payload, chunks.at(id)) ? 0 : 1;
        }
      });
    }
  }
  CHECK(wrong == 0);
}

}  // namespace cairn
