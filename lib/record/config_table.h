// What can be said of an app's config table without parsing its schema; the rest of the checks are
// check_config_table's (config_record.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "cairn/draft.h"
#include "cairn/error.h"

namespace cairn {

inline constexpr std::size_t kMaxSchemaBytes = std::size_t{4} << 20;
// How deep the tables of an app may nest.
inline constexpr std::uint32_t kMaxAppTableDepth = 64;

// Sizes, and the identifier in the buffer. InvalidArgument or LimitExceeded.
[[nodiscard]] Result<void> check_table_frame(const ConfigTable& table);

}  // namespace cairn
