// LockFile: one writer a store. An fcntl lock, which goes with its process however that ends, on a
// file that also says in words who holds it.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include <sys/types.h>

#include "cairn/error.h"

namespace cairn {

// Locked: `file` is held by `pid`, this process or another.
[[nodiscard]] Error locked_by(pid_t pid, const std::filesystem::path& file);

class LockFile {
 public:
  // Creates the file where it is missing. Locked, with the holder's pid, after `wait`.
  [[nodiscard]] static Result<LockFile> acquire(const std::filesystem::path& file,
                                                std::chrono::milliseconds wait);

  // Who holds the lock now, this process included; nullopt where nobody does or there is no file.
  [[nodiscard]] static Result<std::optional<pid_t>> holder(const std::filesystem::path& file);

  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&& other) noexcept;
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  ~LockFile();

 private:
  LockFile(int fd, std::string identity) : fd_(fd), identity_(std::move(identity)) {}
  void release() noexcept;

  int fd_ = -1;
  std::string identity_;  // Device and inode: this process's own locks, which fcntl does not see.
};

}  // namespace cairn
