// Value: look-up, type names, and the check that every config and metadata field must pass before
// it is written and after it was read.
#include "cairn/value.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"

namespace cairn {
namespace {

// Walks a tree; `path_` leads to the value at hand and is made into text only for an error.
class Checker {
 public:
  [[nodiscard]] Result<void> check(const Value& value) {
    if (path_.size() >= kMaxValueDepth) {
      return bad(Code::LimitExceeded,
                 "expected at most " + std::to_string(kMaxValueDepth) + " levels, found more");
    }
    if (++values_ > kMaxValues) {
      return bad(Code::LimitExceeded,
                 "expected at most " + std::to_string(kMaxValues) + " values, found more");
    }
    if (const auto* number = value.as_f64(); number != nullptr && !std::isfinite(*number)) {
      return bad(Code::InvalidArgument,
                 "expected a finite number, found " + std::to_string(*number));
    }
    if (const auto* text = value.as_string(); text != nullptr && !is_utf8(*text)) {
      return bad(Code::InvalidArgument, "expected UTF-8, found " + quoted(*text));
    }
    if (const auto* list = value.as_list()) {
      return check_list(*list);
    }
    if (const auto* map = value.as_map()) {
      return check_map(*map);
    }
    return {};
  }

 private:
  struct Step {
    const std::string* key = nullptr;  // Null for an index.
    std::size_t index = 0;
  };

  [[nodiscard]] Result<void> check_list(const Value::List& list) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      path_.push_back({nullptr, i});
      if (auto good = check(list[i]); !good) {
        return good;
      }
      path_.pop_back();
    }
    return {};
  }

  [[nodiscard]] Result<void> check_map(const Value::Map& map) {
    if (map.size() > kMaxValues - values_) {
      return bad(Code::LimitExceeded,
                 "expected at most " + std::to_string(kMaxValues) + " values, found more");
    }
    std::vector<const std::string*> keys;
    keys.reserve(map.size());
    for (const auto& entry : map) {
      if (!is_utf8(entry.first)) {
        return bad(Code::InvalidArgument, "expected UTF-8 keys, found " + quoted(entry.first));
      }
      keys.push_back(&entry.first);
    }
    const auto text = [](const std::string* key) -> const std::string& { return *key; };
    std::ranges::sort(keys, {}, text);
    const auto twice = std::ranges::adjacent_find(keys, {}, text);
    if (twice != keys.end()) {
      return bad(Code::InvalidArgument,
                 "expected unique keys, found " + quoted(**twice) + " twice");
    }
    return check_entries(map);
  }

  [[nodiscard]] Result<void> check_entries(const Value::Map& map) {
    for (const auto& [key, value] : map) {
      path_.push_back({&key, 0});
      if (auto good = check(value); !good) {
        return good;
      }
      path_.pop_back();
    }
    return {};
  }

  [[nodiscard]] tl::unexpected<Error> bad(Code code, const std::string& why) const {
    std::string path;
    for (const Step& step : path_) {
      if (step.key != nullptr) {
        append_path_key(path, *step.key);
      } else {
        append_path_index(path, step.index);
      }
    }
    return fail(code, "value at " + (path.empty() ? "the top" : path) + ": " + why);
  }

  std::vector<Step> path_;
  std::size_t values_ = 0;
};

}  // namespace

const Value* Value::find(std::string_view key) const noexcept {
  const Map* map = as_map();
  if (map == nullptr) {
    return nullptr;
  }
  const auto found = std::ranges::find(*map, key, &Entry::first);
  return found == map->end() ? nullptr : &found->second;
}

std::string_view Value::type_name() const noexcept {
  static constexpr std::array<std::string_view, 9> kNames = {
      "null", "bool", "i64", "u64", "f64", "string", "bytes", "list", "map"};
  static_assert(std::variant_size_v<Data> == kNames.size());
  return kNames.at(data_.index());
}

Result<void> check_value(const Value& value) {
  return Checker().check(value);
}

}  // namespace cairn
