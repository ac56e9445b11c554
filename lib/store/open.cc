// Opening a store.
//
// For writing: 1 recognise the directory, 2 take the lock, 3 look at the superblock through a
// read-only open, so that a newer or damaged store is refused before anything is changed, 4 open
// the database, 5 settle where ids and commits go on.
// For reading: the same without lock and without a change; a writer that turns up meanwhile means
// that the view may have holes, so it is thrown away.
#include <chrono>
#include <fstream>
#include <random>
#include <system_error>
#include <thread>
#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "cairn/version.h"
#include "content/chunker.h"
#include "engine/store_dir.h"
#include "record/store_records.h"
#include "store/session.h"

namespace cairn {

namespace {

namespace fs = std::filesystem;

Error no_store(const fs::path& path) {
  return {Code::NotFound, "no store at " + path.string()};
}

Error foreign(const fs::path& path) {
  return {Code::InvalidArgument,
          path.string() + " is no cairn store, and not an empty directory: left untouched"};
}

// Whether the database was begun; one that lost its CURRENT file is damaged, not new.
Result<bool> has_database(const StoreDir& dir) {
  std::error_code error;
  if (fs::exists(dir.database() / "CURRENT", error)) {
    return true;
  }
  auto it = fs::directory_iterator(dir.database(), error);
  if (error == std::errc::no_such_file_or_directory) {
    return false;
  }
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    if (it->path().extension() == ".sst" || it->path().extension() == ".log") {
      return fail(Code::Corruption, dir.database().string() + " holds data but no CURRENT file");
    }
  }
  if (error) {
    return fail(Code::Io, "looking into " + dir.database().string() + ": " + error.message());
  }
  return false;
}

// Whether the store was made to its end: the superblock comes with the first commit, and so do the
// counters. False for neither; an error for a superblock that is missing, damaged or newer.
Result<bool> check_superblock(const StoreDir& dir) {
  auto values = Database::peek(dir, {kSuperblockKey, kCountersKey});
  if (!values) {
    return fail(std::move(values.error()));
  }
  const auto& bytes = (*values)[0];
  const auto& counters = (*values)[1];
  if (!bytes && !counters) {
    return false;
  }
  if (!bytes) {
    return fail(Code::Corruption, dir.root.string() + ": the superblock is missing");
  }
  auto superblock = decode_superblock(*bytes);
  if (!superblock) {
    return fail(dir.root.string() + ": superblock", std::move(superblock.error()));
  }
  return true;
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
Result<void> write_superblock(Session& session) {
  if (auto empty = check_empty(session.database()); !empty) {
    return empty;
  }
  return session.commits().run([](Batch& batch, std::uint64_t) -> Result<void> {
    batch.put(Family::Default, kSuperblockKey, encode_superblock(new_superblock()));
    return {};
  });
}

struct Start {
  Counters stored;
  std::uint64_t next_id = 1;
};

Result<Start> read_start(const Database& database) {
  const auto reader = database.snapshot();
  auto bytes = reader->get(Family::Default, kCountersKey);
  if (!bytes) {
    return fail(std::move(bytes.error()));
  }
  Start start;
  if (*bytes) {
    auto decoded = decode_counters(**bytes);
    if (!decoded) {
      return fail(database.dir().root.string() + ": counters", std::move(decoded.error()));
    }
    start.stored = *decoded;
  }
  auto next = first_free_id(*reader, start.stored.next_id);
  if (!next) {
    return fail(std::move(next.error()));
  }
  start.next_id = *next;
  return start;
}

Result<std::shared_ptr<Session>> make_session(std::shared_ptr<Database> database,
                                              const OpenOptions& options) {
  auto start = read_start(*database);
  if (!start) {
    return fail(std::move(start.error()));
  }
  const unsigned threads =
      options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
  auto session = std::make_shared<Session>(std::move(database), start->next_id,
                                           start->stored.commits, threads);
  if (session->database().writable() && start->next_id != start->stored.next_id) {
    // Ids of chunks that no commit names are never given out again: on disk before any is used.
    auto settled = session->commits().run([&](Batch& batch, std::uint64_t commit) -> Result<void> {
      batch.put(Family::Default, kCountersKey,
                encode_counters({.commits = commit, .next_id = start->next_id}));
      return {};
    });
    if (!settled) {
      return fail(std::move(settled.error()));
    }
  }
  return session;
}

Result<std::shared_ptr<Session>> open_for_writing(const StoreDir& dir, const OpenOptions& options) {
  const bool create = options.mode == OpenOptions::Mode::Create;
  if (create) {
    if (auto made = dir.create_root(); !made) {
      return fail(std::move(made.error()));
    }
  }
  auto lock = LockFile::acquire(dir.lock(), options.lock_wait);
  if (!lock) {
    return fail(std::move(lock.error()));
  }
  auto begun = has_database(dir);
  auto whole = begun && *begun ? check_superblock(dir) : begun;
  if (!whole) {
    return fail(std::move(whole.error()));
  }
  if (!*whole && !create) {
    return fail(no_store(dir.root));
  }
  if (auto made = dir.create(); !made) {
    return fail(std::move(made.error()));
  }
  if (auto emptied = dir.empty_incoming(); !emptied) {
    return fail(std::move(emptied.error()));
  }
  auto database = Database::open(dir, {.write = true, .create = !*whole, .mmap = options.mmap},
                                 std::move(*lock));
  if (!database) {
    return fail(std::move(database.error()));
  }
  auto session = make_session(std::move(*database), options);
  if (!session || *whole) {
    return session;
  }
  if (auto written = write_superblock(**session); !written) {
    return fail(std::move(written.error()));
  }
  return session;
}

// What a writer changes when it replaces files: the manifest's name and size.
std::string manifest_state(const StoreDir& dir) {
  std::ifstream file(dir.database() / "CURRENT");
  std::string name;
  std::getline(file, name);
  std::error_code error;
  const auto size = fs::file_size(dir.database() / name, error);
  return name + ":" + std::to_string(error ? 0 : size);
}

Result<void> check_no_writer(const StoreDir& dir) {
  auto holder = LockFile::holder(dir.lock());
  if (!holder) {
    return fail(std::move(holder.error()));
  }
  if (*holder) {
    return fail(locked_by(**holder, dir.lock()));
  }
  return {};
}

Result<std::shared_ptr<Session>> open_files_for_reading(const StoreDir& dir,
                                                        const OpenOptions& options) {
  auto begun = has_database(dir);
  auto whole = begun && *begun ? check_superblock(dir) : begun;
  if (!whole) {
    return fail(std::move(whole.error()));
  }
  if (!*whole) {
    return fail(no_store(dir.root));
  }
  auto database =
      Database::open(dir, {.write = false, .create = false, .mmap = options.mmap}, std::nullopt);
  if (!database) {
    return fail(std::move(database.error()));
  }
  return make_session(std::move(*database), options);
}

// A view, or an error, counts only if no writer was there before, after or in between.
Result<std::shared_ptr<Session>> open_once_for_reading(const StoreDir& dir,
                                                       const OpenOptions& options) {
  if (auto alone = check_no_writer(dir); !alone) {
    return fail(std::move(alone.error()));
  }
  const auto before = manifest_state(dir);
  auto session = open_files_for_reading(dir, options);
  if (auto alone = check_no_writer(dir); !alone) {
    return fail(std::move(alone.error()));
  }
  if (manifest_state(dir) != before) {
    return fail(Code::Retry, dir.root.string() + " changed while it was being opened");
  }
  return session;
}

Result<std::shared_ptr<Session>> open_for_reading(const StoreDir& dir, const OpenOptions& options) {
  for (int attempt = 0;; ++attempt) {
    auto session = open_once_for_reading(dir, options);
    if (session || session.error().code != Code::Retry || attempt == 4) {
      return session;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10 << attempt));
  }
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
