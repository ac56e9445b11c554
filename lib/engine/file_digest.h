// The checksum of whole table files: XXH3-128, computed while they are written, kept by RocksDB
// in its manifest, so that a check of the store can tell a damaged file without decoding it.
#pragma once

#include <memory>

namespace rocksdb {
class FileChecksumGenFactory;
}

namespace cairn {

[[nodiscard]] std::shared_ptr<rocksdb::FileChecksumGenFactory> file_digest_factory();

}  // namespace cairn
