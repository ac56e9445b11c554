// ColdReader: reads chunks that are not in the page cache straight from their file into the
// caller's memory, as one reads a plain file.
//
// A mapping is the fastest way to bytes that are in memory, and a slow one to bytes that are not:
// each fault waits for a little, and a block is touched at its end first, so that the kernel sees
// no sequence to read ahead. A descriptor of one's own, read in order, has all that the disk gives.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cairn/error.h"
#include "engine/chunk_files.h"
#include "engine/database.h"
#include "record/content_record.h"

namespace cairn {

// Chunks are added first, by one thread, in the order in which they will be read; afterwards every
// call may be made from any thread. It holds a descriptor for each file that they stand in, up
// to 16.
class ColdReader {
 public:
  enum class Pattern : std::uint8_t {
    Stream,  // In order: the kernel reads ahead.
    Exact,   // Nothing is read but what is asked for.
  };

  ColdReader(const Database& database, Pattern pattern) : database_(&database), pattern_(pattern) {}
  ~ColdReader();
  ColdReader(const ColdReader&) = delete;
  ColdReader& operator=(const ColdReader&) = delete;

  // The next chunk; `index` of the others is how many were added before.
  void add(const ChunkRef& chunk);

  // Whether of the chunks, a few of which are looked at, one is not in memory: to be asked before
  // any is touched, as a fault brings in what is around it. Without mmap it is true.
  [[nodiscard]] bool is_cold() const;

  // True: `out`, as long as the chunk's plain bytes, holds its payload, which is not verified.
  // False: the chunk is to be read in the usual way; `out` may have been written to. Io where the
  // disk fails, which through a mapping would be a signal.
  [[nodiscard]] Result<bool> read(std::size_t index, std::span<std::byte> out) const;

  // Brings the chunk into the page cache, so that a mapping finds it there. Io where the disk
  // fails.
  [[nodiscard]] Result<void> fetch(std::size_t index) const;

 private:
  struct File {
    std::string path;
    int fd = -1;
  };
  struct Block {
    int fd = -1;  // -1: not to be found.
    std::uint64_t offset = 0;
    std::uint32_t payload_bytes = 0;
  };

  [[nodiscard]] bool go_to(ChunkId id);
  [[nodiscard]] int open(const std::string& path);
  [[nodiscard]] bool is_missing(const Block& block) const;

  const Database* database_;
  Pattern pattern_;
  std::vector<File> files_;
  std::vector<Block> blocks_;
  // While chunks are added: where the next one stands, if it follows.
  std::optional<BlockPlace> place_;
  ChunkId next_;
  int fd_ = -1;
};

}  // namespace cairn
