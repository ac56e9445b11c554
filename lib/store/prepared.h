// Prepared: the records of an artifact, as far as they do not depend on where it will stand.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cairn/draft.h"
#include "cairn/error.h"
#include "cairn/options.h"
#include "record/config_record.h"
#include "record/model_record.h"
#include "store/contents.h"
#include "store/cutting.h"
#include "store/intake.h"

namespace cairn {

struct Prepared {
  ModelRecord model;                     // Slots are chosen in the commit.
  std::vector<EncodedContent> contents;  // Those of the model's tensors, then of its files.
  std::optional<Config> config;
  std::string config_bytes;
  Digest digest;
  std::uint64_t size_bytes = 0;
};

// Builds them once every piece has its place. InvalidArgument, LimitExceeded for a config that
// cannot be stored.
[[nodiscard]] Result<Prepared> prepare(const Draft::Parts& parts, const Cutting& cutting,
                                       const Intake& intake, const SaveOptions& options);

// The artifact's canonical string, from the digests of the pieces alone.
[[nodiscard]] std::string canonical_of(const Draft::Parts& parts, const Cutting& cutting,
                                       std::span<const Digest> pieces);

}  // namespace cairn
