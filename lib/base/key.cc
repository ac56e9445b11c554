// Digest, Version and Key as text and back, and the rules of names and aliases.
#include "cairn/key.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "base/bytes.h"
#include "base/key_text.h"
#include "base/text.h"

namespace cairn {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kReservedName = "xxh3";
constexpr std::size_t kMaxNameBytes = 255;
constexpr std::size_t kMaxAliasBytes = 64;
constexpr std::size_t kMaxVersionNumbers = 3;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_word(char c) {
  return is_digit(c) || is_letter(c) || c == '.' || c == '_' || c == '-';
}

std::optional<std::uint8_t> hex_value(char c) {
  if (is_digit(c)) {
    return static_cast<std::uint8_t>(c - '0');
  }
  const char lower = static_cast<char>(c | 0x20);
  if (lower >= 'a' && lower <= 'f') {
    return static_cast<std::uint8_t>(lower - 'a' + 10);
  }
  return std::nullopt;
}

tl::unexpected<Error> invalid(std::string_view what, std::string_view text,
                              const std::string& why) {
  return fail(Code::InvalidArgument, std::string(what) + " " + quoted(text) + ": " + why);
}

std::string found_at(std::string_view text, std::size_t at) {
  return ", found " + quoted(text.substr(at, 1)) + " at byte " + std::to_string(at);
}

// `text` without a number's leading zeros.
std::string_view without_zeros(std::string_view text) {
  const auto first = text.find_first_not_of('0');
  return text.substr(std::min(first, text.size() - 1));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  for (auto end = text.find(separator); end != std::string_view::npos;
       end = text.find(separator, begin)) {
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

// The version that `numbers` would be without leading zeros: "; did you mean 2024.11.5?".
std::string suggestion(std::string_view prefix, const std::vector<std::string_view>& numbers) {
  std::string out = "; did you mean " + std::string(prefix);
  for (const std::string_view number : numbers) {
    out += number.data() == numbers.front().data() ? "" : ".";
    out += without_zeros(number);
  }
  return out + "?";
}

}  // namespace

std::string Digest::to_string() const {
  return to_hex(as_text(std::as_bytes(std::span(bytes))));
}

Result<Digest> Digest::parse(std::string_view hex) {
  Digest digest;
  if (hex.size() != digest.bytes.size() * 2) {
    return invalid(
        "digest", hex,
        "expected 32 hexadecimal digits, found " + std::to_string(hex.size()) + " bytes");
  }
  for (std::size_t i = 0; i < hex.size(); ++i) {
    const auto value = hex_value(hex[i]);
    if (!value) {
      return invalid("digest", hex, "expected hexadecimal digits" + found_at(hex, i));
    }
    auto& byte = digest.bytes.at(i / 2);
    byte = static_cast<std::uint8_t>((byte << 4U) | *value);
  }
  return digest;
}

bool looks_like_version(std::string_view text) noexcept {
  if (text.starts_with('v')) {
    text.remove_prefix(1);
  }
  return !text.empty() && is_digit(text.front()) &&
         text.find_first_not_of("0123456789.") == std::string_view::npos;
}

Result<std::uint64_t> parse_decimal(std::string_view what, std::string_view text,
                                    std::uint64_t max) {
  if (text.empty() || text.find_first_not_of(kDigits) != std::string_view::npos) {
    return invalid(what, text, "expected a decimal number, found something else");
  }
  if (text.size() > 1 && text.front() == '0') {
    return invalid(what, text,
                   "expected no leading zeros; did you mean " + quoted(without_zeros(text)) + "?");
  }
  std::uint64_t value = 0;
  for (const char c : text) {
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (max - digit) / 10) {
      return invalid(what, text, "expected at most " + std::to_string(max) + ", found more");
    }
    value = value * 10 + digit;
  }
  return value;
}

Result<Version> Version::parse(std::string_view text) {
  const std::string_view prefix = text.substr(0, text.starts_with('v') ? 1 : 0);
  const auto numbers = split(text.substr(prefix.size()), '.');
  const bool all_digits = std::ranges::all_of(numbers, [](std::string_view number) {
    return !number.empty() && std::ranges::all_of(number, is_digit);
  });
  if (!all_digits || numbers.size() > kMaxVersionNumbers) {
    return invalid(
        "version", text,
        "expected one to three numbers such as 3 or 3.1.4, found " +
            (all_digits ? std::to_string(numbers.size()) : std::string("something else")));
  }
  const bool zeros = std::ranges::any_of(
      numbers, [](std::string_view number) { return number.size() > 1 && number.front() == '0'; });
  if (zeros) {
    return invalid("version", text, "expected no leading zeros" + suggestion(prefix, numbers));
  }
  Version version;
  const std::array fields = {&version.major, &version.minor, &version.patch};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto number =
        parse_decimal("version number", numbers[i], std::numeric_limits<std::uint32_t>::max());
    if (!number) {
      return fail("version " + quoted(text), number.error());
    }
    *fields.at(i) = static_cast<std::uint32_t>(*number);
  }
  return version;
}

std::string Version::to_string() const {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

Result<Key> Key::parse(std::string_view text) {
  auto parts = Ref(text).parts();
  if (!parts) {
    return tl::unexpected(std::move(parts.error()));
  }
  if (parts->versions != RefParts::Versions::Exact || parts->epochs != RefParts::Epochs::Exact) {
    return invalid("key", text, "expected NAME:VERSION@EPOCH, found another kind of ref");
  }
  return Key{std::move(parts->name), parts->version, parts->epoch};
}

std::string Key::to_string() const {
  return name + ":" + version.to_string() + "@" + std::to_string(epoch);
}

Result<void> check_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes) {
    return invalid("name", name,
                   "expected 1 to " + std::to_string(kMaxNameBytes) + " bytes, found " +
                       std::to_string(name.size()));
  }
  if (name == kReservedName) {
    return invalid("name", name, "expected another name, this one is kept for digests");
  }
  bool start = true;  // Of a component.
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (start && !is_digit(c) && !is_letter(c)) {
      return invalid("name", name,
                     "expected a letter or digit where a component starts" + found_at(name, i));
    }
    start = c == '/';
    if (!start && !is_word(c)) {
      return invalid("name", name,
                     "expected letters, digits, '.', '_', '-' or '/'" + found_at(name, i));
    }
  }
  if (start) {
    return invalid("name", name, "expected a component after '/', found the end");
  }
  return {};
}

Result<void> check_alias(std::string_view alias) {
  if (alias.empty() || alias.size() > kMaxAliasBytes) {
    return invalid("alias", alias,
                   "expected 1 to " + std::to_string(kMaxAliasBytes) + " bytes, found " +
                       std::to_string(alias.size()));
  }
  if (alias == "latest" || alias == "all") {
    return invalid("alias", alias, "expected another word, this one has a meaning of its own");
  }
  if (looks_like_version(alias)) {
    return invalid("alias", alias, "expected an alias, found what reads as a version");
  }
  if (!is_letter(alias.front())) {
    return invalid("alias", alias, "expected a letter first" + found_at(alias, 0));
  }
  const auto wrong = std::ranges::find_if_not(alias, is_word);
  if (wrong != alias.end()) {
    return invalid("alias", alias,
                   "expected letters, digits, '.', '_' or '-'" +
                       found_at(alias, static_cast<std::size_t>(wrong - alias.begin())));
  }
  return {};
}

}  // namespace cairn
