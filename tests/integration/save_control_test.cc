// Saves that tell their progress and that are stopped: at many points, from the callback and from
// another thread; and that nothing is left of them.
#include <atomic>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <thread>

#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

// A draft of every kind of content: in memory, from callbacks, files, twins, nothing new.
class Sample {
 public:
  explicit Sample(std::uint64_t salt)
      : bytes_(Random(salt).bytes(5 * kMiB + 3)), big_(Random(salt + 1).bytes(67 * kMiB)) {}

  // `on_read` is called before each read of a callback, with its number.
  Draft draft(bool big, std::function<void(std::uint64_t)> on_read = {}) {
    reads_ = 0;
    const auto reading = [this, on_read](const std::vector<std::byte>& from) {
      return ReadCallback{[this, on_read, &from](std::uint64_t offset, std::span<std::byte> out) {
                            if (on_read) {
                              on_read(reads_++);
                            }
                            std::memcpy(out.data(), from.data() + offset, out.size());
                            return Result<void>();
                          },
                          true};
    };
    Draft out;
    out.tensor("memory", TensorView{DType::U8, {bytes_.size()}, Layout::C, bytes_});
    out.tensor("twin", TensorSource{DType::U8, {bytes_.size()}, Layout::C, reading(bytes_)});
    out.tensor("zeros", std::vector<float>(kMiB, 0.0F));
    out.tensor("empty", std::vector<float>());
    out.file("file", FileSource{bytes_.size(), reading(bytes_)});
    if (big) {
      out.tensor("big", TensorSource{DType::U8, {big_.size()}, Layout::C, reading(big_)});
    }
    return out;
  }
  std::uint64_t reads() const { return reads_; }
  std::uint64_t size(bool big) const {
    return 3 * bytes_.size() + kMiB * sizeof(float) + (big ? big_.size() : 0);
  }

 private:
  std::vector<std::byte> bytes_;
  std::vector<std::byte> big_;
  std::atomic<std::uint64_t> reads_{0};
};

// What progress was told, and whether it was told as it should be.
struct Told {
  std::mutex mutex;
  std::vector<Progress> all;

  Control control() {
    return {.progress = [this](const Progress& progress) {
      const std::unique_lock lock(mutex, std::try_to_lock);
      CHECK(lock.owns_lock());  // One at a time.
      all.push_back(progress);
    }};
  }
  void check(std::uint64_t total) const {
    REQUIRE(!all.empty());
    std::uint64_t last = 0;
    for (const auto& progress : all) {
      CHECK(progress.total_bytes == total);
      CHECK(progress.done_bytes >= last);
      CHECK(progress.done_bytes <= total);
      last = progress.done_bytes;
    }
    CHECK(last == total);
  }
};

struct Before {
  explicit Before(const TempStore& temp)
      : tables(bytes_with_extension(temp.database(), ".sst")), temp_(temp) {}

  // Nothing to be seen, nothing kept: no artifact, no file, no chunk.
  void check_same(Store& store) const {
    const auto list = must(store.list());
    CHECK(list.size() == 1);
    CHECK(list.at(0).key == Key{"standing", {1, 0, 0}, 0});
    CHECK(files_in(temp_.incoming()) == 0);
    CHECK(bytes_with_extension(temp_.database(), ".sst") == tables);
  }

  std::uintmax_t tables;

 private:
  const TempStore& temp_;
};

}  // namespace

TEST_CASE("control: progress counts every byte once, in new saves and in those that were stored") {
  Sample sample(1);
  for (const bool big : {false, true}) {
    CAPTURE(big);
    const TempStore temp;
    auto store = temp.open({.threads = 4});
    const auto draft = sample.draft(
        big, [](std::uint64_t) { std::this_thread::sleep_for(std::chrono::milliseconds(3)); });
    for (const char* ref : {"m:1", "n:1", "m:1"}) {
      for (const Dedup dedup : {Dedup::Compare, Dedup::Trust}) {
        Told told;
        const auto receipt =
            must(store.save(ref, draft, {.dedup = dedup, .control = told.control()}));
        CHECK(receipt.size_bytes == sample.size(big));
        told.check(sample.size(big));
        CHECK((!big || told.all.size() > 1));
      }
    }
  }
}

TEST_CASE("control: an artifact without bytes says that it is done") {
  Told told;
  must(scratch_store().save(fresh_name(), Draft().metric("loss", 1), {.control = told.control()}));
  told.check(0);
}

TEST_CASE("control: a save that is stopped at any read leaves nothing, and can be repeated") {
  Sample sample(2);
  const TempStore temp;
  auto store = temp.open({.threads = 3});
  must(store.save("standing:1", Draft().tensor("w", Random(9).floats(2 * kMiB))));
  const Before before(temp);
  Random random(3);
  for (const bool big : {false, true}) {
    const auto whole = sample.draft(big, [](std::uint64_t) {});
    std::uint64_t reads = big ? 80 : 12;
    for (std::uint64_t round = 0; round < scaled(12, 100); ++round) {
      const auto stop_at = round == 0 ? 0 : random.below(reads);
      CAPTURE(big);
      CAPTURE(stop_at);
      std::stop_source stop;
      const auto draft = sample.draft(big, [&](std::uint64_t nth) {
        if (nth == stop_at) {
          stop.request_stop();
        }
      });
      CHECK(fails(store.save("m:1", draft, {.control = {.stop = stop.get_token()}}),
                  Code::Cancelled, "m:1"));
      CHECK(sample.reads() <= stop_at + 4);  // A read a thread, and no more.
      before.check_same(store);
    }
  }
  const auto saved = must(store.save("m:1", sample.draft(true)));
  CHECK(ok(must(store.load("m:1")).verify()));
  CHECK(must(store.save("m:1", sample.draft(true))).existed);
  CHECK(files_in(temp.incoming()) == 0);
}

