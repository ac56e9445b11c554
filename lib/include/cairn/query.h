// What listings return.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cairn/artifact.h"
#include "cairn/key.h"

namespace cairn {

struct ListOptions {
  // Only this name, or with a trailing `/` whatever lies below it. Empty: every name.
  std::string name = {};
  // Only this version of it.
  std::optional<Version> version = {};
  // Start behind this key, to fetch a long list page by page.
  std::optional<Key> after = {};
  // At most so many.
  std::size_t limit = SIZE_MAX;
};

// One line of a listing; in the order of name, version, epoch.
struct ArtifactInfo {
  Key key;
  Digest digest;
  Metadata metadata;
  std::uint64_t size_bytes = 0;  // Of all tensors and files.
  std::uint64_t tensors = 0;
  std::uint64_t files = 0;
  bool has_config = false;
};

struct AliasInfo {
  std::string alias;
  Key target;
  Time moved_at{};
};

// What metadata was before an annotation changed it.
struct PastMetadata {
  Metadata metadata;
  Time until{};  // When it was changed.
};

// An artifact in the trash.
struct TrashInfo {
  Key key;                   // Where it stood.
  std::uint64_t commit = 0;  // That put it there.
  Time removed_at{};
  bool replaced = false;  // By another artifact at the key; else it was removed.
  Digest digest;
  std::uint64_t size_bytes = 0;
};

// What a store holds.
struct StoreStats {
  std::uint64_t artifacts = 0;
  std::uint64_t logical_bytes = 0;  // Tensors and files, counted once an artifact.
  std::uint64_t chunks = 0;
  std::uint64_t chunk_bytes = 0;  // Of the chunks, each stored once.
  std::uint64_t disk_bytes = 0;   // Of all the files of the store's directory but the reserve.
};

}  // namespace cairn
