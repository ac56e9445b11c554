// JSON text to Value: nlohmann's parser calls a reader that builds the tree and checks, as it
// goes, what a Value must be; so no text can make it deeper or larger than that.
#include "cairn/json.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

#include "base/base64.h"
#include "base/text.h"

namespace cairn {
namespace {

// Walks over the text and says how far the parser has come.
struct Cursor {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  reference operator*() const { return *at; }
  Cursor& operator++() {
    ++at;
    *reached = at;
    return *this;
  }
  Cursor operator++(int) {
    Cursor before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const Cursor& a, const Cursor& b) { return a.at == b.at; }

  const char* at;
  const char** reached;
};

// "line 3, column 7", both from 1, columns in bytes.
std::string place(std::string_view before) {
  const auto line = 1 + std::ranges::count(before, '\n');
  const auto newline = before.rfind('\n');
  const auto start = newline == std::string_view::npos ? 0 : newline + 1;
  const auto column = std::max<std::size_t>(before.size() - start, 1);
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

class Reader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Reader(std::string_view text) : text_(text), reached_(text.data()) {}

  [[nodiscard]] Result<Value> read() {
    if (const auto nul = text_.find('\0'); nul != std::string_view::npos) {
      reached_ = text_.data() + nul + 1;  // Where nlohmann's parser would see the end.
      refuse(Code::InvalidArgument, "expected JSON, found a NUL byte");
      return fail(std::move(*error_));
    }
    const char* end = text_.data() + text_.size();
    const bool parsed =
        nlohmann::json::sax_parse(Cursor{text_.data(), &reached_}, Cursor{end, &reached_}, this);
    if (error_) {
      return fail(std::move(*error_));
    }
    if (!parsed) {
      refuse(Code::InvalidArgument, "expected JSON, found something else");
      return fail(std::move(*error_));
    }
    if (auto good = check_value(root_); !good) {
      return fail("json", std::move(good.error()));
    }
    return std::move(root_);
  }

  bool null() override { return add(Value()); }
  bool boolean(bool value) override { return add(Value(value)); }
  bool number_integer(number_integer_t value) override { return add(Value(value)); }
  bool number_unsigned(number_unsigned_t value) override { return add(Value(value)); }
  bool binary(binary_t& /*value*/) override {
    return refuse(Code::InvalidArgument, "expected text, found a binary value");
  }

  // The parser makes an f64 of an integer that fits neither u64 nor i64.
  bool number_float(number_float_t value, const string_t& token) override {
    if (token.find_first_of(".eE") == std::string::npos) {
      return refuse(Code::InvalidArgument,
                    "expected an integer from -2^63 to 2^64-1, found " + quoted(token));
    }
    return add(Value(value));
  }

  bool string(string_t& value) override {
    if (holds_bytes_key()) {  // Gone once its object is closed, so it is no level of its own.
      frames_.back().map.emplace_back(std::move(frames_.back().key), std::move(value));
      frames_.back().has_key = false;
      return true;
    }
    return add(Value(std::move(value)));
  }

  bool start_object(std::size_t /*size*/) override { return open(true); }
  bool start_array(std::size_t /*size*/) override { return open(false); }

  bool key(string_t& name) override {
    frames_.back().key = std::move(name);
    frames_.back().has_key = true;
    return true;
  }

  bool end_object() override {
    frames_.back().has_key = false;
    auto value = finish_map(frames_.back().map);
    if (!value) {
      return false;
    }
    frames_.pop_back();
    return attach(std::move(*value));
  }

  bool end_array() override {
    Value value(std::move(frames_.back().list));
    frames_.pop_back();
    return attach(std::move(value));
  }

  bool parse_error(std::size_t /*position*/, const std::string& last_token,
                   const nlohmann::json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: WHY; last read: '...'"
    std::string_view why = error.what();
    why.remove_prefix(std::min(why.size(), why.find("] ") + 2));
    if (why.starts_with("parse error at ")) {
      why.remove_prefix(std::min(why.size(), why.find(": ") + 2));
    }
    why = why.substr(0, why.find("; last read"));
    why = why.substr(0, why.find(" parsing '"));
    return refuse(Code::InvalidArgument, (is_utf8(why) ? std::string(why) : "syntax error") +
                                             ", found " + quoted(last_token));
  }

 private:
  struct Frame {
    bool is_map = false;
    bool has_key = false;  // A map's key was read and its value was not.
    std::string key;
    Value::Map map;
    Value::List list;
  };

  [[nodiscard]] bool holds_bytes_key() const {
    return !frames_.empty() && frames_.back().has_key && frames_.back().map.empty() &&
           frames_.back().key == detail::kJsonBytesKey;
  }

  // Counts one more value, which will stand below all that is open.
  bool enter() {
    if (frames_.size() >= kMaxValueDepth) {
      return refuse(Code::LimitExceeded,
                    "expected at most " + std::to_string(kMaxValueDepth) + " levels, found more");
    }
    if (++values_ > kMaxValues) {
      return refuse(Code::LimitExceeded,
                    "expected at most " + std::to_string(kMaxValues) + " values, found more");
    }
    return true;
  }

  bool add(Value value) { return enter() && attach(std::move(value)); }

  bool open(bool is_map) {
    if (!enter()) {
      return false;
    }
    frames_.emplace_back().is_map = is_map;
    return true;
  }

  bool attach(Value value) {
    if (frames_.empty()) {
      root_ = std::move(value);
      return true;
    }
    Frame& frame = frames_.back();
    if (frame.is_map) {
      frame.map.emplace_back(std::move(frame.key), std::move(value));
      frame.has_key = false;
    } else {
      frame.list.push_back(std::move(value));
    }
    return true;
  }

  // nullopt after an error.
  std::optional<Value> finish_map(Value::Map& map) {
    if (map.size() == 1 && map.front().first == detail::kJsonBytesKey) {
      const auto* text = map.front().second.as_string();
      auto bytes = text != nullptr ? detail::json_bytes(*text)
                                   : fail(Code::InvalidArgument,
                                          "expected base64 text under \"$bytes\", found " +
                                              std::string(map.front().second.type_name()));
      if (!bytes) {
        refuse(bytes.error().code, bytes.error().message);
        return std::nullopt;
      }
      return std::move(*bytes);
    }
    if (const std::string* twice = repeated_key(map)) {
      refuse(Code::InvalidArgument, "expected unique keys, found " + quoted(*twice) + " twice");
      return std::nullopt;
    }
    return Value(std::move(map));
  }

  static const std::string* repeated_key(const Value::Map& map) {
    std::vector<const std::string*> keys;
    keys.reserve(map.size());
    for (const auto& entry : map) {
      keys.push_back(&entry.first);
    }
    const auto text = [](const std::string* key) -> const std::string& { return *key; };
    std::ranges::sort(keys, {}, text);
    const auto twice = std::ranges::adjacent_find(keys, {}, text);
    return twice == keys.end() ? nullptr : *twice;
  }

  // Keeps the error, says where, and stops the parser.
  bool refuse(Code code, const std::string& why) {
    std::string path;
    for (const Frame& frame : frames_) {
      if (!frame.is_map) {
        append_path_index(path, frame.list.size());
      } else if (frame.has_key) {
        append_path_key(path, frame.key);
      }
    }
    const auto read = static_cast<std::size_t>(reached_ - text_.data());
    error_ = Error{code, "json at " + place(text_.substr(0, read)) +
                             (path.empty() ? "" : " (" + path + ")") + ": " + why};
    return false;
  }

  std::string_view text_;
  const char* reached_;
  std::vector<Frame> frames_;  // What is open, outermost first.
  std::size_t values_ = 0;
  Value root_;
  std::optional<Error> error_;
};

}  // namespace

Result<Value> detail::json_bytes(std::string_view text) {
  auto bytes = decode_base64(text);
  if (!bytes) {
    return fail("\"$bytes\"", std::move(bytes.error()));
  }
  return Value(std::move(*bytes));
}

Result<Value> parse_json(std::string_view text) {
  return Reader(text).read();
}

}  // namespace cairn
