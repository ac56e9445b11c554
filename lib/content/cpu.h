// Which of the instruction sets that the kernels of this layer are compiled for this machine has.
//
// A kernel is compiled once for the target of the whole build, and on x86-64 again for AVX2 and for
// AVX-512, in units that hold nothing else. All of them give the same bits; the widest one that
// this machine runs is chosen when it is first used.
#pragma once

#include <cstdint>

namespace cairn {

enum class SimdLevel : std::uint8_t { Baseline = 0, Avx2 = 1, Avx512 = 2 };

[[nodiscard]] inline SimdLevel simd_level() noexcept {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx2")) {
    return SimdLevel::Avx512;
  }
  if (__builtin_cpu_supports("avx2")) {
    return SimdLevel::Avx2;
  }
#endif
  return SimdLevel::Baseline;
}

}  // namespace cairn
