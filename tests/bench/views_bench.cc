// Verified views without a copy, from a warm page cache, beside an unverified load of a mapped
// file, which copies; and slices of a large tensor, warm and cold, with what they read.
//
//   views_bench [MIB] [DIRECTORY] [ROUNDS]     default: 1024, the current directory, 7
//
// Every byte of a view was hashed before it is handed out, and its memory is let go when the round
// is over. The plain file is mapped anew each round. The store was "mapped before" where its handle
// has read everything already, and "mapped anew" where it was opened for the round, which is not
// timed: its pages are in memory, but each meets its first fault.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <cairn/cairn.h>

#include "contest.h"
#include "data.h"
#include "plain_file.h"

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kViews = 1000;

// A large tensor, in both layouts; a thousand tensors of one chunk, and a thousand small ones.
void make_store(const fs::path& root, const bench::Block& data) {
  auto store = bench::must(cairn::Store::open(root));
  const auto rows = data.size() / bench::kMiB;
  const std::span<const std::byte> bytes(data.data(), data.size());
  cairn::Draft draft;
  draft.tensor("large", data.floats(0, data.size()), {rows * 1024, 256});
  draft.tensor(
      "fortran",
      cairn::TensorView{cairn::DType::F32, {bench::kMiB, rows / 4}, cairn::Layout::Fortran, bytes});
  bench::must(store.save("large:1", draft));
  for (const std::size_t each : {bench::kMiB, bench::kMiB / 16}) {
    cairn::Draft views;
    for (std::size_t i = 0; i < kViews; ++i) {
      views.tensor(std::to_string(i), data.floats(i * each % data.size(), each));
    }
    bench::must(store.save("views:" + std::to_string(each >> 10U), views));
  }
  bench::must(store.close());
}

// The store and one artifact of it; a store has one writer, so it is opened once at a time.
class Opened {
 public:
  Opened(fs::path root, std::string ref) : root_(std::move(root)), ref_(std::move(ref)) {
    reopen();
  }
  void reopen() {
    artifact_.reset();
    store_.reset();
    store_ = bench::must(cairn::Store::open(root_));
    artifact_ = bench::must(store_->load(ref_, {.threads = 1}));
  }
  void close() {
    artifact_.reset();
    store_.reset();
  }
  [[nodiscard]] const cairn::Artifact& artifact() const { return *artifact_; }

 private:
  fs::path root_;
  std::string ref_;
  std::optional<cairn::Store> store_;
  std::optional<cairn::Artifact> artifact_;
};

void view_all(const cairn::Artifact& artifact) {
  std::vector<cairn::Tensor> views;
  views.reserve(kViews);
  for (const auto& info : artifact.tensors()) {
    views.push_back(bench::must(artifact.tensor(info.name)));
  }
}

void view_segments(const cairn::Artifact& artifact) {
  const auto segments = bench::must(artifact.segments("large"));
  for (std::size_t i = 0; i < segments.size(); ++i) {
    bench::must(segments.at(i));
  }
}

struct Bench {
  fs::path root;
  fs::path file;
  const bench::Block& data;
  const bench::Block& out;
  int rounds;

  // `view` looks at so many bytes; a plain file of as many is mapped, and copied in pieces.
  template <class View>
  void contest(const std::string& title, const std::string& ref, std::size_t bytes,
               std::size_t piece, const View& view) const {
    bench::make_file(file, {data.data(), bytes});
    for (const bool anew : {false, true}) {
      Opened opened(root, ref);
      bench::Contest contest(title + (anew ? ", mapped anew" : ", mapped before"), bytes, rounds);
      contest.add(
          "cairn, verified", [&] { view(opened.artifact()); },
          [&, anew] { anew ? opened.reopen() : static_cast<void>(0); });
      contest.add("unverified: mmap + memcpy",
                  [&] { bench::load_mapped(file, out.data(), piece); });
      contest.run();
    }
  }

  // A slice of `rows` of a tensor, from random places on.
  void slices(const std::string& title, const std::string& tensor, std::uint64_t rows,
              bool cold) const {
    Opened opened(root, "large");
    const auto shape = bench::must(opened.artifact().info(tensor)).shape;
    std::vector<double> seconds;
    std::vector<std::uint64_t> read;
    std::uint64_t place = 12'345;
    for (int round = -1; round < rounds; ++round) {
      place = place * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
      const auto begin = (place >> 20U) % (shape[0] - rows);
      if (cold) {
        opened.close();
        bench::drop_from_memory(root / "db");
        opened.reopen();
      }
      const auto before = cold ? bench::bytes_in_memory(root / "db") : 0;
      const auto start = std::chrono::steady_clock::now();
      const auto slice = bench::must(opened.artifact().slice(tensor, begin, begin + rows));
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      if (round >= 0) {
        seconds.push_back(took.count());
        read.push_back(cold ? bench::bytes_in_memory(root / "db") - before : 0);
      }
    }
    std::sort(seconds.begin(), seconds.end());
    std::printf("  %-58s median %.3f ms, most %.3f ms", title.c_str(),
                seconds[seconds.size() / 2] * 1e3, seconds.back() * 1e3);
    if (cold) {
      std::printf(", read %.2f MiB at most",
                  static_cast<double>(*std::max_element(read.begin(), read.end())) / bench::kMiB);
    }
    std::printf("\n");
  }
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t mib = argc > 1 ? std::stoul(argv[1]) : 1024;
  const fs::path where = argc > 2 ? argv[2] : ".";
  const int rounds = argc > 3 ? std::stoi(argv[3]) : 7;
  const auto root = where / "views_bench.cairn";
  const auto file = where / "views_bench.raw";
  fs::remove_all(root);
  bench::Block data(std::max<std::size_t>(mib, kViews) * bench::kMiB);
  bench::Block out(data.size());
  data.fill(1);
  out.fill(2);
  make_store(root, data);
  const Bench bench{root, file, data, out, rounds};
  bench.contest("tensor(), 1,000 tensors of 1 MiB", "views:1024", kViews * bench::kMiB, bench::kMiB,
                view_all);
  bench.contest("tensor(), 1,000 tensors of 64 KiB", "views:64", kViews * bench::kMiB / 16,
                bench::kMiB / 16, view_all);
  bench.contest("segments() of one tensor", "large", data.size(), bench::kMiB, view_segments);
  std::printf("\nslices of 1 MiB out of a tensor of %zu MiB (of %d)\n", data.size() / bench::kMiB,
              rounds);
  bench.slices("C layout: 1,024 rows of 1 KiB, warm", "large", 1024, false);
  bench.slices("C layout: 1,024 rows of 1 KiB, cold", "large", 1024, true);
  bench.slices("Fortran: 1,024 rows of 4 B in every column of 4 MiB, warm", "fortran", 1024, false);
  bench.slices("Fortran: the same, cold", "fortran", 1024, true);
  fs::remove_all(root);
  fs::remove(file);
}
