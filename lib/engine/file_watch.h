// FileWatch: what cairn has to know of the files that RocksDB writes and RocksDB does not tell. A
// file system between the two takes the XXH3-128 of every table and of the manifest from the bytes
// that really go to disk, and notes every sync that fails.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "content/digest.h"
#include "record/head_record.h"

namespace rocksdb {
class FileChecksumGenFactory;
class FileSystem;
}  // namespace rocksdb

namespace cairn {

// Thread-safe.
class FileWatch {
 public:
  // What was appended to one file so far. Used by the one thread that writes it.
  struct Written {
    StreamingDigest digest;
    std::uint64_t bytes = 0;
  };

  // The manifest in use, as far as it is synced; number 0 where none is known yet.
  [[nodiscard]] ManifestState manifest() const;
  // The first sync that failed, if any: what RocksDB has written since is in doubt.
  [[nodiscard]] std::optional<std::string> failed_sync() const;

  // For the file system and the generators.
  [[nodiscard]] std::shared_ptr<Written> begin_table(const std::string& path);
  // Taken once: later generators of the path read a file that is there.
  [[nodiscard]] std::shared_ptr<Written> take_table(const std::string& path);
  void manifest_synced(const ManifestState& state);
  // CURRENT names it now; that is durable once a sync of the directory that began later has ended.
  void manifest_chosen(std::uint64_t number);
  [[nodiscard]] std::uint64_t chosen_manifest() const;
  void directory_synced(std::uint64_t chosen_before);
  void sync_failed(const std::string& what);

 private:
  mutable std::mutex mutex_;  // Guards all below.
  std::map<std::string, std::shared_ptr<Written>> tables_;
  std::map<std::uint64_t, ManifestState> manifests_;
  std::uint64_t chosen_ = 0;
  std::uint64_t in_use_ = 0;
  std::optional<std::string> failed_sync_;
};

[[nodiscard]] std::shared_ptr<rocksdb::FileSystem> watching_file_system(
    std::shared_ptr<FileWatch> watch);

// The checksum of whole table files, kept by RocksDB in its manifest, so that a check of the store
// can tell a damaged file without decoding it. Before 9.2 RocksDB does not show its generator the
// padding of aligned blocks: while a table is written the sum is the watch's. Without a watch, and
// for files that are read, it is that of the bytes shown.
[[nodiscard]] std::shared_ptr<rocksdb::FileChecksumGenFactory> file_digest_factory(
    std::shared_ptr<FileWatch> watch);

// The name under which RocksDB keeps it.
inline constexpr const char* kFileChecksumName = "cairn.xxh3-128";

}  // namespace cairn
