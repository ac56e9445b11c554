// Bytes in memory, in a file, and from an app's callback.
#include "store/source.h"

#include <cerrno>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/guard.h"
#include "base/text.h"
#include "engine/status.h"

namespace cairn {

namespace {

class MemorySource final : public Source {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint64_t size() const override { return bytes_.size(); }
  const std::byte* in_memory(std::uint64_t offset) const override { return bytes_.data() + offset; }
  Result<void> read(std::uint64_t offset, std::span<std::byte> out, OpenFile&) const override {
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return {};
  }

 private:
  std::span<const std::byte> bytes_;
};

class RangeSource final : public Source {
 public:
  RangeSource(std::shared_ptr<const RegularFile> file, std::uint64_t offset, std::uint64_t size)
      : file_(std::move(file)), offset_(offset), size_(size) {}

  std::uint64_t size() const override { return size_; }
  Result<void> read(std::uint64_t offset, std::span<std::byte> out, OpenFile& file) const override {
    return file_->read(offset_ + offset, out, file);
  }

 private:
  std::shared_ptr<const RegularFile> file_;
  std::uint64_t offset_;
  std::uint64_t size_;
};

class CallbackSource final : public Source {
 public:
  CallbackSource(const ReadCallback& callback, std::uint64_t size)
      : callback_(callback), size_(size) {}

  std::uint64_t size() const override { return size_; }
  Result<void> read(std::uint64_t offset, std::span<std::byte> out, OpenFile&) const override {
    std::unique_lock lock(mutex_, std::defer_lock);
    if (!callback_.concurrent) {
      lock.lock();
    }
    return guarded([&] { return callback_.read(offset, out); });
  }

 private:
  const ReadCallback& callback_;
  std::uint64_t size_;
  mutable std::mutex mutex_;  // Held while a callback runs that is not to be run twice at once.
};

}  // namespace

OpenFile::~OpenFile() {
  close();
}

OpenFile::OpenFile(OpenFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), file_(std::exchange(other.file_, nullptr)) {}

void OpenFile::close() noexcept {
  if (fd_ >= 0) {
    ::close(fd_);
  }
  fd_ = -1;
  file_ = nullptr;
}

Result<std::shared_ptr<const RegularFile>> RegularFile::find(std::filesystem::path path) {
  const std::shared_ptr<RegularFile> out(new RegularFile);
  out->path_ = std::move(path);
  OpenFile file;
  struct stat info {};
  if (auto opened = out->open(file, info); !opened) {
    return fail(std::move(opened.error()));
  }
  out->size_ = static_cast<std::uint64_t>(info.st_size);
  out->device_ = info.st_dev;
  out->inode_ = info.st_ino;
  out->changed_ = info.st_mtim;
  return out;
}

Result<void> RegularFile::open(OpenFile& file, struct stat& info) const {
  if (file.file_ != this) {
    file.close();
    // O_NONBLOCK: opening a FIFO must not wait for somebody to write to it.
    file.fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  }
  if (file.fd_ < 0 || ::fstat(file.fd_, &info) != 0) {
    return fail(errno_error(errno, "opening " + path_.string()));
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(Code::InvalidArgument, path_.string() + " is not a regular file");
  }
  file.file_ = this;
  return {};
}

bool RegularFile::is(const struct stat& info) const noexcept {
  return info.st_dev == device_ && info.st_ino == inode_ &&
         static_cast<std::uint64_t>(info.st_size) == size_ &&
         info.st_mtim.tv_sec == changed_.tv_sec && info.st_mtim.tv_nsec == changed_.tv_nsec;
}

Result<void> RegularFile::read(std::uint64_t offset, std::span<std::byte> out,
                               OpenFile& file) const {
  struct stat info {};
  if (auto opened = open(file, info); !opened) {
    return opened;
  }
  const auto changed = [&] {
    return fail(Code::InvalidArgument, path_.string() + " changed while it was being saved");
  };
  if (!is(info)) {
    return changed();
  }
  for (std::size_t done = 0; done < out.size();) {
    const auto got =
        ::pread(file.fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno != EINTR) {
      return fail(errno_error(errno, "reading " + path_.string()));
    }
    if (got == 0) {
      return changed();
    }
    done += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  return {};
}

Result<std::span<const std::byte>> bytes_of(const Source& source, std::uint64_t offset,
                                            std::size_t size, Scratch& scratch) {
  if (const auto* bytes = source.in_memory(offset)) {
    return std::span(bytes, size);
  }
  if (scratch.memory.size() < size) {
    scratch.memory.resize(size);
  }
  const auto out = std::span(scratch.memory).first(size);
  if (auto done = source.read(offset, out, scratch.file); !done) {
    return fail(std::move(done.error()));
  }
  return out;
}

std::unique_ptr<Source> memory_source(std::span<const std::byte> bytes) {
  return std::make_unique<MemorySource>(bytes);
}

Result<std::unique_ptr<Source>> file_source(std::shared_ptr<const RegularFile> file,
                                            std::uint64_t offset, std::uint64_t size) {
  if (offset > file->size() || size > file->size() - offset) {
    return fail(Code::InvalidArgument,
                file->path().string() + " has " + std::to_string(file->size()) + " bytes, not " +
                    std::to_string(size) + " from offset " + std::to_string(offset) + " on");
  }
  return std::make_unique<RangeSource>(std::move(file), offset, size);
}

std::unique_ptr<Source> callback_source(const ReadCallback& callback, std::uint64_t size) {
  return std::make_unique<CallbackSource>(callback, size);
}

}  // namespace cairn
