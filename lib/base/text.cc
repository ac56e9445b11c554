// Text rules: what well-formed UTF-8 and a name of an item are, and how a message quotes what
// somebody sent without letting it write on the reader's terminal.
#include "base/text.h"

#include <cstring>

namespace cairn {
namespace {

constexpr std::size_t kQuotedBytes = 200;
constexpr std::string_view kHexDigits = "0123456789abcdef";

std::uint8_t byte_at(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]);
}

// The length of the sequence at the start of `text`, which is not empty; 0 where it is not
// well-formed. The ranges are those of table 3-7 of the Unicode standard.
std::size_t sequence_bytes(std::string_view text) {
  const std::uint8_t lead = byte_at(text, 0);
  if (lead < 0x80) {
    return 1;
  }
  if (lead < 0xC2 || lead > 0xF4) {
    return 0;
  }
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() < length) {
    return 0;
  }
  const std::uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const std::uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte_at(text, 1) < low || byte_at(text, 1) > high) {
    return 0;
  }
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte_at(text, i) & 0xC0) != 0x80) {
      return 0;
    }
  }
  return length;
}

// How many bytes at the start of `text` are well-formed.
std::size_t valid_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::uint64_t word = 0;
    if (text.size() - at >= sizeof word) {  // Eight bytes of ASCII at once.
      std::memcpy(&word, text.data() + at, sizeof word);
      if ((word & 0x8080808080808080U) == 0) {
        at += sizeof word;
        continue;
      }
    }
    const std::size_t length = sequence_bytes(text.substr(at));
    if (length == 0) {
      return at;
    }
    at += length;
  }
  return at;
}

// Controls: those of ASCII, DEL, and U+0080 to U+009F, which terminals obey as well.
bool is_control(std::string_view sequence) {
  const std::uint8_t lead = byte_at(sequence, 0);
  return lead < 0x20 || lead == 0x7F || (lead == 0xC2 && byte_at(sequence, 1) < 0xA0);
}

void append_escaped(std::string& out, std::string_view bytes) {
  for (const char byte : bytes) {
    out += "\\x";
    out += to_hex({&byte, 1});
  }
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  return valid_prefix(text) == text.size();
}

Result<void> check_item_name(std::string_view what, std::string_view name, std::size_t max_bytes) {
  const auto bad = [&](const std::string& why) {
    return fail(Code::InvalidArgument, std::string(what) + " name " + quoted(name) + ": " + why);
  };
  if (name.empty()) {
    return bad("expected 1 to " + std::to_string(max_bytes) + " bytes, found none");
  }
  if (name.size() > max_bytes) {
    return bad("expected at most " + std::to_string(max_bytes) + " bytes, found " +
               std::to_string(name.size()));
  }
  if (const auto nul = name.find('\0'); nul != std::string_view::npos) {
    return bad("expected no NUL, found one at byte " + std::to_string(nul));
  }
  if (const auto valid = valid_prefix(name); valid < name.size()) {
    return bad("expected UTF-8, found something else at byte " + std::to_string(valid));
  }
  return {};
}

std::string Quoted::operator()(std::string_view text) const {
  std::string out = "\"";
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = sequence_bytes(text.substr(at));
    const std::size_t step = length == 0 ? 1 : length;
    if (at + step > kQuotedBytes) {
      break;
    }
    const std::string_view part = text.substr(at, step);
    if (length == 0 || is_control(part)) {
      append_escaped(out, part);
    } else {
      if (part == "\"" || part == "\\") {
        out += '\\';
      }
      out += part;
    }
    at += step;
  }
  out += '"';
  if (at < text.size()) {
    out += "...";
  }
  return out;
}

std::string to_hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    out += kHexDigits[byte >> 4U];
    out += kHexDigits[byte & 0xFU];
  }
  return out;
}

void append_path_key(std::string& path, std::string_view key) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  if (key.empty() || key.find_first_not_of(kPlain) != std::string_view::npos) {
    path += '[' + quoted(key) + ']';
    return;
  }
  path += path.empty() ? "" : ".";
  path += key;
}

void append_path_index(std::string& path, std::size_t index) {
  path += '[' + std::to_string(index) + ']';
}

}  // namespace cairn
