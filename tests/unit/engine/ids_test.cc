// Ids are given out once in the life of a store, whatever became of the save that they were for.
#include "engine/ids.h"

#include <set>
#include <thread>

#include <doctest/doctest.h>
#include <rocksdb/db.h>

#include "content/random_bytes.h"
#include "engine/engine_testing.h"
#include "record/keys.h"
#include "record/store_records.h"
#include "store/operations.h"
#include "store/session.h"

namespace cairn {

namespace {

using cairn_test::add_chunk;
using cairn_test::elements_of;
using cairn_test::must;
using cairn_test::Random;
using cairn_test::stored_payload;
using cairn_test::TempDir;

// `bulk` sends every new chunk through a file, else the chunks go into the batch.
std::shared_ptr<Session> open_session(const TempDir& temp, bool bulk) {
  auto session = must(Session::open(temp.store().root, {}));
  if (bulk) {
    session->set_small_save_bytes(0);
  }
  return session;
}

void save_random(Session& session, const Ref& ref, std::uint64_t number) {
  Draft draft;
  draft.tensor("t", elements_of(Random(number).bytes(5'000)));
  draft.tensor("u", elements_of(Random(number + 1'000'000).bytes(3'000)));
  must(save_artifact(session, ref, draft, {}));
}

std::set<std::uint64_t> stored_numbers(Session& session) {
  std::set<std::uint64_t> out;
  const auto reader = session.database().snapshot();
  for (const auto family : {Family::Chunks, Family::ChunksSmall}) {
    auto cursor = reader->cursor(family);
    for (cursor.seek_to_first(); cursor.valid(); cursor.next()) {
      const auto id = must(decode_chunk_key(cursor.key(), family == Family::ChunksSmall));
      CHECK(out.insert(id.number()).second);  // One number, one chunk, whatever the family.
    }
    must(cursor.status());
  }
  return out;
}

Counters counters_on_disk(Session& session) {
  return must(
      decode_counters(*must(session.database().snapshot()->get(Family::Default, kCountersKey))));
}

void check_new_ids_are_above(Session& session, const std::set<std::uint64_t>& before,
                             std::uint64_t limit) {
  std::size_t fresh = 0;
  for (const auto number : stored_numbers(session)) {
    if (!before.contains(number)) {
      CHECK(number > limit);
      ++fresh;
    }
  }
  CHECK(fresh == 2);
}

}  // namespace

TEST_CASE("ids: those of an ingested file that no commit names are passed over, and it stays") {
  for (const bool bulk : {true, false}) {
    CAPTURE(bulk);
    const TempDir temp;
    auto session = open_session(temp, bulk);
    save_random(*session, "m:1@0", 1);
    const auto orphan = must(session->ids().reserve(3)) + 2;
    const auto payload = Random(7).bytes(2'000);
    auto writer = must(BulkWriter::create(session->database(), session->new_incoming_file()));
    must(add_chunk(*writer, orphan, payload));
    must(ingest(session->database(), {must(writer->finish())}));
    writer.reset();
    const auto before = stored_numbers(*session);
    session.reset();

    session = open_session(temp, bulk);
    CHECK(session->ids().next() == orphan + 1);
    CHECK(counters_on_disk(*session).next_id == orphan + 1);  // Before any of them is used.
    save_random(*session, "m:1@1", 2);
    check_new_ids_are_above(*session, before, orphan);
    CHECK(stored_payload(session->database(), ChunkId{orphan}) == payload);
  }
}

TEST_CASE("ids: the same for chunks of the small family") {
  for (const bool bulk : {true, false}) {
    CAPTURE(bulk);
    const TempDir temp;
    auto session = open_session(temp, bulk);
    save_random(*session, "m:1@0", 1);
    const ChunkId orphan{(session->ids().next() + 70'000) | ChunkId::kSmallBit};
    const auto payload = Random(8).bytes(300);
    std::string frame;
    must(build_frame({.plain_bytes = payload.size()}, payload, chunk_digest(payload), frame));
    must(session->commits().run([&](Batch& batch, std::uint64_t) -> Result<void> {
      batch.put(Family::ChunksSmall, encode_chunk_key(orphan), frame);
      return {};
    }));
    const auto before = stored_numbers(*session);
    session.reset();

    session = open_session(temp, bulk);
    CHECK(session->ids().next() == orphan.number() + 1);
    save_random(*session, "m:1@1", 2);
    check_new_ids_are_above(*session, before, orphan.number());
    CHECK(stored_payload(session->database(), orphan) == payload);
  }
}

TEST_CASE("ids: counters never go back, not even where the chunks are gone") {
  const TempDir temp;
  std::uint64_t next = 1;
  std::uint64_t commits = 0;
  for (std::uint64_t round = 0; round < 8; ++round) {
    auto session = open_session(temp, round % 2 == 0);
    CHECK(session->ids().next() >= next);
    CHECK(counters_on_disk(*session).commits >= commits);
    save_random(*session, {"m", "1", round}, round);
    const auto counters = counters_on_disk(*session);
    CHECK(counters.next_id > next);
    CHECK(counters.next_id == session->ids().next());
    CHECK(counters.commits > commits);
    next = counters.next_id;
    commits = counters.commits;
    if (round % 3 == 2) {
      for (const auto family : {Family::Chunks, Family::ChunksSmall}) {
        auto& database = session->database();
        const auto reader = database.snapshot();
        auto cursor = reader->cursor(family);
        for (cursor.seek_to_first(); cursor.valid(); cursor.next()) {
          const std::string key(cursor.key());
          REQUIRE(database.rocks()->Delete({}, database.handle(family), key).ok());
        }
      }
      CHECK(stored_numbers(*session).empty());
    }
  }
}

TEST_CASE("ids: a save that fails uses its ids up") {
  const TempDir temp;
  auto session = open_session(temp, true);
  save_random(*session, "m:1@0", 1);
  const auto next = session->ids().next();
  Draft draft;
  draft.tensor("t", elements_of(Random(2).bytes(5'000)));
  CHECK(cairn_test::fails(save_artifact(*session, "m:1@0", draft, {}), Code::AlreadyExists));
  Draft open;
  open.tensor("t", elements_of(Random(3).bytes(5'000)));
  CHECK(!save_artifact(*session, "m:no-version-but-an-alias", open, {}));
  save_random(*session, "m:1@1", 4);
  const auto numbers = stored_numbers(*session);
  CHECK(*numbers.rbegin() >= next + 1);
  session.reset();
  session = open_session(temp, true);
  CHECK(session->ids().next() > *numbers.rbegin());
}

TEST_CASE("ids: threads that reserve at once get ranges that do not overlap") {
  IdAllocator ids(1);
  constexpr std::uint64_t kThreads = 4;
  constexpr std::uint64_t kEach = 2'000;
  std::vector<std::vector<std::uint64_t>> firsts(kThreads);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : firsts) {
      threads.emplace_back([&] {
        for (std::uint64_t i = 0; i < kEach; ++i) {
          mine.push_back(must(ids.reserve(3)));
        }
      });
    }
  }
  std::set<std::uint64_t> all;
  for (const auto& mine : firsts) {
    all.insert(mine.begin(), mine.end());
  }
  CHECK(all.size() == kThreads * kEach);
  CHECK(ids.next() == 1 + kThreads * kEach * 3);
  for (const auto first : all) {
    CHECK(first % 3 == 1);
  }
}

TEST_CASE("ids: the last one is below bit 63, which says something else") {
  constexpr auto kEnd = ChunkId::kSmallBit;
  IdAllocator ids(kEnd - 10);
  CHECK(must(ids.reserve(4)) == kEnd - 10);
  CHECK(cairn_test::fails(ids.reserve(7), Code::LimitExceeded, "ids"));
  CHECK(cairn_test::fails(ids.reserve(UINT64_MAX), Code::LimitExceeded));
  CHECK(must(ids.reserve(6)) == kEnd - 6);
  CHECK(cairn_test::fails(ids.reserve(1), Code::LimitExceeded));
  CHECK(ids.next() == kEnd);
}

TEST_CASE("ids: an empty database begins at 1, and a key that is no id is Corruption") {
  const TempDir temp;
  const auto database = cairn_test::open_database(temp.store());
  CHECK(must(first_free_id(*database->snapshot(), 1)) == 1);
  CHECK(must(first_free_id(*database->snapshot(), 0)) == 1);
  CHECK(must(first_free_id(*database->snapshot(), 90)) == 90);
  REQUIRE(database->rocks()->Put({}, database->handle(Family::ChunksSmall), "short", "x").ok());
  CHECK(cairn_test::fails(first_free_id(*database->snapshot(), 1), Code::Corruption));
}

}  // namespace cairn
