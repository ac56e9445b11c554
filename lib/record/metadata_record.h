// MetadataRecord: there is one for every artifact; where it stands, the artifact exists.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cairn/artifact.h"
#include "cairn/error.h"
#include "cairn/key.h"

namespace cairn {

struct MetadataRecord {
  Digest artifact;               // The artifact's digest.
  std::uint64_t commit = 0;      // The number of the commit that wrote it.
  std::uint64_t size_bytes = 0;  // Of all tensors and files.
  std::uint64_t tensors = 0;
  std::uint64_t files = 0;
  bool has_config = false;  // A model record exists where tensors + files > 0.
  Metadata metadata;        // Lists sorted by name, names unique.
};

[[nodiscard]] Result<std::string> encode_metadata(const MetadataRecord& record);
[[nodiscard]] Result<MetadataRecord> decode_metadata(std::string_view bytes);

}  // namespace cairn
