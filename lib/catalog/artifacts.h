// Walking artifacts: keys and metadata records in the order of name, version, epoch.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/error.h"
#include "cairn/key.h"
#include "cairn/query.h"
#include "engine/reader.h"
#include "record/metadata_record.h"

namespace cairn {

// The metadata record of an artifact, which exists exactly where the artifact does.
[[nodiscard]] Result<std::optional<MetadataRecord>> find_metadata(const Reader& reader,
                                                                  const Key& key);

// The highest version of a name, the highest epoch of a version, the epoch before a key's.
[[nodiscard]] Result<std::optional<Version>> last_version(const Reader& reader,
                                                          std::string_view name);
[[nodiscard]] Result<std::optional<Key>> last_epoch(const Reader& reader, std::string_view name,
                                                    const Version& version);
[[nodiscard]] Result<std::optional<Key>> previous_epoch(const Reader& reader, const Key& key);

// Calls `visit` for each artifact key that starts with `prefix` (keys.h), from the first one
// after `after` on, until it returns false or fails. The value is the metadata record's bytes.
using Visit = std::function<Result<bool>(const Key& key, std::string_view metadata)>;
[[nodiscard]] Result<void> for_each_artifact(const Reader& reader, std::string_view prefix,
                                             const std::optional<Key>& after, const Visit& visit);

// Names that have an artifact, found by skipping from name to name.
[[nodiscard]] Result<std::vector<std::string>> list_names(const Reader& reader);
// Versions of a name, ascending.
[[nodiscard]] Result<std::vector<Version>> list_versions(const Reader& reader,
                                                         std::string_view name);

[[nodiscard]] Result<std::vector<ArtifactInfo>> list_artifacts(const Reader& reader,
                                                               const ListOptions& options);

// A decoded record with the key in front of its errors.
[[nodiscard]] Result<MetadataRecord> decode_metadata_of(const Key& key, std::string_view bytes);

}  // namespace cairn
