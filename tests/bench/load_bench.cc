// Loading tensors into the caller's memory, every byte verified, from a warm page cache: beside
// memcpy, beside an unverified load of one mapped file, and into new memory beside memory that was
// used before.
//
//   load_bench [MIB] [DIRECTORY] [ROUNDS]     default: 1024, the current directory, 7
#include <cstring>
#include <string>

#include <cairn/cairn.h>

#include "contest.h"
#include "data.h"
#include "plain_file.h"

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTensors = 16;

std::string name_of(std::size_t tensor) {
  return "layer." + std::to_string(tensor);
}

void make_store(cairn::Store& store, const bench::Block& data) {
  cairn::Draft draft;
  const auto part = data.size() / kTensors;
  for (std::size_t i = 0; i < kTensors; ++i) {
    draft.tensor(name_of(i), data.floats(i * part, part));
  }
  bench::must(store.save("bench:1", draft));
}

void load(const cairn::Artifact& artifact, std::span<std::byte> out) {
  const auto part = out.size() / kTensors;
  for (std::size_t i = 0; i < kTensors; ++i) {
    bench::must(artifact.read_into(name_of(i), out.subspan(i * part, part)));
  }
}

// A tensor each in memory of its own, as an app has them that lets the library make them.
void load_as_vectors(const cairn::Artifact& artifact) {
  std::vector<std::vector<float>> all;
  for (std::size_t i = 0; i < kTensors; ++i) {
    all.push_back(bench::must(artifact.to<std::vector<float>>(name_of(i))));
  }
}

void load_into_buffer(const cairn::Artifact& artifact, cairn::Buffer& buffer, std::size_t bytes) {
  bench::must(buffer.resize(bytes));
  load(artifact, buffer.bytes());
}

struct Bench {
  const bench::Block& data;
  const bench::Block& out;
  const cairn::Store& store;
  fs::path file;
  int rounds;

  void warm(unsigned threads) const {
    const auto artifact = bench::must(store.load("bench", {.threads = threads}));
    const auto said = std::to_string(threads) + (threads == 1 ? " thread" : " threads");
    bench::Contest contest("warm verified load into a buffer, " + said, data.size(), rounds);
    contest.add("cairn, " + said, [&] { load(artifact, {out.data(), out.size()}); });
    contest.add("memcpy, 1 thread", [&] { std::memcpy(out.data(), data.data(), out.size()); });
    contest.add("unverified: mmap + memcpy, 1 thread",
                [&] { bench::load_mapped(file, out.data(), out.size()); });
    contest.run();
  }

  void memory() const {
    const auto artifact = bench::must(store.load("bench", {.threads = 1}));
    cairn::Buffer kept;
    bench::Contest contest("warm verified load by where to, 1 thread", data.size(), rounds);
    contest.add("a Buffer that is used again",
                [&] { load_into_buffer(artifact, kept, data.size()); });
    contest.add("a new Buffer each time", [&] {
      cairn::Buffer fresh;
      load_into_buffer(artifact, fresh, data.size());
    });
    contest.add("a new std::vector<float> a tensor", [&] { load_as_vectors(artifact); });
    contest.run();
  }
};

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
    bench::make_file(file, {data.data(), data.size()});
    std::memset(out.data(), 0, out.size());
    load(bench::must(store.load("bench", {.threads = 2})), {out.data(), out.size()});
    if (std::memcmp(out.data(), data.data(), data.size()) != 0) {
      bench::stop("what was loaded is not what was saved");
    }
    const Bench bench{data, out, store, file, rounds};
    bench.warm(1);
    bench.warm(2);
    bench.memory();
  }
  fs::remove_all(root);
  fs::remove(file);
}
