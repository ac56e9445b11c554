// Looks through a read-only open of one family, and at files.
#include "store/open_checks.h"

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

#include "base/text.h"
#include "engine/manifest.h"

namespace cairn {

namespace {

namespace fs = std::filesystem;

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

}  // namespace

Error no_store(const fs::path& path) {
  return {Code::NotFound, "no store at " + path.string()};
}

Error as_settled(Error error) {
  if (error.code == Code::Retry) {
    error.code = Code::Corruption;
  }
  return error;
}

// The superblock comes with the first commit, and so do the counters.
Result<std::optional<StoreFacts>> read_facts(const StoreDir& dir) {
  auto begun = has_database(dir);
  if (!begun) {
    return fail(std::move(begun.error()));
  }
  if (!*begun) {
    return std::nullopt;
  }
  auto values = Database::peek(dir, {kSuperblockKey, kCountersKey});
  if (!values) {
    return fail(std::move(values.error()));
  }
  const auto& bytes = (*values)[0];
  const auto& counters = (*values)[1];
  const auto where = dir.root.string() + ": ";
  if (!bytes && !counters) {
    return std::nullopt;
  }
  if (!bytes || !counters) {
    return fail(Code::Corruption,
                where + (bytes ? "the counters are missing" : "the superblock is missing"));
  }
  auto superblock = decode_superblock(*bytes);
  if (!superblock) {
    return fail(where + "superblock", std::move(superblock.error()));
  }
  auto decoded = decode_counters(*counters);
  if (!decoded) {
    return fail(where + "counters", std::move(decoded.error()));
  }
  return StoreFacts{std::move(*superblock), *decoded};
}

Result<void> check_head(const StoreDir& dir, const std::optional<StoreFacts>& facts,
                        const std::optional<HeadState>& head) {
  if (!head) {
    return {};
  }
  if (!facts) {
    return head->commits == 0
               ? Result<void>()
               : fail(Code::Corruption, dir.root.string() + ": the database holds no store, but " +
                                            "HEAD says that commits up to " +
                                            std::to_string(head->commits) +
                                            " were on disk; nothing was changed");
  }
  if (head->store_uuid != facts->superblock.store_uuid) {
    return fail(Code::Corruption, dir.head().string() + " belongs to another store");
  }
  if (head->commits > facts->counters.commits) {
    return fail(Code::Corruption, dir.root.string() +
                                      ": acknowledged commits are missing: the last one in the "
                                      "database is " +
                                      std::to_string(facts->counters.commits) +
                                      ", HEAD says that " + std::to_string(head->commits) +
                                      " was on disk; nothing was changed");
  }
  auto manifest = current_manifest(dir);
  if (!manifest) {
    return fail(std::move(manifest.error()));
  }
  return check_manifest(*manifest, head->manifest);
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

}  // namespace cairn
