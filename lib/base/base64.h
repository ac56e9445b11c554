// Base64 by section 4 of RFC 4648: the standard alphabet, always with padding.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/error.h"

namespace cairn {

[[nodiscard]] std::string encode_base64(std::span<const std::byte> bytes);

// The reverse, and of nothing else: InvalidArgument for other characters, white space, missing
// padding, and bits behind the last byte that are not zero.
[[nodiscard]] Result<std::vector<std::byte>> decode_base64(std::string_view text);

}  // namespace cairn
