// Segments: tensors and files in verified pieces, which outlive what they came from.
#include <array>
#include <atomic>
#include <thread>
#include <type_traits>
#include <utility>

#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

// No view of the bytes of a temporary.
template <class T>
concept GivesBytes = requires(T&& segment) { std::forward<T>(segment).bytes(); };
static_assert(GivesBytes<const Segment&>);
static_assert(!GivesBytes<Segment>);

Draft one(std::span<const std::uint8_t> values) {
  Draft draft;
  draft.tensor("w", std::vector<std::uint8_t>(values.begin(), values.end()));
  return draft;
}

// All pieces one after another; says where they are not in order.
std::vector<std::byte> joined(const Segments& segments) {
  std::vector<std::byte> out;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto segment = must(segments.at(i));
    CHECK(segment.offset() == out.size());
    CHECK(!segment.bytes().empty());
    CHECK(reinterpret_cast<std::uintptr_t>(segment.bytes().data()) % 64 == 0);
    out.insert(out.end(), segment.bytes().begin(), segment.bytes().end());
  }
  CHECK(segments.size_bytes() == out.size());
  return out;
}

}  // namespace

TEST_CASE(
    "segments: they are the tensor's or the file's bytes, of any size, with mmap or without") {
  Random random;
  TempStore temp;
  const std::vector<std::size_t> sizes = {0,         1,        64,           5000,
                                          kMiB - 16, kMiB + 1, 5 * kMiB + 7, 2'097'109};
  std::vector<std::vector<std::uint8_t>> values;
  {
    auto store = temp.open();
    Draft draft;
    for (const auto size : sizes) {
      values.push_back(random.elements<std::uint8_t>(size));
      const auto bytes = std::as_bytes(std::span(values.back()));
      draft.tensor(std::to_string(size), values.back())
          .file(std::to_string(size), {bytes.begin(), bytes.end()});
    }
    must(store.save("m", draft));
    must(store.save("small", one(values[3])));  // Chunks that stand in the commit.
  }
  for (const bool mmap : {true, false}) {
    const auto store = temp.open({.mmap = mmap});
    const auto artifact = must(store.load("m"));
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const auto name = std::to_string(sizes[i]);
      CAPTURE(name);
      const auto segments = must(artifact.segments(name));
      CHECK(same_bytes(joined(segments), values[i]));
      CHECK(same_bytes(joined(segments), values[i]));  // As often as one likes.
      CHECK(same_bytes(joined(must(artifact.file_segments(name))), values[i]));
    }
    CHECK(same_bytes(joined(must(must(store.load("small")).segments("w"))), values[3]));
  }
}

