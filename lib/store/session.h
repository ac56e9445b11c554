// Session: an opened store, shared by its handle and by the artifacts and tensors that came from
// it. The last of them closes the database and gives the lock back.
#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <sys/types.h>
#include <unistd.h>

#include "cairn/error.h"
#include "cairn/options.h"
#include "cairn/store.h"
#include "content/chunker.h"
#include "engine/commit_queue.h"
#include "engine/database.h"
#include "engine/file_merger.h"
#include "engine/ids.h"
#include "store/activity.h"

namespace cairn {

// Thread-safe.
class Session {
 public:
  [[nodiscard]] static Result<std::shared_ptr<Session>> open(const std::filesystem::path& path,
                                                             const OpenOptions& options);

  Session(std::shared_ptr<Database> database, std::uint64_t next_id, std::uint64_t last_commit,
          unsigned threads);

  [[nodiscard]] Database& database() noexcept { return *database_; }
  [[nodiscard]] IdAllocator& ids() noexcept { return ids_; }
  [[nodiscard]] Activity& activity() noexcept { return activity_; }
  [[nodiscard]] CommitQueue& commits() noexcept { return commits_; }
  // Of a session for writing.
  [[nodiscard]] FileMerger& merger() noexcept { return *merger_; }
  // A commit that frees something: on a full disk it gets the reserve.
  [[nodiscard]] Result<void> commit_removal(const CommitQueue::Body& body);
  [[nodiscard]] unsigned threads() const noexcept { return threads_; }
  // The last commit when it was opened: what a session for reading sees.
  [[nodiscard]] std::uint64_t opened_at() const noexcept { return opened_at_; }

  // A save with fewer new bytes puts its chunks into the commit batch; a setting so that a small
  // test can have chunks of both kinds. Set it before the first save.
  [[nodiscard]] std::uint64_t small_save_bytes() const noexcept { return small_save_bytes_; }
  void set_small_save_bytes(std::uint64_t bytes) noexcept { small_save_bytes_ = bytes; }

  // What tensors are cut into; a setting so that other sizes can be measured. As above.
  [[nodiscard]] std::uint64_t tensor_chunk_bytes() const noexcept { return tensor_chunk_bytes_; }
  void set_tensor_chunk_bytes(std::uint64_t bytes) noexcept { tensor_chunk_bytes_ = bytes; }

  // How many artifacts and tensors hold the session.
  [[nodiscard]] std::size_t leases() const noexcept { return leases_; }

  // A name for a new file in `incoming/`, used once.
  [[nodiscard]] std::filesystem::path new_incoming_file();

 private:
  friend class Lease;

  std::shared_ptr<Database> database_;
  IdAllocator ids_;
  Activity activity_;
  CommitQueue commits_;
  std::unique_ptr<FileMerger> merger_;
  unsigned threads_;
  std::uint64_t opened_at_;
  std::uint64_t small_save_bytes_ = std::uint64_t{1} << 20;
  std::uint64_t tensor_chunk_bytes_ = kTensorChunkBytes;
  std::atomic<std::size_t> leases_{0};
  std::atomic<std::uint64_t> files_{0};
};

// What an artifact or a tensor holds to keep its session open, and to be counted.
class Lease {
 public:
  explicit Lease(std::shared_ptr<Session> session) : session_(std::move(session)) {
    ++session_->leases_;
  }
  ~Lease() { --session_->leases_; }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  [[nodiscard]] const std::shared_ptr<Session>& session() const noexcept { return session_; }

 private:
  std::shared_ptr<Session> session_;
};

// Behind a Store handle: the session, until close().
struct Store::State {
  State(std::filesystem::path where, const OpenOptions& how, std::shared_ptr<Session> opened)
      : pid(::getpid()), path(std::move(where)), options(how), session(std::move(opened)) {}

  // Opens a new session in the place of `old` where the store has gone on since.
  [[nodiscard]] Result<bool> refresh(const std::shared_ptr<Session>& old);

  // The session of a usable handle; InvalidArgument after close(), move or fork().
  [[nodiscard]] static Result<std::shared_ptr<Session>> use(const std::shared_ptr<State>& state);

  const pid_t pid;  // Of the process that opened it.
  const std::filesystem::path path;
  const OpenOptions options;
  std::mutex mutex;
  std::shared_ptr<Session> session;  // Guarded by mutex; null after close().
};

}  // namespace cairn
