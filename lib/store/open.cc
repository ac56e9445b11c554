// Opening a store.
//
// For writing: 1 recognise the directory, 2 take the lock, 3 look at the superblock and the
// counters through a read-only open, and compare with HEAD, so that a store that is newer, damaged
// or has lost acknowledged commits is refused before anything is changed, 4 open the database,
// 5 settle where HEAD, ids and commits go on. Opening for reading is in open_reader.cc.
#include <random>
#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "cairn/version.h"
#include "content/chunker.h"
#include "engine/store_dir.h"
#include "store/open_checks.h"
#include "store/session.h"

namespace cairn {

namespace {

namespace fs = std::filesystem;

Error foreign(const fs::path& path) {
  return {Code::InvalidArgument,
          path.string() + " is no cairn store, and not an empty directory: left untouched"};
}

Superblock new_superblock() {
  Superblock out;
  std::random_device random;
  for (auto& byte : out.store_uuid) {
    byte = static_cast<std::uint8_t>(random());
  }
  out.created_at = now();
  out.tensor_chunk_bytes = kTensorChunkBytes;
  out.producer = "cairn " + std::string(version());
  return out;
}

// A store that is new, or was never finished, holds nothing.
Result<void> check_empty(const Database& database) {
  const auto reader = database.snapshot();
  for (const auto family : {Family::Metadata, Family::Contents, Family::ChunkIndex, Family::Chunks,
                            Family::ChunksSmall, Family::Trash}) {
    auto cursor = reader->cursor(family);
    cursor.seek_to_first();
    if (cursor.valid() || !cursor.status()) {
      return fail(Code::Corruption, database.dir().root.string() +
                                        ": the superblock is missing, but " +
                                        std::string(name_of(family)) + " holds data");
    }
  }
  return {};
}

// The superblock is the last thing that the making of a store writes.
Result<void> write_superblock(Session& session, const Superblock& superblock) {
  if (auto empty = check_empty(session.database()); !empty) {
    return empty;
  }
  return session.commits().run([&](Batch& batch, std::uint64_t) -> Result<void> {
    batch.put(Family::Default, kSuperblockKey, encode_superblock(superblock));
    return {};
  });
}

// Step 3. The store, unless it is new; nothing is changed.
struct Found {
  std::optional<StoreFacts> facts;
  std::optional<HeadState> head;
};

Result<Found> look_at(const StoreDir& dir) {
  auto facts = read_facts(dir);
  if (!facts) {
    return fail(std::move(facts.error()));
  }
  auto head = HeadFile::read(dir);
  if (!head) {
    return fail(std::move(head.error()));
  }
  if (auto whole = check_head(dir, *facts, *head); !whole) {
    return fail(std::move(whole.error()));
  }
  return *facts ? Found{std::move(*facts), std::move(*head)} : Found{};
}

// Step 5. A store that is new, or was made before there was a HEAD, gets one.
Result<void> keep_head(Database& database, const Superblock& superblock, const Found& found) {
  HeadState state = found.head.value_or(HeadState{});
  state.store_uuid = superblock.store_uuid;
  state.commits = found.facts ? found.facts->counters.commits : 0;
  auto head =
      found.head ? HeadFile::open(database.dir(), state) : HeadFile::create(database.dir(), state);
  if (!head) {
    return fail(std::move(head.error()));
  }
  database.keep_head(std::move(*head), state);
  return database.settle_head();
}

Result<std::shared_ptr<Session>> open_locked(const StoreDir& dir, const OpenOptions& options,
                                             LockFile lock) {
  auto found = look_at(dir);
  if (!found) {
    return fail(std::move(found.error()));
  }
  const bool is_new = !found->facts;
  if (is_new && options.mode != OpenOptions::Mode::Create) {
    return fail(no_store(dir.root));
  }
  if (auto made = dir.create(); !made) {
    return fail(std::move(made.error()));
  }
  if (auto emptied = dir.empty_incoming(); !emptied) {
    return fail(std::move(emptied.error()));
  }
  dir.make_reserve();
  auto database =
      Database::open(dir, {.write = true, .create = is_new, .mmap = options.mmap}, std::move(lock));
  if (!database) {
    return fail(std::move(database.error()));
  }
  const auto superblock = is_new ? new_superblock() : found->facts->superblock;
  if (auto kept = keep_head(**database, superblock, *found); !kept) {
    return fail(std::move(kept.error()));
  }
  auto session = make_session(std::move(*database), options);
  if (session && is_new) {
    if (auto written = write_superblock(**session, superblock); !written) {
      return fail(std::move(written.error()));
    }
  }
  return session;
}

Result<std::shared_ptr<Session>> open_for_writing(const StoreDir& dir, const OpenOptions& options) {
  if (options.mode == OpenOptions::Mode::Create) {
    if (auto made = dir.create_root(); !made) {
      return fail(std::move(made.error()));
    }
  }
  auto lock = LockFile::acquire(dir.lock(), options.lock_wait);
  if (!lock) {
    return fail(std::move(lock.error()));
  }
  auto session = open_locked(dir, options, std::move(*lock));
  return session ? session : fail(as_settled(std::move(session.error())));
}

}  // namespace

Result<std::shared_ptr<Session>> Session::open(const fs::path& path, const OpenOptions& options) {
  if (auto usable = check_rocks_process(); !usable) {
    return fail(std::move(usable.error()));
  }
  const auto trimmed = path.has_filename() ? path : path.parent_path();
  const StoreDir dir{trimmed};
  auto kind = dir.inspect();
  if (!kind) {
    return fail(std::move(kind.error()));
  }
  const bool create = options.mode == OpenOptions::Mode::Create;
  switch (*kind) {
    case StoreDir::Kind::Foreign:
      return fail(foreign(path));
    case StoreDir::Kind::Missing:
    case StoreDir::Kind::Empty:
      if (!create) {
        return fail(no_store(path));
      }
      break;
    case StoreDir::Kind::Store:
      break;
  }
  return options.mode == OpenOptions::Mode::ReadOnly ? open_for_reading(dir, options)
                                                     : open_for_writing(dir, options);
}

}  // namespace cairn
