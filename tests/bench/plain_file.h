// A plain file beside the store: what a load without a store reads, with nothing verified.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "contest.h"

namespace bench {

namespace fs = std::filesystem;

inline constexpr std::size_t kMiB = std::size_t{1} << 20;

class File {
 public:
  File(const fs::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    if (fd_ < 0) {
      stop("cannot open " + path.string());
    }
  }
  ~File() { ::close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

class Mapping {
 public:
  explicit Mapping(const fs::path& path) : size_(fs::file_size(path)) {
    const File file(path, O_RDONLY);
    data_ = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file.fd(), 0);
    if (data_ == MAP_FAILED) {
      stop("cannot map " + path.string());
    }
  }
  ~Mapping() { ::munmap(data_, size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(data_), size_};
  }

 private:
  std::size_t size_;
  void* data_ = nullptr;
};

inline void make_file(const fs::path& path, std::span<const std::byte> data) {
  const File file(path, O_WRONLY | O_CREAT | O_TRUNC);
  for (std::size_t at = 0; at < data.size();) {
    const auto put =
        ::write(file.fd(), data.data() + at, std::min(data.size() - at, std::size_t{1} << 30));
    if (put <= 0) {
      stop("cannot write " + path.string());
    }
    at += static_cast<std::size_t>(put);
  }
  ::fsync(file.fd());
}

// What a safetensors-like load does: map the file, copy what is wanted out of it, piece by piece.
inline void load_mapped(const fs::path& path, std::byte* out, std::size_t piece) {
  const Mapping map(path);
  const auto bytes = map.bytes();
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    std::memcpy(out + at, bytes.data() + at, std::min(piece, bytes.size() - at));
  }
}

// As dd reads it: blocks of 1 MiB, each thread a part of the file.
inline void read_raw(const fs::path& path, std::byte* out, unsigned threads) {
  const auto blocks = fs::file_size(path) / kMiB;
  const auto read_part = [&](std::size_t begin, std::size_t end) {
    const File file(path, O_RDONLY);
    for (auto at = begin * kMiB; at < end * kMiB; at += kMiB) {
      if (::pread(file.fd(), out + at, kMiB, static_cast<off_t>(at)) != kMiB) {
        stop("cannot read " + path.string());
      }
    }
  };
  std::vector<std::jthread> others;
  for (unsigned t = 1; t < threads; ++t) {
    others.emplace_back(read_part, blocks * t / threads, blocks * (t + 1) / threads);
  }
  read_part(0, blocks / threads);
}

// Drops a file, or all files below a directory, from the page cache: written back first, and not
// mapped by anybody.
inline void drop_from_memory(const fs::path& path) {
  if (fs::is_directory(path)) {
    for (const auto& entry : fs::directory_iterator(path)) {
      drop_from_memory(entry.path());
    }
    return;
  }
  const File file(path, O_RDONLY);
  ::fdatasync(file.fd());
  ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);
}

// Bytes of a file, or of all tables below a directory, that are in the page cache.
inline std::uint64_t bytes_in_memory(const fs::path& path) {
  std::uint64_t bytes = 0;
  if (fs::is_directory(path)) {
    for (const auto& entry : fs::directory_iterator(path)) {
      bytes += entry.path().extension() == ".sst" ? bytes_in_memory(entry.path()) : 0;
    }
    return bytes;
  }
  const Mapping map(path);
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> in((map.bytes().size() + page - 1) / page);
  ::mincore(const_cast<std::byte*>(map.bytes().data()), map.bytes().size(), in.data());
  for (const auto flags : in) {
    bytes += (flags & 1U) * page;
  }
  return bytes;
}

}  // namespace bench
