// ModelRecord: the tensors and files of an artifact, by name, and the contents they name.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/artifact.h"
#include "cairn/error.h"
#include "cairn/tensor.h"
#include "record/ids.h"

namespace cairn {

struct TensorEntry {
  TensorInfo info;
  std::uint32_t slot = 0;  // With info.content, the ContentId.
};

struct FileEntry {
  FileInfo info;
  std::uint32_t slot = 0;
};

// Both lists sorted by name, names unique.
struct ModelRecord {
  std::vector<TensorEntry> tensors;
  std::vector<FileEntry> files;
};

// The entry of that name in either list, or nullptr.
template <class Entry>
[[nodiscard]] const Entry* find_by_name(const std::vector<Entry>& entries, std::string_view name) {
  const auto at = std::lower_bound(
      entries.begin(), entries.end(), name,
      [](const Entry& entry, std::string_view wanted) { return entry.info.name < wanted; });
  return at != entries.end() && at->info.name == name ? &*at : nullptr;
}

// LimitExceeded where the record would pass 64 MiB.
[[nodiscard]] Result<std::string> encode_model(const ModelRecord& model);
// Corruption says what is wrong: not verified, unknown enum, unsorted or repeated names, a size
// that is not shape times dtype.
[[nodiscard]] Result<ModelRecord> decode_model(std::string_view bytes);

}  // namespace cairn
