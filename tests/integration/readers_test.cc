// Readers beside a writer: each sees one state, whole; refresh takes it to the newest; no file is
// changed by them.
#include <atomic>
#include <chrono>
#include <thread>

#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

constexpr OpenOptions kReadOnly{.mode = OpenOptions::Mode::ReadOnly};

Draft draft_of(std::uint64_t seed, std::size_t bytes) {
  Draft draft;
  draft.tensor("w", Random(seed).floats(bytes / sizeof(float)))
      .metric("seed", static_cast<double>(seed));
  return draft;
}

// Every artifact of the view is there and whole, epochs without a hole.
std::size_t check_view(const Store& store) {
  const auto artifacts = must(store.list());
  for (std::size_t i = 0; i < artifacts.size(); ++i) {
    CHECK(artifacts[i].key.epoch == i);
    CHECK(ok(must(store.load(artifacts[i].key)).verify()));
  }
  return artifacts.size();
}

}  // namespace

TEST_CASE("readers: refresh takes a reader to what was committed, and says whether it did") {
  TempStore temp;
  auto writer = temp.open();
  must(writer.save("m:1@0", draft_of(0, 1'000)));
  auto reader = temp.open(kReadOnly);
  const auto old = must(reader.load("m"));
  CHECK(!must(reader.refresh()));
  CHECK(!must(writer.refresh()));
  must(writer.save("m:1@1", draft_of(1, 3 * kMiB)));
  CHECK(must(reader.list()).size() == 1);
  CHECK(must(reader.refresh()));
  CHECK(check_view(reader) == 2);
  CHECK(!must(reader.refresh()));
  CHECK(ok(old.verify()));  // It came from the older view, and stays readable.
  must(writer.remove("m:all"));
  CHECK(must(reader.refresh()));
  CHECK(must(reader.list()).empty());
  CHECK(ok(old.verify()));
  must(writer.close());
  CHECK(ok(reader.list()));
}

TEST_CASE(
    "readers: an artifact of an older view lives on when the handle has gone on, and when it "
    "closes") {
  TempStore temp;
  auto writer = temp.open();
  must(writer.save("m:1@0", draft_of(0, 1'000)));
  auto reader = temp.open(kReadOnly);
  auto artifact = std::optional(must(reader.load("m")));
  must(writer.save("m:1@1", draft_of(1, 1'000)));
  CHECK(must(reader.refresh()));
  CHECK(ok(artifact->verify()));
  CHECK(ok(reader.close()));  // The new view has no artifacts; the old one lives on its own.
  CHECK(ok(artifact->verify()));
}

TEST_CASE("readers: threads that open, refresh and read beside a writer see whole states only") {
  TempStore temp;
  auto writer = temp.open();
  must(writer.save("m:1@0", draft_of(0, 1'000)));
  std::atomic<std::uint64_t> acknowledged{1};
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> views{0};
  std::vector<std::jthread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&, t] {
      std::optional<Store> kept;
      while (!stop) {
        const auto before = acknowledged.load();
        if (t == 0 && kept) {
          const auto refreshed = kept->refresh();
          CHECK((refreshed || refreshed.error().code == Code::Retry));
          if (!refreshed) {
            continue;
          }
        } else {
          auto opened = Store::open(temp.path(), kReadOnly);
          CHECK((opened || opened.error().code == Code::Retry));
          if (!opened) {
            continue;
          }
          kept = std::move(*opened);
        }
        CHECK(check_view(*kept) >= before);
        ++views;
      }
    });
  }
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(scaled(2'000, 20'000));
  for (std::uint64_t epoch = 1; std::chrono::steady_clock::now() < until && epoch < 200; ++epoch) {
    // A big save now and then replaces the manifest's end; closing flushes and deletes the log.
    must(writer.save({"m", "1", epoch}, draft_of(epoch, epoch % 5 == 0 ? 2 * kMiB : 10'000)));
    acknowledged = epoch + 1;
    if (epoch % 7 == 0) {
      must(writer.close());
      writer = temp.open();
    }
  }
  stop = true;
  readers.clear();
  CHECK(views > 0);
}

TEST_CASE("readers: they change no file, also beside a writer that is idle") {
  TempStore temp;
  auto writer = temp.open();
  must(writer.save("m:1@0", draft_of(0, 1'000)));
  must(writer.save("m:1@1", draft_of(1, 2 * kMiB)));
  const auto before = listing_of(temp.database());
  {
    auto reader = temp.open(kReadOnly);
    CHECK(check_view(reader) == 2);
    CHECK(!must(reader.refresh()));
  }
  CHECK(listing_of(temp.database()) == before);
}

}  // namespace cairn::testing
