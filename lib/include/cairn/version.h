// The versions of the library and of the on-disk format that it writes.
#pragma once

#include <cstdint>
#include <string_view>

#include "cairn/error.h"

namespace cairn {

// The library's version, "0.1.0".
[[nodiscard]] CAIRN_API std::string_view version() noexcept;

// The newest store format that this library reads and the one that it writes; see FORMAT.md.
[[nodiscard]] CAIRN_API std::uint32_t format_version() noexcept;

// The version of the RocksDB that the library runs with, "7.8.3".
[[nodiscard]] CAIRN_API std::string_view rocksdb_version() noexcept;

}  // namespace cairn
