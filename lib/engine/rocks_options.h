// Every choice about RocksDB, in one place. They are ours, not the user's; each has its reason.
#pragma once

#include <memory>
#include <vector>

#include <rocksdb/db.h>

#include "engine/families.h"
#include "engine/file_watch.h"

namespace cairn {

struct RocksOptions {
  std::unique_ptr<rocksdb::Env> env;  // The one in `db`, where a watch was given; it outlives it.
  rocksdb::DBOptions db;
  std::vector<rocksdb::ColumnFamilyDescriptor> families;  // In the order of Family.

  [[nodiscard]] const rocksdb::ColumnFamilyOptions& of(Family family) const {
    return families[static_cast<std::size_t>(family)].options;
  }
};

struct RocksChoices {
  bool mmap = true;
  bool create = false;
  std::shared_ptr<FileWatch> watch = nullptr;  // Of the files that are written.
};

[[nodiscard]] RocksOptions rocks_options(const RocksChoices& choices);

}  // namespace cairn
