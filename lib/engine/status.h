// The one place where a RocksDB Status, or an errno, becomes an Error.
#pragma once

#include <string>
#include <string_view>

#include "cairn/error.h"

namespace rocksdb {
class Status;
}

namespace cairn {

// `what` says what was being done ("commit", "ingest"). The status is not OK.
[[nodiscard]] Error to_error(const rocksdb::Status& status, std::string_view what);

// From errno: NotFound, NoSpace or Io.
[[nodiscard]] Error errno_error(int error, std::string_view what);

}  // namespace cairn
