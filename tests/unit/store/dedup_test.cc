// Finding twins among the pieces of a draft and in the store: digests nominate, bytes decide, and
// chunks that collide under XXH3-128 are never merged. Collisions in whole saves:
// collision_test.cc.
#include "store/dedup.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <doctest/doctest.h>
#include <rocksdb/db.h>

#include "store/store_testing.h"

namespace cairn {

namespace {

using cairn_test::Bytes;
using cairn_test::colliding_chunk;
using cairn_test::fails;
using cairn_test::index_rows;
using cairn_test::load_bytes;
using cairn_test::must;
using cairn_test::ok;
using cairn_test::open_session;
using cairn_test::Random;
using cairn_test::save;
using cairn_test::TempDir;

constexpr std::size_t kSize = 4'096;

Digest digest_number(std::uint8_t number) {
  Digest digest;
  digest.bytes[15] = number;
  return digest;
}

// Pieces with these bytes, and what SameAs says of them.
struct Pieces {
  std::vector<std::string> bytes;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> asked;

  TwinIndex::SameAs same_as(std::uint32_t piece) {
    return [this, piece](std::uint32_t other) -> Result<bool> {
      asked.emplace_back(piece, other);
      return bytes[piece] == bytes[other];
    };
  }
};

// What the store says of one chunk.
StoredChunks::Found find_one(Session& session, const Bytes& bytes, Dedup dedup = Dedup::Compare) {
  const auto save = must(session.activity().begin_save(0));
  StoredChunks stored(session.database(), *save, dedup);
  const auto found = must(stored.find(
      {{chunk_digest(bytes), static_cast<std::uint32_t>(bytes.size())}},
      [&](std::size_t) -> Result<std::span<const std::byte>> { return std::span(bytes); }));
  return found.at(0);
}

void put_chunk(Session& session, ChunkId id, const std::string& frame) {
  auto& database = session.database();
  auto* handle = database.handle(id.is_small() ? Family::ChunksSmall : Family::Chunks);
  REQUIRE(database.rocks()->Put({}, handle, encode_chunk_key(id), frame).ok());
}

void remove_chunk(Session& session, ChunkId id) {
  auto& database = session.database();
  auto* handle = database.handle(id.is_small() ? Family::ChunksSmall : Family::Chunks);
  REQUIRE(database.rocks()->Delete({}, handle, encode_chunk_key(id)).ok());
}

// A frame whose header is whole and whose payload has a flipped bit.
std::string damaged_frame(const Bytes& payload) {
  auto changed = payload;
  changed[kSize / 2] ^= std::byte{1};
  std::string frame;
  must(build_frame({.plain_bytes = changed.size()}, changed, chunk_digest(changed), frame));
  return frame;
}

}  // namespace

TEST_CASE("twins: the first piece of a digest owns the bytes, equal ones after it are its twins") {
  Pieces pieces{{"a", "a", "b", "a"}, {}};
  TwinIndex index;
  const auto claim = [&](std::uint32_t piece, std::uint8_t digest) {
    return must(index.claim(piece, digest_number(digest), pieces.same_as(piece)));
  };
  CHECK(!claim(0, 1).twin);
  CHECK(claim(1, 1).twin == 0);
  CHECK(!claim(2, 2).twin);
  CHECK(claim(3, 1).twin == 0);
  // Other digests are not compared with.
  CHECK(pieces.asked == std::vector<std::pair<std::uint32_t, std::uint32_t>>{{1, 0}, {3, 0}});
}

TEST_CASE("twins: other bytes under one digest own theirs, and have twins of their own") {
  Pieces pieces{{"a", "b", "c", "b", "a", "c", "d"}, {}};
  TwinIndex index;
  const auto claim = [&](std::uint32_t piece) {
    return must(index.claim(piece, digest_number(1), pieces.same_as(piece)));
  };
  for (std::uint32_t piece = 0; piece < 3; ++piece) {
    CHECK(!claim(piece).twin);
  }
  CHECK(claim(3).twin == 1);
  CHECK(claim(4).twin == 0);
  CHECK(claim(5).twin == 2);
  CHECK(!claim(6).twin);
}

TEST_CASE("twins: owners that are new to the store are counted one by one, a digest at a time") {
  Pieces pieces{{"a", "b", "c"}, {}};
  TwinIndex index;
  for (std::uint32_t piece = 0; piece < 3; ++piece) {
    must(index.claim(piece, digest_number(1), pieces.same_as(piece)));
  }
  // Piece 0 was found in the store, say: the first that is new has none before it.
  CHECK(index.count_new(digest_number(1)) == 0);
  CHECK(index.count_new(digest_number(1)) == 1);
  CHECK(index.count_new(digest_number(2)) == 0);
  CHECK(index.count_new(digest_number(1)) == 2);
}

TEST_CASE("twins: a comparison that fails fails the claim, and the piece owns nothing") {
  Pieces pieces{{"a", "a", "a"}, {}};
  TwinIndex index;
  must(index.claim(0, digest_number(1), pieces.same_as(0)));
  const auto failed = index.claim(1, digest_number(1), [](std::uint32_t) -> Result<bool> {
    return tl::unexpected(Error{Code::Io, "on purpose"});
  });
  CHECK(fails(failed, Code::Io, "on purpose"));
  CHECK(must(index.claim(2, digest_number(1), pieces.same_as(2))).twin == 0);
}

TEST_CASE("twins: of pieces that claim at once one owns each content, the others are its twins") {
  constexpr std::uint32_t kPieces = 4'000;
  constexpr std::uint32_t kContents = 7;  // Of all pieces, under one digest.
  TwinIndex index;
  std::vector<TwinIndex::Claim> claims(kPieces);
  {
    std::vector<std::jthread> threads;
    for (std::uint32_t thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (std::uint32_t piece = thread; piece < kPieces; piece += 4) {
          claims[piece] = must(
              index.claim(piece, digest_number(1), [piece](std::uint32_t other) -> Result<bool> {
                return piece % kContents == other % kContents;
              }));
        }
      });
    }
  }
  std::vector<std::uint32_t> owned;
  for (std::uint32_t piece = 0; piece < kPieces; ++piece) {
    if (claims[piece].twin) {
      CHECK(*claims[piece].twin % kContents == piece % kContents);
      CHECK(!claims[*claims[piece].twin].twin);  // The twin is the owner, not another twin.
    } else {
      owned.push_back(piece % kContents);
    }
  }
  std::ranges::sort(owned);
  CHECK(owned == std::vector<std::uint32_t>{0, 1, 2, 3, 4, 5, 6});
}

