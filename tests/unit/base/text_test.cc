// Tests of the text rules: UTF-8, names of items, quoting, paths.
#include "base/text.h"

#include <doctest/doctest.h>

#include <iomanip>
#include <random>
#include <string>

#include "base/seed.h"

namespace cairn {
namespace {

// The textbook way: decode, then look at the code point.
bool decodes(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80       ? 1
                               : lead >> 5 == 6  ? 2
                               : lead >> 4 == 14 ? 3
                               : lead >> 3 == 30 ? 4
                                                 : 0;
    if (length == 0 || i + length > text.size()) {
      return false;
    }
    std::uint32_t point = length == 1 ? lead : lead & (0xFFU >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      if (byte >> 6 != 2) {
        return false;
      }
      point = point << 6 | (byte & 0x3FU);
    }
    const std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < least[length] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) {
      return false;
    }
    i += length;
  }
  return true;
}

TEST_CASE("text: UTF-8 is told from what is not") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("plain text of more than eight bytes"));
  CHECK(is_utf8("\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80 \xF4\x8F\xBF\xBF"));
  CHECK(is_utf8(std::string_view("\0", 1)));
  for (const char* bad : {"\x80", "\xC0\xAF", "\xC1\xBF", "\xC3", "\xE0\x9F\xBF", "\xED\xA0\x80",
                          "\xE2\x82", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
                          "\xFF", "12345678\xFE", "\xC3(", "\xE2\x82("}) {
    CAPTURE(bad);
    CHECK_FALSE(is_utf8(bad));
  }
}

TEST_CASE("text: random bytes are UTF-8 exactly where they decode") {
  const auto seed = test::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const std::string lively =
      "a\x7F\x80\x8F\x90\x9F\xA0\xBF\xC1\xC2\xDF\xE0\xE1\xEC\xED\xEE\xEF\xF0\xF1\xF4\xF5";
  for (int i = 0; i < 100'000; ++i) {
    const auto text = test::random_text(random, 12, i % 2 == 0 ? lively : "");
    REQUIRE_MESSAGE(is_utf8(text) == decodes(text), to_hex(text));
  }
}

TEST_CASE("text: names of items are 1 to so many bytes of UTF-8 without NUL") {
  CHECK(check_item_name("tensor", "layers/0/weight \xC3\xA4", kMaxItemNameBytes));
  CHECK(check_item_name("tensor", std::string(1024, 'a'), kMaxItemNameBytes));
  const auto message = [](std::string_view name) {
    const auto result = check_item_name("tensor", name, 8);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Code::InvalidArgument);
    return result.error().message;
  };
  CHECK(message("") == "tensor name \"\": expected 1 to 8 bytes, found none");
  CHECK(message("ninebytes") == "tensor name \"ninebytes\": expected at most 8 bytes, found 9");
  CHECK(message(std::string_view("a\0b", 3)) ==
        "tensor name \"a\\x00b\": expected no NUL, found one at byte 1");
  CHECK(message("ab\xFF") ==
        "tensor name \"ab\\xff\": expected UTF-8, found something else at byte 2");
}

TEST_CASE("text: quoting escapes what a terminal might obey") {
  CHECK(quoted("plain \xC3\xA4") == "\"plain \xC3\xA4\"");
  CHECK(quoted("a\"b\\c") == "\"a\\\"b\\\\c\"");
  CHECK(quoted("\x1B[31m\n\x7F") == "\"\\x1b[31m\\x0a\\x7f\"");
  CHECK(quoted("\xC2\x9B!") == "\"\\xc2\\x9b!\"");
  CHECK(quoted("\xE2\x82") == "\"\\xe2\\x82\"");
  CHECK(quoted(std::string(201, 'x')) == "\"" + std::string(200, 'x') + "\"...");
  CHECK(quoted(std::string(199, 'x') + "\xC3\xA4") == "\"" + std::string(199, 'x') + "\"...");
}

TEST_CASE("text: quoting a std::string is not taken over by std::quoted") {
  std::string text = "x";
  CHECK(quoted(text) + "!" == "\"x\"!");
}

TEST_CASE("text: paths read as in a program") {
  std::string path;
  append_path_key(path, "layers");
  append_path_index(path, 2);
  append_path_key(path, "rate");
  append_path_key(path, "odd key");
  CHECK(path == "layers[2].rate[\"odd key\"]");
}

TEST_CASE("text: hexadecimal is lower-case") {
  CHECK(to_hex(std::string_view("\x00\xAB\xFF", 3)) == "00abff");
}

}  // namespace
}  // namespace cairn
