// What an opened store shares.
#include "store/session.h"

#include "base/text.h"

namespace cairn {

Session::Session(std::shared_ptr<Database> database, std::uint64_t next_id,
                 std::uint64_t last_commit, unsigned threads)
    : database_(std::move(database)),
      ids_(next_id),
      commits_(*database_, ids_, last_commit),
      threads_(threads),
      opened_at_(last_commit) {}

std::filesystem::path Session::new_incoming_file() {
  return database_->dir().incoming() / (std::to_string(++files_) + ".sst");
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