TEST_CASE("stored chunks: the same bytes are found, others under the digest get the next slot") {
  for (const bool bulk : {false, true}) {
    CAPTURE(bulk);
    const TempDir temp;
    const auto session = open_session(temp, bulk);
    const auto a = colliding_chunk(kSize, 0);
    const auto b = colliding_chunk(kSize, 1);
    REQUIRE(a != b);
    REQUIRE(chunk_digest(a) == chunk_digest(b));
    CHECK(!find_one(*session, a).same);
    CHECK(find_one(*session, a).slot == 0);
    save(*session, "m:1@0", {{"t", a}});
    const auto row = index_rows(*session, chunk_digest(a)).at(0);
    CHECK(row.id.is_small() != bulk);
    CHECK(find_one(*session, a).same->id == row.id);
    CHECK(!find_one(*session, b).same);
    CHECK(find_one(*session, b).slot == 1);
  }
}

TEST_CASE("stored chunks: trust takes the digest's word, where the sizes agree") {
  const TempDir temp;
  const auto session = open_session(temp);
  const auto a = colliding_chunk(kSize, 0);
  save(*session, "m:1@0", {{"t", a}});
  const auto found = find_one(*session, colliding_chunk(kSize, 1), Dedup::Trust);
  REQUIRE(found.same);
  CHECK(found.same->id == index_rows(*session, chunk_digest(a)).at(0).id);
  const auto save = must(session->activity().begin_save(0));
  StoredChunks stored(session->database(), *save, Dedup::Trust);
  const auto other = must(stored.find({{chunk_digest(a), kSize - 1}}, [](std::size_t) {
    return Result<std::span<const std::byte>>(tl::unexpected(Error{Code::Io, "not asked"}));
  }));
  CHECK(!other.at(0).same);
  CHECK(other.at(0).slot == 1);
}

TEST_CASE("stored chunks: with many slots under one digest each is told from all others") {
  for (const bool bulk : {false, true}) {
    CAPTURE(bulk);
    constexpr std::uint32_t kSlots = 16;
    const TempDir temp;
    auto session = open_session(temp, bulk);
    for (std::uint32_t i = 0; i < kSlots; ++i) {
      CHECK(save(*session, {"m", "1", i}, {{"t", colliding_chunk(kSize, i)}}).new_chunks == 1);
    }
    session.reset();
    session = open_session(temp, bulk);
    const auto rows = index_rows(*session, chunk_digest(colliding_chunk(kSize, 0)));
    CHECK(rows.size() == kSlots);
    std::vector<StoredChunks::Wanted> wanted;
    std::vector<Bytes> chunks;
    for (std::uint32_t i = kSlots + 1; i > 0; --i) {  // One more than there are.
      chunks.push_back(colliding_chunk(kSize, i - 1));
      wanted.push_back({chunk_digest(chunks.back()), kSize});
    }
    const auto save = must(session->activity().begin_save(0));
    StoredChunks stored(session->database(), *save, Dedup::Compare);
    const auto found = must(stored.find(wanted, [&](std::size_t i) {
      return Result<std::span<const std::byte>>(std::span(chunks[i]));
    }));
    CHECK(!found.front().same);
    CHECK(found.front().slot == kSlots);
    for (std::uint32_t i = 0; i < kSlots; ++i) {
      REQUIRE(found[kSlots - i].same);
      CHECK(found[kSlots - i].same->id == rows.at(i).id);
      CHECK(load_bytes(session, {"m", "1", i}, "t") == colliding_chunk(kSize, i));
    }
  }
}

