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

struct Descriptor {
  int fd = -1;
  struct stat info {};

  Descriptor() = default;
  ~Descriptor() {
    if (fd >= 0) {
      ::close(fd);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

Result<void> open_file(const std::filesystem::path& path, Descriptor& file) {
  // O_NONBLOCK: opening a FIFO must not wait for somebody to write to it.
  file.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file.fd < 0 || ::fstat(file.fd, &file.info) != 0) {
    return fail(errno_error(errno, "opening " + path.string()));
  }
  if (!S_ISREG(file.info.st_mode)) {
    return fail(Code::InvalidArgument, path.string() + " is not a regular file");
  }
  return {};
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

// Opened for each read, so that a draft may have more files than a process may have descriptors.
class FileSource final : public Source {
 public:
  FileSource(std::filesystem::path path, const struct stat& info)
      : path_(std::move(path)), info_(info) {}

  std::uint64_t size() const override { return static_cast<std::uint64_t>(info_.st_size); }

  Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t size,
                                          std::vector<std::byte>& scratch) const override {
    Descriptor file;
    if (auto opened = open_file(path_, file); !opened) {
      return fail(std::move(opened.error()));
    }
    if (!same_file(file.info, info_)) {
      return fail(changed());
    }
    if (scratch.size() < size) {
      scratch.resize(size);
    }
    for (std::size_t done = 0; done < size;) {
      const auto got =
          ::pread(file.fd, scratch.data() + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno != EINTR) {
        return fail(errno_error(errno, "reading " + path_.string()));
      }
      if (got == 0) {
        return fail(changed());
      }
      done += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    return std::span<const std::byte>(scratch.data(), size);
  }

 private:
  [[nodiscard]] Error changed() const {
    return {Code::InvalidArgument, path_.string() + " changed while it was being saved"};
  }

  std::filesystem::path path_;
  struct stat info_;
};

}  // namespace

std::unique_ptr<Source> memory_source(std::span<const std::byte> bytes) {
  return std::make_unique<MemorySource>(bytes);
}

Result<std::unique_ptr<Source>> file_source(const std::filesystem::path& path) {
  Descriptor file;
  if (auto opened = open_file(path, file); !opened) {
    return fail(std::move(opened.error()));
  }
  return std::make_unique<FileSource>(path, file.info);
}

}  // namespace cairn
