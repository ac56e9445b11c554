// Many saves of some megabytes into one store, with the descriptors that a process has by default:
// how long one takes, at the beginning and at the end, how many files they leave, and how long the
// store takes to open.
//
//   files_bench [SAVES] [KIB] [DIRECTORY]     default: 2000, 5120, the current directory
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/resource.h>

#include "contest.h"
#include "data.h"
#include "engine/bulk_writer.h"
#include "store/operations.h"
#include "store/session.h"

namespace {

namespace fs = std::filesystem;

constexpr rlim_t kDescriptors = 1024;

double ms_of(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

// Ingestion alone, as a save does it: of a built file with one chunk.
double ingest_ms(cairn::Session& session, const bench::Block& data) {
  const auto bytes = std::span<const std::byte>(data.data(), std::size_t{1} << 20);
  const auto save = bench::must(session.activity().begin_save(1));
  auto writer =
      bench::must(cairn::BulkWriter::create(session.database(), session.new_incoming_file()));
  bench::must(writer->add(cairn::ChunkId{save->first_id()}, {.plain_bytes = bytes.size()}, bytes,
                          cairn::chunk_digest(bytes)));
  const auto built = bench::must(writer->finish());
  return ms_of([&] { bench::must(cairn::ingest(session.database(), {built})); });
}

void save(cairn::Session& session, const bench::Block& data, std::uint64_t epoch) {
  cairn::Draft draft;
  draft.tensor("w", data.floats(0, data.size()));
  bench::must(cairn::save_artifact(session, {"many", "1", epoch}, draft, {.health = false}));
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t saves = argc > 1 ? std::stoul(argv[1]) : 2'000;
  const std::size_t kib = argc > 2 ? std::stoul(argv[2]) : 5'120;
  const fs::path root = fs::path(argc > 3 ? argv[3] : ".") / "files_bench.cairn";
  const rlimit limit{kDescriptors, kDescriptors};
  ::setrlimit(RLIMIT_NOFILE, &limit);
  fs::remove_all(root);

  bench::Block data(kib << 10);
  {
    const auto session = bench::must(cairn::Session::open(root, {}));
    std::printf("%llu saves of %zu KiB, %llu descriptors\n", (unsigned long long)saves, kib,
                (unsigned long long)kDescriptors);
    std::printf("%10s %12s %12s %10s\n", "saves", "median ms", "longest ms", "files");
    std::vector<double> took;
    for (std::uint64_t i = 0; i < saves; ++i) {
      data.fill(i + 1);
      took.push_back(ms_of([&] { save(*session, data, i); }));
      if ((i + 1) % std::max<std::uint64_t>(saves / 10, 1) == 0) {
        std::printf("%10llu %12.2f %12.2f %10zu\n", (unsigned long long)(i + 1), median(took),
                    *std::max_element(took.begin(), took.end()), session->merger().files());
        std::fflush(stdout);
        took.clear();
      }
    }
    session->merger().settle();
    std::vector<double> ingests;
    for (int i = 0; i < 11; ++i) {
      ingests.push_back(ingest_ms(*session, data));
    }
    std::printf("one more ingestion: %.2f ms (median of 11, longest %.2f)\n", median(ingests),
                *std::max_element(ingests.begin(), ingests.end()));
  }
  std::vector<double> writer_opens;
  std::vector<double> reader_opens;
  for (int i = 0; i < 7; ++i) {
    std::optional<cairn::Store> opened;
    writer_opens.push_back(ms_of([&] { opened = bench::must(cairn::Store::open(root)); }));
    opened.reset();
    reader_opens.push_back(ms_of([&] {
      opened = bench::must(cairn::Store::open(root, {.mode = cairn::OpenOptions::Mode::ReadOnly}));
    }));
  }
  std::printf("opening for writing %.1f ms, for reading %.1f ms (medians of 7)\n",
              median(writer_opens), median(reader_opens));
  data.fill(saves / 2 + 1);
  auto store = bench::must(cairn::Store::open(root));
  const auto artifact = bench::must(store.load({"many", "1", saves / 2}));
  if (bench::must(artifact.to<std::vector<float>>("w")) !=
      std::vector<float>(data.floats(0, data.size()).begin(), data.floats(0, data.size()).end())) {
    bench::stop("what was loaded is not what was saved");
  }
  fs::remove_all(root);
}
