// Numeric health as one would write it without thought for speed: element by element, in long
// double, decoding the small floats from their definition.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "cairn/tensor.h"

namespace cairn_test {

struct Reference {
  long double min = std::numeric_limits<long double>::infinity();
  long double max = -std::numeric_limits<long double>::infinity();
  long double sum = 0;
  long double sum_of_squares = 0;
  long double sum_of_magnitudes = 0;
  std::uint64_t finite = 0;
  std::uint64_t nans = 0;
  std::uint64_t infinities = 0;
  std::uint64_t zeros = 0;
};

inline std::vector<cairn::DType> all_dtypes() {
  std::vector<cairn::DType> out;
  for (int i = 1; i <= 17; ++i) {
    out.push_back(static_cast<cairn::DType>(i));
  }
  return out;
}

// A float of sign, exponent and fraction, as IEEE 754 defines one.
inline long double small_float(std::uint32_t bits, int exponent_bits, int fraction_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int top = (1 << exponent_bits) - 1;
  const int exponent = static_cast<int>(bits >> fraction_bits) & top;
  const int fraction = static_cast<int>(bits) & ((1 << fraction_bits) - 1);
  const long double sign = (bits >> (exponent_bits + fraction_bits)) != 0 ? -1 : 1;
  if (exponent == top) {
    return fraction == 0 ? sign * std::numeric_limits<long double>::infinity()
                         : std::numeric_limits<long double>::quiet_NaN();
  }
  const int implicit = exponent == 0 ? 0 : 1 << fraction_bits;
  return sign * std::ldexp(static_cast<long double>(fraction + implicit),
                           (exponent == 0 ? 1 : exponent) - bias - fraction_bits);
}

// E4M3 uses the top exponent for numbers, too, but for the fraction of ones.
inline long double e4m3(std::uint32_t bits) {
  if ((bits & 0x7f) == 0x7f) {
    return std::numeric_limits<long double>::quiet_NaN();
  }
  if ((bits & 0x78) == 0x78) {
    return ((bits & 0x80) != 0 ? -1 : 1) * std::ldexp(8.0L + (bits & 7), 15 - 7 - 3);
  }
  return small_float(bits, 4, 3);
}

template <class T>
T loaded(const std::byte* at) {
  T out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

// The value of the element at `at`, or of the component of a complex one. Integers of 64 bits are
// rounded to f64 first, as in the definition of health.
inline long double value_at(cairn::DType dtype, const std::byte* at) {
  using cairn::DType;
  switch (dtype) {
    case DType::Bool:
    case DType::U8:
      return loaded<std::uint8_t>(at);
    case DType::I8:
      return loaded<std::int8_t>(at);
    case DType::I16:
      return loaded<std::int16_t>(at);
    case DType::I32:
      return loaded<std::int32_t>(at);
    case DType::I64:
      return static_cast<double>(loaded<std::int64_t>(at));
    case DType::U16:
      return loaded<std::uint16_t>(at);
    case DType::U32:
      return loaded<std::uint32_t>(at);
    case DType::U64:
      return static_cast<double>(loaded<std::uint64_t>(at));
    case DType::F8E4M3:
      return e4m3(loaded<std::uint8_t>(at));
    case DType::F8E5M2:
      return small_float(loaded<std::uint8_t>(at), 5, 2);
    case DType::F16:
      return small_float(loaded<std::uint16_t>(at), 5, 10);
    case DType::BF16:
      return small_float(loaded<std::uint16_t>(at), 8, 7);
    case DType::F32:
    case DType::C64:
      return loaded<float>(at);
    case DType::F64:
    case DType::C128:
      return loaded<double>(at);
  }
  return 0;
}

inline Reference reference_health(cairn::DType dtype, std::span<const std::byte> bytes) {
  const bool complex = dtype == cairn::DType::C64 || dtype == cairn::DType::C128;
  const std::size_t width = cairn::element_bytes(dtype) / (complex ? 2 : 1);
  Reference out;
  for (std::size_t at = 0; at + width <= bytes.size(); at += width) {
    const long double value = value_at(dtype, bytes.data() + at);
    out.zeros += value == 0 ? 1 : 0;
    if (std::isnan(value)) {
      ++out.nans;
    } else if (std::isinf(value)) {
      ++out.infinities;
    } else {
      ++out.finite;
      out.min = value < out.min ? value : out.min;
      out.max = value > out.max ? value : out.max;
      out.sum += value;
      out.sum_of_squares += value * value;
      out.sum_of_magnitudes += std::abs(value);
    }
  }
  return out;
}

}  // namespace cairn_test
