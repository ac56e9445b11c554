// Opening, reading, flushing and closing RocksDB.
#include "engine/database.h"

#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <unistd.h>

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/metadata.h>
#include <rocksdb/snapshot.h>

#include "engine/chunk_files.h"
#include "engine/rocks_options.h"
#include "engine/status.h"

namespace cairn {

namespace {

std::atomic<bool> process_is_exiting{false};

// RocksDB's threads and statics belong to the process that first used it. Registered after they
// were made, the handler runs before they are destroyed.
pid_t rocks_process() {
  static const pid_t kProcess = [] {
    static_cast<void>(rocksdb::Env::Default());
    static_cast<void>(std::atexit([] { process_is_exiting = true; }));
    return ::getpid();
  }();
  return kProcess;
}

// RocksDB 7 returns the database as a plain pointer, newer ones as a unique_ptr.
template <class Open>
rocksdb::Status open_as_unique(std::unique_ptr<rocksdb::DB>& out, Open&& open) {
  if constexpr (requires(rocksdb::DB** raw) { open(raw); }) {
    rocksdb::DB* raw = nullptr;
    auto status = open(&raw);
    out.reset(raw);
    return status;
  } else {
    return open(&out);
  }
}

constexpr std::size_t kManyFiles = 12;

// Keeps what cannot be closed where a leak checker sees that it is not forgotten.
struct LeftOpen {
  rocksdb::DB* database;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  std::unique_ptr<RocksOptions> options;  // Its threads go on using the environment.
  std::optional<LockFile> lock;           // Goes with the process.
};

void leave_open(LeftOpen left) {
  static auto& mutex = *new std::mutex;
  static auto& all = *new std::vector<LeftOpen>;
  const std::lock_guard guard(mutex);
  all.push_back(std::move(left));
}

class SnapshotReader final : public Reader {
 public:
  explicit SnapshotReader(const Database& database)
      : database_(database), snapshot_(database.rocks()) {
    read_.snapshot = snapshot_.snapshot();
  }

  Result<std::optional<std::string>> get(Family family, std::string_view key) const override {
    std::string value;
    const auto status = database_.rocks()->Get(read_, database_.handle(family), key, &value);
    return value_or_none(status, std::move(value), name_of(family));
  }

  Cursor cursor(Family family) const override {
    auto read = read_;
    // Chunks are covered by digests of their own; a walk over their ids must not fail because the
    // bytes of one of them are damaged.
    read.verify_checksums = family != Family::Chunks && family != Family::ChunksSmall;
    return Cursor(std::unique_ptr<rocksdb::Iterator>(
        database_.rocks()->NewIterator(read, database_.handle(family))));
  }

