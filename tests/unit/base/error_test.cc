// Tests of the error codes' names.
#include "cairn/error.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace cairn {
namespace {

TEST_CASE("error: every code has a name of its own") {
  std::set<std::string> names;
  for (int number = 1; number <= static_cast<int>(Code::Cancelled); ++number) {
    names.emplace(to_string(static_cast<Code>(number)));
  }
  CHECK(names.size() == static_cast<std::size_t>(Code::Cancelled));
  CHECK(names.count("unknown") == 0);
  CHECK(names.count("NotFound") == 1);
  CHECK(to_string(static_cast<Code>(200)) == "unknown");
}

TEST_CASE("error: an error prints its code and its message") {
  const Error error{Code::NotFound, "no artifact digits:3.0.0@7"};
  CHECK(error.to_string() == "NotFound: no artifact digits:3.0.0@7");
}

}  // namespace
}  // namespace cairn
