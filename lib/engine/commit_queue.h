// CommitQueue: the one critical section in which an artifact comes to be. Commits of several
// threads that arrive together share one batch and one sync; inside, each sees what those before
// it did, as if they had run one after the other.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "cairn/error.h"
#include "engine/database.h"
#include "engine/reader.h"
#include "record/store_records.h"

namespace cairn {

class IdAllocator;

// A batch under construction; reads see it on top of the newest state.
class Batch : public Reader {
 public:
  virtual void put(Family family, std::string_view key, std::string_view value) = 0;
  virtual void erase(Family family, std::string_view key) = 0;
};

class CommitQueue {
 public:
  // What a commit checks and writes, given its number. It runs in one of the committing threads,
  // one at a time. On an error what it wrote is taken back, and the error is run()'s result.
  using Body = std::function<Result<void>(Batch&, std::uint64_t commit)>;

  CommitQueue(Database& database, IdAllocator& ids, std::uint64_t last_commit);
  ~CommitQueue();

  // Returns when the commit is synced, or has failed. A body that wrote nothing costs no sync.
  [[nodiscard]] Result<void> run(const Body& body);

 private:
  struct Request;
  class RocksBatch;
  using Group = std::deque<Request*>;

  void lead(std::unique_lock<std::mutex>& lock);
  void execute(const Group& group);

  Database& database_;
  IdAllocator& ids_;
  std::uint64_t last_commit_;  // Touched by the leading thread only.

  std::mutex mutex_;
  std::condition_variable changed_;
  Group waiting_;  // Guarded by mutex_, as is leading_.
  bool leading_ = false;
};

}  // namespace cairn
