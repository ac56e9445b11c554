// Small saves: a model of 20 KB with a configuration and metadata, beside one synced batch of plain
// RocksDB with as many rows and bytes; and a thousand of them from one thread and from eight, with
// the syncs that they took.
//
//   small_bench [SAVES] [DIRECTORY]     default: 1000, the current directory
//
// The two sides take turns, save by save; printed are medians.
#include <atomic>
#include <filesystem>
#include <memory>
#include <thread>

#include <sys/syscall.h>
#include <unistd.h>

#include <rocksdb/db.h>

#include <cairn/cairn.h>

#include "contest.h"

namespace {
std::atomic<std::uint64_t> syncs{0};
}

// Instead of the C library's, for RocksDB as well: counted.
extern "C" int fsync(int fd) {
  ++syncs;
  return static_cast<int>(::syscall(SYS_fsync, fd));
}
extern "C" int fdatasync(int fd) {
  ++syncs;
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTensors = 4;
constexpr std::size_t kFloats = 1'250;  // A tensor: 20 KB in all.

class Timer {
 public:
  [[nodiscard]] double microseconds() const {
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start_)
        .count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Values that no other model has.
std::vector<float> values_of(std::uint64_t seed) {
  std::vector<float> out(kTensors * kFloats);
  for (auto& value : out) {
    seed = seed * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
    value = static_cast<float>(seed >> 40U) * 0x1p-24F;
  }
  return out;
}

void save(cairn::Store& store, const cairn::Ref& ref, const std::vector<float>& values) {
  cairn::Draft draft;
  for (std::size_t i = 0; i < kTensors; ++i) {
    draft.tensor("layer." + std::to_string(i), std::span(values).subspan(i * kFloats, kFloats));
  }
  draft
      .config(cairn::Value::Map{{"layers", cairn::Value::List{64, 64, 10}},
                                {"learning_rate", 0.005},
                                {"optimizer", "adam"},
                                {"beta1", 0.9},
                                {"beta2", 0.999},
                                {"seed", 1}})
      .metric("loss", 0.25)
      .metric("val_loss", 0.5)
      .tag("stage", "dev")
      .producer("small_bench");
  bench::must(store.save(ref, draft));
}

void check(const rocksdb::Status& status) {
  if (!status.ok()) {
    bench::stop(status.ToString());
  }
}

// The rows that cairn writes for such a save, key and value as long as they are there: chunks,
// their index rows, contents, a model, a configuration, metadata, counters.
void put_batch(rocksdb::DB& db, std::uint64_t number, const std::vector<float>& values) {
  const auto key = [&](std::uint64_t kind, std::uint64_t i, std::size_t size) {
    std::string out(size, 'k');
    const auto id = __builtin_bswap64(kind << 56U | (number * kTensors + i));
    std::memcpy(out.data(), &id, sizeof id);
    return out;
  };
  const auto* bytes = reinterpret_cast<const char*>(values.data());
  rocksdb::WriteBatch batch;
  for (std::size_t i = 0; i < kTensors; ++i) {
    const std::string tensor(bytes + i * kFloats * sizeof(float), kFloats * sizeof(float));
    check(batch.Put(key(1, i, 8), std::string(44, 0) + tensor));
    check(batch.Put(key(2, i, 20), tensor.substr(0, 32)));
    check(batch.Put(key(3, i, 24), tensor.substr(0, 104)));
  }
  check(batch.Put(key(4, 0, 24), std::string(bytes, 584)));
  check(batch.Put(key(5, 0, 24), std::string(bytes, 480)));
  check(batch.Put(key(6, 0, 24), std::string(bytes, 284)));
  check(batch.Put("counters", std::string(20, 'c')));
  rocksdb::WriteOptions options;
  options.sync = true;
  check(db.Write(options, &batch));
}

struct Took {
  double seconds = 0;
  std::uint64_t syncs = 0;
};

// So many saves from so many threads, each thread under a name of its own.
Took save_from(cairn::Store& store, std::uint64_t saves, unsigned threads) {
  const auto name = "from" + std::to_string(threads) + "-";
  const auto before = syncs.load();
  const Timer timer;
  {
    std::vector<std::jthread> savers;
    for (unsigned t = 0; t < threads; ++t) {
      savers.emplace_back([&, t] {
        for (std::uint64_t i = 0; i < saves / threads; ++i) {
          save(store, {name + std::to_string(t), "1", i},
               values_of(threads * 1'000'000 + t * 10'000 + i));
        }
      });
    }
  }
  return {timer.microseconds() / 1e6, syncs - before};
}

void compare_one(cairn::Store& store, rocksdb::DB& db, std::uint64_t saves) {
  std::vector<double> ours;
  std::vector<double> theirs;
  const auto syncs_before = syncs.load();
  for (std::uint64_t i = 0; i < saves; ++i) {
    const auto values = values_of(i);
    const Timer one;
    save(store, {"one", "1", i}, values);
    ours.push_back(one.microseconds());
    const Timer other;
    put_batch(db, i, values);
    theirs.push_back(other.microseconds());
  }
  std::printf("one save of 20 KB with configuration and metadata (medians of %llu)\n",
              static_cast<unsigned long long>(saves));
  std::printf("  %-58s %9.1f us\n", "cairn", median(ours));
  std::printf("  %-58s %9.1f us\n", "RocksDB: one synced batch of as many rows and bytes",
              median(theirs));
  std::printf("  %-58s %9.2f x\n", "time of cairn to it", median(ours) / median(theirs));
  std::printf("  %-58s %9.2f\n", "syncs a save, both together",
              static_cast<double>(syncs - syncs_before) / static_cast<double>(saves));
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t saves = argc > 1 ? std::stoul(argv[1]) : 1000;
  const fs::path where = argc > 2 ? argv[2] : ".";
  const auto ours = where / "small_bench.cairn";
  const auto theirs = where / "small_bench.db";
  fs::remove_all(ours);
  fs::remove_all(theirs);
  {
    auto store = bench::must(cairn::Store::open(ours));
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;
    rocksdb::DB* raw = nullptr;
    check(rocksdb::DB::Open(options, theirs.string(), &raw));
    const std::unique_ptr<rocksdb::DB> db(raw);
    compare_one(store, *db, saves);
    std::printf("\n%llu saves\n  %-58s %9s %9s\n", static_cast<unsigned long long>(saves), "", "s",
                "syncs");
    for (const unsigned threads : {1U, 8U}) {
      const auto took = save_from(store, saves, threads);
      std::printf("  from %u threads %44.2f %9llu\n", threads, took.seconds,
                  static_cast<unsigned long long>(took.syncs));
    }
  }
  fs::remove_all(ours);
  fs::remove_all(theirs);
}
