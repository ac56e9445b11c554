// Text, tables and JSON.
#include "output.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <variant>

#include <sys/ioctl.h>
#include <unistd.h>

#include <cairn/json.h>

namespace cli {

namespace {

// The length of the UTF-8 sequence at the start of `text`, 0 where there is none.
std::size_t sequence_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  if (length == 0 || length > text.size()) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      return 0;
    }
  }
  return length;
}

bool is_control(std::string_view sequence) {
  const auto lead = static_cast<unsigned char>(sequence[0]);
  // C0, DEL, and C1 (U+0080 to U+009F), which terminals obey as well.
  return lead < 0x20 || lead == 0x7F ||
         (lead == 0xC2 && static_cast<unsigned char>(sequence[1]) < 0xA0);
}

std::string hex_escape(unsigned char byte) {
  char text[8];
  std::snprintf(text, sizeof text, "\\x%02x", byte);
  return text;
}

// Columns that a text takes: one a code point, near enough for names.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// The first `columns` code points.
std::string_view cut_to(std::string_view text, std::size_t columns) {
  std::size_t at = 0;
  while (at < text.size()) {
    const bool starts = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (starts && columns-- == 0) {
      break;
    }
    ++at;
  }
  return text.substr(0, at);
}

// 0 where stdout is no terminal.
std::size_t terminal_width() {
  winsize size{};
  if (::isatty(STDOUT_FILENO) == 0 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) {
    return 0;
  }
  return size.ws_col;
}

// Keys are known to be unique: the object is not searched for each of them.
void append(Json::object_t& object, const std::string& key, Json value) {
  static_cast<std::vector<Json::object_t::value_type>&>(object).emplace_back(key, std::move(value));
}

struct ToJson {
  Json operator()(std::monostate) const { return nullptr; }
  Json operator()(bool v) const { return v; }
  Json operator()(std::int64_t v) const { return v; }
  Json operator()(std::uint64_t v) const { return v; }
  Json operator()(double v) const { return number_json(v); }
  Json operator()(const std::string& v) const { return v; }
  Json operator()(const cairn::Value::List& list) const {
    Json out = Json::array();
    for (const auto& item : list) {
      out.push_back(value_json(item));
    }
    return out;
  }
  Json operator()(const cairn::Value::Map& map) const {
    Json::object_t out;
    for (const auto& [key, item] : map) {
      append(out, key, value_json(item));
    }
    return out;
  }
  Json operator()(const cairn::Value::Bytes& bytes) const {
    // The library knows how bytes are written: {"$bytes": base64}.
    const auto text = cairn::to_json(cairn::Value(bytes));
    return text ? Json::parse(*text) : Json();
  }
};

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto length = sequence_length(text);
    if (length == 0) {
      out += hex_escape(static_cast<unsigned char>(text[0]));
      text.remove_prefix(1);
      continue;
    }
    const auto sequence = text.substr(0, length);
    if (is_control(sequence)) {
      for (const char c : sequence) {
        out += hex_escape(static_cast<unsigned char>(c));
      }
    } else {
      out += sequence;
    }
    text.remove_prefix(length);
  }
  return out;
}

std::string size_text(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string number_text(double value) {
  if (!std::isfinite(value)) {
    return number_json(value).get<std::string>();
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

Json number_json(double value) {
  if (std::isnan(value)) {
    return "NaN";
  }
  if (std::isinf(value)) {
    return value > 0 ? "Infinity" : "-Infinity";
  }
  return value;
}

Json value_json(const cairn::Value& value) {
  return std::visit(ToJson{}, value.data());
}

Json metadata_json(const cairn::Metadata& metadata) {
  Json out;
  out["created_at"] = cairn::format_time(metadata.created_at);
  out["parent"] = metadata.parent ? Json(metadata.parent->to_string()) : Json();
  out["producer"] = metadata.producer;
  Json::object_t metrics;
  for (const auto& [name, value] : metadata.metrics) {
    append(metrics, name, number_json(value));
  }
  Json::object_t tags;
  for (const auto& [name, value] : metadata.tags) {
    append(tags, name, value);
  }
  out["metrics"] = std::move(metrics);
  out["tags"] = std::move(tags);
  out["fields"] = value_json(cairn::Value(metadata.fields));
  return out;
}

std::string to_text(const Json& json, int indent) {
  // ASCII: control characters of a terminal are escaped, those beyond ASCII included.
  auto text = json.dump(indent, ' ', true, Json::error_handler_t::replace);
  for (auto at = text.find('\x7F'); at != std::string::npos; at = text.find('\x7F', at)) {
    text.replace(at, 1, "\\u007f");
  }
  return text;
}

bool colored(bool no_color) {
  const char* wish = std::getenv("NO_COLOR");
  return !no_color && (wish == nullptr || *wish == '\0') && ::isatty(STDOUT_FILENO) != 0;
}

void Table::print(bool no_color) const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  }
  const auto limit = terminal_width();
  const bool bold = colored(no_color);
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < rows_[r].size(); ++i) {
      line += rows_[r][i];
      if (i + 1 < rows_[r].size()) {
        line.append(widths[i] - width_of(rows_[r][i]) + 2, ' ');
      }
    }
    line.erase(line.find_last_not_of(' ') + 1);
    if (limit != 0 && width_of(line) > limit) {
      line = cut_to(line, limit);
    }
    std::cout << (bold && r == 0 ? "\033[1m" : "") << line << (bold && r == 0 ? "\033[0m" : "")
              << '\n';
  }
}

}  // namespace cli
