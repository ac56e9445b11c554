// The kernels behind numeric health: each gives, bit for bit, what eight sums in a plain loop give.
#include "content/health_kernel.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "content/cpu.h"
#include "health_reference.h"
#include "random_bytes.h"

namespace cairn {

namespace {

using cairn_test::Random;

struct Named {
  const char* name;
  HealthFunction HealthKernel::*function;
  DType dtype;
};

constexpr Named kFunctions[] = {
    {"i16", &HealthKernel::i16, DType::I16}, {"i32", &HealthKernel::i32, DType::I32},
    {"i64", &HealthKernel::i64, DType::I64}, {"u16", &HealthKernel::u16, DType::U16},
    {"u32", &HealthKernel::u32, DType::U32}, {"u64", &HealthKernel::u64, DType::U64},
    {"f16", &HealthKernel::f16, DType::F16}, {"bf16", &HealthKernel::bf16, DType::BF16},
    {"f32", &HealthKernel::f32, DType::F32}, {"f64", &HealthKernel::f64, DType::F64},
};

std::vector<const HealthKernel*> kernels() {
  std::vector<const HealthKernel*> out = {&kHealthBaseline};
#if defined(__x86_64__)
  if (simd_level() >= SimdLevel::Avx2) {
    out.push_back(&kHealthAvx2);
  }
  if (simd_level() >= SimdLevel::Avx512) {
    out.push_back(&kHealthAvx512);
  }
#endif
  return out;
}

HealthLanes no_lanes() {
  HealthLanes lanes{};
  for (std::size_t i = 0; i < kHealthLanes; ++i) {
    lanes.min[i] = std::numeric_limits<double>::infinity();
    lanes.max[i] = -lanes.min[i];
  }
  return lanes;
}

void add_plainly(DType dtype, const std::vector<std::byte>& bytes, std::size_t count,
                 HealthLanes& lanes) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto x =
        static_cast<double>(cairn_test::value_at(dtype, bytes.data() + i * element_bytes(dtype)));
    // As blocks have a multiple of eight elements, a lane is the same in all of them.
    const std::size_t lane = i % kHealthLanes;
    lanes.zeros += x == 0 ? 1 : 0;
    lanes.nans += std::isnan(x) ? 1 : 0;
    lanes.infinities += std::isinf(x) ? 1 : 0;
    if (std::isfinite(x)) {
      const volatile double square = x * x;  // Rounded by itself.
      lanes.sum[lane] += x;
      lanes.sum_of_squares[lane] += square;
      lanes.min[lane] = x < lanes.min[lane] ? x : lanes.min[lane];
      lanes.max[lane] = x > lanes.max[lane] ? x : lanes.max[lane];
    }
  }
}

bool same_values(const double* a, const double* b) {
  for (std::size_t i = 0; i < kHealthLanes; ++i) {
    if (!(a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i])))) {
      return false;
    }
  }
  return true;
}

void check_same(const HealthLanes& got, const HealthLanes& wanted) {
  CHECK(same_values(got.sum, wanted.sum));
  CHECK(same_values(got.sum_of_squares, wanted.sum_of_squares));
  CHECK(same_values(got.min, wanted.min));
  CHECK(same_values(got.max, wanted.max));
  CHECK(got.nans == wanted.nans);
  CHECK(got.infinities == wanted.infinities);
  CHECK(got.zeros == wanted.zeros);
}

void check_all_kernels(const Named& named, const std::vector<std::byte>& bytes, std::size_t count) {
  HealthLanes wanted = no_lanes();
  add_plainly(named.dtype, bytes, count, wanted);
  for (const HealthKernel* kernel : kernels()) {
    HealthLanes got = no_lanes();
    (kernel->*named.function)(bytes.data(), count, &got);
    check_same(got, wanted);
  }
}

// All finite, as trained weights are: the path without a look at each element.
std::vector<std::byte> tame_bytes(DType dtype, Random& random, std::size_t count) {
  auto bytes = random.bytes(count * element_bytes(dtype));
  const std::size_t width = element_bytes(dtype);
  const bool is_float = dtype >= DType::F16;
  for (std::size_t at = width - 1; is_float && at < bytes.size(); at += width) {
    // The topmost bit of the exponent: below two.
    bytes[at] &= std::byte{0xbf};
  }
  return bytes;
}

}  // namespace

TEST_CASE("health kernels: finite numbers give the bits of eight plain sums, whatever the count") {
  MESSAGE("CAIRN_TEST_SEED=" << cairn_test::seed());
  MESSAGE("kernels: " << kernels().size());
  Random random(cairn_test::seed());
  for (const Named& named : kFunctions) {
    CAPTURE(named.name);
    const auto bytes = tame_bytes(named.dtype, random, 3000);
    for (std::size_t count = 0; count < 600; ++count) {
      check_all_kernels(named, bytes, count);
    }
    check_all_kernels(named, bytes, 3000);
  }
}

TEST_CASE("health kernels: any bits give the bits of eight plain sums") {
  MESSAGE("CAIRN_TEST_SEED=" << cairn_test::seed());
  Random random(cairn_test::seed());
  for (const Named& named : kFunctions) {
    CAPTURE(named.name);
    for (int round = 0; round < 50; ++round) {
      const std::size_t count = random.below(2000);
      check_all_kernels(named, random.bytes(count * element_bytes(named.dtype)), count);
    }
  }
}

TEST_CASE("health kernels: one number that is not finite costs a block, not its neighbours") {
  Random random(11);
  for (const std::uint32_t special : {0x7f80'0000U, 0xff80'0000U, 0x7fc0'0000U, 0xff80'0001U}) {
    for (const std::size_t place : {0U, 7U, 255U, 256U, 700U, 1019U}) {
      auto bytes = tame_bytes(DType::F32, random, 1020);
      std::memcpy(bytes.data() + place * 4, &special, sizeof special);
      check_all_kernels({"f32", &HealthKernel::f32, DType::F32}, bytes, 1020);
    }
  }
}

TEST_CASE("health kernels: what was summed before is kept") {
  Random random(12);
  const auto bytes = tame_bytes(DType::F32, random, 1024);
  for (const HealthKernel* kernel : kernels()) {
    HealthLanes whole = no_lanes();
    kernel->f32(bytes.data(), 1024, &whole);
    HealthLanes halves = no_lanes();
    kernel->f32(bytes.data(), 512, &halves);
    kernel->f32(bytes.data() + 2048, 512, &halves);
    check_same(halves, whole);
  }
}

}  // namespace cairn
