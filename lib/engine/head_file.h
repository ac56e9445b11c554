// HeadFile: the file HEAD, one preallocated file of three slots that never grows. After each commit
// slot 2 is written and not synced: that survives the process, and costs next to nothing. Slots 0
// and 1 are written in turn and synced: that survives power loss. HEAD therefore never leads the
// database, and after power loss lags behind it by no more than the commits since the last sync.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "cairn/error.h"
#include "engine/store_dir.h"
#include "record/head_record.h"

namespace cairn {

// Used under a lock of its owner's.
class HeadFile {
 public:
  // Makes the file anew, durably, with one slot.
  [[nodiscard]] static Result<HeadFile> create(const StoreDir& dir, const HeadState& state);
  // An existing file; its slots were read before. Writing goes on behind `last`.
  [[nodiscard]] static Result<HeadFile> open(const StoreDir& dir, const HeadState& last);
  // The slot that counts; nullopt where there is no file (a store that never had one). Corruption
  // where no slot is whole.
  [[nodiscard]] static Result<std::optional<HeadState>> read(const StoreDir& dir);

  HeadFile(HeadFile&& other) noexcept;
  HeadFile& operator=(HeadFile&& other) noexcept;
  ~HeadFile();

  // Everything that `state` says is durable already; its serial is chosen here.
  [[nodiscard]] Result<void> note(HeadState state);    // Not synced.
  [[nodiscard]] Result<void> settle(HeadState state);  // Synced.

 private:
  HeadFile(int fd, std::filesystem::path path, std::uint64_t serial)
      : fd_(fd), path_(std::move(path)), serial_(serial) {}
  [[nodiscard]] Result<void> write_slot(std::size_t slot, HeadState state);

  int fd_ = -1;
  std::filesystem::path path_;
  std::uint64_t serial_ = 0;
  std::size_t next_settled_ = 0;
};

}  // namespace cairn
