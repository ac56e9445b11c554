// Creates, recognises and cleans the store's directory.
#include "engine/store_dir.h"

#include <cerrno>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "engine/status.h"

namespace cairn {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kReserveBytes = std::uint64_t{32} << 20;
constexpr std::uint64_t kLeftBesideReserve = std::uint64_t{32} << 20;

constexpr std::string_view kReadme =
    "This directory is a cairn store: models, configs and metadata of machine learning.\n"
    "\n"
    "  db/         the database: records and weights\n"
    "  incoming/   files of saves that are under way; emptied when the store is next opened\n"
    "  LOCK.cairn  held, and named after its holder, while a process writes\n"
    "  HEAD        how far the store has come: a database that lost its end is noticed\n"
    "  RESERVE     space that a removal can have when the disk is full\n"
    "\n"
    "Read it with the cairn command (cairn -s DIRECTORY ls) or the library. Do not change, move\n"
    "or delete single files. To copy the store, copy the whole directory while nobody writes.\n";

Error io(const std::error_code& error, std::string_view what, const fs::path& path) {
  return errno_error(error.value(), std::string(what) + " " + path.string());
}

Result<void> sync_path(const fs::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) {
    return tl::unexpected(errno_error(errno, "opening " + path.string()));
  }
  const int done = ::fsync(fd);
  const int why = errno;
  ::close(fd);
  if (done != 0) {
    return tl::unexpected(errno_error(why, "syncing " + path.string()));
  }
  return {};
}

Result<void> write_readme(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) {
    return tl::unexpected(errno_error(errno, "creating " + path.string()));
  }
  const auto written = ::write(fd, kReadme.data(), kReadme.size());
  const int why = written < 0 ? errno : ENOSPC;
  ::close(fd);
  if (written != static_cast<ssize_t>(kReadme.size())) {
    return tl::unexpected(errno_error(why, "writing " + path.string()));
  }
  return {};
}

// Like mkdir -p, but durable: the parent of each directory that is new is synced.
Result<void> make_directory(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    return {};
  }
  const auto parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (auto made = make_directory(parent); !made) {
    return made;
  }
  fs::create_directory(path, error);
  if (error) {
    return tl::unexpected(io(error, "creating", path));
  }
  return sync_path(parent, O_RDONLY);
}

}  // namespace

Result<void> StoreDir::create_root() const {
  return make_directory(root);
}

Result<StoreDir::Kind> StoreDir::inspect() const {
  std::error_code error;
  const auto status = fs::status(root, error);
  if (status.type() == fs::file_type::not_found) {
    return Kind::Missing;
  }
  if (error) {
    return tl::unexpected(io(error, "looking at", root));
  }
  if (status.type() != fs::file_type::directory) {
    return Kind::Foreign;
  }
  if (fs::exists(lock(), error)) {
    return Kind::Store;
  }
  const bool empty = fs::is_empty(root, error);
  if (error) {
    return tl::unexpected(io(error, "looking into", root));
  }
  return empty ? Kind::Empty : Kind::Foreign;
}

Result<void> StoreDir::create() const {
  for (const auto& directory : {database(), incoming()}) {
    if (auto made = make_directory(directory); !made) {
      return made;
    }
  }
  std::error_code error;
  if (!fs::exists(readme(), error)) {
    if (auto written = write_readme(readme()); !written) {
      return written;
    }
  }
  // The lock file was made in the root before.
  for (const auto& path : {readme(), root}) {
    if (auto synced = sync_path(path, O_RDONLY); !synced) {
      return synced;
    }
  }
  return {};
}

Result<void> StoreDir::sync_root() const {
  return sync_path(root, O_RDONLY);
}

void StoreDir::make_reserve() const {
  std::error_code error;
  const auto space = fs::space(root, error);
  if (error || space.available < kReserveBytes + kLeftBesideReserve ||
      fs::exists(reserve(), error)) {
    return;
  }
  const int fd = ::open(reserve().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) {
    return;
  }
  const bool made = ::fallocate(fd, 0, 0, kReserveBytes) == 0;
  ::close(fd);
  if (!made) {
    fs::remove(reserve(), error);
  }
}

bool StoreDir::give_up_reserve() const {
  std::error_code error;
  return fs::remove(reserve(), error) && !error;
}

Result<void> StoreDir::empty_incoming() const {
  // A file may be a second link to a live table, where an ingestion was cut short: it must go
  // before anything of that name is written.
  std::error_code error;
  std::vector<fs::path> leftovers;
  for (auto it = fs::directory_iterator(incoming(), error);
       !error && it != fs::directory_iterator(); it.increment(error)) {
    leftovers.push_back(it->path());
  }
  for (auto it = leftovers.begin(); !error && it != leftovers.end(); ++it) {
    fs::remove_all(*it, error);
  }
  if (error) {
    return tl::unexpected(io(error, "emptying", incoming()));
  }
  return {};
}

Result<std::uint64_t> StoreDir::disk_bytes() const {
  std::error_code error;
  std::uint64_t total = 0;
  for (auto it = fs::recursive_directory_iterator(root, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    std::error_code gone;  // RocksDB removes files in the background.
    if (it->is_regular_file(gone)) {
      const auto size = it->file_size(gone);
      total += gone || it->path() == reserve() ? 0 : size;
    }
  }
  if (error) {
    return tl::unexpected(io(error, "counting", root));
  }
  return total;
}

}  // namespace cairn
