// The artifact digest: XXH3-128 of a canonical byte string over tensors, files and config.
//
// Key, time, tags, metrics, health, layout of chunks on disk and codecs are not in it. FORMAT.md
// spells the string out byte by byte.
#pragma once

#include <string>

#include "cairn/key.h"
#include "record/config_record.h"
#include "record/model_record.h"

namespace cairn {

// `config` may be null.
[[nodiscard]] std::string canonical_string(const ModelRecord& model, const Config* config);
[[nodiscard]] Digest artifact_digest(const ModelRecord& model, const Config* config);

}  // namespace cairn
