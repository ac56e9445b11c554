// Opening for reading, beside a writer or without one; no lock is taken and no file is changed.
//
// RocksDB's read-only open beside a live writer may say OK and have holes: a log is deleted between
// its look at the manifest and its look at the logs. So each attempt stands in a bracket:
//   1 read HEAD: all commits up to that one are on disk
//   2 note the manifest's name and length
//   3 open, and read the counter
//   4 the manifest is as it was, and the counter is at least what HEAD said
// An attempt that fails this is thrown away and made again, some time long; then it is Retry. What
// an attempt finds wrong counts only where no writer was there and nothing changed meanwhile.
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "base/text.h"
#include "engine/manifest.h"
#include "store/open_checks.h"

namespace cairn {

namespace {

constexpr std::chrono::seconds kPatience(3);
constexpr std::chrono::milliseconds kLongestPause(50);

Error changing(const StoreDir& dir, const std::string& why) {
  return {Code::Retry, dir.root.string() + " changed while it was being opened" +
                           (why.empty() ? "" : " (" + why + ")")};
}

Result<std::shared_ptr<Session>> open_files(const StoreDir& dir, const OpenOptions& options,
                                            const std::optional<HeadState>& head) {
  auto facts = read_facts(dir);
  if (!facts) {
    return fail(std::move(facts.error()));
  }
  if (auto whole = check_head(dir, *facts, head); !whole) {
    return fail(std::move(whole.error()));
  }
  if (!*facts) {
    return fail(no_store(dir.root));
  }
  auto database =
      Database::open(dir, {.write = false, .create = false, .mmap = options.mmap}, std::nullopt);
  if (!database) {
    return fail(std::move(database.error()));
  }
  auto session = make_session(std::move(*database), options);
  if (session && head && (*session)->opened_at() < head->commits) {
    return fail(Code::Retry, "commits are missing from the view");
  }
  return session;
}

// Everything a writer changes when it replaces files. No manifest where it is being replaced.
std::optional<CurrentManifest> manifest_now(const StoreDir& dir) {
  auto manifest = current_manifest(dir);
  return manifest ? std::optional(std::move(*manifest)) : std::nullopt;
}

// Whether somebody writes, or may be about to: what cannot be told counts as yes.
bool has_writer(const StoreDir& dir) {
  const auto holder = LockFile::holder(dir.lock());
  return !holder || *holder;
}

Result<std::shared_ptr<Session>> open_once(const StoreDir& dir, const OpenOptions& options) {
  const bool writer_before = has_writer(dir);
  const auto head = HeadFile::read(dir);                                       // 1
  const auto before = manifest_now(dir);                                       // 2
  auto session = head ? open_files(dir, options, *head) : fail(head.error());  // 3
  const bool unchanged = before == manifest_now(dir);
  if (session && unchanged) {  // 4
    return session;
  }
  const bool quiet = unchanged && !writer_before && !has_writer(dir);
  if (!session && quiet) {
    return fail(as_settled(std::move(session.error())));
  }
  return fail(changing(dir, session ? "" : session.error().to_string()));
}

}  // namespace

Result<std::shared_ptr<Session>> open_for_reading(const StoreDir& dir, const OpenOptions& options) {
  const auto give_up_at = std::chrono::steady_clock::now() + kPatience;
  for (std::chrono::milliseconds pause(1);; pause = std::min(2 * pause, kLongestPause)) {
    auto session = open_once(dir, options);
    if (session || session.error().code != Code::Retry ||
        std::chrono::steady_clock::now() >= give_up_at) {
      return session;
    }
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace cairn
