// Times as text: RFC 3339 in UTC, "2024-11-05T12:34:56.789Z", to the nanosecond.
#pragma once

#include <string>
#include <string_view>

#include "cairn/draft.h"
#include "cairn/error.h"

namespace cairn {

// The time of the system's clock.
[[nodiscard]] Time now();

// "2024-11-05T12:34:56Z"; a fraction only where there is one, without trailing zeros.
[[nodiscard]] std::string format_time(Time time);

// The reverse. Takes what RFC 3339 allows but leap seconds: also `t` and `z`, and an offset such
// as +01:00 for `Z`. InvalidArgument for anything else, for more than nine digits of a fraction
// and for times that Time cannot hold (before 1677-09-21 or after 2262-04-11).
[[nodiscard]] Result<Time> parse_time(std::string_view text);

}  // namespace cairn
