// Value: a tree of typed values, for configs and for free-form metadata.
//
// Null, bool, 64-bit integers (signed and unsigned), f64, UTF-8 string, bytes, list, and a map
// that keeps its order and has unique keys. There is one form for each number: an integer that
// fits i64 is held as i64, whatever it came from. Non-finite f64 is refused when a config is saved.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cairn/error.h"

namespace cairn {

class Value {
 public:
  using Bytes = std::vector<std::byte>;
  using List = std::vector<Value>;  // Of one list: Value::List{Value(Value::List{...})}, in full.
  using Entry = std::pair<std::string, Value>;
  using Map = std::vector<Entry>;  // In order; keys are unique, checked where a Value is used.

  Value() = default;                                    // Null.
  Value(std::nullptr_t) {}                              // NOLINT: a value is what it holds
  Value(std::same_as<bool> auto v) : data_(v) {}        // NOLINT
  Value(double v) : data_(v) {}                         // NOLINT
  Value(std::string v) : data_(std::move(v)) {}         // NOLINT
  Value(std::string_view v) : data_(std::string(v)) {}  // NOLINT
  Value(const char* v) : data_(std::string(v)) {}       // NOLINT
  Value(Bytes v) : data_(std::move(v)) {}               // NOLINT
  Value(List v) : data_(std::move(v)) {}                // NOLINT
  Value(Map v) : data_(std::move(v)) {}                 // NOLINT
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Value(T v) {  // NOLINT
    if (std::in_range<std::int64_t>(v)) {
      data_ = static_cast<std::int64_t>(v);
    } else {
      data_ = static_cast<std::uint64_t>(v);
    }
  }

  [[nodiscard]] bool is_null() const noexcept { return data_.index() == 0; }
  // The held thing, or nullptr where the value is of another type. Owned by this Value.
  [[nodiscard]] const bool* as_bool() const noexcept { return std::get_if<bool>(&data_); }
  [[nodiscard]] const std::int64_t* as_i64() const noexcept {
    return std::get_if<std::int64_t>(&data_);
  }
  // Only for integers above the range of i64.
  [[nodiscard]] const std::uint64_t* as_u64() const noexcept {
    return std::get_if<std::uint64_t>(&data_);
  }
  [[nodiscard]] const double* as_f64() const noexcept { return std::get_if<double>(&data_); }
  [[nodiscard]] const std::string* as_string() const noexcept {
    return std::get_if<std::string>(&data_);
  }
  [[nodiscard]] const Bytes* as_bytes() const noexcept { return std::get_if<Bytes>(&data_); }
  [[nodiscard]] const List* as_list() const noexcept { return std::get_if<List>(&data_); }
  [[nodiscard]] const Map* as_map() const noexcept { return std::get_if<Map>(&data_); }

  // The entry of a map, nullptr where there is none or this is no map.
  [[nodiscard]] CAIRN_API const Value* find(std::string_view key) const noexcept;

  // "null", "bool", "i64", "u64", "f64", "string", "bytes", "list" or "map".
  [[nodiscard]] CAIRN_API std::string_view type_name() const noexcept;

  using Data = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string,
                            Bytes, List, Map>;
  [[nodiscard]] const Data& data() const noexcept { return data_; }

  // Same types, same values, maps in the same order (f64 as numbers: NaN differs from itself).
  friend bool operator==(const Value&, const Value&) = default;

 private:
  Data data_;
};

inline constexpr std::size_t kMaxValueDepth = 32;  // A lone value is one level.
inline constexpr std::size_t kMaxValues = 1'000'000;

// Checks what a config or a metadata field must be: at most 32 levels deep, at most 1,000,000
// values, UTF-8 strings and keys, unique keys, finite f64. InvalidArgument or LimitExceeded says
// the path of what is wrong ("layers[2].rate").
[[nodiscard]] CAIRN_API Result<void> check_value(const Value& value);

// How a type of an app becomes a Value and back: `static Result<Value> to_value(const T&)` and
// `static Result<T> from_value(const Value&)`. json.h provides it for whatever nlohmann::json
// converts; apps may specialise it for their own types.
template <class T>
struct ValueTraits;

}  // namespace cairn
