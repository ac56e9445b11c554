// Every fsync and fdatasync of this process, RocksDB's among them: seen, and made to fail. Link
// sync_calls.cc into the program; a sanitizer's runtime may have the calls for itself, and then
// nothing is seen (sync_calls_are_seen says so).
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace cairn_test {

// What becomes of the sync of that file: 0 lets it happen, else it fails with this errno, or says
// that it happened and does nothing, which is faster.
using SyncHook = std::function<int(const std::string& path)>;
inline constexpr int kOnlySay = -1;

// While it lives, all threads' syncs go through `hook`. One at a time.
class OnSync {
 public:
  explicit OnSync(SyncHook hook);
  ~OnSync();
  OnSync(const OnSync&) = delete;
  OnSync& operator=(const OnSync&) = delete;
};

[[nodiscard]] bool sync_calls_are_seen();

}  // namespace cairn_test
