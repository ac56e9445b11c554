// Splits a range of independent work over threads.
#pragma once

#include <cstddef>
#include <functional>

#include "cairn/error.h"

namespace cairn {

// Calls body(begin, end) for contiguous parts of [0, count), one a thread, on up to `threads`
// threads, this one among them. Returns when all have ended: OK, or the error of the first part
// (in the order of the range) that failed.
[[nodiscard]] Result<void> parallel_ranges(
    std::size_t count, unsigned threads,
    const std::function<Result<void>(std::size_t begin, std::size_t end)>& body);

}  // namespace cairn
