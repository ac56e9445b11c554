// Pieces of the grammar that keys and refs share: what looks like a version, and decimal numbers.
#pragma once

#include <cstdint>
#include <string_view>

#include "cairn/error.h"

namespace cairn {

// Digits and points behind an optional `v`: meant as a version, well-formed or not.
[[nodiscard]] bool looks_like_version(std::string_view text) noexcept;

// Decimal digits without leading zeros, at most `max`. `what` ("epoch") leads the message.
[[nodiscard]] Result<std::uint64_t> parse_decimal(std::string_view what, std::string_view text,
                                                  std::uint64_t max);

}  // namespace cairn
