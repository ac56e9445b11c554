// Loading from the disk: nothing of the store, or of the plain file beside it, is in memory before.
//
//   cold_bench [MIB] [DIRECTORY] [ROUNDS]     default: 1024, the current directory, 5
//
// Every round closes the store, drops its files from the page cache and opens it again, none of
// which is timed. The raw reader has the same number of threads, its own descriptor in each, and
// blocks of 1 MiB, as dd has; memory is the same for all.
#include <cstring>
#include <optional>
#include <string>

#include <cairn/cairn.h>

#include "contest.h"
#include "data.h"
#include "plain_file.h"

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTensors = 16;

void make_store(const fs::path& root, const bench::Block& data) {
  auto store = bench::must(cairn::Store::open(root));
  cairn::Draft draft;
  const auto part = data.size() / kTensors;
  for (std::size_t i = 0; i < kTensors; ++i) {
    draft.tensor(std::to_string(i), data.floats(i * part, part));
  }
  bench::must(store.save("bench:1", draft));
  bench::must(store.close());
}

// A store that is opened while none of it is in memory.
class Cold {
 public:
  Cold(fs::path root, unsigned threads, bool mmap)
      : root_(std::move(root)), threads_(threads), mmap_(mmap) {}

  void open() {
    close();
    bench::drop_from_memory(root_ / "db");
    store_ = bench::must(cairn::Store::open(root_, {.mmap = mmap_}));
    artifact_ = bench::must(store_->load("bench", {.threads = threads_}));
  }
  void close() {
    artifact_.reset();
    store_.reset();
  }
  void load(const bench::Block& out) {
    const auto part = out.size() / kTensors;
    for (std::size_t i = 0; i < kTensors; ++i) {
      bench::must(artifact_->read_into(std::to_string(i), std::span(out.data() + i * part, part)));
    }
    close();  // Another handle is to be opened.
  }
  void verify() {
    bench::must(artifact_->verify());
    close();
  }
  void view() {
    for (std::size_t i = 0; i < kTensors; ++i) {
      const auto segments = bench::must(artifact_->segments(std::to_string(i)));
      for (std::size_t s = 0; s < segments.size(); ++s) {
        bench::must(segments.at(s));
      }
    }
    close();
  }

 private:
  fs::path root_;
  unsigned threads_;
  bool mmap_;
  std::optional<cairn::Store> store_;
  std::optional<cairn::Artifact> artifact_;
};

void check(Cold& cold, const bench::Block& data, const bench::Block& out) {
  std::memset(out.data(), 0, out.size());
  cold.open();
  cold.load(out);
  if (std::memcmp(out.data(), data.data(), data.size()) != 0) {
    bench::stop("what was loaded is not what was saved");
  }
}

void run(const fs::path& root, const fs::path& file, const bench::Block& data,
         const bench::Block& out, unsigned threads, int rounds) {
  const auto said = std::to_string(threads) + (threads == 1 ? " thread" : " threads");
  Cold mapped(root, threads, true);
  Cold unmapped(root, threads, false);
  check(mapped, data, out);
  check(unmapped, data, out);
  bench::Contest contest("cold verified load, " + said, data.size(), rounds);
  contest.add(
      "cairn, into a buffer", [&] { mapped.load(out); }, [&] { mapped.open(); });
  contest.add(
      "raw: read, 1 MiB blocks, " + said, [&] { bench::read_raw(file, out.data(), threads); },
      [&] { bench::drop_from_memory(file); });
  contest.add(
      "cairn, mmap off", [&] { unmapped.load(out); }, [&] { unmapped.open(); });
  contest.add(
      "cairn, segments() of every tensor, 1 thread", [&] { mapped.view(); },
      [&] { mapped.open(); });
  contest.add(
      "cairn, verify()", [&] { mapped.verify(); }, [&] { mapped.open(); });
  contest.run();
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t mib = argc > 1 ? std::stoul(argv[1]) : 1024;
  const fs::path where = argc > 2 ? argv[2] : ".";
  const int rounds = argc > 3 ? std::stoi(argv[3]) : 5;
  const auto root = where / "cold_bench.cairn";
  const auto file = where / "cold_bench.raw";
  fs::remove_all(root);
  bench::Block data(mib << 20);
  bench::Block out(mib << 20);
  data.fill(1);
  out.fill(2);
  make_store(root, data);
  bench::make_file(file, {data.data(), data.size()});
  run(root, file, data, out, 1, rounds);
  run(root, file, data, out, 2, rounds);
  fs::remove_all(root);
  fs::remove(file);
}
