// The memory that a save needs beside the caller's tensors: how far the peak of the process (VmHWM)
// rises above what it held before, for new tensors in memory, from a callback and from a file.
//
//   memory_bench [MIB] [DIRECTORY] [THREADS]     default: 1024, the current directory, one a core
#include <cstring>
#include <filesystem>
#include <fstream>

#include <cairn/cairn.h>

#include "contest.h"
#include "data.h"
#include "io.h"

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTensors = 16;

using SourceOf = std::function<std::variant<cairn::FileRange, cairn::ReadCallback>(std::size_t)>;

cairn::Draft draft_of(std::size_t part, const SourceOf& source_of) {
  cairn::Draft draft;
  for (std::size_t i = 0; i < kTensors; ++i) {
    draft.tensor(
        "layer." + std::to_string(i),
        cairn::TensorSource{
            cairn::DType::F32, {part / sizeof(float)}, cairn::Layout::C, source_of(i * part)});
  }
  return draft;
}

// Bytes of which no two words are alike.
void make_words(std::uint64_t offset, std::span<std::byte> out) {
  for (std::size_t at = 0; at < out.size(); at += sizeof offset) {
    const std::uint64_t word =
        ((offset + at) * 0x9E37'79B9'7F4A'7C15 & 0x007F'FFFF'007F'FFFF) | 0x3F00'0000'3F00'0000;
    std::memcpy(out.data() + at, &word, sizeof word);
  }
}

void write_file(const fs::path& path, const bench::Block& data) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(data.data()), static_cast<std::streamsize>(data.size()));
  if (!file.flush()) {
    bench::stop("cannot write " + path.string());
  }
}

void measure(const fs::path& root, unsigned threads, const char* what, const cairn::Draft& draft) {
  fs::remove_all(root);
  auto store = bench::must(cairn::Store::open(root, {.threads = threads}));
  const auto before = bench::memory();
  bench::reset_peak();
  bench::must(store.save("bench", draft));
  std::printf("  %-30s %8.1f MiB\n", what,
              static_cast<double>(bench::peak_memory() - before) / (1 << 20));
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t mib = argc > 1 ? std::stoul(argv[1]) : 1024;
  const fs::path where = argc > 2 ? argv[2] : ".";
  const unsigned threads = argc > 3 ? static_cast<unsigned>(std::stoul(argv[3])) : 0;
  const auto root = where / "memory_bench.cairn";
  const auto raw = where / "memory_bench.raw";
  const auto part = (mib << 20) / kTensors;

  std::printf("memory of a save of %zu MiB of new f32 tensors, beside the tensors\n", mib);
  measure(root, threads, "from a callback", draft_of(part, [](std::size_t first) {
            return cairn::ReadCallback{[first](std::uint64_t offset, std::span<std::byte> out) {
                                         make_words(first + offset, out);
                                         return cairn::Result<void>();
                                       },
                                       true};
          }));
  {
    bench::Block data(mib << 20);
    data.fill(2);
    write_file(raw, data);
    cairn::Draft draft;
    for (std::size_t i = 0; i < kTensors; ++i) {
      draft.tensor("layer." + std::to_string(i), data.floats(i * part, part));
    }
    measure(root, threads, "in memory", draft);
  }
  measure(root, threads, "from a file", draft_of(part, [&](std::size_t first) {
            return cairn::FileRange{raw, first};
          }));
  fs::remove_all(root);
  fs::remove(raw);
}
