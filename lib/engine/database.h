// Database: the opened RocksDB of a store: its families, the ways to read them, and the two ways
// to write, a synced batch (commit_queue.h) and the ingestion of built files (bulk_writer.h).
//
// Thread-safe. The last owner closes it: memtables are flushed, so that the log is empty at rest.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "cairn/error.h"
#include "engine/file_watch.h"
#include "engine/head_file.h"
#include "engine/lock_file.h"
#include "engine/reader.h"
#include "engine/store_dir.h"

namespace rocksdb {
class DB;
class ColumnFamilyHandle;
class Status;
class WriteBatch;
struct ColumnFamilyMetaData;
}  // namespace rocksdb

namespace cairn {

class ChunkFiles;
struct RocksOptions;

struct DatabaseMode {
  bool write = true;
  bool create = false;
  bool mmap = true;
};

// InvalidArgument in a forked child of a process that has used RocksDB: its threads are not there.
[[nodiscard]] Result<void> check_rocks_process();

class Database {
 public:
  // Opens (or makes) the database of `dir`. For writing, the caller holds the lock, and the
  // database keeps it until it is closed.
  [[nodiscard]] static Result<std::shared_ptr<Database>> open(const StoreDir& dir,
                                                              const DatabaseMode& mode,
                                                              std::optional<LockFile> lock);
  // Values of the `default` family in the order of `keys`, by a read-only open of that family
  // alone: works on stores of newer formats too, and changes nothing.
  [[nodiscard]] static Result<std::vector<std::optional<std::string>>> peek(
      const StoreDir& dir, const std::vector<std::string_view>& keys);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] const StoreDir& dir() const noexcept { return dir_; }
  [[nodiscard]] bool writable() const noexcept { return mode_.write; }
  // Whether tables are read through a mapping.
  [[nodiscard]] bool mapped() const noexcept { return mode_.mmap; }
  // False in a child after fork(), where nothing of it may be used.
  [[nodiscard]] bool same_process() const noexcept;

  // The newest state, frozen. Does not outlive the database.
  [[nodiscard]] std::unique_ptr<Reader> snapshot() const;

  // The values of many keys at once, in their order, from the newest state.
  [[nodiscard]] Result<std::vector<std::optional<std::string>>> get_many(
      Family family, const std::vector<std::string>& keys) const;

  // Writes a batch, synced. NoSpace, with nothing done, where there is no room for it.
  [[nodiscard]] Result<void> write(rocksdb::WriteBatch& batch);
  // Writes memtables to files and empties the log. RocksDB never does so by itself.
  [[nodiscard]] Result<void> flush();
  // Runs what adds files to the database; a failure of it ends all writing.
  [[nodiscard]] Result<void> change_files(std::string_view what,
                                          const std::function<rocksdb::Status()>& change);
  // NoSpace where so many more bytes would leave the disk next to full.
  [[nodiscard]] Result<void> check_room(std::uint64_t bytes) const;

  // From now on HEAD is kept: says after every commit how far the store has come. `commits` are on
  // disk. A database without one keeps none.
  void keep_head(HeadFile head, const HeadState& state);
  // All commits up to this one are on disk: HEAD says so, unsynced but for every 64th time.
  [[nodiscard]] Result<void> note_head(std::uint64_t commits);
  // HEAD says what is on disk, synced.
  [[nodiscard]] Result<void> settle_head();

  // After a failed write or sync the database refuses to write.
  [[nodiscard]] Result<void> check_writable() const;
  void fail_stop(const Error& error);
  [[nodiscard]] bool failed() const noexcept { return !check_writable(); }

  // For this layer.
  [[nodiscard]] rocksdb::DB* rocks() const noexcept { return db_.get(); }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* handle(Family family) const noexcept {
    return handles_[static_cast<std::size_t>(family)];
  }
  [[nodiscard]] const RocksOptions& options() const noexcept { return *options_; }
  [[nodiscard]] ChunkFiles& chunk_files() const noexcept { return *chunk_files_; }

 private:
  Database(StoreDir dir, const DatabaseMode& mode, std::optional<LockFile> lock);
  [[nodiscard]] Result<void> open_rocks();
  void merge_files();
  void merge_level_0(const rocksdb::ColumnFamilyMetaData& meta);

  StoreDir dir_;
  DatabaseMode mode_;
  std::optional<LockFile> lock_;  // Released after everything below is gone.
  pid_t pid_;
  std::shared_ptr<FileWatch> watch_;
  std::unique_ptr<RocksOptions> options_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  std::unique_ptr<ChunkFiles> chunk_files_;

  std::mutex head_mutex_;
  std::optional<HeadFile> head_;  // Guarded by head_mutex_, as are the next two.
  HeadState head_state_;
  unsigned noted_ = 0;  // Since it was last synced.

  std::atomic<std::size_t> unflushed_bytes_{0};
  std::atomic<bool> failed_{false};
  mutable std::mutex failure_mutex_;
  std::string failure_;  // Guarded by failure_mutex_.
};

}  // namespace cairn
