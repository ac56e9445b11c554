// Numeric health: chooses the kernel for an element type and this machine, folds its lanes in a
// fixed order into the part of one chunk, adds parts up, and turns their sum into what is recorded.
#include "content/health.h"

#include <algorithm>
#include <array>
#include <cfenv>
#include <cmath>

#include <Eigen/Core>

#include "content/cpu.h"
#include "content/health_kernel.h"

namespace cairn {

namespace {

using Lanes = Eigen::Array<double, kHealthLanes, 1>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The caller's rounding mode, flushing of subnormals and traps do not change what is computed.
class DefaultFloatingPoint {
 public:
  DefaultFloatingPoint() noexcept {
    std::fegetenv(&caller_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~DefaultFloatingPoint() { std::fesetenv(&caller_); }
  DefaultFloatingPoint(const DefaultFloatingPoint&) = delete;
  DefaultFloatingPoint& operator=(const DefaultFloatingPoint&) = delete;

 private:
  std::fenv_t caller_;
};

const HealthKernel& kernel_for(SimdLevel level) noexcept {
#if defined(__x86_64__)
  switch (level) {
    case SimdLevel::Avx512:
      return kHealthAvx512;
    case SimdLevel::Avx2:
      return kHealthAvx2;
    case SimdLevel::Baseline:
      break;
  }
#endif
  static_cast<void>(level);
  return kHealthBaseline;
}

// Halves are added until one value is left: a fixed order, whatever the machine's vectors.
double fold(const Lanes& lanes) noexcept {
  const Eigen::Array4d four = lanes.head<4>() + lanes.tail<4>();
  const Eigen::Array2d two = four.head<2>() + four.tail<2>();
  return two[0] + two[1];
}

HealthPart to_part(const HealthLanes& lanes, std::uint64_t count) noexcept {
  HealthPart part;
  // Adding zero turns -0 into 0, so that a minimum does not depend on which zero came first.
  part.min = Lanes::Map(lanes.min).minCoeff() + 0.0;
  part.max = Lanes::Map(lanes.max).maxCoeff() + 0.0;
  part.sum = fold(Lanes::Map(lanes.sum));
  part.sum_of_squares = fold(Lanes::Map(lanes.sum_of_squares));
  part.nans = lanes.nans;
  part.infinities = lanes.infinities;
  part.zeros = lanes.zeros;
  part.finite = count - lanes.nans - lanes.infinities;
  return part;
}

HealthPart measure_with(HealthFunction function, std::span<const std::byte> bytes,
                        std::size_t width) noexcept {
  HealthLanes lanes{};
  Lanes::Map(lanes.min).setConstant(kInfinity);
  Lanes::Map(lanes.max).setConstant(-kInfinity);
  const std::size_t count = bytes.size() / width;
  function(bytes.data(), count, &lanes);
  return to_part(lanes, count);
}

using ByteValues = std::array<double, 256>;

// A float of 8 bits by its OCP definition. E4M3 has no infinity and one NaN of either sign.
constexpr double f8_value(unsigned bits, int fraction_bits, int bias, bool has_infinity) {
  const int exponent = static_cast<int>((bits & 0x7f) >> fraction_bits);
  const int fraction = static_cast<int>(bits & ((1U << fraction_bits) - 1));
  const int top = (1 << (7 - fraction_bits)) - 1;
  const int ones = (1 << fraction_bits) - 1;
  double value = exponent == 0 ? fraction : fraction + (1 << fraction_bits);
  for (int i = (exponent == 0 ? 1 : exponent) - bias - fraction_bits; i != 0; i += i < 0 ? 1 : -1) {
    value *= i < 0 ? 0.5 : 2.0;
  }
  if (exponent == top && has_infinity) {
    value = fraction == 0 ? kInfinity : std::numeric_limits<double>::quiet_NaN();
  } else if (exponent == top && fraction == ones) {
    value = std::numeric_limits<double>::quiet_NaN();
  }
  return (bits & 0x80) != 0 ? -value : value;
}

constexpr ByteValues make_values(double (*value_of)(unsigned)) {
  ByteValues values{};
  for (unsigned i = 0; i < 256; ++i) {
    values[i] = value_of(i);
  }
  return values;
}

constexpr ByteValues kU8 = make_values([](unsigned i) { return static_cast<double>(i); });
constexpr ByteValues kI8 =
    make_values([](unsigned i) { return static_cast<double>(i) - (i < 128 ? 0 : 256); });
constexpr ByteValues kF8E4M3 = make_values([](unsigned i) { return f8_value(i, 3, 7, false); });
constexpr ByteValues kF8E5M2 = make_values([](unsigned i) { return f8_value(i, 2, 15, true); });

using ByteCounts = std::array<std::uint64_t, 256>;

// Eight counters for each value, so that runs of one value do not wait for each other.
ByteCounts count_bytes(std::span<const std::byte> bytes) noexcept {
  constexpr std::size_t kTables = 8;
  std::array<ByteCounts, kTables> tables{};
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= kTables; left -= kTables, at += kTables) {
    for (std::size_t t = 0; t < kTables; ++t) {
      ++tables[t][std::to_integer<std::size_t>(at[t])];
    }
  }
  for (; left != 0; --left, ++at) {
    ++tables[0][std::to_integer<std::size_t>(*at)];
  }
  for (std::size_t t = 1; t < kTables; ++t) {
    for (std::size_t i = 0; i < 256; ++i) {
      tables[0][i] += tables[t][i];
    }
  }
  return tables[0];
}

// Types of one byte have 256 values: those are counted, then weighed.
HealthPart measure_bytes(const ByteValues& values, std::span<const std::byte> bytes) noexcept {
  const ByteCounts counts = count_bytes(bytes);
  HealthPart part;
  Lanes sum = Lanes::Zero();
  Lanes squares = Lanes::Zero();
  for (std::size_t i = 0; i < 256; ++i) {
    const double value = values[i];
    if (counts[i] == 0) {
      continue;
    }
    if (std::isnan(value)) {
      part.nans += counts[i];
    } else if (std::isinf(value)) {
      part.infinities += counts[i];
    } else {
      const auto lane = static_cast<Eigen::Index>(i % kHealthLanes);
      const auto weight = static_cast<double>(counts[i]);
      part.finite += counts[i];
      part.zeros += value == 0 ? counts[i] : 0;
      part.min = std::min(part.min, value + 0.0);
      part.max = std::max(part.max, value + 0.0);
      sum[lane] += weight * value;
      squares[lane] += weight * (value * value);
    }
  }
  part.sum = fold(sum);
  part.sum_of_squares = fold(squares);
  return part;
}

// Not inlined, so that no arithmetic moves out of the floating-point environment around it.
__attribute__((noinline)) HealthPart measure(DType dtype,
                                             std::span<const std::byte> bytes) noexcept {
  const HealthKernel& kernel = health_kernel();
  switch (dtype) {
    case DType::Bool:
    case DType::U8:
      return measure_bytes(kU8, bytes);
    case DType::I8:
      return measure_bytes(kI8, bytes);
    case DType::F8E4M3:
      return measure_bytes(kF8E4M3, bytes);
    case DType::F8E5M2:
      return measure_bytes(kF8E5M2, bytes);
    case DType::I16:
      return measure_with(kernel.i16, bytes, 2);
    case DType::I32:
      return measure_with(kernel.i32, bytes, 4);
    case DType::I64:
      return measure_with(kernel.i64, bytes, 8);
    case DType::U16:
      return measure_with(kernel.u16, bytes, 2);
    case DType::U32:
      return measure_with(kernel.u32, bytes, 4);
    case DType::U64:
      return measure_with(kernel.u64, bytes, 8);
    case DType::F16:
      return measure_with(kernel.f16, bytes, 2);
    case DType::BF16:
      return measure_with(kernel.bf16, bytes, 2);
    case DType::F32:
    case DType::C64:
      return measure_with(kernel.f32, bytes, 4);
    case DType::F64:
    case DType::C128:
      return measure_with(kernel.f64, bytes, 8);
  }
  return {};
}

}  // namespace

const HealthKernel& health_kernel() noexcept {
  static const HealthKernel& chosen = kernel_for(simd_level());
  return chosen;
}

HealthPart measure_health(DType dtype, std::span<const std::byte> bytes) noexcept {
  const DefaultFloatingPoint in_force;
  return measure(dtype, bytes);
}

void add_health(HealthPart& sum, const HealthPart& next) noexcept {
  sum.min = std::min(sum.min, next.min);
  sum.max = std::max(sum.max, next.max);
  sum.sum += next.sum;
  sum.sum_of_squares += next.sum_of_squares;
  sum.finite += next.finite;
  sum.nans += next.nans;
  sum.infinities += next.infinities;
  sum.zeros += next.zeros;
}

Health finish_health(const HealthPart& sum) noexcept {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  Health out;
  const bool any = sum.finite != 0;
  out.min = any ? sum.min : kNone;
  out.max = any ? sum.max : kNone;
  out.mean = any ? sum.sum / static_cast<double>(sum.finite) : kNone;
  out.l2 = std::sqrt(sum.sum_of_squares);
  out.nans = sum.nans;
  out.infinities = sum.infinities;
  out.zeros = sum.zeros;
  return out;
}

bool all_bools(std::span<const std::byte> bytes) noexcept {
  std::byte seen{0};
  for (const auto byte : bytes) {
    seen |= byte;
  }
  return seen <= std::byte{1};
}

}  // namespace cairn
