// What an opened store shares.
#include "store/session.h"

#include "base/text.h"
#include "engine/head_file.h"

namespace cairn {

Session::Session(std::shared_ptr<Database> database, std::uint64_t next_id,
                 std::uint64_t last_commit, unsigned threads)
    : database_(std::move(database)),
      ids_(next_id),
      activity_(ids_),
      commits_(*database_, ids_, last_commit),
      threads_(threads),
      opened_at_(last_commit) {
  if (database_->writable()) {
    merger_ = std::make_unique<FileMerger>(*database_, [this] { return activity_.reserved_ids(); });
  }
}

std::filesystem::path Session::new_incoming_file() {
  return database_->dir().incoming() / (std::to_string(++files_) + ".sst");
}

Result<void> Session::commit_removal(const CommitQueue::Body& body) {
  auto committed = commits_.run(body);
  if (!committed && committed.error().code == Code::NoSpace && database_->dir().give_up_reserve()) {
    committed = commits_.run(body);
  }
  return committed;
}

Result<bool> Store::State::refresh(const std::shared_ptr<Session>& old) {
  if (old->database().writable()) {
    return false;
  }
  const auto head = HeadFile::read(old->database().dir());
  if (head && *head && (*head)->commits == old->opened_at()) {
    return false;
  }
  auto opened = Session::open(path, options);
  if (!opened) {
    return fail(std::move(opened.error()));
  }
  const std::lock_guard guard(mutex);
  if (!session || session->opened_at() >= (*opened)->opened_at()) {
    return false;  // Closed meanwhile, or taken further by another thread.
  }
  session = std::move(*opened);
  return true;
}

Result<std::shared_ptr<Session>> Store::State::use(const std::shared_ptr<State>& state) {
  if (!state) {
    return fail(Code::InvalidArgument, "the store handle was moved from");
  }
  if (state->pid != ::getpid()) {
    return fail(Code::InvalidArgument,
                "the store was opened before fork(), and cannot be used in the child");
  }
  const std::lock_guard guard(state->mutex);
  if (!state->session) {
    return fail(Code::InvalidArgument, "the store is closed");
  }
  return state->session;
}

}  // namespace cairn
