// Base64, four characters for three bytes, strict on reading: each text has one meaning and each
// sequence of bytes one text.
#include "base/base64.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/text.h"

namespace cairn {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNone = 0xFF;

constexpr std::array<std::uint8_t, 256> kValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNone);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

std::uint8_t value_of(char c) {
  return kValues[static_cast<std::uint8_t>(c)];
}

tl::unexpected<Error> bad(const std::string& why) {
  return fail(Code::InvalidArgument, "base64: " + why);
}

}  // namespace

std::string encode_base64(std::span<const std::byte> bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8U | (i < count ? std::to_integer<std::uint32_t>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += i <= count ? kAlphabet[bits >> (18 - 6 * i) & 0x3FU] : '=';
    }
  }
  return out;
}

Result<std::vector<std::byte>> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) {
    return bad("expected a multiple of 4 characters, found " + std::to_string(text.size()));
  }
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const std::string_view digits = text.substr(0, text.size() - padding);
  std::vector<std::byte> out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  std::uint32_t held = 0;  // Bits that no byte has taken yet, the lower ones of `bits`.
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const std::uint8_t value = value_of(digits[i]);
    if (value == kNone) {
      return bad("expected letters, digits, '+' or '/', found " + quoted(digits.substr(i, 1)) +
                 " at byte " + std::to_string(i));
    }
    bits = bits << 6U | value;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out.push_back(static_cast<std::byte>(bits >> held & 0xFFU));
      bits &= (1U << held) - 1U;
    }
  }
  if (bits != 0) {
    return bad("expected zero bits behind the last byte, found others");
  }
  return out;
}

}  // namespace cairn
