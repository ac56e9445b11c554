// Value to JSON text. Numbers are written so that they are read back as what they were: the
// shortest digits that give the same f64, with a point or an exponent.
#include <array>
#include <charconv>

#include "base/base64.h"
#include "base/text.h"
#include "cairn/json.h"

namespace cairn {
namespace {

// The value has passed check_value: it is shallow, finite, UTF-8.
class Writer {
 public:
  explicit Writer(int indent) : indent_(indent) {}

  [[nodiscard]] Result<std::string> text(const Value& value) {
    write(value);
    if (ambiguous_) {
      return fail(Code::InvalidArgument,
                  "json: expected a map with other keys than \"$bytes\" alone, which stands for "
                  "bytes");
    }
    return std::move(out_);
  }

 private:
  void write(const Value& value) {
    if (const auto* map = value.as_map()) {
      write_map(*map);
    } else if (const auto* list = value.as_list()) {
      write_list(*list);
    } else if (const auto* bytes = value.as_bytes()) {
      write_bytes(*bytes);
    } else if (const auto* text = value.as_string()) {
      write_string(*text);
    } else if (const auto* real = value.as_f64()) {
      write_real(*real);
    } else if (const auto* number = value.as_i64()) {
      out_ += std::to_string(*number);
    } else if (const auto* big = value.as_u64()) {
      out_ += std::to_string(*big);
    } else if (const auto* boolean = value.as_bool()) {
      out_ += *boolean ? "true" : "false";
    } else {
      out_ += "null";
    }
  }

  void write_map(const Value::Map& map) {
    ambiguous_ |= map.size() == 1 && map.front().first == detail::kJsonBytesKey;
    out_ += '{';
    ++level_;
    for (const auto& [key, value] : map) {
      out_ += &key == &map.front().first ? "" : ",";
      new_line();
      write_string(key);
      out_ += indent_ < 0 ? ":" : ": ";
      write(value);
    }
    close(map.empty(), '}');
  }

  void write_list(const Value::List& list) {
    out_ += '[';
    ++level_;
    for (const Value& value : list) {
      out_ += &value == &list.front() ? "" : ",";
      new_line();
      write(value);
    }
    close(list.empty(), ']');
  }

  void close(bool empty, char bracket) {
    --level_;
    if (!empty) {
      new_line();
    }
    out_ += bracket;
  }

  void new_line() {
    if (indent_ >= 0) {
      out_ += '\n';
      out_.append(level_ * static_cast<std::size_t>(indent_), ' ');
    }
  }

  // Always on one line: it is one value.
  void write_bytes(const Value::Bytes& bytes) {
    out_ += indent_ < 0 ? "{\"$bytes\":\"" : "{\"$bytes\": \"";
    out_ += encode_base64(bytes);
    out_ += "\"}";
  }

  void write_real(double value) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
    out_ += text;
    if (text.find_first_of(".e") == std::string_view::npos) {
      out_ += ".0";
    }
  }

  void write_string(std::string_view text) {
    out_ += '"';
    for (const char c : text) {
      write_character(c);
    }
    out_ += '"';
  }

  void write_character(char c) {
    constexpr std::string_view kSpecial = "\"\\\b\f\n\r\t";
    constexpr std::string_view kShort = "\"\\bfnrt";
    const auto special = kSpecial.find(c);
    if (special != std::string_view::npos) {
      out_ += '\\';
      out_ += kShort[special];
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out_ += "\\u00";
      out_ += to_hex({&c, 1});
    } else {
      out_ += c;
    }
  }

  int indent_;
  std::size_t level_ = 0;
  bool ambiguous_ = false;
  std::string out_;
};

}  // namespace

Result<std::string> to_json(const Value& value, int indent) {
  if (auto good = check_value(value); !good) {
    return fail("json", std::move(good.error()));
  }
  return Writer(indent).text(value);
}

}  // namespace cairn
