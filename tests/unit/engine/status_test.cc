// How what RocksDB and the operating system report is classified: by what a caller can do.
#include "engine/status.h"

#include <cerrno>
#include <utility>

#include <doctest/doctest.h>
#include <rocksdb/status.h>

namespace cairn {

using rocksdb::Status;

TEST_CASE("status: every kind of RocksDB status has its code") {
  const std::pair<Status, Code> kinds[] = {
      {Status::NotFound(), Code::NotFound},
      {Status::Corruption(), Code::Corruption},
      {Status::NotSupported(), Code::InvalidArgument},
      {Status::InvalidArgument(), Code::InvalidArgument},
      {Status::IOError(), Code::Io},
      {Status::MergeInProgress(), Code::Io},
      {Status::Incomplete(), Code::Io},
      {Status::ShutdownInProgress(), Code::Io},
      {Status::TimedOut(), Code::Retry},
      {Status::TimedOut(Status::kMutexTimeout), Code::Retry},
      {Status::Aborted(), Code::Io},
      {Status::Busy(), Code::Busy},
      {Status::Busy(Status::kDeadlock), Code::Busy},
      {Status::Expired(), Code::Io},
      {Status::TryAgain(), Code::Retry},
      {Status::CompactionTooLarge(), Code::Io},
      {Status::ColumnFamilyDropped(), Code::Io},
  };
  for (const auto& [status, code] : kinds) {
    CAPTURE(status.ToString());
    CHECK(to_error(status, "doing").code == code);
  }
}

TEST_CASE("status: what a disk that is full reports is NoSpace, in every disguise") {
  CHECK(to_error(Status::NoSpace(), "committing").code == Code::NoSpace);
  CHECK(to_error(Status::NoSpace("No space left on device", "x.log"), "committing").code ==
        Code::NoSpace);
  // A background error is handed on with another code and the same reason.
  const Status background(Status(Status::NoSpace("No space left")), Status::kHardError);
  CHECK(to_error(background, "committing").code == Code::NoSpace);
  CHECK(to_error(Status::Aborted(Status::kNoSpace), "committing").code == Code::NoSpace);
  // Not the disk, but a limit that cairn does not set.
  CHECK(to_error(Status::SpaceLimit(), "committing").code == Code::Io);
}

TEST_CASE("status: a file that is gone asks to try again, a stale handle is an I/O error") {
  CHECK(to_error(Status::PathNotFound("No such file", "000012.sst"), "reading").code ==
        Code::Retry);
  CHECK(to_error(Status::IOError(Status::kStaleFile), "reading").code == Code::Io);
  CHECK(to_error(Status::IOError(Status::kIOFenced), "reading").code == Code::Io);
}

TEST_CASE("status: the message says what was being done, and what RocksDB said") {
  const auto error = to_error(Status::Corruption("bad block", "000012.sst"), "reading models");
  CHECK(error.message == "reading models: Corruption: bad block: 000012.sst");
}

TEST_CASE("status: errno becomes NotFound, NoSpace or Io, with its text") {
  const std::pair<int, Code> kinds[] = {
      {ENOENT, Code::NotFound}, {ENOTDIR, Code::NotFound}, {ENOSPC, Code::NoSpace},
      {EDQUOT, Code::NoSpace},  {EIO, Code::Io},           {EACCES, Code::Io},
      {EROFS, Code::Io},        {EMFILE, Code::Io},        {EISDIR, Code::Io},
  };
  for (const auto& [number, code] : kinds) {
    CAPTURE(number);
    CHECK(errno_error(number, "opening x").code == code);
  }
  CHECK(errno_error(ENOSPC, "writing x").message == "writing x: No space left on device");
}

}  // namespace cairn
