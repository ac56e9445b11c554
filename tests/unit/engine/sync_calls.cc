// The functions of this program stand before libc's, for the shared libraries too.
#include "engine/sync_calls.h"

#include <cerrno>
#include <mutex>
#include <utility>

#include <sys/syscall.h>
#include <unistd.h>

namespace cairn_test {

namespace {

std::mutex mutex;
std::shared_ptr<const SyncHook> current;  // Guarded by mutex.

std::string path_of(int fd) {
  char path[4096];
  const auto link = "/proc/self/fd/" + std::to_string(fd);
  const auto size = ::readlink(link.c_str(), path, sizeof path);
  return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : std::string();
}

int sync(int fd, long call) {
  std::shared_ptr<const SyncHook> hook;
  {
    const std::lock_guard guard(mutex);
    hook = current;
  }
  if (hook) {
    if (const int error = (*hook)(path_of(fd)); error != 0) {
      errno = error;
      return error == kOnlySay ? 0 : -1;
    }
  }
  return static_cast<int>(::syscall(call, fd));
}

}  // namespace

OnSync::OnSync(SyncHook hook) {
  const std::lock_guard guard(mutex);
  current = std::make_shared<const SyncHook>(std::move(hook));
}

OnSync::~OnSync() {
  const std::lock_guard guard(mutex);
  current = nullptr;
}

bool sync_calls_are_seen() {
  bool seen = false;
  const OnSync watching([&](const std::string&) {
    seen = true;
    return EIO;
  });
  const int done = ::fsync(STDERR_FILENO);
  return seen && done == -1;
}

}  // namespace cairn_test

extern "C" {

int fsync(int fd) {
  return cairn_test::sync(fd, SYS_fsync);
}

int fdatasync(int fd) {
  return cairn_test::sync(fd, SYS_fdatasync);
}
}
