// Blocks of one file follow one another, and how long each is follows from its payload
// (content/frame.h), so a place is looked up once a file. A wrong guess is noticed by the frame's
// header, or by the digest that whoever asked checks.
#include "engine/cold_reader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "content/frame.h"
#include "engine/status.h"

namespace cairn {

namespace {

constexpr std::size_t kMostBeforePayload = 96;     // In a block: 23 bytes and a header.
constexpr std::size_t kLooks = 8;                  // At the first chunk, the last, and in between.
constexpr std::size_t kNowhereBytes = 16 * 1024U;  // Where fetched bytes go, all to one place.
constexpr std::size_t kNowheres = 64;

// Whether a raw chunk of so many bytes has this header; other codecs are not for here.
bool is_header(std::span<const std::byte> header, std::size_t payload_bytes) {
  std::array<std::byte, kMostBeforePayload> expected;
  const auto out = std::span(expected).first(header.size());
  encode_frame_header({Codec::Raw, std::to_integer<std::uint8_t>(header[2]), payload_bytes}, out);
  return std::memcmp(out.data(), header.data(), header.size()) == 0;
}

// Takes `done` bytes off the front of the parts.
std::span<iovec> rest_of(std::span<iovec> parts, std::size_t done) {
  while (!parts.empty() && done >= parts.front().iov_len) {
    done -= parts.front().iov_len;
    parts = parts.subspan(1);
  }
  if (!parts.empty()) {
    parts.front().iov_base = static_cast<std::byte*>(parts.front().iov_base) + done;
    parts.front().iov_len -= done;
  }
  return parts;
}

// False where the file ends before all parts are full.
Result<bool> read_all(int fd, std::span<iovec> parts, std::uint64_t offset,
                      const std::string& path) {
  while (!parts.empty()) {
    const auto got =
        ::preadv(fd, parts.data(), static_cast<int>(parts.size()), static_cast<off_t>(offset));
    if (got < 0 && errno != EINTR) {
      return tl::unexpected(errno_error(errno, "reading " + path));
    }
    if (got == 0) {
      return false;
    }
    const auto done = static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    parts = rest_of(parts, done);
    offset += done;
  }
  return true;
}

int open_file(const std::string& path) {
  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
}

// A file looked at through a mapping that is never touched. A read that is told not to wait
// (RWF_NOWAIT) would bring in what it does not find.
class Glimpse {
 public:
  Glimpse() = default;
  ~Glimpse() { close(); }
  Glimpse(const Glimpse&) = delete;
  Glimpse& operator=(const Glimpse&) = delete;

  // Whether the byte is in the page cache; true where that is not to be learned.
  [[nodiscard]] bool has(const std::string& path, std::uint64_t offset) {
    static const auto kPage = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    if (path != path_) {
      open(path);
    }
    unsigned char flags = 1;
    if (offset < bytes_) {
      static_cast<void>(
          ::mincore(static_cast<std::byte*>(map_) + offset / kPage * kPage, kPage, &flags));
    }
    return (flags & 1U) != 0;
  }

 private:
  void open(const std::string& path) {
    close();
    path_ = path;
    const int fd = open_file(path);
    struct stat info {};
    if (fd >= 0 && ::fstat(fd, &info) == 0 && info.st_size > 0) {
      map_ = ::mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ, MAP_SHARED, fd, 0);
      bytes_ = map_ == MAP_FAILED ? 0 : static_cast<std::size_t>(info.st_size);
    }
    if (fd >= 0) {
      ::close(fd);
    }
  }
  void close() {
    if (bytes_ != 0) {
      ::munmap(map_, bytes_);
      bytes_ = 0;
    }
  }

  std::string path_;
  void* map_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace

bool BlockList::go_to(ChunkId id) {
  if (id.is_small()) {
    return false;
  }
  if (!place_ || id != next_) {
    place_ = database_->chunk_files().find(*database_, id);
    next_ = id;
    if (place_ && (files_.empty() || files_.back() != place_->path)) {
      files_.push_back(place_->path);
    }
  }
  return place_.has_value();
}

void BlockList::add(const ChunkRef& chunk) {
  if (!go_to(chunk.id)) {
    blocks_.push_back({});
    return;
  }
  const auto file = static_cast<std::uint32_t>(files_.size() - 1);
  blocks_.push_back({place_->offset, chunk.plain_bytes, file});
  if (next_ < place_->last) {
    place_->offset += block_bytes(chunk.plain_bytes);
    ++next_.value;
  } else {
    place_.reset();
  }
}

bool BlockList::is_cold() const {
  if (!database_->mapped()) {
    return true;
  }
  Glimpse glimpse;
  const auto looks = std::min(blocks_.size(), kLooks);
  for (std::size_t i = 0; i < looks; ++i) {
    const auto& block = blocks_[looks == 1 ? 0 : (blocks_.size() - 1) * i / (looks - 1)];
    if (block.file != kNowhere &&
        !glimpse.has(files_[block.file], block.offset + block.payload_bytes / 2)) {
      return true;
    }
  }
  return false;
}

ColdReader::~ColdReader() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

bool ColdReader::open(std::uint32_t file) {
  if (file == BlockList::kNowhere) {
    return false;
  }
  if (file != file_) {
    if (fd_ >= 0) {
      ::close(fd_);
    }
    file_ = file;
    fd_ = open_file(blocks_.files_[file]);
    if (fd_ >= 0 && pattern_ == Pattern::Exact) {
      ::posix_fadvise(fd_, 0, 0, POSIX_FADV_RANDOM);
    }
  }
  return fd_ >= 0;
}

Result<bool> ColdReader::read(std::size_t i, std::span<std::byte> out) {
  const auto& block = blocks_.blocks_[i];
  if (!open(block.file)) {
    return false;
  }
  std::array<std::byte, kMostBeforePayload> before;
  const auto start = std::span(before).first(payload_offset(out.size()));
  iovec parts[] = {{start.data(), start.size()}, {out.data(), out.size()}};
  auto done = read_all(fd_, parts, block.offset, blocks_.files_[file_]);
  if (!done || !*done) {
    return done;
  }
  return is_header(start.last(frame_header_bytes(out.size())), out.size());
}

Result<void> ColdReader::fetch(std::size_t i) {
  const auto& block = blocks_.blocks_[i];
  if (!open(block.file)) {
    return {};
  }
  std::array<std::byte, kNowhereBytes> nowhere;
  std::array<iovec, kNowheres> parts;
  auto offset = block.offset;
  for (auto left = block_bytes(block.payload_bytes); left != 0;) {
    std::size_t count = 0;
    std::uint64_t bytes = 0;
    for (; count < kNowheres && bytes < left; ++count) {
      const auto part = std::min<std::uint64_t>(left - bytes, nowhere.size());
      parts[count] = {nowhere.data(), part};
      bytes += part;
    }
    auto done = read_all(fd_, std::span(parts).first(count), offset, blocks_.files_[file_]);
    if (!done || !*done) {
      return done ? Result<void>() : tl::unexpected(std::move(done.error()));
    }
    offset += bytes;
    left -= bytes;
  }
  return {};
}

}  // namespace cairn
