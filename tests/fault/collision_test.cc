// T9: chunks with other bytes and one XXH3-128 digest, which anybody can build, and contents that
// differ in nothing but such a chunk: both come back as they were, whatever came first. What the
// library does inside is the matter of tests/unit/store/collision_test.cc.
//
// CAIRN_TEST_SEED repeats a run. Sizes: 24 pairs, digests and saves; 24; 1,000,000 pairs of digests
// and 2,000 of saves.
#include <algorithm>
#include <atomic>
#include <iostream>
#include <latch>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "content/colliding_chunk.h"
#include "support.h"

namespace cairn::testing {

namespace {

using cairn_test::random_twist;
using cairn_test::twist;
using Numbers = cairn_test::Random;
using Bytes = std::vector<std::byte>;
using Contents = std::pair<Bytes, Bytes>;

constexpr std::size_t kTensorChunk = kMiB;

// Makes two of `bytes` that differ, by a twist at a random place, in these bytes of it only.
Contents collide(Bytes bytes, std::size_t offset, std::size_t size, Numbers& numbers) {
  const auto at = random_twist(numbers, size);
  const auto first = static_cast<std::uint32_t>(numbers.below(500'000));
  Contents out{bytes, std::move(bytes)};
  twist(std::span(out.first).subspan(offset, size), at, first);
  twist(std::span(out.second).subspan(offset, size), at,
        first + 1 + static_cast<std::uint32_t>(numbers.below(400'000)));
  if (numbers.below(2) == 0) {
    std::swap(out.first, out.second);
  }
  return out;
}

// Of one chunk, up to 64 KiB.
Contents small_pair(Numbers& numbers) {
  const auto size = 256 + numbers.below(numbers.below(2) == 0 ? 4'000 : 65'000);
  return collide(numbers.bytes(size), 0, size, numbers);
}

std::span<const std::uint8_t> elements(const Bytes& bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

Draft tensor(const Bytes& bytes) {
  Draft draft;
  draft.tensor("t", elements(bytes));
  return draft;
}

Draft file(const Bytes& bytes) {
  Draft draft;
  draft.file("f", bytes);
  return draft;
}

Outcome tensor_is(const Store& store, const Ref& ref, const Bytes& bytes,
                  std::string_view name = "t") {
  const auto artifact = store.load(ref);
  if (!artifact) {
    return ok(artifact);
  }
  return {same_bytes(bytes_of(*artifact, name), bytes), "tensor of " + ref.text()};
}

Outcome file_is(const Store& store, const Ref& ref, const Bytes& bytes) {
  const auto artifact = store.load(ref);
  const auto found = artifact ? artifact->file("f") : tl::unexpected(artifact.error());
  return found ? Outcome{same_bytes(*found, bytes), "file of " + ref.text()} : ok(found);
}

// Where the chunks of a file begin, and its end: a file is read chunk by chunk.
std::vector<std::size_t> cuts_of(const Bytes& bytes) {
  auto& store = scratch_store();
  const auto name = fresh_name();
  must(store.save(name, file(bytes)));
  std::vector<std::size_t> cuts{0};
  must(must(store.load(name)).read_file("f", [&](std::span<const std::byte> piece) {
    cuts.push_back(cuts.back() + piece.size());
    return Result<void>();
  }));
  return cuts;
}

XXH128_hash_t digest_of(const Bytes& bytes) {
  return XXH3_128bits(bytes.data(), bytes.size());
}

}  // namespace

TEST_CASE("collision: pairs built at random places have other bytes and one digest") {
  const auto pairs = scaled(24, 24, 1'000'000);
  std::cout << "collision: " << pairs << " pairs of digests" << std::endl;
  Numbers numbers(run_seed());
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; i < pairs; ++i) {
    const auto [a, b] = small_pair(numbers);
    wrong += a != b && XXH128_isEqual(digest_of(a), digest_of(b)) != 0 ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("collision: pairs come back as themselves, across saves, a reopen and removals") {
  const auto pairs = scaled(24, 24, 2'000);
  std::cout << "collision: " << pairs << " pairs saved" << std::endl;
  Numbers numbers(run_seed() + 1);
  std::vector<Contents> saved;
  TempStore temp;
  auto store = temp.open();
  const auto all_are_there = [&] {
    for (std::uint64_t i = 0; i < saved.size(); ++i) {
      CHECK(tensor_is(store, {"a", "1", i}, saved[i].first));
      CHECK(tensor_is(store, {"b", "1", i}, saved[i].second));
    }
  };
  for (std::uint64_t i = 0; i < pairs; ++i) {
    saved.push_back(small_pair(numbers));
    const auto first = must(store.save({"a", "1", i}, tensor(saved[i].first)));
    const auto second = must(store.save({"b", "1", i}, tensor(saved[i].second)));
    CHECK(first.digest == second.digest);  // Else this were no test.
    CHECK(first.new_chunks == 1);
    CHECK(second.new_chunks == 1);
  }
  all_are_there();
  must(store.close());
  store = temp.open();
  all_are_there();
  // What is removed first is saved last, and the other way round.
  must(store.remove("a:all"));
  for (std::uint64_t i = 0; i < pairs; ++i) {
    CHECK(tensor_is(store, {"b", "1", i}, saved[i].second));
    CHECK(must(store.save({"c", "1", i}, tensor(saved[i].second))).new_chunks == 0);
    CHECK(must(store.save({"a", "1", i}, tensor(saved[i].first))).new_chunks == 0);
    CHECK(tensor_is(store, {"c", "1", i}, saved[i].second));
  }
  all_are_there();
}

TEST_CASE("collision: tensors of many chunks that differ in one, wherever it is, in either order") {
  Numbers numbers(run_seed() + 2);
  constexpr std::size_t kSize = 3 * kTensorChunk + 5'000;
  for (std::size_t chunk = 0; chunk < 4; ++chunk) {
    CAPTURE(chunk);
    const auto offset = chunk * kTensorChunk;
    const auto size = std::min(kTensorChunk, kSize - offset);
    const auto [a, b] = collide(numbers.bytes(kSize), offset, size, numbers);
    TempStore temp;
    {
      auto store = temp.open();
      CHECK(must(store.save("m:1@0", tensor(a))).new_chunks == 4);
      CHECK(must(store.save("m:1@1", tensor(b))).new_chunks == 1);
      Draft both;
      both.tensor("x", elements(b)).tensor("y", elements(a)).tensor("z", elements(b));
      CHECK(must(store.save("m:1@2", both)).new_chunks == 0);
    }
    const auto store = temp.open({.mode = OpenOptions::Mode::ReadOnly});
    CHECK(must(store.load("m:1@0")).digest() == must(store.load("m:1@1")).digest());
    CHECK(tensor_is(store, "m:1@0", a));
    CHECK(tensor_is(store, "m:1@1", b));
    CHECK(tensor_is(store, "m:1@2", b, "x"));
    CHECK(tensor_is(store, "m:1@2", a, "y"));
    CHECK(tensor_is(store, "m:1@2", b, "z"));
  }
}

TEST_CASE("collision: both in one new draft, as chunks of one tensor and of two") {
  Numbers numbers(run_seed() + 3);
  const auto [a, b] = collide(numbers.bytes(kTensorChunk), 0, kTensorChunk, numbers);
  Bytes ab(a);
  ab.insert(ab.end(), b.begin(), b.end());
  Bytes ba(b);
  ba.insert(ba.end(), a.begin(), a.end());
  for (const bool swapped : {false, true}) {
    TempStore temp;
    {
      auto store = temp.open();
      Draft draft;
      draft.tensor("t", elements(swapped ? ba : ab)).tensor("u", elements(swapped ? ab : ba));
      draft.tensor("v", elements(a)).file("f", b);
      // The file is cut in its own way.
      CHECK(must(store.save("m", draft)).new_chunks == 2 + cuts_of(b).size() - 1);
    }
    const auto store = temp.open();
    const auto artifact = must(store.load("m"));
    CHECK(artifact.tensors().at(0).content == artifact.tensors().at(1).content);
    CHECK(tensor_is(store, "m", swapped ? ba : ab, "t"));
    CHECK(tensor_is(store, "m", swapped ? ab : ba, "u"));
    CHECK(tensor_is(store, "m", a, "v"));
    CHECK(file_is(store, "m", b));
  }
}

TEST_CASE("collision: files that differ in one chunk, wherever it is, in either order") {
  Numbers numbers(run_seed() + 4);
  const auto bytes = numbers.bytes(5 * kMiB / 2);
  const auto cuts = cuts_of(bytes);
  REQUIRE(cuts.size() > 4);
  TempStore temp;
  auto store = temp.open();
  for (std::size_t chunk = 0; chunk + 1 < cuts.size(); ++chunk) {
    CAPTURE(chunk);
    // Where a chunk ends does not depend on its first 64 KiB.
    const auto size = std::min<std::size_t>(cuts[chunk + 1] - cuts[chunk], 60'000);
    auto [a, b] = collide(bytes, cuts[chunk], size, numbers);
    REQUIRE(cuts_of(a) == cuts);
    const Key first{"first", {1, 0, 0}, chunk};
    const Key second{"second", {1, 0, 0}, chunk};
    CHECK(ok(store.save(first, file(a))));
    CHECK(must(store.save(second, file(b))).new_chunks == 1);
    CHECK(must(store.load(first)).files().at(0).content ==
          must(store.load(second)).files().at(0).content);
    // The same key, the same digest, other bytes.
    CHECK(fails(store.save(first, file(b)), Code::AlreadyExists));
    CHECK(file_is(store, first, a));
    CHECK(file_is(store, second, b));
    CHECK(!must(store.save(first, file(b), {.replace = true})).existed);
    CHECK(file_is(store, first, b));
    CHECK(!must(store.save(first, file(a), {.replace = true})).existed);
    must(store.close());
    store = temp.open();
    CHECK(file_is(store, first, a));
    CHECK(file_is(store, second, b));
  }
}

TEST_CASE("collision: two threads that save one of a pair each, at once") {
  Numbers numbers(run_seed() + 5);
  const auto rounds = scaled(12, 24, 500);
  std::vector<Contents> saved;
  TempStore temp;
  const auto all_are_there = [&](const Store& store, const char* a, const char* b) {
    for (std::uint64_t i = 0; i < saved.size(); ++i) {
      CHECK(tensor_is(store, {a, "1", i}, saved[i].first));
      CHECK(tensor_is(store, {b, "1", i}, saved[i].second));
    }
  };
  {
    auto store = temp.open();
    std::atomic<unsigned> failed = 0;
    for (std::uint64_t i = 0; i < rounds; ++i) {
      const bool large = i % 3 == 2;  // Through a file each, else in one batch.
      const auto size = 2 * kTensorChunk;
      saved.push_back(large ? collide(numbers.bytes(size), kTensorChunk, kTensorChunk, numbers)
                            : small_pair(numbers));
      std::latch start(2);
      const auto save = [&](const char* name, const Bytes& bytes) {
        start.arrive_and_wait();
        failed += store.save({name, "1", i}, tensor(bytes)) ? 0 : 1;
      };
      std::jthread other([&] { save("a", saved[i].first); });
      save("b", saved[i].second);
    }
    CHECK(failed == 0);
    all_are_there(store, "a", "b");
  }
  auto store = temp.open();
  all_are_there(store, "a", "b");
  for (std::uint64_t i = 0; i < rounds; ++i) {
    must(store.save({"d", "1", i}, tensor(saved[i].second)));
    must(store.save({"c", "1", i}, tensor(saved[i].first)));
  }
  all_are_there(store, "a", "b");
  all_are_there(store, "c", "d");
}

TEST_CASE("collision: who trusts digests gets the chunk that was first, who compares does not") {
  Numbers numbers(run_seed() + 6);
  TempStore temp;
  auto store = temp.open();
  const SaveOptions trust{.dedup = Dedup::Trust};
  const auto [a, b] = small_pair(numbers);
  must(store.save("a", tensor(a), trust));
  CHECK(must(store.save("b", tensor(b), trust)).new_chunks == 0);
  CHECK(tensor_is(store, "b", a));
  CHECK(ok(must(store.load("b")).verify()));
  CHECK(must(store.save("a:1@0", tensor(b), trust)).existed);
  CHECK(must(store.save("c", tensor(b))).new_chunks == 1);
  CHECK(tensor_is(store, "c", b));
  CHECK(tensor_is(store, "a", a));
}

}  // namespace cairn::testing
