// Source: where the bytes of one content come from while it is being saved.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include <sys/stat.h>

#include "cairn/error.h"
#include "cairn/source.h"

namespace cairn {

class RegularFile;

// The file that a thread read last, left open for its next piece: a draft may have more files than
// a process may have descriptors. Used by one thread.
class OpenFile {
 public:
  OpenFile() = default;
  ~OpenFile();
  OpenFile(OpenFile&& other) noexcept;
  OpenFile& operator=(OpenFile&&) = delete;

 private:
  friend class RegularFile;

  void close() noexcept;

  int fd_ = -1;
  const RegularFile* file_ = nullptr;
};

// Bytes that are not in memory, and what they are read with. Used by one thread.
struct Scratch {
  std::vector<std::byte> memory;
  OpenFile file;
};

// A regular file as it was when it was first looked at. Thread-safe.
class RegularFile {
 public:
  [[nodiscard]] static Result<std::shared_ptr<const RegularFile>> find(std::filesystem::path path);

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  // Fills `out` with the bytes from `offset` on; InvalidArgument once the file is another, or
  // changed.
  [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> out,
                                  OpenFile& open) const;

 private:
  RegularFile() = default;
  [[nodiscard]] Result<void> open(OpenFile& file, struct stat& info) const;
  [[nodiscard]] bool is(const struct stat& info) const noexcept;

  std::filesystem::path path_;
  std::uint64_t size_ = 0;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  timespec changed_{};
};

// Thread-safe.
class Source {
 public:
  virtual ~Source() = default;

  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // The bytes from `offset` on where they are in memory, else null.
  [[nodiscard]] virtual const std::byte* in_memory(std::uint64_t offset) const {
    static_cast<void>(offset);
    return nullptr;
  }
  // Fills `out` with the bytes from `offset` on, which lie inside.
  [[nodiscard]] virtual Result<void> read(std::uint64_t offset, std::span<std::byte> out,
                                          OpenFile& file) const = 0;
};

// In place where they are in memory, else read into `scratch` and valid until its next use.
[[nodiscard]] Result<std::span<const std::byte>> bytes_of(const Source& source,
                                                          std::uint64_t offset, std::size_t size,
                                                          Scratch& scratch);

// Borrows the bytes.
[[nodiscard]] std::unique_ptr<Source> memory_source(std::span<const std::byte> bytes);
// InvalidArgument where the file is too short.
[[nodiscard]] Result<std::unique_ptr<Source>> file_source(std::shared_ptr<const RegularFile> file,
                                                          std::uint64_t offset, std::uint64_t size);
// Borrows the callback.
[[nodiscard]] std::unique_ptr<Source> callback_source(const ReadCallback& callback,
                                                      std::uint64_t size);

}  // namespace cairn
