// Numeric health: what a tensor's values look like, from chunk-sized parts.
//
// A part is computed from one chunk while its bytes are in cache. Within a chunk the sums run in
// a fixed number of lanes, and parts are added in chunk order, so that the result depends neither
// on the number of threads nor on the width of the machine's vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "cairn/tensor.h"

namespace cairn {

struct HealthPart {
  double min = std::numeric_limits<double>::infinity();  // Over finite elements.
  double max = -std::numeric_limits<double>::infinity();
  double sum = 0;
  double sum_of_squares = 0;
  std::uint64_t finite = 0;
  std::uint64_t nans = 0;
  std::uint64_t infinities = 0;
  std::uint64_t zeros = 0;
};

// `bytes` is a whole number of elements, of any alignment.
[[nodiscard]] HealthPart measure_health(DType dtype, std::span<const std::byte> bytes) noexcept;

// Whether every byte is 0 or 1, as those of a bool tensor are: any other value in a C++ bool is
// undefined behaviour.
[[nodiscard]] bool all_bools(std::span<const std::byte> bytes) noexcept;

// Adds `next`, the part of the following chunk, to `sum`.
void add_health(HealthPart& sum, const HealthPart& next) noexcept;

// Sums are plain f64: squares that overflow make l2 infinite, a sum that overflows makes mean
// infinite or NaN. Minimum and maximum are exact, except that 64-bit integers are rounded to f64.
[[nodiscard]] Health finish_health(const HealthPart& sum) noexcept;

}  // namespace cairn
