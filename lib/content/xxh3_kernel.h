// The XXH3-128 kernels behind digest.h, one for each instruction set.
//
// Plain types only: the units that are compiled for wider vectors must not emit inline functions
// that the linker could share with the rest of the program.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

// The two halves of an XXH3-128 value, as numbers.
struct Xxh3Value {
  std::uint64_t high;
  std::uint64_t low;
};

// A streaming state, in the layout of xxhash.h.
struct alignas(64) Xxh3State {
  unsigned char bytes[576];
};

struct Xxh3Kernel {
  Xxh3Value (*digest)(const void* data, std::size_t size, std::uint64_t seed);
  // Seed 0. `to` and `from` do not overlap.
  Xxh3Value (*copy_and_digest)(void* to, const void* from, std::size_t size);
  void (*reset)(Xxh3State* state);
  void (*update)(Xxh3State* state, const void* data, std::size_t size);
  Xxh3Value (*finish)(const Xxh3State* state);
};

// Call one only where simd_level() allows it. The last two exist on x86-64 only.
extern const Xxh3Kernel kXxh3Baseline;
extern const Xxh3Kernel kXxh3Avx2;
extern const Xxh3Kernel kXxh3Avx512;

// The fastest one that this machine runs.
[[nodiscard]] const Xxh3Kernel& xxh3_kernel() noexcept;

}  // namespace cairn
