// Numeric health against a plain reference, and the promise that neither the machine's vectors nor
// the number of threads show in the result.
#include "content/health.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "content/cpu.h"
#include "content/health_kernel.h"
#include "health_reference.h"
#include "random_bytes.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace cairn {

namespace {

using cairn_test::all_dtypes;
using cairn_test::Random;
using cairn_test::Reference;
using cairn_test::reference_health;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

bool same_bits(const HealthPart& a, const HealthPart& b) {
  static_assert(sizeof(HealthPart) == 8 * 8);
  return std::memcmp(&a, &b, sizeof a) == 0;
}

bool near(double got, long double wanted, long double scale) {
  // The second term: squares of subnormal numbers vanish in f64.
  return std::abs(static_cast<long double>(got) - wanted) <= 1e-13L * scale + 1e-300L;
}

void check_part(const HealthPart& part, const Reference& wanted) {
  CHECK(part.finite == wanted.finite);
  CHECK(part.nans == wanted.nans);
  CHECK(part.infinities == wanted.infinities);
  CHECK(part.zeros == wanted.zeros);
  CHECK(part.min == static_cast<double>(wanted.min));
  CHECK(part.max == static_cast<double>(wanted.max));
  CHECK(near(part.sum, wanted.sum, wanted.sum_of_magnitudes));
  CHECK(near(part.sum_of_squares, wanted.sum_of_squares, wanted.sum_of_squares));
}

// Random bit patterns with runs of special ones. Exponents of f64 are kept where no sum overflows,
// with one element in 16 zero, subnormal, infinite or NaN.
std::vector<std::byte> wild_bytes(DType dtype, Random& random, std::size_t count) {
  auto bytes = random.bytes(count * element_bytes(dtype));
  const bool wide = dtype == DType::F64 || dtype == DType::C128;
  for (std::size_t at = 0; wide && at + 8 <= bytes.size(); at += 8) {
    std::uint64_t bits;
    std::memcpy(&bits, bytes.data() + at, sizeof bits);
    const std::uint64_t exponent = (bits >> 52) & 0x7ff;
    const std::uint64_t kept =
        exponent % 16 == 0 ? (exponent & 16 ? 0x7ff : 0) : 600 + exponent / 4;
    bits = (bits & ~(std::uint64_t{0x7ff} << 52)) | (kept << 52);
    bits = random.below(16) == 0 ? bits & ~(~std::uint64_t{0} >> 12) : bits;
    std::memcpy(bytes.data() + at, &bits, sizeof bits);
  }
  for (std::size_t run = 0; !wide && run < count / 64; ++run) {
    const std::size_t at = random.below(bytes.size() - 16);
    std::memset(bytes.data() + at, random.below(2) == 0 ? 0 : 0xff, random.below(16));
  }
  return bytes;
}

}  // namespace

