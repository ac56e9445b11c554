// Numeric health: what a save records about a tensor's values while they pass by.
#include <bit>
#include <cmath>
#include <complex>
#include <limits>

#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Health health_of(Store& store, const Draft& draft) {
  const auto key = must(store.save(fresh_name(), draft)).key;
  return must(must(store.load(key)).info("t")).health.value();
}

template <class T>
Health health_of(const std::vector<T>& values) {
  Draft draft;
  draft.tensor("t", values);
  return health_of(scratch_store(), draft);
}

template <class T>
Health health_with(unsigned threads, const std::vector<T>& values) {
  TempStore temp;
  auto store = temp.open({.threads = threads});
  Draft draft;
  draft.tensor("t", values);
  return health_of(store, draft);
}

bool same_bits(const Health& a, const Health& b) {
  const auto bits = [](double value) { return std::bit_cast<std::uint64_t>(value); };
  return bits(a.min) == bits(b.min) && bits(a.max) == bits(b.max) && bits(a.mean) == bits(b.mean) &&
         bits(a.l2) == bits(b.l2) && a.nans == b.nans && a.infinities == b.infinities &&
         a.zeros == b.zeros;
}

void check_common_values(const Health& health) {
  CHECK(health.min == -2);
  CHECK(health.max == 4);
  CHECK(health.mean == 0.75);
  CHECK(health.l2 == doctest::Approx(std::sqrt(21.0)));
  CHECK(health.nans == 1);
  CHECK(health.infinities == 2);
  CHECK(health.zeros == 1);
}

}  // namespace

TEST_CASE("health: minimum, maximum, mean and l2 are those of the finite elements") {
  check_common_values(
      health_of(std::vector<float>{1, -2, 0, float(kNaN), 4, float(kInf), -float(kInf)}));
  check_common_values(health_of(std::vector<double>{1, -2, -0.0, kNaN, 4, kInf, -kInf}));
  // 1, -2, 0, NaN, 4, inf, -inf.
  check_common_values(health_of(
      std::vector<F16>{{0x3c00}, {0xc000}, {0x8000}, {0x7e00}, {0x4400}, {0x7c00}, {0xfc00}}));
  check_common_values(health_of(
      std::vector<BF16>{{0x3f80}, {0xc000}, {0}, {0x7fc0}, {0x4080}, {0x7f80}, {0xff80}}));
  check_common_values(
      health_of(std::vector<F8E5M2>{{0x3c}, {0xc0}, {0}, {0x7f}, {0x44}, {0x7c}, {0xfc}}));
}

TEST_CASE("health: E4M3 has no infinity, and both of its NaNs count") {
  // 1, -2, 448, NaN, NaN, -0.
  const auto health =
      health_of(std::vector<F8E4M3>{{0x38}, {0xc0}, {0x7e}, {0x7f}, {0xff}, {0x80}});
  CHECK(health.min == -2);
  CHECK(health.max == 448);
  CHECK(health.nans == 2);
  CHECK(health.infinities == 0);
  CHECK(health.zeros == 1);
}

TEST_CASE("health: integers are measured over their whole range") {
  const auto i64 = health_of(std::vector<std::int64_t>{INT64_MIN, 0, INT64_MAX});
  CHECK(i64.min == -0x1p63);
  CHECK(i64.max == 0x1p63);
  CHECK(i64.zeros == 1);
  const auto u64 = health_of(std::vector<std::uint64_t>{UINT64_MAX, 5});
  CHECK(u64.min == 5);
  CHECK(u64.max == 0x1p64);
  const auto i8 = health_of(std::vector<std::int8_t>{-128, 127, 0, 0});
  CHECK(i8.min == -128);
  CHECK(i8.max == 127);
  CHECK(i8.mean == -0.25);
  CHECK(i8.zeros == 2);
  const auto u16 = health_of(std::vector<std::uint16_t>{65535, 65535});
  CHECK(u16.mean == 65535);
  CHECK(u16.l2 == doctest::Approx(65535 * std::sqrt(2.0)));
}

TEST_CASE("health: booleans count as 0 and 1") {
  const auto bytes = std::vector<std::byte>{std::byte{1}, std::byte{0}, std::byte{0}, std::byte{1}};
  Draft draft;
  draft.tensor("t", TensorView{DType::Bool, {2, 2}, Layout::C, bytes});
  const auto health = health_of(scratch_store(), draft);
  CHECK(health.min == 0);
  CHECK(health.max == 1);
  CHECK(health.mean == 0.5);
  CHECK(health.zeros == 2);
}

TEST_CASE("health: a complex number counts as two") {
  const auto health =
      health_of(std::vector<std::complex<float>>{{3, -4}, {0, 5}, {float(kNaN), float(kInf)}});
  CHECK(health.min == -4);
  CHECK(health.max == 5);
  CHECK(health.mean == 1);
  CHECK(health.l2 == doctest::Approx(std::sqrt(50.0)));
  CHECK(health.zeros == 1);
  CHECK(health.nans == 1);
  CHECK(health.infinities == 1);
  CHECK(health_of(std::vector<std::complex<double>>{{1, -7}}).min == -7);
}

TEST_CASE("health: without a finite element, minimum, maximum and mean are NaN") {
  const auto none = health_of(std::vector<float>{float(kNaN), float(kInf)});
  CHECK(std::isnan(none.min));
  CHECK(std::isnan(none.max));
  CHECK(std::isnan(none.mean));
  CHECK(none.nans == 1);
  CHECK(none.infinities == 1);
  const auto empty = health_of(std::vector<double>());
  CHECK(std::isnan(empty.min));
  CHECK(std::isnan(empty.mean));
  CHECK(empty.zeros == 0);
}

TEST_CASE("health: it is the same bit for bit with 1, 2 and 5 threads") {
  Random random;
  auto floats = random.floats(3 * kMiB);
  floats[0] = float(kNaN);
  floats[floats.size() - 1] = -float(kInf);
  const auto one = health_with(1, floats);
  CHECK(one.nans == 1);
  CHECK(one.infinities == 1);
  CHECK(std::abs(one.mean) < 0.01);
  CHECK(same_bits(one, health_with(2, floats)));
  CHECK(same_bits(one, health_with(5, floats)));
  const auto doubles = random.elements<double>(700'001);
  CHECK(same_bits(health_with(1, doubles), health_with(5, doubles)));
}

TEST_CASE("health: a content that is stored already is measured as what it is now") {
  TempStore temp;
  auto store = temp.open();
  const std::vector<float> values = {1, 2, 3};
  Draft floats;
  floats.tensor("t", values);
  must(store.save("floats", floats));
  Draft integers;
  integers.tensor("t", TensorView{DType::U32, {3}, Layout::C, std::as_bytes(std::span(values))});
  must(store.save("integers", integers));
  CHECK(must(must(store.load("floats")).info("t")).health.value().max == 3);
  CHECK(must(must(store.load("integers")).info("t")).health.value().max == 0x40400000);
}

TEST_CASE("health: it survives a reopen, and health=false leaves it out") {
  TempStore temp;
  Draft draft;
  draft.tensor("t", std::vector<float>{1, float(kNaN)});
  {
    auto store = temp.open();
    must(store.save("with", draft));
    SaveOptions options;
    options.health = false;
    must(store.save("without", draft, options));
  }
  const auto store = temp.open();
  CHECK(must(must(store.load("with")).info("t")).health.value().nans == 1);
  CHECK(!must(must(store.load("without")).info("t")).health.has_value());
  CHECK(must(store.load("with")).digest() == must(store.load("without")).digest());
}

}  // namespace cairn::testing
