// StoreDir: the store's directory and what stands in it beside the database.
#pragma once

#include <cstdint>
#include <filesystem>

#include "cairn/error.h"

namespace cairn {

struct StoreDir {
  enum class Kind : std::uint8_t { Missing, Empty, Store, Foreign };

  std::filesystem::path root;

  [[nodiscard]] std::filesystem::path database() const { return root / "db"; }
  [[nodiscard]] std::filesystem::path lock() const { return root / "LOCK.cairn"; }
  [[nodiscard]] std::filesystem::path head() const { return root / "HEAD"; }
  [[nodiscard]] std::filesystem::path reserve() const { return root / "RESERVE"; }
  [[nodiscard]] std::filesystem::path incoming() const { return root / "incoming"; }
  [[nodiscard]] std::filesystem::path readme() const { return root / "README"; }

  // What the path is now; Io where it cannot be read. A store is known by its lock file.
  [[nodiscard]] Result<Kind> inspect() const;

  // Makes the directory, durably; for the lock, which stands in it.
  [[nodiscard]] Result<void> create_root() const;

  // Makes the directory and those above it, `db/`, `incoming/` and README, and syncs every
  // directory that has a new entry. Can be repeated.
  [[nodiscard]] Result<void> create() const;

  // Makes entries that were added to the directory, renamed or removed, durable.
  [[nodiscard]] Result<void> sync_root() const;

  // Sets space aside that a removal can have when the disk is full. Where there is no room for it,
  // or the file system cannot, there is none.
  void make_reserve() const;
  // Gives it up; false where there was none.
  [[nodiscard]] bool give_up_reserve() const;

  // Removes whatever a save that never ended left in `incoming/`; under the lock.
  [[nodiscard]] Result<void> empty_incoming() const;

  // Bytes of all files below the directory but the reserve.
  [[nodiscard]] Result<std::uint64_t> disk_bytes() const;
};

}  // namespace cairn
