// Which cairn this is, which format it writes, and which RocksDB it runs with.
#include "cairn/version.h"

#include <string>

#include <rocksdb/version.h>

#include "record/store_records.h"

namespace cairn {

std::string_view version() noexcept {
  return CAIRN_VERSION;
}

std::uint32_t format_version() noexcept {
  return kFormatVersion;
}

std::string_view rocksdb_version() noexcept {
  static const std::string kText = rocksdb::GetRocksVersionAsString();
  return kText;
}

}  // namespace cairn
