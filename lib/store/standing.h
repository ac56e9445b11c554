// Standing: whether the artifact that stands at a key is the one that a save would put there.
#pragma once

#include "cairn/draft.h"
#include "cairn/error.h"
#include "cairn/key.h"
#include "cairn/options.h"
#include "store/cutting.h"
#include "store/session.h"

namespace cairn {

struct Standing {
  enum class Kind : std::uint8_t { None, Same, Other };
  Kind kind = Kind::None;
  Digest stored;  // Of the artifact that stands there.
  Digest ours;    // Of the draft's.
};

// Compares digests, and where they are equal and `options.dedup` is Compare the bytes themselves,
// chunk by chunk. Corruption where the standing artifact cannot be read to its end; Cancelled.
[[nodiscard]] Result<Standing> find_standing(Session& session, const Key& key,
                                             const Draft::Parts& parts, const Cutting& cutting,
                                             const SaveOptions& options);

}  // namespace cairn
