// Saving new tensors, durably, beside the same bytes put into plain RocksDB and into its BlobDB, as
// values of 1 MiB through the log; and what each has written to the device when it is closed.
//
//   put_bench [MIB] [DIRECTORY] [ROUNDS] [MEMTABLE_MIB]
//                                    default: 1024, the current directory, 5, 256
//
// RocksDB has what suits it: keys that ascend, large memtables, no compression, no caching, as many
// writing threads as cairn, pipelined writes, compactions put off, and one sync at the end. It
// neither hashes nor compares. A memtable as large as the save puts the second writing of it off
// until after the save.
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include <unistd.h>

#include <rocksdb/db.h>
#include <rocksdb/table.h>

#include <cairn/cairn.h>

#include "contest.h"
#include "data.h"
#include "io.h"

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kValueBytes = std::size_t{1} << 20;
constexpr std::size_t kTensors = 16;

// One of those that take part: a place for a database, and a way to save into it.
class Entrant {
 public:
  virtual ~Entrant() = default;
  virtual void open(const fs::path& path) = 0;
  virtual void save(const bench::Block& data) = 0;
  virtual void close() = 0;
};

class Cairn final : public Entrant {
 public:
  void open(const fs::path& path) override { store_ = bench::must(cairn::Store::open(path)); }
  void save(const bench::Block& data) override {
    cairn::Draft draft;
    const auto part = data.size() / kTensors;
    for (std::size_t i = 0; i < kTensors; ++i) {
      draft.tensor("layer." + std::to_string(i), data.floats(i * part, part));
    }
    if (bench::must(store_->save("bench", draft)).new_bytes != data.size()) {
      bench::stop("the data was not new");
    }
  }
  void close() override {
    if (store_) {
      bench::must(store_->close());
    }
    store_.reset();
  }

 private:
  std::optional<cairn::Store> store_;
};

void check(const rocksdb::Status& status) {
  if (!status.ok()) {
    bench::stop(status.ToString());
  }
}

class Rocks final : public Entrant {
 public:
  Rocks(bool blobs, unsigned threads, std::size_t memtable_bytes) : threads_(threads) {
    options_.create_if_missing = true;
    options_.compression = rocksdb::kNoCompression;
    options_.write_buffer_size = memtable_bytes;
    options_.max_write_buffer_number = 6;
    options_.level0_file_num_compaction_trigger = 100;
    options_.level0_slowdown_writes_trigger = 200;
    options_.level0_stop_writes_trigger = 300;
    options_.soft_pending_compaction_bytes_limit = 0;
    options_.hard_pending_compaction_bytes_limit = 0;
    options_.enable_pipelined_write = true;
    options_.bytes_per_sync = std::uint64_t{4} << 20;
    options_.wal_bytes_per_sync = std::uint64_t{4} << 20;
    options_.max_background_jobs = static_cast<int>(threads) + 2;
    options_.enable_blob_files = blobs;
    options_.blob_file_size = std::uint64_t{1} << 30;
    rocksdb::BlockBasedTableOptions table;
    table.no_block_cache = true;
    options_.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  }

  void open(const fs::path& path) override {
    rocksdb::DB* raw = nullptr;
    check(rocksdb::DB::Open(options_, path.string(), &raw));
    db_.reset(raw);
  }
  void save(const bench::Block& data) override {
    const auto values = data.size() / kValueBytes;
    std::vector<std::jthread> writers;
    for (unsigned t = 0; t < threads_; ++t) {
      writers.emplace_back(
          [&, t] { put(data, values * t / threads_, values * (t + 1) / threads_); });
    }
    writers.clear();
    check(db_->SyncWAL());
  }
  void close() override {
    if (db_) {
      check(db_->Flush({}));  // As cairn does: the log is empty at rest.
      check(db_->Close());
    }
    db_.reset();
  }

 private:
  void put(const bench::Block& data, std::size_t begin, std::size_t end) {
    for (auto i = begin; i < end; ++i) {
      const auto key = __builtin_bswap64(i);
      check(db_->Put({}, {reinterpret_cast<const char*>(&key), sizeof key},
                     {reinterpret_cast<const char*>(data.data() + i * kValueBytes), kValueBytes}));
    }
  }

  unsigned threads_;
  rocksdb::Options options_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t mib = argc > 1 ? std::stoul(argv[1]) : 1024;
  const fs::path where = argc > 2 ? argv[2] : ".";
  const int rounds = argc > 3 ? std::stoi(argv[3]) : 5;
  const std::size_t memtable_mib = argc > 4 ? std::stoul(argv[4]) : 256;
  const unsigned threads = std::max(1U, std::thread::hardware_concurrency());
  const auto path = where / "put_bench.db";

  bench::Block data(mib << 20);
  Cairn cairn;
  Rocks put(false, threads, memtable_mib << 20);
  Rocks blobs(true, threads, memtable_mib << 20);
  const std::vector<std::pair<std::string, Entrant*>> entrants = {
      {"cairn", &cairn},
      {"RocksDB: Put with WAL, values of 1 MiB, a sync at the end", &put},
      {"BlobDB: the same, in blob files", &blobs},
  };
  std::uint64_t seed = 0;
  // Every round starts from an empty database and new bytes; nothing waits to be written back.
  const auto fresh = [&](Entrant& entrant) {
    for (const auto& [name, other] : entrants) {
      other->close();
    }
    fs::remove_all(path);
    data.fill(++seed);
    entrant.open(path);
    ::sync();
  };
  std::printf("%u threads, memtables of %zu MiB\n", threads, memtable_mib);
  bench::Contest contest("saving new values, durably", data.size(), rounds);
  for (const auto& [name, entrant] : entrants) {
    contest.add(
        name, [&data, entrant = entrant] { entrant->save(data); },
        [&fresh, entrant = entrant] { fresh(*entrant); });
  }
  contest.run();

  std::printf("\n  written to the device until it is closed, over the bytes saved\n");
  for (const auto& [name, entrant] : entrants) {
    fresh(*entrant);
    const auto before = bench::written_bytes();
    entrant->save(data);
    entrant->close();
    const auto written = bench::written_bytes() - before;
    std::printf("  %-58s %9.4fx\n", name.c_str(),
                static_cast<double>(written) / static_cast<double>(data.size()));
  }
  fs::remove_all(path);
}
