// Blocks of one file follow one another, and how long each is follows from its payload
// (content/frame.h), so a place is looked up once a file. A wrong guess is noticed by the frame's
// header, or by the digest that whoever asked checks.
#include "engine/cold_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "content/frame.h"
#include "engine/status.h"

namespace cairn {

namespace {

constexpr std::uint64_t kBlockAlignment = 64;
constexpr std::size_t kBlockEndBytes = 13;         // One restart point, their number, the trailer.
constexpr std::size_t kMostBeforePayload = 96;     // In a block: 23 bytes and a header.
constexpr std::size_t kLooks = 8;                  // At the first chunk, the last, and in between.
constexpr std::size_t kMostFiles = 16;             // Descriptors are scarce.
constexpr std::size_t kNowhereBytes = 16 * 1024U;  // Where fetched bytes go, all to one place.
constexpr std::size_t kNowheres = 64;

// Bytes in front of a frame in its block, as FORMAT.md draws it.
std::size_t prefix_bytes(std::size_t frame_bytes) {
  std::size_t varint = 1;
  for (; frame_bytes >= 128; frame_bytes >>= 7U) {
    ++varint;
  }
  return 18 + varint;
}

std::size_t bytes_before_payload(std::size_t payload_bytes) {
  const auto header = frame_header_bytes(payload_bytes);
  return prefix_bytes(header + payload_bytes) + header;
}

std::uint64_t block_bytes(std::size_t payload_bytes) {
  const auto used = bytes_before_payload(payload_bytes) + payload_bytes + kBlockEndBytes;
  return (used + kBlockAlignment - 1) / kBlockAlignment * kBlockAlignment;
}

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

}  // namespace

ColdReader::~ColdReader() {
  for (const auto& file : files_) {
    if (file.fd >= 0) {
      ::close(file.fd);
    }
  }
}

int ColdReader::open(const std::string& path) {
  for (const auto& file : files_) {
    if (file.path == path) {
      return file.fd;
    }
  }
  if (files_.size() == kMostFiles) {
    return -1;
  }
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd >= 0 && pattern_ == Pattern::Exact) {
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
  }
  files_.push_back({path, fd});
  return fd;
}

bool ColdReader::go_to(ChunkId id) {
  if (id.is_small()) {
    return false;
  }
  if (!place_ || id != next_) {
    place_ = database_->chunk_files().find(*database_, id);
    fd_ = place_ ? open(place_->path) : -1;
    next_ = id;
  }
  return fd_ >= 0;
}

void ColdReader::add(const ChunkRef& chunk) {
  if (!go_to(chunk.id)) {
    blocks_.push_back({});
    return;
  }
  blocks_.push_back({fd_, place_->offset, chunk.plain_bytes});
  if (next_ < place_->last) {
    place_->offset += block_bytes(chunk.plain_bytes);
    ++next_.value;
  } else {
    place_.reset();
  }
}

// Asks for the byte in the middle, without waiting for the disk.
bool ColdReader::is_missing(const Block& block) const {
  std::byte byte{};
  const iovec to{&byte, 1};
  const auto middle = static_cast<off_t>(block.offset + block.payload_bytes / 2);
  return block.fd >= 0 && ::preadv2(block.fd, &to, 1, middle, RWF_NOWAIT) != 1;
}

bool ColdReader::is_cold() const {
  if (!database_->mapped()) {
    return true;
  }
  const auto looks = std::min(blocks_.size(), kLooks);
  for (std::size_t i = 0; i < looks; ++i) {
    const auto at = looks == 1 ? 0 : (blocks_.size() - 1) * i / (looks - 1);
    if (is_missing(blocks_[at])) {
      return true;
    }
  }
  return false;
}

Result<bool> ColdReader::read(std::size_t index, std::span<std::byte> out) const {
  const auto& block = blocks_[index];
  if (block.fd < 0) {
    return false;
  }
  std::array<std::byte, kMostBeforePayload> before;
  const auto start = std::span(before).first(bytes_before_payload(out.size()));
  iovec parts[] = {{start.data(), start.size()}, {out.data(), out.size()}};
  auto done = read_all(block.fd, parts, block.offset, database_->dir().database().string());
  if (!done || !*done) {
    return done;
  }
  return is_header(start.last(frame_header_bytes(out.size())), out.size());
}

Result<void> ColdReader::fetch(std::size_t index) const {
  const auto& block = blocks_[index];
  std::array<std::byte, kNowhereBytes> nowhere;
  std::array<iovec, kNowheres> parts;
  auto offset = block.offset;
  for (auto left = block.fd < 0 ? 0 : block_bytes(block.payload_bytes); left != 0;) {
    std::size_t count = 0;
    std::uint64_t bytes = 0;
    for (; count < kNowheres && bytes < left; ++count) {
      const auto part = std::min<std::uint64_t>(left - bytes, nowhere.size());
      parts[count] = {nowhere.data(), part};
      bytes += part;
    }
    auto done = read_all(block.fd, std::span(parts).first(count), offset,
                         database_->dir().database().string());
    if (!done || !*done) {
      return done ? Result<void>() : tl::unexpected(std::move(done.error()));
    }
    offset += bytes;
    left -= bytes;
  }
  return {};
}

}  // namespace cairn
