// Writing: batches, flushes, HEAD, and when to refuse. After a failed sync nothing is written any
// more: what the kernel could not write it has forgotten. A full disk is no such failure.
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <rocksdb/db.h>

#include "engine/database.h"
#include "engine/rocks_options.h"
#include "engine/status.h"

namespace cairn {

Result<void> Database::write(rocksdb::WriteBatch& batch) {
  if (auto ready = make_ready(); !ready) {
    return ready;
  }
  rocksdb::WriteOptions options;
  options.sync = true;
  auto status = db_->Write(options, &batch);
  if (!status.ok() && to_error(status, "").code == Code::NoSpace) {
    // It may have been full some time ago, in the background.
    full_ = true;
    if (auto ready = make_ready(); !ready) {
      return ready;
    }
    status = db_->Write(options, &batch);
  }
  if (!status.ok()) {
    return tl::unexpected(to_error(status, "committing"));
  }
  return {};
}

Result<void> Database::flush() {
  if (auto ready = make_ready(); !ready) {
    return ready;
  }
  const auto status = db_->Flush(rocksdb::FlushOptions(), handles_);
  if (!status.ok()) {
    auto error = to_error(status, "flushing");
    fail_stop(error);
    return tl::unexpected(std::move(error));
  }
  return {};
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

Result<void> Database::make_ready() {
  if (auto writable = check_writable(); !writable || !full_) {
    return writable;
  }
  const std::lock_guard guard(resume_mutex_);
  if (full_) {
    if (const auto status = db_->Resume(); !status.ok()) {
      auto error = to_error(status, "the disk was full, going on");
      fail_stop(error);
      return tl::unexpected(std::move(error));
    }
    full_ = false;
  }
  return {};
}

void Database::fail_stop(const Error& error) {
  if (error.code == Code::NoSpace) {
    full_ = true;  // Nothing is in doubt; there may be room again.
    return;
  }
  const std::lock_guard guard(failure_mutex_);
  if (!failed_) {
    failure_ = error.message;
    failed_ = true;
  }
}

}  // namespace cairn
