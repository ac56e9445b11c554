// The checksum of whole table files: XXH3-128, computed while they are written, kept by RocksDB
// in its manifest, so that a check of the store can tell a damaged file without decoding it.
#pragma once

#include <memory>
#include <string>

#include "content/digest.h"

namespace rocksdb {
class FileChecksumGenFactory;
class FileSystem;
}  // namespace rocksdb

namespace cairn {

// For what RocksDB writes itself: memtables and compactions.
[[nodiscard]] std::shared_ptr<rocksdb::FileChecksumGenFactory> file_digest_factory();

// For bulk files. Before 9.2 RocksDB does not show its generator the padding of aligned blocks, so
// the sum over a file of chunks would not be that of its bytes. This file system adds every byte
// that is appended to the one file written through it to the digest, and notes a failed sync.
struct WatchedFile {
  StreamingDigest digest;
  bool sync_failed = false;
};
// `file` outlives the file system.
[[nodiscard]] std::shared_ptr<rocksdb::FileSystem> watching_file_system(WatchedFile& file);

// The digest as RocksDB keeps it, and the name under which it does.
[[nodiscard]] std::string file_checksum(const StreamingDigest& digest);
inline constexpr const char* kFileChecksumName = "cairn.xxh3-128";

}  // namespace cairn
