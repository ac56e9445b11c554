// The clock. Times as text are public: format_time and parse_time in cairn/draft.h.
#pragma once

#include "cairn/draft.h"

namespace cairn {

// The time of the system's clock.
[[nodiscard]] Time now();

}  // namespace cairn