TEST_CASE("control: a save that is stopped from another thread is whole or is not there") {
  Sample sample(4);
  const TempStore temp;
  auto store = temp.open();
  must(store.save("standing:1", Draft().tensor("w", Random(9).floats(2 * kMiB))));
  Random random(5);
  const auto draft = sample.draft(true);
  const auto start = std::chrono::steady_clock::now();
  must(store.save("m:1", draft));
  const auto took = std::chrono::steady_clock::now() - start;
  must(store.remove("m:1@0"));
  unsigned stopped = 0;
  for (std::uint64_t round = 0; round < scaled(15, 150); ++round) {
    const Before before(temp);
    std::stop_source stop;
    std::jthread other([&, part = static_cast<int>(random.below(120))] {
      std::this_thread::sleep_for(took * part / 100);
      stop.request_stop();
    });
    const auto saved = store.save("m:1", draft, {.control = {.stop = stop.get_token()}});
    other.join();
    if (saved) {
      CHECK(ok(must(store.load("m:1")).verify()));
      must(store.remove("m:1@0"));
    } else {
      ++stopped;
      CHECK(fails(saved, Code::Cancelled, "m:1"));
      before.check_same(store);
    }
    CHECK(files_in(temp.incoming()) == 0);
  }
  MESSAGE(stopped << " of " << scaled(15, 150) << " saves were stopped");
  must(store.save("m:1", draft));
  CHECK(ok(must(store.load("m:1")).verify()));
}

TEST_CASE("control: a stop out of the callback is heard, at the very end, too") {
  Sample sample(6);
  const TempStore temp;
  auto store = temp.open();
  must(store.save("standing:1", Draft().tensor("w", Random(9).floats(2 * kMiB))));
  const Before before(temp);
  const auto draft = sample.draft(
      true, [](std::uint64_t) { std::this_thread::sleep_for(std::chrono::milliseconds(3)); });
  for (const std::uint64_t share : {0, 30, 70, 100}) {
    CAPTURE(share);
    std::stop_source stop;
    const Control control{.progress =
                              [&](const Progress& progress) {
                                if (progress.done_bytes * 100 >= progress.total_bytes * share) {
                                  stop.request_stop();
                                }
                              },
                          .stop = stop.get_token()};
    CHECK(fails(store.save("m:1", draft, {.control = control}), Code::Cancelled));
    before.check_same(store);
  }
  must(store.save("m:1", draft));
}

TEST_CASE("control: where the artifact stands already, a stop ends the comparison") {
  Sample sample(7);
  const TempStore temp;
  auto store = temp.open();
  const auto first = must(store.save("m:1", sample.draft(true)));
  for (const std::uint64_t stop_at : {1, 9, 20, 60}) {
    for (const Dedup dedup : {Dedup::Compare, Dedup::Trust}) {
      std::stop_source stop;
      const auto draft = sample.draft(true, [&](std::uint64_t nth) {
        if (nth == stop_at) {
          stop.request_stop();
        }
      });
      CHECK(fails(
          store.save("m:1", draft,
                     {.aliases = {"best"}, .dedup = dedup, .control = {.stop = stop.get_token()}}),
          Code::Cancelled));
      CHECK(must(store.aliases("m")).empty());
    }
  }
  std::stop_source at_end;
  const Control control{.progress =
                            [&](const Progress& progress) {
                              if (progress.done_bytes == progress.total_bytes) {
                                at_end.request_stop();
                              }
                            },
                        .stop = at_end.get_token()};
  CHECK(fails(store.save("m:1", sample.draft(true), {.aliases = {"best"}, .control = control}),
              Code::Cancelled));
  CHECK(must(store.aliases("m")).empty());
  CHECK(must(store.save("m:1", sample.draft(true))).digest == first.digest);
}

TEST_CASE("control: a stop that was requested before is heard before anything is read") {
  Sample sample(8);
  const TempStore temp;
  auto store = temp.open();
  std::stop_source stop;
  stop.request_stop();
  const SaveOptions options{.control = {.stop = stop.get_token()}};
  CHECK(fails(store.save("m", sample.draft(true, [](std::uint64_t) {}), options), Code::Cancelled));
  CHECK(sample.reads() == 0);
  CHECK(fails(store.save("m", Draft().tensor("w", std::vector<float>(3, 1)), options),
              Code::Cancelled));
  CHECK(fails(store.save("m", Draft().metric("loss", 1), options), Code::Cancelled));
  CHECK(must(store.list()).empty());
}

TEST_CASE("control: what progress throws ends the save, and nothing is left") {
  Sample sample(10);
  const TempStore temp;
  auto store = temp.open({.threads = 3});
  must(store.save("standing:1", Draft().tensor("w", Random(9).floats(2 * kMiB))));
  const Before before(temp);
  const auto draft = sample.draft(
      true, [](std::uint64_t) { std::this_thread::sleep_for(std::chrono::milliseconds(3)); });
  for (const std::uint64_t from : {std::uint64_t{0}, sample.size(true) / 2, sample.size(true)}) {
    CAPTURE(from);
    const auto save = [&](auto thrown) {
      const Control control{.progress = [&](const Progress& progress) {
        if (progress.done_bytes >= from) {
          throw thrown;
        }
      }};
      return store.save("m:1", draft, {.control = control});
    };
    CHECK(fails(save(std::runtime_error("I have seen enough")), Code::Io, "I have seen enough"));
    before.check_same(store);
    CHECK(fails(save(7), Code::Io));
    before.check_same(store);
  }
  must(store.save("m:1", draft));
  CHECK(ok(must(store.load("m:1")).verify()));
}

}  // namespace cairn::testing
