// Where a chunk's block stands: in which table, at which offset. For those who read past RocksDB;
// found from what it keeps in memory, without a touch of the block.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "record/ids.h"

namespace cairn {

class Database;

struct BlockPlace {
  std::string path;
  std::uint64_t offset = 0;
  ChunkId last;  // The table's last chunk: up to there, blocks follow one another.
};

// A table is looked up in a list of them all, which is made anew when one is not in it: files come
// with saves and go with merges. Thread-safe.
class ChunkFiles {
 public:
  // A hint, to be checked by what is found there. Nothing where the chunk is in no table, or in
  // two.
  [[nodiscard]] std::optional<BlockPlace> find(const Database& database, ChunkId id);

 private:
  struct Table {
    std::string first;  // Keys.
    std::string last;
    std::uint64_t bytes = 0;
  };
  using Tables = std::map<std::string, Table>;  // By name.

  [[nodiscard]] std::shared_ptr<const Tables> tables_with(const Database& database,
                                                          const std::string& name);

  std::mutex mutex_;
  std::shared_ptr<const Tables> tables_;  // Guarded by mutex_.
};

}  // namespace cairn
