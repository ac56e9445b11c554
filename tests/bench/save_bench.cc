// Saving new random tensors, durably, beside the raw disk and beside one plain file.
//
//   save_bench [MIB] [DIRECTORY] [ROUNDS]     default: 1024, the current directory, 5
//
// cairn hashes, looks up, checks in and syncs; the raw writer does nothing but write what it is
// given with O_DIRECT, preallocated, in 1 MiB blocks, on as many threads, and sync; the plain file
// is what a safetensors-like save does: one buffered write after another, and a sync.
#include <atomic>
#include <cstring>
#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include <cairn/cairn.h>

#include "contest.h"
#include "data.h"

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = std::size_t{1} << 20;
constexpr std::size_t kTensors = 16;

void write_range(int fd, const bench::Block& data, std::size_t begin, std::size_t end) {
  for (auto at = begin; at < end; at += kBlock) {
    if (::pwrite(fd, data.data() + at, kBlock, static_cast<off_t>(at)) != kBlock) {
      bench::stop("pwrite failed");
    }
  }
}

void write_raw(const fs::path& path, const bench::Block& data, unsigned threads) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_DIRECT, 0600);
  if (fd < 0 || ::fallocate(fd, 0, 0, static_cast<off_t>(data.size())) != 0) {
    bench::stop("cannot preallocate " + path.string());
  }
  std::vector<std::jthread> writers;
  for (unsigned t = 0; t < threads; ++t) {
    const auto blocks = data.size() / kBlock;
    writers.emplace_back([&, t] {
      write_range(fd, data, blocks * t / threads * kBlock, blocks * (t + 1) / threads * kBlock);
    });
  }
  writers.clear();
  if (::fsync(fd) != 0) {
    bench::stop("fsync failed");
  }
  ::close(fd);
}

void write_plain(const fs::path& path, const bench::Block& data) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  if (fd < 0) {
    bench::stop("cannot create " + path.string());
  }
  write_range(fd, data, 0, data.size());
  if (::fsync(fd) != 0) {
    bench::stop("fsync failed");
  }
  ::close(fd);
}

void save(cairn::Store& store, const bench::Block& data, std::uint64_t epoch, bool health) {
  cairn::Draft draft;
  const auto part = data.size() / kTensors;
  for (std::size_t i = 0; i < kTensors; ++i) {
    draft.tensor("layer." + std::to_string(i), data.floats(i * part, part));
  }
  cairn::SaveOptions options;
  options.health = health;
  const auto receipt = bench::must(store.save({"bench", "1", epoch}, draft, options));
  if (receipt.new_bytes != data.size()) {
    bench::stop("the data was not new");
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t mib = argc > 1 ? std::stoul(argv[1]) : 1024;
  const fs::path where = argc > 2 ? argv[2] : ".";
  const int rounds = argc > 3 ? std::stoi(argv[3]) : 5;
  const unsigned threads = std::max(1U, std::thread::hardware_concurrency());
  const auto root = where / "save_bench.cairn";
  const auto raw = where / "save_bench.raw";
  fs::remove_all(root);

  bench::Block data(mib << 20);
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
  std::optional<cairn::Store> store;
  // Every round starts from an empty store and new bytes; nothing waits to be written back.
  const auto fresh_store = [&] {
    store.reset();
    fs::remove_all(root);
    data.fill(++seed);
    store = bench::must(cairn::Store::open(root));
    ::sync();
  };
  const auto fresh_file = [&] {
    fs::remove(raw);
    ::sync();
  };
  std::printf("%u threads, %zu tensors of f32\n", threads, kTensors);
  bench::Contest contest("saving new tensors", data.size(), rounds);
  contest.add(
      "cairn", [&] { save(*store, data, epoch++, true); }, fresh_store);
  contest.add(
      "cairn, health left out", [&] { save(*store, data, epoch++, false); }, fresh_store);
  contest.add(
      "raw: O_DIRECT, preallocated, 1 MiB blocks, fsync", [&] { write_raw(raw, data, threads); },
      fresh_file);
  contest.add(
      "plain: buffered write of one file, fsync", [&] { write_plain(raw, data); }, fresh_file);
  contest.run();
  store.reset();
  fs::remove_all(root);
  fs::remove(raw);
}
