// The trash: where artifacts go that are removed or replaced, records and all.
#pragma once

#include <cstdint>

#include "cairn/error.h"
#include "cairn/key.h"
#include "engine/commit_queue.h"
#include "record/catalog_records.h"

namespace cairn {

// Moves the records of an artifact that stands at the key into the trash; part of a commit.
[[nodiscard]] Result<void> move_to_trash(Batch& batch, const Key& key, std::uint64_t commit,
                                         TrashRecord::Reason reason);

}  // namespace cairn
