// Aliases: movable names for keys, with the history of their moves.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/error.h"
#include "cairn/key.h"
#include "cairn/query.h"
#include "engine/commit_queue.h"
#include "engine/reader.h"

namespace cairn {

// Where an alias stands; nullopt where it does not exist or was removed.
[[nodiscard]] Result<std::optional<Key>> find_alias(const Reader& reader, std::string_view name,
                                                    std::string_view alias);

// The aliases of a name, sorted; of all names where it is empty.
[[nodiscard]] Result<std::vector<AliasInfo>> list_aliases(const Reader& reader,
                                                          std::string_view name);

// Moves the alias, or makes it; the caller has checked that the target exists. Part of a commit.
[[nodiscard]] Result<void> put_alias(Batch& batch, std::string_view alias, const Key& target,
                                     Time now);
// NotFound where there is no such alias, with those that exist.
[[nodiscard]] Result<void> drop_alias(Batch& batch, std::string_view name, std::string_view alias,
                                      Time now);

}  // namespace cairn
