// Saving tensors that are stored already, beside saving them new: a training loop that has not
// moved, or that saves what another run has saved.
//
//   unchanged_bench [MIB] [DIRECTORY] [ROUNDS]     default: 1024, the current directory, 5
//
// Every round saves new tensors into a new store, then the same ones again: under another epoch, so
// that an artifact is written that shares all its chunks, and under the very same key, where
// nothing is written at all.
#include <filesystem>
#include <optional>
#include <thread>

#include <cairn/cairn.h>

#include "contest.h"
#include "data.h"
#include "io.h"

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTensors = 16;

class Bench {
 public:
  Bench(std::size_t bytes, fs::path root) : data_(bytes), root_(std::move(root)) {}

  void fresh_store() {
    store_.reset();
    fs::remove_all(root_);
    data_.fill(++seed_);
    store_ = bench::must(cairn::Store::open(root_));
    ::sync();
  }

  // The receipt; what was written to disk meanwhile is kept where it is the most so far.
  cairn::Receipt save(std::uint64_t epoch, cairn::Dedup dedup, bool health, std::uint64_t& most) {
    cairn::Draft draft;
    const auto part = data_.size() / kTensors;
    for (std::size_t i = 0; i < kTensors; ++i) {
      draft.tensor("layer." + std::to_string(i), data_.floats(i * part, part));
    }
    cairn::SaveOptions options;
    options.dedup = dedup;
    options.health = health;
    const auto before = bench::written_bytes();
    auto receipt = bench::must(store_->save({"bench", "1", epoch}, draft, options));
    most = std::max(most, bench::written_bytes() - before);
    return receipt;
  }

  void save_new() {
    std::uint64_t ignored = 0;
    if (save(0, cairn::Dedup::Compare, true, ignored).new_bytes != data_.size()) {
      bench::stop("the data was not new");
    }
  }

  void save_again(cairn::Dedup dedup, bool health = true) {
    if (save(++epoch_, dedup, health, most_again_).new_bytes != 0) {
      bench::stop("the data was new");
    }
  }

  void save_same(cairn::Dedup dedup) {
    if (!save(0, dedup, true, most_same_).existed) {
      bench::stop("the artifact did not exist");
    }
  }

  void print_written() const {
    std::printf("\n  most bytes written by one of them: another epoch %llu, same key %llu\n",
                static_cast<unsigned long long>(most_again_),
                static_cast<unsigned long long>(most_same_));
  }

 private:
  bench::Block data_;
  fs::path root_;
  std::optional<cairn::Store> store_;
  std::uint64_t seed_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t most_again_ = 0;
  std::uint64_t most_same_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t mib = argc > 1 ? std::stoul(argv[1]) : 1024;
  const fs::path where = argc > 2 ? argv[2] : ".";
  const int rounds = argc > 3 ? std::stoi(argv[3]) : 5;
  const auto root = where / "unchanged_bench.cairn";
  using cairn::Dedup;

  std::printf("%u threads, %zu tensors of f32\n", std::thread::hardware_concurrency(), kTensors);
  {
    Bench bench(mib << 20, root);
    bench::Contest contest("saving tensors that are stored already", mib << 20, rounds,
                           bench::Contest::Ratio::ToFirst);
    contest.add(
        "new tensors", [&] { bench.save_new(); }, [&] { bench.fresh_store(); });
    contest.add("another epoch, bytes compared, for the first time",
                [&] { bench.save_again(Dedup::Compare); });
    contest.add("another epoch, bytes compared", [&] { bench.save_again(Dedup::Compare); });
    contest.add("another epoch, bytes compared, health left out",
                [&] { bench.save_again(Dedup::Compare, false); });
    contest.add("another epoch, digests trusted", [&] { bench.save_again(Dedup::Trust); });
    contest.add("another epoch, digests trusted, health left out",
                [&] { bench.save_again(Dedup::Trust, false); });
    contest.add("same key, bytes compared", [&] { bench.save_same(Dedup::Compare); });
    contest.add("same key, digests trusted", [&] { bench.save_same(Dedup::Trust); });
    contest.run();
    bench.print_written();
  }
  fs::remove_all(root);
}
