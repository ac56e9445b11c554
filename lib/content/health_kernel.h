// The kernels behind health.h, one for each instruction set.
//
// Every kernel adds element i of what it is given to lane i mod 8, in order, so that all of them
// give the same bits. Plain types only: the units that are compiled for wider vectors must not
// emit inline functions that the linker could share with the rest of the program.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

inline constexpr std::size_t kHealthLanes = 8;

// What one chunk's elements come to before the lanes are folded.
struct alignas(64) HealthLanes {
  double sum[kHealthLanes];
  double sum_of_squares[kHealthLanes];
  double min[kHealthLanes];  // Infinity where a lane has seen no finite element; max, minus that.
  double max[kHealthLanes];
  std::uint64_t nans;
  std::uint64_t infinities;
  std::uint64_t zeros;
};

// Adds `count` elements at `data`, of any alignment, to `lanes`.
using HealthFunction = void (*)(const void* data, std::size_t count, HealthLanes* lanes);

struct HealthKernel {
  HealthFunction i16;
  HealthFunction i32;
  HealthFunction i64;
  HealthFunction u16;
  HealthFunction u32;
  HealthFunction u64;
  HealthFunction f16;
  HealthFunction bf16;
  HealthFunction f32;
  HealthFunction f64;
};

// Call one only where simd_level() allows it. The last two exist on x86-64 only.
extern const HealthKernel kHealthBaseline;
extern const HealthKernel kHealthAvx2;
extern const HealthKernel kHealthAvx512;

// The fastest one that this machine runs.
[[nodiscard]] const HealthKernel& health_kernel() noexcept;

}  // namespace cairn
