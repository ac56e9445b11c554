// Every choice about RocksDB, in one place. They are ours, not the user's; each has its reason.
#pragma once

#include <vector>

#include <rocksdb/db.h>

#include "engine/families.h"

namespace cairn {

struct RocksOptions {
  rocksdb::DBOptions db;
  std::vector<rocksdb::ColumnFamilyDescriptor> families;  // In the order of Family.

  [[nodiscard]] const rocksdb::ColumnFamilyOptions& of(Family family) const {
    return families[static_cast<std::size_t>(family)].options;
  }
};

struct RocksChoices {
  bool mmap = true;
  bool create = false;
};

[[nodiscard]] RocksOptions rocks_options(const RocksChoices& choices);

}  // namespace cairn
