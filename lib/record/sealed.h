// Sealed values: the small records of fixed layout, little-endian, that end in a 4-byte check.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cairn/error.h"

namespace cairn {

inline constexpr std::size_t kSealBytes = 4;

// Appends the check: the low 32 bits of the XXH3-128 of everything before it, little-endian.
void seal(std::string& bytes);
// Corruption where there are not exactly `expected_bytes`, or where the check does not hold.
// `what` leads the message.
[[nodiscard]] Result<void> check_seal(std::string_view what, std::string_view bytes,
                                      std::size_t expected_bytes);

}  // namespace cairn
