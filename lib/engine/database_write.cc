// Writing: batches, flushes, HEAD, and when to refuse. After a failed sync or write nothing is
// written any more: what the kernel could not write it has forgotten.
//
// A full disk is noticed before RocksDB is let write, and then nothing has happened. RocksDB 7.8
// does not live through it: after Resume() it waits for flushes that it has forgotten, and takes
// files in under the number 0. So it is from here that memtables are flushed, never by RocksDB in
// the background, and all families at once: there is one log then, and none in the middle to miss.
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <rocksdb/db.h>

#include "engine/database.h"
#include "engine/rocks_options.h"
#include "engine/status.h"

namespace cairn {

namespace {

// Memtables are flushed at the first, and refuse more at the second, where there was no room for
// that: what they hold fits the reserve, so that a store on a full disk can be opened.
constexpr std::size_t kFlushBytes = std::size_t{24} << 20;
constexpr std::size_t kMostUnflushedBytes = std::size_t{28} << 20;

// Room that is left for others that write to the disk in the same moment.
constexpr std::uint64_t kSpareBytes = std::uint64_t{8} << 20;

}  // namespace

Result<void> Database::write(rocksdb::WriteBatch& batch) {
  if (auto writable = check_writable(); !writable) {
    return writable;
  }
  const auto bytes = batch.GetDataSize();
  if (unflushed_bytes_ + bytes > kMostUnflushedBytes) {
    if (auto flushed = flush(); !flushed) {
      return flushed;
    }
  }
  if (auto room = check_room(bytes); !room) {
    return room;
  }
  rocksdb::WriteOptions options;
  options.sync = true;
  if (const auto status = db_->Write(options, &batch); !status.ok()) {
    auto error = to_error(status, "committing");
    fail_stop(error);
    return tl::unexpected(std::move(error));
  }
  unflushed_bytes_ += bytes;
  if (unflushed_bytes_ >= kFlushBytes) {
    static_cast<void>(flush());  // Later, where there is no room; the batch is on disk.
  }
  return {};
}

Result<void> Database::flush() {
  if (unflushed_bytes_ > 0) {
    if (auto room = check_room(unflushed_bytes_); !room) {
      return room;
    }
  }
  auto flushed =
      change_files("flushing", [&] { return db_->Flush(rocksdb::FlushOptions(), handles_); });
  if (!flushed) {
    return flushed;
  }
  unflushed_bytes_ = 0;
  return settle_head();
}

Result<void> Database::change_files(std::string_view what,
                                    const std::function<rocksdb::Status()>& change) {
  if (auto writable = check_writable(); !writable) {
    return writable;
  }
  if (const auto status = change(); !status.ok()) {
    auto error = to_error(status, what);
    fail_stop(error);
    return tl::unexpected(std::move(error));
  }
  return {};
}

Result<void> Database::check_room(std::uint64_t bytes) const {
  std::error_code error;
  const auto space = std::filesystem::space(dir_.root, error);
  if (error || space.available >= bytes + kSpareBytes) {
    return {};
  }
  return tl::unexpected(
      Error{Code::NoSpace, dir_.root.string() + ": " + std::to_string(space.available) +
                               " bytes are free on its disk, and at least " +
                               std::to_string(bytes + kSpareBytes) + " are needed to write on"});
}

void Database::keep_head(HeadFile head, const HeadState& state) {
  const std::lock_guard guard(head_mutex_);
  head_ = std::move(head);
  head_state_ = state;
}

Result<void> Database::note_head(std::uint64_t commits) {
  const std::lock_guard guard(head_mutex_);
  head_state_.commits = commits;
  head_state_.manifest = watch_->manifest();
  constexpr unsigned kBetweenSyncs = 64;
  const bool sync = ++noted_ == kBetweenSyncs;
  noted_ = sync ? 0 : noted_;
  auto noted = !head_ ? Result<void>()
               : sync ? head_->settle(head_state_)
                      : head_->note(head_state_);
  if (!noted) {
    fail_stop(noted.error());
  }
  return noted;
}

Result<void> Database::settle_head() {
  const std::lock_guard guard(head_mutex_);
  head_state_.manifest = watch_->manifest();
  noted_ = 0;
  auto settled = head_ ? head_->settle(head_state_) : Result<void>();
  if (!settled) {
    fail_stop(settled.error());
  }
  return settled;
}

Result<void> Database::check_writable() const {
  if (!mode_.write) {
    return tl::unexpected(Error{Code::InvalidArgument, "the store was opened for reading only"});
  }
  constexpr std::string_view kRefused =
      "the store refuses to write after a failure (close and reopen it): ";
  if (failed_) {
    const std::lock_guard guard(failure_mutex_);
    return tl::unexpected(Error{Code::Io, std::string(kRefused) + failure_});
  }
  // Whatever it was that failed: the kernel has forgotten what it could not write.
  if (const auto sync = watch_->failed_sync()) {
    return tl::unexpected(Error{Code::Io, std::string(kRefused) + "syncing " + *sync});
  }
  return {};
}

void Database::fail_stop(const Error& error) {
  const std::lock_guard guard(failure_mutex_);
  if (!failed_) {
    failure_ = error.message;
    failed_ = true;
  }
}

}  // namespace cairn
