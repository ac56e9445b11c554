// How the tool prints: tables that fit the terminal, sizes for people, JSON for programs. Names and
// texts from a store are escaped, so that they cannot drive a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <cairn/cairn.h>

namespace cli {

using Json = nlohmann::ordered_json;

// Control bytes, and bytes that are no UTF-8, as \xNN.
[[nodiscard]] std::string escaped(std::string_view text);

// "1.5 MiB"; "12 B".
[[nodiscard]] std::string size_text(std::uint64_t bytes);
// Six significant digits, as people read metrics; "NaN", "Infinity".
[[nodiscard]] std::string number_text(double value);

// A JSON number, or the strings "NaN", "Infinity", "-Infinity", which JSON has no numbers for.
[[nodiscard]] Json number_json(double value);
[[nodiscard]] Json value_json(const cairn::Value& value);
[[nodiscard]] Json metadata_json(const cairn::Metadata& metadata);
// One document in one line, or indented, in ASCII; bytes that are no UTF-8 are replaced.
[[nodiscard]] std::string to_text(const Json& json, int indent = -1);

// Whether stdout is a terminal that takes colours.
[[nodiscard]] bool colored(bool no_color);

// Rows under a head, columns two spaces apart. On a terminal, lines are cut at its width.
class Table {
 public:
  explicit Table(std::vector<std::string> head) : rows_{std::move(head)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  void print(bool no_color) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace cli