TEST_CASE("health: every element type gives what a plain sum in long double gives") {
  MESSAGE("CAIRN_TEST_SEED=" << cairn_test::seed());
  Random random(cairn_test::seed());
  for (const DType dtype : all_dtypes()) {
    CAPTURE(to_string(dtype));
    for (const std::size_t count : {1U, 2U, 7U, 8U, 9U, 255U, 256U, 257U, 1000U, 20'000U}) {
      const auto bytes = wild_bytes(dtype, random, count);
      check_part(measure_health(dtype, bytes), reference_health(dtype, bytes));
    }
  }
}

TEST_CASE("health: elements may stand at any address") {
  const auto bytes = Random(1).bytes(4096);
  for (const DType dtype : all_dtypes()) {
    if (dtype == DType::F64 || dtype == DType::C128) {
      continue;  // Random bits overflow; what is tested here is the same for all types.
    }
    CAPTURE(to_string(dtype));
    for (std::size_t offset = 1; offset < 9; ++offset) {
      const auto part = std::span(bytes).subspan(offset, 4080);
      const std::vector<std::byte> aligned(part.begin(), part.end());
      CHECK(same_bits(measure_health(dtype, part), measure_health(dtype, aligned)));
    }
  }
}

TEST_CASE("health: counts, extremes and sums of a few values are exact") {
  const std::vector<float> values = {1, 2, 3, -4, 0, -0.0F, NAN, INFINITY, -INFINITY, 0.5F};
  const Health health = finish_health(measure_health(DType::F32, bytes_of(values)));
  CHECK(health.min == -4);
  CHECK(health.max == 3);
  CHECK(health.mean == 2.5 / 7);
  CHECK(health.l2 == std::sqrt(30.25));
  CHECK(health.nans == 1);
  CHECK(health.infinities == 2);
  CHECK(health.zeros == 2);
}

TEST_CASE("health: a complex number counts as two") {
  const std::vector<std::complex<float>> values = {{1, 0}, {NAN, -2}};
  const Health health = finish_health(measure_health(DType::C64, bytes_of(values)));
  CHECK(health.min == -2);
  CHECK(health.max == 1);
  CHECK(health.nans == 1);
  CHECK(health.zeros == 1);
  const std::vector<std::complex<double>> wide = {{3, 4}};
  CHECK(finish_health(measure_health(DType::C128, bytes_of(wide))).l2 == 5);
}

TEST_CASE("health: the extremes of integers are numbers, not bits") {
  const std::vector<std::int64_t> i64 = {INT64_MIN, -1, INT64_MAX};
  const HealthPart wide = measure_health(DType::I64, bytes_of(i64));
  CHECK(wide.min == -0x1p63);
  CHECK(wide.max == 0x1p63);
  const std::vector<std::uint64_t> u64 = {UINT64_MAX, 1};
  CHECK(measure_health(DType::U64, bytes_of(u64)).max == 0x1p64);
  const std::vector<std::int8_t> i8 = {-128, 127, 0};
  const HealthPart narrow = measure_health(DType::I8, bytes_of(i8));
  CHECK(narrow.min == -128);
  CHECK(narrow.max == 127);
  CHECK(narrow.sum == -1);
  CHECK(narrow.zeros == 1);
}

TEST_CASE("health: the 8-bit floats are those of the OCP specification") {
  const auto one = [](DType dtype, std::uint8_t bits) {
    return finish_health(measure_health(dtype, bytes_of(std::vector<std::uint8_t>{bits})));
  };
  CHECK(one(DType::F8E4M3, 0x7e).max == 448);
  CHECK(one(DType::F8E4M3, 0x78).max == 256);
  CHECK(one(DType::F8E4M3, 0x38).max == 1);
  CHECK(one(DType::F8E4M3, 0x08).max == 0x1p-6);
  CHECK(one(DType::F8E4M3, 0x01).max == 0x1p-9);
  CHECK(one(DType::F8E4M3, 0x7f).nans == 1);
  CHECK(one(DType::F8E4M3, 0xff).nans == 1);
  CHECK(one(DType::F8E4M3, 0x80).zeros == 1);
  CHECK(one(DType::F8E5M2, 0x7b).max == 57344);
  CHECK(one(DType::F8E5M2, 0x3c).max == 1);
  CHECK(one(DType::F8E5M2, 0x01).max == 0x1p-16);
  CHECK(one(DType::F8E5M2, 0x7c).infinities == 1);
  CHECK(one(DType::F8E5M2, 0xfc).infinities == 1);
  CHECK(one(DType::F8E5M2, 0x7d).nans == 1);
  CHECK(one(DType::F8E5M2, 0xc0).min == -2);
}

TEST_CASE("health: every bit pattern of the types of one and two bytes is right by itself") {
  for (const DType dtype : all_dtypes()) {
    const std::size_t width = element_bytes(dtype);
    if (width > 2) {
      continue;
    }
    CAPTURE(to_string(dtype));
    int wrong = 0;
    for (std::uint32_t bits = 0; bits < (width == 1 ? 0x100 : 0x10000); ++bits) {
      std::byte element[16] = {};
      std::memcpy(element, &bits, sizeof bits);
      const auto bytes = std::span<const std::byte>(element, width);
      const HealthPart part = measure_health(dtype, bytes);
      const Reference wanted = reference_health(dtype, bytes);
      const bool right = part.finite == wanted.finite && part.nans == wanted.nans &&
                         part.infinities == wanted.infinities && part.zeros == wanted.zeros &&
                         (part.finite == 0 || part.sum == static_cast<double>(wanted.sum));
      wrong += right ? 0 : 1;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("health: of nothing finite there is no minimum, maximum or mean") {
  const std::vector<std::byte> ones(16'000, std::byte{0xff});  // A NaN in every float.
  for (const DType dtype : all_dtypes()) {
    CAPTURE(to_string(dtype));
    for (const std::size_t size : {std::size_t{0}, ones.size()}) {
      if (size != 0 && dtype < DType::F8E4M3) {
        continue;
      }
      const HealthPart part = measure_health(dtype, std::span(ones).first(size));
      const bool complex = dtype == DType::C64 || dtype == DType::C128;
      CHECK(part.nans == size / element_bytes(dtype) * (complex ? 2 : 1));
      CHECK(part.finite == 0);
      const Health health = finish_health(part);
      CHECK(std::isnan(health.min));
      CHECK(std::isnan(health.max));
      CHECK(std::isnan(health.mean));
      CHECK(health.l2 == 0);
    }
    CHECK(same_bits(measure_health(dtype, {}), HealthPart{}));
  }
}

TEST_CASE("health: squares that overflow make l2 infinite and leave the rest alone") {
  const std::vector<double> values = {1e300, 3e300, -1e300, 0};
  const Health health = finish_health(measure_health(DType::F64, bytes_of(values)));
  CHECK(health.l2 == kInfinity);
  CHECK(health.mean == 0.75e300);
  CHECK(health.min == -1e300);
  CHECK(health.max == 3e300);
  CHECK(health.zeros == 1);
  CHECK(health.infinities == 0);
  const std::vector<double> larger(8, 1.7e308);
  CHECK(finish_health(measure_health(DType::F64, bytes_of(larger))).mean == kInfinity);
}

TEST_CASE("health: a minimum of zeros is plain zero, whichever zero came first") {
  for (const auto& values : {std::vector<float>{-0.0F, 0.0F}, std::vector<float>{0.0F, -0.0F}}) {
    const HealthPart part = measure_health(DType::F32, bytes_of(values));
    CHECK_FALSE(std::signbit(part.min));
    CHECK_FALSE(std::signbit(part.max));
    CHECK_FALSE(std::signbit(part.sum));
  }
}

TEST_CASE("health: parts measured on many threads add up to the same bits") {
  MESSAGE("CAIRN_TEST_SEED=" << cairn_test::seed());
  Random random(cairn_test::seed());
  for (const DType dtype : {DType::F32, DType::F64, DType::BF16, DType::F8E5M2, DType::I64}) {
    const auto bytes = wild_bytes(dtype, random, 200'000);
    std::vector<std::span<const std::byte>> chunks;
    for (auto rest = std::span<const std::byte>(bytes); !rest.empty();) {
      const std::size_t size = std::min(rest.size(), 16 * (1 + random.below(4000)));
      chunks.push_back(rest.first(size));
      rest = rest.subspan(size);
    }
    HealthPart alone;
    for (const auto chunk : chunks) {
      add_health(alone, measure_health(dtype, chunk));
    }
    std::vector<HealthPart> parts(chunks.size());
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = chunks.size() - 1 - t; i < chunks.size(); i -= 8) {
          parts[i] = measure_health(dtype, chunks[i]);
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    HealthPart together;
    for (const HealthPart& part : parts) {
      add_health(together, part);
    }
    CHECK(same_bits(alone, together));
    check_part(together, reference_health(dtype, bytes));
  }
}

#if defined(__SSE2__)
TEST_CASE("health: the caller's floating-point modes change nothing, and stay") {
  const unsigned mode_before = _mm_getcsr();
  std::vector<float> values(1000, 1e-42F);  // Subnormal.
  values.push_back(0.1F);
  values.push_back(NAN);
  const HealthPart plain = measure_health(DType::F32, bytes_of(values));
  const unsigned odd = 0x1f80 | 0x8040 | 0x6000;  // Flush, and round towards zero.
  _mm_setcsr(odd);
  const HealthPart under_odd = measure_health(DType::F32, bytes_of(values));
  const unsigned mode_after = _mm_getcsr();
  _mm_setcsr(mode_before);
  CHECK(mode_after == odd);
  CHECK(same_bits(plain, under_odd));
  CHECK(plain.zeros == 0);
  CHECK(plain.min > 0);
}
#endif

}  // namespace cairn
