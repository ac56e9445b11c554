// Tests of Value: types, look-up, and the check of what may be saved.
#include "cairn/value.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace cairn {
namespace {

std::string error_of(const Value& value) {
  const auto result = check_value(value);
  return result ? std::string() : result.error().to_string();
}

Value nested(std::size_t levels) {
  Value value = 1;
  for (std::size_t i = 1; i < levels; ++i) {
    value = Value::List{std::move(value)};
  }
  return value;
}

TEST_CASE("value: an integer that fits i64 is held as i64, whatever it came from") {
  CHECK(Value(7U) == Value(std::int8_t{7}));
  CHECK(Value(std::uint64_t{1} << 63).type_name() == "u64");
  CHECK(Value((std::uint64_t{1} << 63) - 1).type_name() == "i64");
  CHECK_FALSE(Value(1) == Value(1.0));
}

TEST_CASE("value: every type has a name") {
  const Value::List all = {Value(),           true,          1,
                           ~std::uint64_t{0}, 1.5,           "text",
                           Value::Bytes{},    Value::List{}, Value::Map{}};
  std::string names;
  for (const Value& value : all) {
    names += std::string(value.type_name()) + " ";
    CHECK(error_of(value).empty());
  }
  CHECK(names == "null bool i64 u64 f64 string bytes list map ");
}

TEST_CASE("value: find looks into maps only") {
  const Value map = Value::Map{{"a", 1}, {"b", "two"}};
  REQUIRE(map.find("b") != nullptr);
  CHECK(*map.find("b") == Value("two"));
  CHECK(map.find("c") == nullptr);
  CHECK(Value(1).find("a") == nullptr);
}

TEST_CASE("value: the check says the path of what is wrong") {
  const auto in_layers = [](Value bad) {
    return Value::Map{{"name", "mlp"},
                      {"layers", Value::List{1, 2, Value::Map{{"rate", std::move(bad)}}}}};
  };
  CHECK(error_of(in_layers(0.5)).empty());
  CHECK(error_of(in_layers(std::numeric_limits<double>::infinity())) ==
        "InvalidArgument: value at layers[2].rate: expected a finite number, found inf");
  CHECK(error_of(in_layers("\xFF")) ==
        "InvalidArgument: value at layers[2].rate: expected UTF-8, found \"\\xff\"");
  CHECK(error_of(in_layers(Value::Map{{"a", 1}, {"b", 2}, {"a", 3}})) ==
        "InvalidArgument: value at layers[2].rate: expected unique keys, found \"a\" twice");
  CHECK(error_of(in_layers(Value::Map{{"\xC0", 1}})) ==
        "InvalidArgument: value at layers[2].rate: expected UTF-8 keys, found \"\\xc0\"");
  CHECK(error_of(std::numeric_limits<double>::quiet_NaN())
            .starts_with("InvalidArgument: value at the top: expected a finite number"));
}

TEST_CASE("value: 32 levels are the limit") {
  CHECK(error_of(nested(kMaxValueDepth)).empty());
  CHECK(error_of(nested(kMaxValueDepth + 1)).starts_with("LimitExceeded: value at [0][0]"));
  CHECK(error_of(nested(2000)).starts_with("LimitExceeded"));
}

TEST_CASE("value: a million values are the limit") {
  Value::List list(kMaxValues - 1, Value(1));
  CHECK(error_of(list).empty());
  list.emplace_back(2);
  CHECK(error_of(list).starts_with("LimitExceeded: value at [999999]: expected at most 1000000"));
}

TEST_CASE("value: a large map is checked in much less than quadratic time") {
  Value::Map map;
  for (int i = 0; i < 200'000; ++i) {
    map.emplace_back("key" + std::to_string(i), i);
  }
  CHECK(error_of(map).empty());
  map.emplace_back("key77", 0);
  CHECK(error_of(map) ==
        "InvalidArgument: value at the top: expected unique keys, found \"key77\" twice");
}

}  // namespace
}  // namespace cairn
