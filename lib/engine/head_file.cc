// Reads and writes the slots of HEAD.
#include "engine/head_file.h"

#include <cerrno>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "engine/status.h"

namespace cairn {

namespace {

constexpr std::size_t kSlotBytes = 4096;
constexpr std::size_t kSlots = 3;
constexpr std::size_t kUnsyncedSlot = 2;

Result<void> write_all(int fd, const std::string& bytes, std::size_t offset,
                       const std::filesystem::path& path) {
  for (std::size_t done = 0; done < bytes.size();) {
    const auto put =
        ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (put < 0 && errno != EINTR) {
      return fail(errno_error(errno, "writing " + path.string()));
    }
    done += put > 0 ? static_cast<std::size_t>(put) : 0;
  }
  return {};
}

// One slot. A reader may come while it is being written, so that one that is not whole gets a
// second and a third look.
Result<HeadState> read_slot(int fd, std::size_t slot, const std::filesystem::path& path) {
  constexpr int kLooks = 3;
  for (int look = 1;; ++look) {
    std::string bytes(kHeadStateBytes, '\0');
    const auto got = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(slot * kSlotBytes));
    if (got < 0) {
      return fail(errno_error(errno, "reading " + path.string()));
    }
    bytes.resize(static_cast<std::size_t>(got));
    auto state = decode_head(bytes);
    if (state || look == kLooks) {
      return state;
    }
  }
}

}  // namespace

HeadFile::HeadFile(HeadFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      serial_(other.serial_),
      next_settled_(other.next_settled_) {}

HeadFile& HeadFile::operator=(HeadFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  std::swap(serial_, other.serial_);
  std::swap(next_settled_, other.next_settled_);
  return *this;
}

HeadFile::~HeadFile() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

Result<HeadFile> HeadFile::create(const StoreDir& dir, const HeadState& state) {
  const auto path = dir.head();
  auto temporary = path;
  temporary += ".new";
  const int fd = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) {
    return fail(errno_error(errno, "creating " + temporary.string()));
  }
  HeadFile out(fd, path, state.serial);
  // Written in full, so that no later write of a slot can find the disk full.
  if (auto written = write_all(fd, std::string(kSlots * kSlotBytes, '\0'), 0, temporary);
      !written) {
    return fail(std::move(written.error()));
  }
  if (auto settled = out.settle(state); !settled) {
    return fail(std::move(settled.error()));
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return fail(errno_error(errno, "renaming " + temporary.string()));
  }
  if (auto synced = dir.sync_root(); !synced) {
    return fail(std::move(synced.error()));
  }
  return out;
}

Result<HeadFile> HeadFile::open(const StoreDir& dir, const HeadState& last) {
  const auto path = dir.head();
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    return fail(errno_error(errno, "opening " + path.string()));
  }
  HeadFile out(fd, path, last.serial);
  const auto first = read_slot(fd, 0, path);
  const auto second = read_slot(fd, 1, path);
  // The newer of the two stays as it is while the other is written.
  out.next_settled_ = first && (!second || first->serial > second->serial) ? 1 : 0;
  return out;
}

Result<std::optional<HeadState>> HeadFile::read(const StoreDir& dir) {
  const auto path = dir.head();
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return errno == ENOENT ? Result<std::optional<HeadState>>(std::nullopt)
                           : fail(errno_error(errno, "opening " + path.string()));
  }
  const HeadFile closing(fd, path, 0);
  std::optional<HeadState> best;
  Error why{Code::Corruption, "HEAD is empty"};
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    auto state = read_slot(fd, slot, path);
    if (!state && state.error().code != Code::Corruption) {
      return fail(std::move(state.error()));
    }
    if (!state) {
      why = std::move(state.error());
    } else if (!best || state->serial > best->serial) {
      best = std::move(*state);
    }
  }
  if (!best) {
    return fail(path.string() + ": no slot is whole", std::move(why));
  }
  return best;
}

Result<void> HeadFile::note(HeadState state) {
  return write_slot(kUnsyncedSlot, state);
}

Result<void> HeadFile::settle(HeadState state) {
  if (auto written = write_slot(next_settled_, state); !written) {
    return written;
  }
  if (::fdatasync(fd_) != 0) {
    return fail(errno_error(errno, "syncing " + path_.string()));
  }
  next_settled_ = 1 - next_settled_;  // Not before: the other slot may be all that is on disk.
  return {};
}

Result<void> HeadFile::write_slot(std::size_t slot, HeadState state) {
  state.serial = ++serial_;
  return write_all(fd_, encode_head(state), slot * kSlotBytes, path_);
}

}  // namespace cairn