 private:
  const Database& database_;
  rocksdb::ManagedSnapshot snapshot_;
  rocksdb::ReadOptions read_;
};

}  // namespace

Result<void> check_rocks_process() {
  if (rocks_process() != ::getpid()) {
    return tl::unexpected(
        Error{Code::InvalidArgument,
              "a store was opened before fork(), and its threads are not in the child: start "
              "another program (exec), or fork before the first store is opened"});
  }
  return {};
}

Database::Database(StoreDir dir, const DatabaseMode& mode, std::optional<LockFile> lock)
    : dir_(std::move(dir)),
      mode_(mode),
      lock_(std::move(lock)),
      pid_(::getpid()),
      watch_(mode.write ? std::make_shared<FileWatch>() : nullptr),
      chunk_files_(std::make_unique<ChunkFiles>()) {}

Result<std::shared_ptr<Database>> Database::open(const StoreDir& dir, const DatabaseMode& mode,
                                                 std::optional<LockFile> lock) {
  std::shared_ptr<Database> out(new Database(dir, mode, std::move(lock)));
  if (auto opened = out->open_rocks(); !opened) {
    return tl::unexpected(std::move(opened.error()));
  }
  return out;
}

Result<void> Database::open_rocks() {
  if (auto usable = check_rocks_process(); !usable) {
    return usable;
  }
  options_ = std::make_unique<RocksOptions>(
      rocks_options({.mmap = mode_.mmap, .create = mode_.create, .watch = watch_}));
  const auto path = dir_.database().string();
  const auto open = [&] {
    return open_as_unique(db_, [&](auto* out) {
      return mode_.write ? rocksdb::DB::Open(options_->db, path, options_->families, &handles_, out)
                         : rocksdb::DB::OpenForReadOnly(options_->db, path, options_->families,
                                                        &handles_, out);
    });
  };
  auto status = open();
  if (mode_.write && status.IsNoSpace() && dir_.give_up_reserve()) {
    status = open();  // Else nothing could be removed, either.
  }
  if (!status.ok()) {
    return tl::unexpected(to_error(status, "opening " + path));
  }
  return {};
}

Result<std::vector<std::optional<std::string>>> Database::peek(
    const StoreDir& dir, const std::vector<std::string_view>& keys) {
  if (auto usable = check_rocks_process(); !usable) {
    return tl::unexpected(std::move(usable.error()));
  }
  const auto options = rocks_options({.mmap = false, .create = false});
  const auto path = dir.database().string();
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const auto status = open_as_unique(db, [&](auto* out) {
    return rocksdb::DB::OpenForReadOnly(options.db, path, {options.families.front()}, &handles,
                                        out);
  });
  if (!status.ok()) {
    return tl::unexpected(to_error(status, "opening " + path));
  }
  Result<std::vector<std::optional<std::string>>> out;
  for (const auto key : keys) {
    std::string value;
    const auto got = db->Get({}, handles.front(), key, &value);
    auto found = value_or_none(got, std::move(value), path);
    if (!found) {
      out = tl::unexpected(std::move(found.error()));
      break;
    }
    out->push_back(std::move(*found));
  }
  for (auto* handle : handles) {
    db->DestroyColumnFamilyHandle(handle);
  }
  return out;
}

Database::~Database() {
  if (!same_process() || process_is_exiting) {
    // A forked child has the memory but not the threads, and a store that outlives main() has
    // neither: closing would hang, or crash. Every commit is in the synced log.
    leave_open({db_.release(), std::move(handles_), std::move(options_), std::move(lock_)});
    return;
  }
  if (!db_) {
    return;
  }
  if (mode_.write && !failed()) {
    if (flush()) {  // What it would save is in the synced log as well.
      merge_files();
    }
    static_cast<void>(settle_head());
  }
  for (auto* handle : handles_) {
    db_->DestroyColumnFamilyHandle(handle);
  }
  db_->Close();
}

bool Database::same_process() const noexcept {
  return ::getpid() == pid_;
}

std::unique_ptr<Reader> Database::snapshot() const {
  return std::make_unique<SnapshotReader>(*this);
}

Result<std::vector<std::optional<std::string>>> Database::get_many(
    Family family, const std::vector<std::string>& keys) const {
  const std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  db_->MultiGet({}, handle(family), keys.size(), slices.data(), values.data(), statuses.data());
  std::vector<std::optional<std::string>> out(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].ok()) {
      out[i] = values[i].ToString();
    } else if (!statuses[i].IsNotFound()) {
      return tl::unexpected(to_error(statuses[i], "reading " + std::string(name_of(family))));
    }
  }
  return out;
}

// Each session leaves a small file in every family that it wrote to, and every open file costs a
// descriptor: families with many are merged into few. Only space and descriptors are at stake, so
// failures are let pass.
void Database::merge_files() {
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    const auto family = static_cast<Family>(i);
    if (family == Family::Chunks) {
      continue;  // Rewritten by nobody but a collection of garbage.
    }
    rocksdb::ColumnFamilyMetaData meta;
    db_->GetColumnFamilyMetaData(handle(family), &meta);
    if (family == Family::ChunksSmall) {
      merge_level_0(meta);
    } else if (meta.file_count >= kManyFiles) {
      rocksdb::CompactRangeOptions options;
      options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
      static_cast<void>(db_->CompactRange(options, handle(family), nullptr, nullptr));
    }
  }
}

// New small chunks have ids above all older ones: only the new files are rewritten.
void Database::merge_level_0(const rocksdb::ColumnFamilyMetaData& meta) {
  constexpr int kBottomLevel = 6;
  std::vector<std::string> files;
  for (const auto& file : meta.levels.front().files) {
    files.push_back(file.name);
  }
  if (files.size() >= kManyFiles) {
    rocksdb::CompactionOptions options;
    options.compression = rocksdb::kNoCompression;
    options.output_file_size_limit = std::uint64_t{256} << 20;
    static_cast<void>(db_->CompactFiles(options, handle(Family::ChunksSmall), files, kBottomLevel));
  }
}

}  // namespace cairn
