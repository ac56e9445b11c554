// Loading tensors into the caller's memory, every byte verified, from a warm page cache, beside
// memcpy and beside an unverified load of one mapped file.
//
//   load_bench [MIB] [DIRECTORY] [ROUNDS]     default: 1024, the current directory, 7
#include <cstring>
#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cairn/cairn.h>

#include "contest.h"
#include "data.h"

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTensors = 16;

void make_store(cairn::Store& store, const bench::Block& data) {
  cairn::Draft draft;
  const auto part = data.size() / kTensors;
  for (std::size_t i = 0; i < kTensors; ++i) {
    draft.tensor("layer." + std::to_string(i), data.floats(i * part, part));
  }
  bench::must(store.save("bench:1", draft));
}

void make_file(const fs::path& path, const bench::Block& data) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  for (std::size_t at = 0; at < data.size();) {
    const auto put =
        ::write(fd, data.data() + at, std::min(data.size() - at, std::size_t{1} << 30));
    if (put <= 0) {
      bench::stop("cannot write " + path.string());
    }
    at += static_cast<std::size_t>(put);
  }
  ::fsync(fd);
  ::close(fd);
}

void load(const cairn::Artifact& artifact, const bench::Block& out) {
  const auto part = out.size() / kTensors;
  for (std::size_t i = 0; i < kTensors; ++i) {
    bench::must(
        artifact.read_into("layer." + std::to_string(i), std::span(out.data() + i * part, part)));
  }
}

// What a safetensors-like load does: map the file, copy what is wanted out of it.
void load_mapped(const fs::path& path, const bench::Block& out) {
  const int fd = ::open(path.c_str(), O_RDONLY);
  void* map = ::mmap(nullptr, out.size(), PROT_READ, MAP_PRIVATE, fd, 0);
  if (map == MAP_FAILED) {
    bench::stop("mmap failed");
  }
  std::memcpy(out.data(), map, out.size());
  ::munmap(map, out.size());
  ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t mib = argc > 1 ? std::stoul(argv[1]) : 1024;
  const fs::path where = argc > 2 ? argv[2] : ".";
  const int rounds = argc > 3 ? std::stoi(argv[3]) : 7;
  const auto root = where / "load_bench.cairn";
  const auto file = where / "load_bench.raw";
  fs::remove_all(root);

  bench::Block data(mib << 20);
  bench::Block out(mib << 20);
  data.fill(1);
  out.fill(2);
  {
    auto store = bench::must(cairn::Store::open(root));
    make_store(store, data);
    make_file(file, data);
    const auto one = bench::must(store.load("bench", {.threads = 1}));
    const auto two = bench::must(store.load("bench", {.threads = 2}));
    std::memset(out.data(), 0, out.size());
    load(two, out);
    if (std::memcmp(out.data(), data.data(), data.size()) != 0) {
      bench::stop("what was loaded is not what was saved");
    }
    const auto copy = [&] { std::memcpy(out.data(), data.data(), data.size()); };
    bench::Contest on_one("warm verified load into a buffer, one thread", data.size(), rounds);
    on_one.add("cairn, 1 thread", [&] { load(one, out); });
    on_one.add("memcpy, 1 thread", copy);
    on_one.add("unverified: mmap + memcpy, 1 thread", [&] { load_mapped(file, out); });
    on_one.run();
    bench::Contest on_two("warm verified load into a buffer, two threads", data.size(), rounds);
    on_two.add("cairn, 2 threads", [&] { load(two, out); });
    on_two.add("memcpy, 1 thread", copy);
    on_two.add("unverified: mmap + memcpy, 1 thread", [&] { load_mapped(file, out); });
    on_two.run();
  }
  fs::remove_all(root);
  fs::remove(file);
}