TEST_CASE("stored chunks: a damaged or missing one is stored anew, and then found again") {
  for (const bool bulk : {false, true}) {
    for (const char* damage : {"bit", "header", "short", "missing", "row"}) {
      CAPTURE(bulk);
      CAPTURE(damage);
      const TempDir temp;
      auto session = open_session(temp, bulk);
      const auto bytes = Random(5).bytes(kSize);
      save(*session, "m:1@0", {{"t", bytes}});
      const auto before = index_rows(*session, chunk_digest(bytes)).at(0);
      const std::string kind = damage;
      if (kind == "bit") {
        put_chunk(*session, before.id, damaged_frame(bytes));
      } else if (kind == "header") {
        put_chunk(*session, before.id, std::string(kSize, 'x'));
      } else if (kind == "short") {
        put_chunk(*session, before.id, "x");
      } else if (kind == "missing") {
        remove_chunk(*session, before.id);
      } else {
        auto& database = session->database();
        const auto key = encode_index_key(chunk_digest(bytes), 0);
        REQUIRE(database.rocks()->Put({}, database.handle(Family::ChunkIndex), key, "row").ok());
      }
      CHECK(!find_one(*session, bytes).same);
      CHECK(find_one(*session, bytes).slot == 0);
      CHECK(save(*session, "m:1@1", {{"t", bytes}}).new_chunks == 1);
      CHECK(load_bytes(session, "m:1@1", "t") == bytes);
      const auto after = index_rows(*session, chunk_digest(bytes));
      CHECK(after.size() == 1);
      CHECK(after.at(0).id != before.id);
      CHECK(save(*session, "m:1@2", {{"t", bytes}}).new_chunks == 0);
      session.reset();
      session = open_session(temp, bulk);
      CHECK(load_bytes(session, "m:1@2", "t") == bytes);
    }
  }
}

TEST_CASE(
    "stored chunks: one that was damaged under a shared digest is replaced, not its neighbour") {
  for (const std::uint32_t damaged : {0U, 1U, 2U}) {
    CAPTURE(damaged);
    const TempDir temp;
    const auto session = open_session(temp);
    for (std::uint32_t i = 0; i < 3; ++i) {
      save(*session, {"m", "1", i}, {{"t", colliding_chunk(kSize, i)}});
    }
    const auto rows = index_rows(*session, chunk_digest(colliding_chunk(kSize, 0)));
    put_chunk(*session, rows.at(damaged).id, damaged_frame(colliding_chunk(kSize, damaged)));
    const auto again = colliding_chunk(kSize, damaged);
    CHECK(save(*session, "n:1@0", {{"t", again}}).new_chunks == 1);
    CHECK(load_bytes(session, "n:1@0", "t") == again);
    for (std::uint32_t i = 0; i < 3; ++i) {
      if (i != damaged) {
        CHECK(load_bytes(session, {"m", "1", i}, "t") == colliding_chunk(kSize, i));
      }
      CHECK(save(*session, {"k", "1", i}, {{"t", colliding_chunk(kSize, i)}}).new_chunks == 0);
      CHECK(load_bytes(session, {"k", "1", i}, "t") == colliding_chunk(kSize, i));
    }
  }
}

TEST_CASE("stored chunks: bytes that cannot be read now are an error, not a new chunk") {
  const TempDir temp;
  const auto session = open_session(temp);
  const auto bytes = Random(6).bytes(kSize);
  save(*session, "m:1@0", {{"t", bytes}});
  const auto save = must(session->activity().begin_save(0));
  StoredChunks stored(session->database(), *save, Dedup::Compare);
  const auto found = stored.find({{chunk_digest(bytes), kSize}}, [](std::size_t) {
    return Result<std::span<const std::byte>>(tl::unexpected(Error{Code::Io, "on purpose"}));
  });
  CHECK(fails(found, Code::Io, "on purpose"));
  CHECK(must(stored.find({}, {})).empty());
}

}  // namespace cairn
