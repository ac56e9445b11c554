// The trash: where artifacts go that are removed or replaced, records and all.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "cairn/error.h"
#include "cairn/key.h"
#include "cairn/query.h"
#include "engine/commit_queue.h"
#include "record/catalog_records.h"

namespace cairn {

// Moves the records of an artifact that stands at the key into the trash; part of a commit.
[[nodiscard]] Result<void> move_to_trash(Batch& batch, const Key& key, std::uint64_t commit,
                                         TrashRecord::Reason reason);

// Keeps a copy of the metadata of an artifact that stands at the key; part of the commit that is
// about to change it.
[[nodiscard]] Result<void> keep_metadata(Batch& batch, const Key& key, std::uint64_t commit);

// Calls `visit` for each row whose key starts so, by key and then by commit.
using VisitTrash =
    std::function<Result<void>(const Key& key, std::uint64_t commit, const TrashRecord& record)>;
[[nodiscard]] Result<void> for_each_trashed(const Reader& reader, std::string_view prefix,
                                            const VisitTrash& visit);

// Artifacts in the trash, of one name or of all, by key and then by commit.
[[nodiscard]] Result<std::vector<TrashInfo>> list_trash(const Reader& reader,
                                                        std::string_view name);

}  // namespace cairn
