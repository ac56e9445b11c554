// Bytes in memory, and bytes in a file.
#include "store/source.h"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "engine/status.h"

namespace cairn {

namespace {

class MemorySource final : public Source {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint64_t size() const override { return bytes_.size(); }
  Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t size,
                                          std::vector<std::byte>&) const override {
    return bytes_.subspan(offset, size);
  }

 private:
  std::span<const std::byte> bytes_;
};

class FileSource final : public Source {
 public:
  FileSource(std::filesystem::path path, int fd, std::uint64_t size)
      : path_(std::move(path)), fd_(fd), size_(size) {}
  ~FileSource() override { ::close(fd_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  std::uint64_t size() const override { return size_; }

  Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t size,
                                          std::vector<std::byte>& scratch) const override {
    if (scratch.size() < size) {
      scratch.resize(size);
    }
    std::size_t done = 0;
    while (done < size) {
      const auto got =
          ::pread(fd_, scratch.data() + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got < 0) {
        return fail(errno_error(errno, "reading " + path_.string()));
      }
      if (got == 0) {
        return fail(Code::InvalidArgument, path_.string() +
                                               " became shorter while it was being saved: it had " +
                                               std::to_string(size_) + " bytes");
      }
      done += static_cast<std::size_t>(got);
    }
    return std::span<const std::byte>(scratch.data(), size);
  }

 private:
  std::filesystem::path path_;
  int fd_;
  std::uint64_t size_;
};

}  // namespace

std::unique_ptr<Source> memory_source(std::span<const std::byte> bytes) {
  return std::make_unique<MemorySource>(bytes);
}

Result<std::unique_ptr<Source>> file_source(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a FIFO must not wait for somebody to write to it.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return fail(errno_error(errno, "opening " + path.string()));
  }
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    return fail(Code::InvalidArgument, path.string() + " is not a regular file");
  }
  return std::make_unique<FileSource>(path, fd, static_cast<std::uint64_t>(info.st_size));
}

}  // namespace cairn
