// Reading chunks that are not in the page cache straight from their files into the caller's memory,
// as one reads a plain file.
//
// A mapping is the fastest way to bytes that are in memory, and a slow one to bytes that are not:
// each fault waits for a little, and a block is touched at its end first, so that the kernel sees
// no sequence to read ahead. A descriptor of one's own, read in order, has all that the disk gives.
#pragma once

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

// Where the blocks of some chunks stand. It is filled by one thread, then read by any.
class BlockList {
 public:
  explicit BlockList(const Database& database) : database_(&database) {}

  // The next chunk. It is found from the one before where it follows it in the same file.
  void add(const ChunkRef& chunk);

  // Whether of the chunks, a few of which are looked at, one is not in memory: to be asked before
  // any is touched, as a fault brings in what is around it. Without mmap it is true.
  [[nodiscard]] bool is_cold() const;

 private:
  friend class ColdReader;

  static constexpr std::uint32_t kNowhere = UINT32_MAX;
  struct Block {
    std::uint64_t offset = 0;
    std::uint32_t payload_bytes = 0;
    std::uint32_t file = kNowhere;  // Of files_.
  };

  [[nodiscard]] bool go_to(ChunkId id);

  const Database* database_;
  std::vector<std::string> files_;
  std::vector<Block> blocks_;
  // While it is filled: where the next chunk stands, if it follows.
  std::optional<BlockPlace> place_;
  ChunkId next_;
};

// Used by one thread; the list outlives it. It holds one descriptor.
class ColdReader {
 public:
  enum class Pattern : std::uint8_t {
    Stream,  // In order: the kernel reads ahead.
    Exact,   // Nothing is read but what is asked for.
  };

  ColdReader(const BlockList& blocks, Pattern pattern) : blocks_(blocks), pattern_(pattern) {}
  ~ColdReader();
  ColdReader(const ColdReader&) = delete;
  ColdReader& operator=(const ColdReader&) = delete;

  // True: `out`, as long as the plain bytes of chunk `i` of the list, holds its payload, which is
  // not verified. False: the chunk is to be read in the usual way; `out` may have been written to.
  // Io where the disk fails, which through a mapping would be a signal.
  [[nodiscard]] Result<bool> read(std::size_t i, std::span<std::byte> out);

  // Brings the chunk into the page cache, so that a mapping finds it there. Io where the disk
  // fails.
  [[nodiscard]] Result<void> fetch(std::size_t i);

 private:
  [[nodiscard]] bool open(std::uint32_t file);

  const BlockList& blocks_;
  Pattern pattern_;
  int fd_ = -1;
  std::uint32_t file_ = BlockList::kNowhere;  // The one that is open, or could not be opened.
};

}  // namespace cairn
