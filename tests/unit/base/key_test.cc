// Tests of digests, versions, keys, names and aliases as text.
#include "cairn/key.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "base/seed.h"

namespace cairn {
namespace {

std::string version_error(std::string_view text) {
  const auto version = Version::parse(text);
  REQUIRE_FALSE(version);
  CHECK(version.error().code == Code::InvalidArgument);
  return version.error().message;
}

TEST_CASE("digest: 32 hexadecimal digits are read and printed in lower case") {
  const auto digest = Digest::parse("00112233445566778899AABBCCDDEEff");
  REQUIRE(digest);
  CHECK(digest->to_string() == "00112233445566778899aabbccddeeff");
  CHECK(digest->bytes[1] == 0x11);
  CHECK_FALSE(Digest::parse(""));
  CHECK_FALSE(Digest::parse("00112233445566778899aabbccddeef"));
  CHECK_FALSE(Digest::parse("00112233445566778899aabbccddeeff0"));
  CHECK_FALSE(Digest::parse("0x112233445566778899aabbccddeeff"));
  CHECK_FALSE(Digest::parse("0011223344556677@899aabbccddeeff"));
}

TEST_CASE("version: one to three numbers, with or without v, are one version") {
  for (const char* text : {"3", "v3", "3.0", "v3.0", "3.0.0", "v3.0.0"}) {
    CAPTURE(text);
    CHECK(Version::parse(text) == Version{3, 0, 0});
  }
  CHECK(Version::parse("0.0.4294967295") == Version{0, 0, 4294967295U});
  CHECK(Version{1, 2, 3}.to_string() == "1.2.3");
  CHECK(Version{1, 10, 0} > Version{1, 9, 9});
}

TEST_CASE("version: leading zeros are refused with what may have been meant") {
  CHECK(version_error("2024.11.05") ==
        "version \"2024.11.05\": expected no leading zeros; did you mean 2024.11.5?");
  CHECK(version_error("v01.00").ends_with("did you mean v1.0?"));
}

TEST_CASE("version: anything else is refused") {
  for (const char* text : {"", "v", "V1", ".", "1.", ".1", "1..2", "1.2.3.4", "-1", "+1", " 1",
                           "1 ", "1.x", "vv1", "1.2-rc1", "0x10"}) {
    CAPTURE(text);
    version_error(text);
  }
  CHECK(version_error("1.4294967296").find("expected at most 4294967295") != std::string::npos);
  CHECK(version_error("99999999999999999999").find("expected at most") != std::string::npos);
}

TEST_CASE("key: prints and parses as NAME:VERSION@EPOCH") {
  const Key key{"mnist/mlp", {1, 0, 0}, 7};
  CHECK(key.to_string() == "mnist/mlp:1.0.0@7");
  CHECK(Key::parse("mnist/mlp:1.0.0@7") == key);
  CHECK(Key::parse("mnist/mlp:v1@7") == key);
  CHECK(Key::parse("a:1@18446744073709551615")->epoch == 18446744073709551615U);
  for (const char* text : {"", "a", "a:1", "a@1", "a:best@1", "a:1@last", "a:1@1..2", "a:all@1",
                           "xxh3:abcd", "a:1@18446744073709551616", "a:1@-1", "a:1@07"}) {
    CAPTURE(text);
    const auto parsed = Key::parse(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == Code::InvalidArgument);
  }
}

TEST_CASE("key: keys are ordered by name, version, epoch") {
  CHECK(Key{"a", {2, 0, 0}, 0} < Key{"b", {1, 0, 0}, 0});
  CHECK(Key{"a", {1, 0, 0}, 9} < Key{"a", {1, 0, 1}, 0});
  CHECK(Key{"a", {1, 0, 0}, 9} < Key{"a", {1, 0, 0}, 10});
}

TEST_CASE("name: components of letters, digits and .-_ are joined by slashes") {
  for (const std::string name :
       {"a", "0", "mnist/lr-0.1", "A.b_c-d/E/9", "xxh3/a", "xxh33", "all"}) {
    CAPTURE(name);
    CHECK(check_name(name));
  }
  CHECK(check_name(std::string(255, 'a')));
  for (const std::string name : {"", "/", "/a", "a/", "a//b", ".a", "a/.b", "-a", "_a", "a b",
                                 "a:b", "a@b", "a\\b", "../a", "a/..", "xxh3", "\xC3\xA4", "a\n"}) {
    CAPTURE(name);
    const auto result = check_name(name);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Code::InvalidArgument);
  }
  CHECK_FALSE(check_name(std::string(256, 'a')));
  CHECK_FALSE(check_name(std::string_view("a\0b", 3)));
}

TEST_CASE("name: a refusal says what is wrong and where") {
  CHECK(check_name("ab/c d").error().message ==
        "name \"ab/c d\": expected letters, digits, '.', '_', '-' or '/', found \" \" at byte 4");
  CHECK(
      check_name("a/-b").error().message ==
      "name \"a/-b\": expected a letter or digit where a component starts, found \"-\" at byte 2");
}

TEST_CASE("alias: a word that can be taken for nothing else") {
  for (const std::string alias :
       {"best", "prod", "a", "V3", "v", "v1.0-rc1", "version2", "Latest"}) {
    CAPTURE(alias);
    CHECK(check_alias(alias));
  }
  CHECK(check_alias("a" + std::string(63, '.')));
  for (const std::string alias :
       {"", "latest", "all", "v1", "v1.2.3", "v01", "v1.2.3.4", "v4294967296", "1", "1a", "-a",
        "_a", ".a", "a b", "a/b", "a:b", "a@b"}) {
    CAPTURE(alias);
    const auto result = check_alias(alias);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Code::InvalidArgument);
  }
  CHECK_FALSE(check_alias("a" + std::string(64, 'b')));
}

TEST_CASE("key: random text never crashes, and what parses prints to what parses the same") {
  const auto seed = test::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 200'000; ++i) {
    const auto text = test::random_text(random, 16, i % 2 == 0 ? "" : "ab/v.0129:@");
    if (const auto version = Version::parse(text)) {
      REQUIRE(Version::parse(version->to_string()) == *version);
    }
    if (const auto key = Key::parse(text)) {
      REQUIRE(Key::parse(key->to_string()) == *key);
      REQUIRE(check_name(key->name));
    }
    (void)check_alias(text).has_value();
  }
}

}  // namespace
}  // namespace cairn