TEST_CASE("segments: pieces of a tensor are in place, and end with an element") {
  TempStore temp;
  {
    auto store = temp.open();
    Draft draft;
    draft.tensor("w", Random().elements<double>(700'001));
    must(store.save("m", draft));
  }
  const auto segments = must(must(temp.open().load("m")).segments("w"));
  REQUIRE(segments.size() == 6);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto one = must(segments.at(i));
    const auto other = must(segments.at(i));
    CHECK(one.bytes().data() == other.bytes().data());
    CHECK(one.bytes().size() % sizeof(double) == 0);
  }
}

TEST_CASE("segments: what does not exist is refused by name and by number") {
  auto& store = scratch_store();
  const auto name = fresh_name();
  Draft draft;
  draft.tensor("w", std::vector<float>(10)).file("f", to_bytes("text"));
  must(store.save(name, draft));
  const auto artifact = must(store.load(name));
  CHECK(fails(artifact.segments("f"), Code::NotFound, "\"w\""));
  CHECK(fails(artifact.file_segments("w"), Code::NotFound, "\"f\""));
  const auto segments = must(artifact.segments("w"));
  CHECK(segments.size() == 1);
  CHECK(fails(segments.at(1), Code::InvalidArgument, "\"w\"", "1 segment"));
  CHECK(fails(segments.at(~std::size_t{0}), Code::InvalidArgument));
}

TEST_CASE("segments: a damaged piece is Corruption with its place, the others are read") {
  TempStore temp;
  const auto values = Random(1).elements<std::uint8_t>(6 * kMiB);
  must(temp.open().save("m", one(values)));
  const auto place = find_stored(temp, std::as_bytes(std::span(values).subspan(2 * kMiB, 64)));
  REQUIRE(place.has_value());
  flip_bit(place->file, place->offset + 1000, 2);
  for (const bool mmap : {true, false}) {
    const auto segments = must(must(temp.open({.mmap = mmap}).load("m")).segments("w"));
    for (std::size_t i = 0; i < 6; ++i) {
      const auto segment = segments.at(i);
      if (i == 2) {
        CHECK(fails(segment, Code::Corruption, "m:1.0.0@0", "\"w\"", "chunk 2", "offset 2097152"));
      } else {
        REQUIRE(ok(segment));
        CHECK(same_bytes(segment->bytes(), std::span(values).subspan(i * kMiB, kMiB)));
      }
    }
  }
}

TEST_CASE("segments: they outlive artifact, store and files, and hold the lock until they go") {
  TempStore temp;
  const auto values = Random(2).elements<std::uint8_t>(3 * kMiB);
  must(temp.open().save("m", one(values)));
  std::optional<Segments> segments;
  std::optional<Segment> segment;
  {
    auto store = temp.open();
    segments = must(must(store.load("m")).segments("w"));
    segment = must(segments->at(1));
    CHECK(fails(store.close(), Code::Busy));
  }
  CHECK(fails(Store::open(temp.path()), Code::Locked, "this process"));
  remove_tables(temp);
  CHECK(same_bytes(joined(*segments), values));
  segments.reset();
  CHECK(same_bytes(segment->bytes(), std::span(values).subspan(kMiB, kMiB)));
  CHECK(fails(Store::open(temp.path()), Code::Locked));
}

TEST_CASE("segments: many are held at once, from one artifact and from several") {
  TempStore temp;
  auto store = temp.open();
  std::vector<std::vector<std::uint8_t>> values;
  std::vector<Segment> held;
  constexpr std::size_t kEach = 40;
  for (std::uint64_t epoch = 0; epoch < 30; ++epoch) {
    values.push_back(Random(epoch).elements<std::uint8_t>(kEach * 64 * 1024));
    const auto all = std::as_bytes(std::span(values.back()));
    Draft draft;
    for (std::size_t i = 0; i < kEach; ++i) {
      draft.tensor(
          std::to_string(i),
          TensorView{DType::U8, {64 * 1024}, Layout::C, all.subspan(i * 64 * 1024, 64 * 1024)});
    }
    must(store.save({"m", "1", epoch}, draft));
    const auto artifact = must(store.load({"m", "1", epoch}));
    for (std::size_t i = 0; i < kEach; ++i) {
      held.push_back(must(must(artifact.segments(std::to_string(i))).at(0)));
    }
  }
  for (std::size_t i = 0; i < held.size(); ++i) {
    CHECK(same_bytes(held[i].bytes(),
                     std::span(values[i / kEach]).subspan(i % kEach * 64 * 1024, 64 * 1024)));
  }
}

TEST_CASE("segments: several threads share the work") {
  TempStore temp;
  const auto values = Random(3).elements<std::uint8_t>(24 * kMiB);
  must(temp.open().save("m", one(values)));
  const auto segments = must(must(temp.open().load("m")).segments("w"));
  std::vector<std::byte> out(values.size());
  std::atomic<std::size_t> next{0};
  std::atomic<int> failed{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (auto i = next++; i < segments.size(); i = next++) {
          const auto segment = segments.at(i);
          if (!segment) {
            ++failed;
            continue;
          }
          std::memcpy(out.data() + segment->offset(), segment->bytes().data(),
                      segment->bytes().size());
        }
      });
    }
  }
  CHECK(failed == 0);
  CHECK(same_bytes(out, values));
}

}  // namespace cairn::testing
