// What a writer was about to do and what it was told, in a file that the writer and its judge both
// map: it outlives a SIGKILL of the writer. A lane belongs to one thread of the writer, whose
// operations stand in it in order; a lane's names are its own (operation.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <type_traits>

#include "operation.h"

namespace cairn::testing {

struct AckLog {
  static constexpr std::size_t kLanes = 4;
  static constexpr std::size_t kEntries = 20'000;
  static constexpr std::uint8_t kLaneNames = kNames / kLanes;

  enum State : std::uint32_t { Nothing = 0, Begun = 1, Done = 2 };
  struct Entry {
    Operation operation;
    std::atomic<std::uint32_t> state;
    std::uint32_t refused;  // The code of the answer, 0 for OK; valid when Done.
  };

  std::atomic<std::uint32_t> opens;   // How often the writer has opened the store.
  std::atomic<std::uint32_t> failed;  // Something that must not happen has; `failure` says what.
  char failure[1'000];
  Entry lanes[kLanes][kEntries];
};
static_assert(std::is_trivially_copyable_v<Operation>);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

// The log in a file; a missing file is made, all zero.
class MappedLog {
 public:
  explicit MappedLog(const std::filesystem::path& file);
  ~MappedLog();
  MappedLog(const MappedLog&) = delete;
  MappedLog& operator=(const MappedLog&) = delete;

  AckLog* operator->() const noexcept { return log_; }
  AckLog& operator*() const noexcept { return *log_; }

 private:
  AckLog* log_;
};

// Opens the store and works on it, with one to four threads, until it is killed, or the log is
// full: a process's main. What it must not see makes it write the log's `failure` and return 1.
int write_until_killed(const std::filesystem::path& store, AckLog& log, std::uint64_t seed);

}  // namespace cairn::testing
