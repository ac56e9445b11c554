// FileMerger: keeps the files of chunks few. Every save of more than a small budget adds one; with
// thousands of them ingestion and opening get slow, and each costs a descriptor. So files that lie
// side by side are rewritten into one, in the background, by a thread of its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/database.h"

namespace cairn {

// A file of chunks at the bottom level; files never overlap.
struct ChunkFile {
  std::string name;
  std::uint64_t first_id = 0;
  std::uint64_t last_id = 0;
  std::uint64_t bytes = 0;
};

// Ids from `first` up to but not including `second`.
using IdRange = std::pair<std::uint64_t, std::uint64_t>;

// In the order of their ids.
[[nodiscard]] std::vector<ChunkFile> list_chunk_files(const Database& database);

// The files to be merged next, and how large a file may then be; none where there are enough like
// it. From 32 files under 32 MiB side by side on they become files of up to 256 MiB; while there
// are more than `many` files in all, larger ones do so too, by steps of eight. No file of `skipped`
// is taken, nor are files on both sides of an id in `reserved`: a file may still come between.
struct Merge {
  std::vector<ChunkFile> files;
  std::uint64_t bytes_a_file = 0;
};
[[nodiscard]] Merge plan_merge(const std::vector<ChunkFile>& files, std::size_t many,
                               const std::set<std::string>& skipped,
                               const std::vector<IdRange>& reserved);

// Thread-safe.
class FileMerger {
 public:
  // `reserved` tells the ids of saves that are under way.
  FileMerger(Database& database, std::function<std::vector<IdRange>()> reserved);
  ~FileMerger();  // Waits for a merge that runs.
  FileMerger(const FileMerger&) = delete;
  FileMerger& operator=(const FileMerger&) = delete;

  // Files were added: looks whether there is something to merge, in the background.
  void files_added(std::size_t count);
  // Before files are added: where they take half of the descriptors, waits while merging makes them
  // fewer.
  void make_room();
  // Waits until there is nothing to merge.
  void settle();

  [[nodiscard]] std::size_t files() const noexcept { return files_; }

 private:
  void run();
  bool merge_once();
  [[nodiscard]] bool is_sound(const ChunkFile& file) const;

  Database& database_;
  const std::function<std::vector<IdRange>()> reserved_;
  const std::size_t many_;  // A quarter of the descriptors that this process may have.
  std::atomic<std::size_t> files_;
  std::set<std::string> skipped_;  // Of the thread: damaged, so not to be rewritten.

  std::mutex mutex_;  // Guards all below.
  std::condition_variable changed_;
  bool wanted_ = false;
  bool busy_ = false;
  bool stop_ = false;
  std::unique_ptr<std::thread> thread_;  // Started when it is first wanted.
};

}  // namespace cairn
