// What is looked at before a store is opened, and is never changed by looking: whether it is a
// store at all, its superblock, and whether the database has all that HEAD says is on disk.
#pragma once

#include <memory>
#include <optional>

#include "cairn/error.h"
#include "cairn/options.h"
#include "engine/database.h"
#include "engine/head_file.h"
#include "engine/store_dir.h"
#include "record/store_records.h"
#include "store/session.h"

namespace cairn {

// What a store says of itself.
struct StoreFacts {
  Superblock superblock;
  Counters counters;
};

[[nodiscard]] Error no_store(const std::filesystem::path& path);

// An error that was found while nobody else could change the store: what seems to be changing, a
// file that is gone, is damage then.
[[nodiscard]] Error as_settled(Error error);

// nullopt where no store was made, or not to its end; an error for a superblock that is missing,
// damaged or newer.
[[nodiscard]] Result<std::optional<StoreFacts>> read_facts(const StoreDir& dir);

// Corruption where HEAD is of another store, or knows of commits that the database has not, or of
// more of the manifest, or of a store where none is left. The store may be older than HEAD: then
// there is none, and all is well.
[[nodiscard]] Result<void> check_head(const StoreDir& dir, const std::optional<StoreFacts>& facts,
                                      const std::optional<HeadState>& head);

// A session on an opened database: settles where ids and commits go on.
[[nodiscard]] Result<std::shared_ptr<Session>> make_session(std::shared_ptr<Database> database,
                                                            const OpenOptions& options);

// Opens for reading, beside a writer or without one (open_reader.cc).
[[nodiscard]] Result<std::shared_ptr<Session>> open_for_reading(const StoreDir& dir,
                                                                const OpenOptions& options);

}  // namespace cairn
