// fcntl locks belong to a process and vanish when it closes *any* descriptor of the file. So a
// registry of the files that this process holds is asked first, and such a file is never opened
// a second time. They are not inherited by fork, so no forgotten child keeps a store locked.
#include "engine/lock_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/status.h"

namespace cairn {

namespace {

struct Registry {
  std::mutex mutex;
  pid_t pid = ::getpid();
  std::set<std::string> held;
};

Registry& registry() {
  static auto& instance = *new Registry;  // Never destroyed: global stores may outlive statics.
  return instance;
}

// A forked child inherits the list, but none of the locks.
std::set<std::string>& held_locked() {
  auto& all = registry();
  if (all.pid != ::getpid()) {
    all.pid = ::getpid();
    all.held.clear();
  }
  return all.held;
}

std::string identity_of(const struct stat& info) {
  return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino);
}

bool held_here_locked(const std::filesystem::path& file) {
  struct stat info {};
  return ::stat(file.c_str(), &info) == 0 && held_locked().contains(identity_of(info));
}

struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

void describe_holder(int fd) {
  char host[256] = "?";
  ::gethostname(host, sizeof host - 1);
  char text[512];
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char start[32];
  std::strftime(start, sizeof start, "%Y-%m-%dT%H:%M:%SZ", &utc);
  const int size =
      std::snprintf(text, sizeof text, "pid %d host %s start %s\n", ::getpid(), host, start);
  // For people only: the lock is what counts, so a failure to write it changes nothing.
  if (::ftruncate(fd, 0) == 0 && ::pwrite(fd, text, static_cast<std::size_t>(size), 0) != size) {
    return;
  }
}

// The lock, or the pid of who has it.
Result<tl::expected<int, pid_t>> try_lock(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    return tl::unexpected(errno_error(errno, "opening " + file.string()));
  }
  auto lock = whole_file(F_WRLCK);
  if (::fcntl(fd, F_SETLK, &lock) == 0) {
    return tl::expected<int, pid_t>(fd);
  }
  const int why = errno;
  lock = whole_file(F_WRLCK);
  const bool known = ::fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  ::close(fd);
  if (why != EACCES && why != EAGAIN) {
    return tl::unexpected(errno_error(why, "locking " + file.string()));
  }
  return tl::expected<int, pid_t>(tl::unexpected(known ? lock.l_pid : 0));
}

}  // namespace

Error locked_by(pid_t pid, const std::filesystem::path& file) {
  const std::string who = pid == ::getpid() ? "this process" : "another process";
  return {Code::Locked, "the store is open for writing in " + who + " (pid " + std::to_string(pid) +
                            "): " + file.string()};
}

Result<LockFile> LockFile::acquire(const std::filesystem::path& file,
                                   std::chrono::milliseconds wait) {
  constexpr std::chrono::hours kForEver(24 * 365 * 10);
  const auto deadline =
      std::chrono::steady_clock::now() +
      std::clamp<std::chrono::milliseconds>(wait, std::chrono::milliseconds(0), kForEver);
  for (;;) {
    pid_t holder = ::getpid();
    {
      const std::lock_guard guard(registry().mutex);
      if (!held_here_locked(file)) {
        auto attempt = try_lock(file);
        if (!attempt) {
          return tl::unexpected(std::move(attempt.error()));
        }
        if (*attempt) {
          const int fd = **attempt;
          struct stat info {};
          ::fstat(fd, &info);
          describe_holder(fd);
          held_locked().insert(identity_of(info));
          return LockFile(fd, identity_of(info));
        }
        holder = attempt->error();
      }
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return tl::unexpected(locked_by(holder, file));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Result<std::optional<pid_t>> LockFile::holder(const std::filesystem::path& file) {
  const std::lock_guard guard(registry().mutex);
  if (held_here_locked(file)) {
    return ::getpid();
  }
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) {
      return std::nullopt;
    }
    return tl::unexpected(errno_error(errno, "opening " + file.string()));
  }
  auto lock = whole_file(F_RDLCK);
  const int done = ::fcntl(fd, F_GETLK, &lock);
  const int why = errno;
  ::close(fd);
  if (done != 0) {
    return tl::unexpected(errno_error(why, "asking for the lock of " + file.string()));
  }
  if (lock.l_type == F_UNLCK) {
    return std::nullopt;
  }
  return lock.l_pid;
}

LockFile::LockFile(LockFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), identity_(std::move(other.identity_)) {}

LockFile& LockFile::operator=(LockFile&& other) noexcept {
  if (this != &other) {
    release();
    fd_ = std::exchange(other.fd_, -1);
    identity_ = std::move(other.identity_);
  }
  return *this;
}

LockFile::~LockFile() {
  release();
}

void LockFile::release() noexcept {
  if (fd_ < 0) {
    return;
  }
  const std::lock_guard guard(registry().mutex);
  held_locked().erase(identity_);
  ::close(fd_);
  fd_ = -1;
}

}  // namespace cairn
