// What tensors are cut into: saves, loads, small saves, the rows that chunks cost, and what is
// stored anew of a tensor of which a few rows change, for chunks of several sizes.
//
//   chunk_bench [MIB] [DIRECTORY] [ROUNDS]     default: 1024, the current directory, 3
//
// The sizes take turns in each round; printed are medians. It sees the inside of the library: apps
// cannot choose the size.
#include <array>
#include <filesystem>
#include <memory>
#include <optional>

#include <unistd.h>

#include "contest.h"
#include "data.h"
#include "engine/reader.h"
#include "store/operations.h"
#include "store/session.h"

namespace {

namespace fs = std::filesystem;
using Session = std::shared_ptr<cairn::Session>;

constexpr std::array<std::uint64_t, 6> kChunkBytes = {128 << 10, 256 << 10, 512 << 10,
                                                      1 << 20,   2 << 20,   4 << 20};
constexpr std::size_t kTensors = 16;
constexpr std::size_t kRows = 32'000;
constexpr std::size_t kColumns = 256;
constexpr std::size_t kChangedRows = kRows / 50;

double seconds_of(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// What was measured of one chunk size.
struct Figures {
  std::vector<double> save;    // GB/s
  std::vector<double> load;    // GB/s
  std::vector<double> small;   // ms, of a model of 20 KB
  std::vector<double> middle;  // ms, of a model of 5 MB
  std::vector<double> anew;    // Share of the bytes.
  double row_bytes = 0;        // Index and content rows, per GiB.
};

cairn::Receipt save(const Session& session, const cairn::Ref& ref, const bench::Block& data,
                    std::size_t bytes, std::size_t tensors) {
  cairn::Draft draft;
  for (std::size_t i = 0; i < tensors; ++i) {
    const auto part = bytes / tensors;
    draft.tensor("layer." + std::to_string(i), data.floats(i * part, part));
  }
  return bench::must(cairn::save_artifact(*session, ref, draft, {}));
}

void load(const Session& session, const cairn::Ref& ref, const bench::Block& out) {
  const auto artifact = bench::must(cairn::load_artifact(session, ref, {}));
  const auto part = out.size() / kTensors;
  for (std::size_t i = 0; i < kTensors; ++i) {
    bench::must(
        artifact.read_into("layer." + std::to_string(i), std::span(out.data() + i * part, part)));
  }
}

double rows_of(const Session& session, cairn::Family family) {
  double bytes = 0;
  const auto reader = session->database().snapshot();
  auto cursor = reader->cursor(family);
  for (cursor.seek_to_first(); cursor.valid(); cursor.next()) {
    bytes += static_cast<double>(cursor.key().size() + cursor.value().size());
  }
  return bytes;
}

class Bench {
 public:
  Bench(std::size_t bytes, fs::path root) : root_(std::move(root)), data_(bytes), out_(bytes) {
    out_.fill(1);
  }

  void measure(std::uint64_t chunk_bytes, Figures& figures) {
    open(chunk_bytes);
    data_.fill(++seed_);
    ::sync();
    const auto gigabytes = static_cast<double>(data_.size()) / 1e9;
    figures.save.push_back(
        gigabytes / seconds_of([&] { save(session_, "big:1", data_, data_.size(), kTensors); }));
    load(session_, "big:1", out_);
    figures.load.push_back(gigabytes / seconds_of([&] { load(session_, "big:1", out_); }));
    figures.row_bytes = (rows_of(session_, cairn::Family::ChunkIndex) +
                         rows_of(session_, cairn::Family::Contents)) *
                        static_cast<double>(1 << 30) / static_cast<double>(data_.size());
    figures.small.push_back(small_saves(20'000, 40));
    figures.middle.push_back(small_saves(5'000'000, 15));
    figures.anew.push_back(share_anew());
    session_.reset();
    fs::remove_all(root_);
  }

 private:
  void open(std::uint64_t chunk_bytes) {
    session_.reset();
    fs::remove_all(root_);
    session_ = bench::must(cairn::Session::open(root_, {}));
    session_->set_tensor_chunk_bytes(chunk_bytes);
  }

  // Milliseconds of one; every one has bytes of its own.
  double small_saves(std::size_t bytes, int count) {
    bench::Block model((bytes + 4095) / 4096 * 4096);
    std::vector<double> took;
    for (int i = 0; i < count; ++i) {
      model.fill(++seed_);
      took.push_back(1e3 * seconds_of([&] { save(session_, "small", model, bytes / 32 * 32, 4); }));
    }
    return median(took);
  }

  // The share of a tensor that is stored anew after one row in fifty has changed.
  double share_anew() {
    bench::Block rows(kRows * kColumns * sizeof(float));
    rows.fill(++seed_);
    save(session_, "rows:1@0", rows, rows.size(), 1);
    std::uint64_t x = ++seed_;
    auto* values = reinterpret_cast<float*>(rows.data());
    for (std::size_t i = 0; i < kChangedRows; ++i) {
      x = x * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
      for (std::size_t column = 0; column < kColumns; ++column) {
        values[(x >> 33U) % kRows * kColumns + column] += 0.25F;
      }
    }
    const auto receipt = save(session_, "rows:1@1", rows, rows.size(), 1);
    return static_cast<double>(receipt.new_bytes) / static_cast<double>(receipt.size_bytes);
  }

  fs::path root_;
  bench::Block data_;
  bench::Block out_;
  Session session_;
  std::uint64_t seed_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t mib = argc > 1 ? std::stoul(argv[1]) : 1024;
  const fs::path where = argc > 2 ? argv[2] : ".";
  const int rounds = argc > 3 ? std::stoi(argv[3]) : 3;

  Bench bench(mib << 20, where / "chunk_bench.cairn");
  std::array<Figures, kChunkBytes.size()> figures;
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < kChunkBytes.size(); ++i) {
      bench.measure(kChunkBytes[i], figures[i]);
    }
  }
  std::printf("chunks of tensors, %zu MiB of random f32, medians of %d\n", mib, rounds);
  std::printf("%9s %10s %10s %12s %12s %14s %13s\n", "KiB", "save GB/s", "load GB/s", "20 KB ms",
              "5 MB ms", "rows KiB/GiB", "stored anew");
  for (std::size_t i = 0; i < kChunkBytes.size(); ++i) {
    const auto& f = figures[i];
    std::printf("%9llu %10.2f %10.2f %12.2f %12.2f %14.0f %11.1f %%\n",
                static_cast<unsigned long long>(kChunkBytes[i] >> 10), median(f.save),
                median(f.load), median(f.small), median(f.middle), f.row_bytes / 1024,
                100 * median(f.anew));
  }
}
