// The manifest of the database, seen from outside: which one CURRENT names, how long it is, and
// whether it still begins with what HEAD remembers. A manifest that lost its end opens without a
// complaint, and the tables that only the end named are then deleted.
#pragma once

#include <cstdint>
#include <filesystem>

#include "cairn/error.h"
#include "engine/store_dir.h"
#include "record/head_record.h"

namespace cairn {

struct CurrentManifest {
  std::uint64_t number = 0;
  std::uint64_t bytes = 0;
  std::filesystem::path path;

  friend bool operator==(const CurrentManifest&, const CurrentManifest&) = default;
};

// Io or NotFound where CURRENT or the manifest is not there, Corruption where CURRENT names none.
[[nodiscard]] Result<CurrentManifest> current_manifest(const StoreDir& dir);

// Corruption where the manifest is older than the remembered one, shorter, or another. A newer one
// replaces it.
[[nodiscard]] Result<void> check_manifest(const CurrentManifest& manifest,
                                          const ManifestState& remembered);

}  // namespace cairn
