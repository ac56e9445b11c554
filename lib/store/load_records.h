// The records of an artifact, read from one state and checked against its digest.
#pragma once

#include <optional>

#include "cairn/error.h"
#include "cairn/key.h"
#include "engine/reader.h"
#include "record/config_record.h"
#include "record/metadata_record.h"
#include "record/model_record.h"

namespace cairn {

struct ArtifactRecords {
  MetadataRecord metadata;
  ModelRecord model;  // Empty where there are neither tensors nor files.
  std::optional<Config> config;
};

// NotFound where no artifact stands at the key; Corruption where a record is missing or wrong, or
// the artifact's digest is not that of its records.
[[nodiscard]] Result<ArtifactRecords> load_records(const Reader& reader, const Key& key);

}  // namespace cairn
