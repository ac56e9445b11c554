// Whole saves of tensors that differ only in chunks with one XXH3-128 digest, which anybody can
// build: both come back as they were, in one draft, across saves and across a reopen.
#include <doctest/doctest.h>

#include "content/chunker.h"
#include "store/dedup.h"
#include "store/store_testing.h"

namespace cairn {

namespace {

using cairn_test::Bytes;
using cairn_test::colliding_chunk;
using cairn_test::fails;
using cairn_test::index_rows;
using cairn_test::load_bytes;
using cairn_test::must;
using cairn_test::open_session;
using cairn_test::Random;
using cairn_test::save;
using cairn_test::slot_of;
using cairn_test::TempDir;
using cairn_test::Tensors;

constexpr std::size_t kSize = 4'096;

const Bytes kA = colliding_chunk(kSize, 0);
const Bytes kB = colliding_chunk(kSize, 1);
const Bytes kC = colliding_chunk(kSize, 2);

}  // namespace

TEST_CASE("collision: the construction gives other bytes and one digest, at any size above 240") {
  for (const std::size_t size : {std::size_t{256}, std::size_t{1'000}, kSize, std::size_t{65'537},
                                 std::size_t{kTensorChunkBytes}}) {
    CAPTURE(size);
    const auto first = colliding_chunk(size, 0);
    for (const std::uint32_t other : {1U, 2U, 77U, 900'000U}) {
      CHECK(colliding_chunk(size, other) != first);
      CHECK(chunk_digest(colliding_chunk(size, other)) == chunk_digest(first));
    }
  }
}

TEST_CASE("collision: in one draft, in any order, each tensor comes back as itself") {
  const std::vector<Tensors> drafts = {{{"a", kA}, {"b", kB}},
                                       {{"b", kB}, {"a", kA}},
                                       {{"x", kA}, {"a", kB}},
                                       {{"x", kB}, {"a", kA}},
                                       {{"a", kA}, {"b", kB}, {"c", kC}}};
  for (const bool bulk : {false, true}) {
    for (const auto& draft : drafts) {
      CAPTURE(bulk);
      const TempDir temp;
      auto session = open_session(temp, bulk);
      const auto receipt = save(*session, "m:1@0", draft);
      CHECK(receipt.new_chunks == draft.size());
      CHECK(index_rows(*session, chunk_digest(kA)).size() == draft.size());
      std::vector<bool> taken(draft.size());
      for (int round = 0; round < 2; ++round) {
        for (const auto& [name, bytes] : draft) {
          CHECK(load_bytes(session, "m:1@0", name) == bytes);
          taken.at(slot_of(*session, receipt.key, name)) = true;
        }
        CHECK(taken == std::vector<bool>(draft.size(), true));  // A slot each.
        session.reset();
        session = open_session(temp, bulk);
      }
      CHECK(save(*session, "m:1@1", draft).new_chunks == 0);
    }
  }
}

TEST_CASE("collision: equal tensors beside colliding ones are still stored once") {
  const TempDir temp;
  const auto session = open_session(temp);
  const Tensors draft = {{"a1", kA}, {"b1", kB}, {"a2", kA}, {"b2", kB}, {"b3", kB}, {"c1", kC}};
  const auto receipt = save(*session, "m:1@0", draft);
  CHECK(receipt.chunks == 6);
  CHECK(receipt.new_chunks == 3);
  for (const auto& [name, bytes] : draft) {
    CHECK(load_bytes(session, "m:1@0", name) == bytes);
  }
  CHECK(slot_of(*session, receipt.key, "a1") == slot_of(*session, receipt.key, "a2"));
  CHECK(slot_of(*session, receipt.key, "b1") == slot_of(*session, receipt.key, "b3"));
  CHECK(slot_of(*session, receipt.key, "a1") != slot_of(*session, receipt.key, "b1"));
}

TEST_CASE("collision: across saves and across a reopen, in both orders") {
  for (const bool bulk : {false, true}) {
    for (const bool reopen : {false, true}) {
      for (const bool swap : {false, true}) {
        CAPTURE(bulk);
        CAPTURE(reopen);
        CAPTURE(swap);
        const TempDir temp;
        auto session = open_session(temp, bulk);
        const auto& first = swap ? kB : kA;
        const auto& second = swap ? kA : kB;
        const auto again = [&] {
          if (reopen) {
            session.reset();
            session = open_session(temp, bulk);
          }
        };
        const auto one = save(*session, "m:1@0", {{"t", first}});
        again();
        const auto two = save(*session, "m:1@1", {{"t", second}});
        CHECK(one.new_chunks == 1);
        CHECK(two.new_chunks == 1);
        CHECK(slot_of(*session, one.key, "t") == 0);
        CHECK(slot_of(*session, two.key, "t") == 1);
        again();
        CHECK(load_bytes(session, "m:1@0", "t") == first);
        CHECK(load_bytes(session, "m:1@1", "t") == second);
        const auto three = save(*session, "n:1@0", {{"t", second}});
        CHECK(three.new_chunks == 0);
        CHECK(slot_of(*session, three.key, "t") == 1);
        again();
        CHECK(load_bytes(session, "n:1@0", "t") == second);
      }
    }
  }
}

TEST_CASE("collision: a draft that has a stored chunk and a new one leaves no slot empty") {
  for (const bool stored_first : {true, false}) {
    CAPTURE(stored_first);
    const TempDir temp;
    const auto session = open_session(temp);
    save(*session, "m:1@0", {{"t", kA}});
    const Tensors draft = stored_first ? Tensors{{"a", kA}, {"b", kB}, {"c", kC}}
                                       : Tensors{{"c", kC}, {"b", kB}, {"a", kA}};
    CHECK(save(*session, "m:1@1", draft).new_chunks == 2);
    const auto rows = index_rows(*session, chunk_digest(kA));
    CHECK(rows.size() == 3);
    CHECK(rows.rbegin()->first == 2);
    // Else those behind an empty slot would be stored anew by every save.
    CHECK(save(*session, "m:1@2", {{"b", kB}, {"c", kC}}).new_chunks == 0);
    CHECK(save(*session, "m:1@3", draft).new_chunks == 0);
    for (const auto& [name, bytes] : draft) {
      CHECK(load_bytes(session, "m:1@1", name) == bytes);
      CHECK(load_bytes(session, "m:1@3", name) == bytes);
    }
  }
}

TEST_CASE(
    "collision: contents of many chunks that differ in one colliding chunk are two contents") {
  for (const bool bulk : {false, true}) {
    const TempDir temp;
    auto session = open_session(temp, bulk);
    auto whole = Random(9).bytes(3 * kTensorChunkBytes + 500);
    const auto put = [&](std::uint32_t number) {
      const auto chunk = colliding_chunk(kTensorChunkBytes, number);
      std::copy(chunk.begin(), chunk.end(),
                whole.begin() + static_cast<std::ptrdiff_t>(kTensorChunkBytes));
      return whole;
    };
    const auto first = put(0);
    const auto second = put(1);
    REQUIRE(first != second);
    const auto one = save(*session, "m:1@0", {{"t", first}, {"u", second}});
    CHECK(one.new_chunks == 5);
    const auto two = save(*session, "m:1@1", {{"t", second}, {"u", first}});
    CHECK(two.new_chunks == 0);
    CHECK(slot_of(*session, one.key, "t") == slot_of(*session, two.key, "u"));
    CHECK(slot_of(*session, one.key, "t") != slot_of(*session, two.key, "t"));
    session.reset();
    session = open_session(temp, bulk);
    CHECK(load_bytes(session, "m:1@0", "t") == first);
    CHECK(load_bytes(session, "m:1@0", "u") == second);
    CHECK(load_bytes(session, "m:1@1", "t") == second);
    CHECK(load_bytes(session, "m:1@1", "u") == first);
  }
}

TEST_CASE("collision: another artifact with the same digest at the key is not taken for the same") {
  const TempDir temp;
  const auto session = open_session(temp);
  save(*session, "m:1@0", {{"t", kA}});
  Draft draft;
  draft.tensor("t", cairn_test::elements_of(kB));
  // Never OK with the other one's bytes behind it.
  CHECK(fails(save_artifact(*session, "m:1@0", draft, {}), Code::AlreadyExists, "m:1.0.0@0"));
  CHECK(load_bytes(session, "m:1@0", "t") == kA);
  CHECK(save(*session, "m:1@0", {{"t", kA}}).existed);
  for (const bool known : {false, true}) {
    CAPTURE(known);
    if (known) {
      save(*session, "n:1@0", {{"t", kB}});
      save(*session, "m:1@0", {{"t", kA}}, {.replace = true});
    }
    CHECK(!save(*session, "m:1@0", {{"t", kB}}, {.replace = true}).existed);
    CHECK(load_bytes(session, "m:1@0", "t") == kB);
  }
}

}  // namespace cairn
