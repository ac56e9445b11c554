// Tests of base64: the vectors of RFC 4648, and strictness.
#include "base/base64.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "base/bytes.h"
#include "base/seed.h"

namespace cairn {
namespace {

TEST_CASE("base64: the test vectors of RFC 4648 hold both ways") {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    CHECK(encode_base64(as_byte_span(plain)) == encoded);
    const auto decoded = decode_base64(encoded);
    REQUIRE(decoded);
    CHECK(as_text(*decoded) == plain);
  }
}

TEST_CASE("base64: anything but the one encoding is refused") {
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg==\n", "Zh==", "Zm9=", "Z===", "====", "=", "Zg=a",
                          "Zm9v====", "Zm-_", "Zm 9", "Zm\xC3\xA4", "Zg==Zg=="}) {
    CAPTURE(bad);
    const auto decoded = decode_base64(bad);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code == Code::InvalidArgument);
  }
}

TEST_CASE("base64: random bytes come back, and random text has one meaning or none") {
  const auto seed = test::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    const auto plain = test::random_text(random, 50);
    const auto decoded = decode_base64(encode_base64(as_byte_span(plain)));
    REQUIRE(decoded);
    REQUIRE(as_text(*decoded) == plain);
    const auto text = test::random_text(random, 13, "AQgw+/=");
    if (const auto bytes = decode_base64(text)) {
      REQUIRE(encode_base64(*bytes) == text);
    }
  }
}

}  // namespace
}  // namespace cairn
