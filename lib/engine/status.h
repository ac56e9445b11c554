// The one place where a RocksDB Status, or an errno, becomes an Error.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cairn/error.h"

namespace rocksdb {
class Status;
}

namespace cairn {

// `what` says what was being done ("commit", "ingest"). The status is not OK.
[[nodiscard]] Error to_error(const rocksdb::Status& status, std::string_view what);

// What a read of one key gave: the value, nothing where the key is not there, or the error.
[[nodiscard]] Result<std::optional<std::string>> value_or_none(const rocksdb::Status& status,
                                                               std::string value,
                                                               std::string_view where);

// From errno: NotFound, NoSpace or Io.
[[nodiscard]] Error errno_error(int error, std::string_view what);

}  // namespace cairn
