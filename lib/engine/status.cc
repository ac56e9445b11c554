// Classifies what RocksDB and the operating system report by what a caller can do about it.
#include "engine/status.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <rocksdb/status.h>

namespace cairn {

namespace {

Code code_of(const rocksdb::Status& status) {
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kNoSpace) {
    return Code::NoSpace;
  }
  if (status.IsNotFound()) {
    return Code::NotFound;
  }
  if (status.IsCorruption()) {
    return Code::Corruption;
  }
  // A file that is gone means that a writer replaced it between two of our steps.
  if (status.IsPathNotFound() || status.IsTryAgain() || status.IsTimedOut()) {
    return Code::Retry;
  }
  if (status.IsBusy()) {
    return Code::Busy;
  }
  if (status.IsInvalidArgument() || status.IsNotSupported()) {
    return Code::InvalidArgument;
  }
  return Code::Io;
}

}  // namespace

Error to_error(const rocksdb::Status& status, std::string_view what) {
  return {code_of(status), std::string(what) + ": " + status.ToString()};
}

Result<std::optional<std::string>> value_or_none(const rocksdb::Status& status, std::string value,
                                                 std::string_view where) {
  if (status.IsNotFound()) {
    return std::nullopt;
  }
  if (!status.ok()) {
    return tl::unexpected(to_error(status, "reading " + std::string(where)));
  }
  return value;
}

Error errno_error(int error, std::string_view what) {
  Code code = Code::Io;
  if (error == ENOENT || error == ENOTDIR) {
    code = Code::NotFound;
  } else if (error == ENOSPC || error == EDQUOT) {
    code = Code::NoSpace;
  }
  return {code, std::string(what) + ": " + std::strerror(error)};
}

}  // namespace cairn
