// Tests of times as RFC 3339 text.
#include "base/time.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "base/seed.h"

namespace cairn {
namespace {

Time at(std::int64_t nanos) {
  return Time(std::chrono::nanoseconds(nanos));
}

TEST_CASE("time: text has a fraction only where there is one") {
  CHECK(format_time(at(0)) == "1970-01-01T00:00:00Z");
  CHECK(format_time(at(1)) == "1970-01-01T00:00:00.000000001Z");
  CHECK(format_time(at(-1)) == "1969-12-31T23:59:59.999999999Z");
  CHECK(format_time(at(1'730'810'096'789'000'000)) == "2024-11-05T12:34:56.789Z");
  CHECK(format_time(Time::min()) == "1677-09-21T00:12:43.145224192Z");
  CHECK(format_time(Time::max()) == "2262-04-11T23:47:16.854775807Z");
}

TEST_CASE("time: what is printed is read back") {
  const auto seed = test::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    auto nanos = static_cast<std::int64_t>(random());
    nanos -= i % 3 == 0 ? nanos % 1'000'000 : 0;
    REQUIRE(parse_time(format_time(at(nanos))) == at(nanos));
  }
  for (const Time time : {Time::min(), Time::max(), at(0)}) {
    CHECK(parse_time(format_time(time)) == time);
  }
}

TEST_CASE("time: what RFC 3339 allows is read") {
  const Time noon = parse_time("2024-02-29T12:00:00Z").value();
  CHECK(parse_time("2024-02-29t12:00:00.000z") == noon);
  CHECK(parse_time("2024-02-29T13:30:00+01:30") == noon);
  CHECK(parse_time("2024-02-28T23:00:00-13:00") == noon);
}

TEST_CASE("time: anything else is refused") {
  for (const char* bad : {"",
                          "2024-11-05",
                          "2024-11-05T12:34:56",
                          "2024-11-05 12:34:56Z",
                          "2024-13-05T12:34:56Z",
                          "2023-02-29T00:00:00Z",
                          "2024-11-05T24:00:00Z",
                          "2024-11-05T12:60:00Z",
                          "2024-11-05T12:34:60Z",
                          "2024-11-05T12:34:56.Z",
                          "2024-11-05T12:34:56.1234567890Z",
                          "2024-11-05T12:34:56Z ",
                          "2024-11-05T12:34:56+1:00",
                          "2024-11-05T12:34:56+24:00",
                          "24-11-05T12:34:56Z",
                          "+024-11-05T12:34:56Z",
                          "0000-01-01T00:00:00Z",
                          "9999-12-31T23:59:59Z",
                          "1677-09-21T00:12:43.145224191Z",
                          "2262-04-11T23:47:16.854775808Z"}) {
    CAPTURE(bad);
    const auto time = parse_time(bad);
    REQUIRE_FALSE(time);
    CHECK(time.error().code == Code::InvalidArgument);
  }
}

TEST_CASE("time: random text never crashes") {
  const auto seed = test::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 100'000; ++i) {
    std::string text = "2024-11-05T12:34:56.789+01:00";
    for (std::size_t k = test::below(random, 3); k < 3; ++k) {
      text[test::below(random, text.size())] = "0123456789-:.TZ+ "[test::below(random, 17)];
    }
    text.resize(test::below(random, text.size() + 1));
    if (const auto time = parse_time(text)) {
      REQUIRE(parse_time(format_time(*time)) == *time);
    }
  }
}

TEST_CASE("time: now is after this was written") {
  CHECK(now() > parse_time("2024-01-01T00:00:00Z").value());
}

}  // namespace
}  // namespace cairn
