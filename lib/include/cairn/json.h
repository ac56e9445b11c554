// JSON as configs, opt-in, needs nlohmann-json: text to Value and back, and whatever
// nlohmann::json converts (structs with to_json and from_json or NLOHMANN_DEFINE_TYPE_...,
// nlohmann::json and ordered_json themselves) as the config of a draft or an artifact.
//
// Integers stay integers, exactly: one that fits neither u64 nor i64 is an error, and 1.0 stays an
// f64. Bytes are the object {"$bytes": "<base64>"} as text, and a binary value in nlohmann::json;
// an object whose only key is "$bytes" is therefore bytes, or an error.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include "cairn/draft.h"
#include "cairn/error.h"
#include "cairn/value.h"

namespace cairn {

// One JSON document (RFC 8259), the order of its objects kept. InvalidArgument or LimitExceeded
// says line, column and path: for bad syntax, numbers that do not fit, a key given twice, text
// that is no UTF-8, and what check_value refuses.
[[nodiscard]] CAIRN_API Result<Value> parse_json(std::string_view text);

// The reverse: parse_json of it gives the same Value. On one line where `indent` is negative, else
// with so many spaces a level. Errors as check_value's, and InvalidArgument for a map whose only
// key is "$bytes".
[[nodiscard]] CAIRN_API Result<std::string> to_json(const Value& value, int indent = -1);

namespace detail {

// The bytes in {"$bytes": text}; InvalidArgument.
[[nodiscard]] CAIRN_API Result<Value> json_bytes(std::string_view text);
inline constexpr std::string_view kJsonBytesKey = "$bytes";

template <class T>
concept JsonTree = nlohmann::detail::is_basic_json<T>::value &&
                   std::same_as<typename T::number_integer_t, std::int64_t> &&
                   std::same_as<typename T::number_unsigned_t, std::uint64_t> &&
                   std::same_as<typename T::number_float_t, double> &&
                   std::same_as<typename T::string_t, std::string>;

// Types with a meaning of their own, which nlohmann's conversions must not take over.
template <class T>
concept ConfigType =
    std::derived_from<T, Value> || std::derived_from<T, ConfigTable> ||
    std::same_as<T, Value::Bytes> || std::same_as<T, Value::List> || std::same_as<T, Value::Map>;

template <class T, class Json>
concept ToJson =
    requires(Json& json, const T& object) { nlohmann::adl_serializer<T>::to_json(json, object); };
template <class T, class Json>
concept FromJson = requires(const Json& json, T& object) {
  nlohmann::adl_serializer<T>::from_json(json, object);
} || requires(const Json& json) {
  { nlohmann::adl_serializer<T>::from_json(json) } -> std::convertible_to<T>;
};

// The kind of tree that the user's functions are written for.
template <class T>
using JsonFor = std::conditional_t<ToJson<T, nlohmann::json> || FromJson<T, nlohmann::json>,
                                   nlohmann::json, nlohmann::ordered_json>;

template <class T>
concept JsonConvertible =
    !ConfigType<T> && !JsonTree<T> && (ToJson<T, JsonFor<T>> || FromJson<T, JsonFor<T>>);

[[nodiscard]] inline tl::unexpected<Error> json_refused(std::string message) {
  return tl::unexpected(Error{Code::InvalidArgument, "json: " + std::move(message)});
}

// Runs a user's conversion; what it throws becomes InvalidArgument.
template <class T, class Convert>
[[nodiscard]] Result<T> json_guarded(std::string_view what, Convert&& convert) {
  const std::string context = std::string(what) + " failed: ";
  try {
    return std::forward<Convert>(convert)();
  } catch (const std::exception& error) {
    return json_refused(context + error.what());
  } catch (...) {
    return json_refused(context + "an exception that is no std::exception");
  }
}

// The tree may be deeper than a Value: `depth` levels are left.
template <JsonTree Json>
[[nodiscard]] Result<Value> value_from_tree(const Json& json, std::size_t depth = kMaxValueDepth);

template <JsonTree Json>
[[nodiscard]] Result<Value> value_from_array(const Json& json, std::size_t depth) {
  Value::List list;
  list.reserve(json.size());
  for (const Json& item : json) {
    auto value = value_from_tree(item, depth);
    if (!value) {
      return value;
    }
    list.push_back(std::move(*value));
  }
  return Value(std::move(list));
}

template <JsonTree Json>
[[nodiscard]] Result<Value> value_from_object(const Json& json, std::size_t depth) {
  const auto& object = json.template get_ref<const typename Json::object_t&>();
  if (object.size() == 1 && object.begin()->first == kJsonBytesKey) {
    const auto* text = object.begin()->second.template get_ptr<const std::string*>();
    return text != nullptr ? json_bytes(*text)
                           : json_refused("expected base64 text under \"$bytes\"");
  }
  Value::Map map;
  map.reserve(object.size());
  for (const auto& [key, item] : object) {
    auto value = value_from_tree(item, depth);
    if (!value) {
      return value;
    }
    map.emplace_back(key, std::move(*value));
  }
  return Value(std::move(map));
}

[[nodiscard]] inline Result<Value> value_from_binary(const auto& binary) {
  if (binary.has_subtype()) {
    return json_refused("expected a binary value without subtype, found one with");
  }
  const auto bytes = std::as_bytes(std::span(binary));
  return Value(Value::Bytes(bytes.begin(), bytes.end()));
}

template <JsonTree Json>
[[nodiscard]] Result<Value> value_from_tree(const Json& json, std::size_t depth) {
  if (depth == 0) {
    return tl::unexpected(
        Error{Code::LimitExceeded,
              "json: expected at most " + std::to_string(kMaxValueDepth) + " levels, found more"});
  }
  switch (json.type()) {
    case Json::value_t::null:
      return Value();
    case Json::value_t::boolean:
      return Value(json.template get<bool>());
    case Json::value_t::number_integer:
      return Value(json.template get<std::int64_t>());
    case Json::value_t::number_unsigned:
      return Value(json.template get<std::uint64_t>());
    case Json::value_t::number_float:
      return Value(json.template get<double>());
    case Json::value_t::string:
      return Value(json.template get<std::string>());
    case Json::value_t::binary:
      return value_from_binary(json.get_binary());
    case Json::value_t::array:
      return value_from_array(json, depth - 1);
    case Json::value_t::object:
      return value_from_object(json, depth - 1);
    case Json::value_t::discarded:
      break;
  }
  return json_refused("expected a value, found one that was discarded");
}

// `value` has passed check_value.
template <JsonTree Json>
Json tree_from_value(const Value& value);

template <JsonTree Json>
Json object_from_map(const Value::Map& map) {
  typename Json::object_t object;
  for (const auto& [key, item] : map) {
    if constexpr (requires { object.emplace_back(key, Json()); }) {
      object.emplace_back(key, tree_from_value<Json>(item));  // ordered_map's emplace is linear.
    } else {
      object.emplace(key, tree_from_value<Json>(item));
    }
  }
  return object;
}

template <JsonTree Json>
Json tree_from_value(const Value& value) {
  if (const auto* map = value.as_map()) {
    return object_from_map<Json>(*map);
  }
  if (const auto* list = value.as_list()) {
    typename Json::array_t array;
    array.reserve(list->size());
    for (const Value& item : *list) {
      array.push_back(tree_from_value<Json>(item));
    }
    return array;
  }
  if (const auto* bytes = value.as_bytes()) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes->data());
    return Json::binary({data, data + bytes->size()});
  }
  if (const auto* number = value.as_i64()) {  // As the parser has it: no sign, unsigned.
    return *number < 0 ? Json(*number) : Json(static_cast<std::uint64_t>(*number));
  }
  if (const auto* number = value.as_u64()) {
    return *number;
  }
  if (const auto* number = value.as_f64()) {
    return *number;
  }
  if (const auto* text = value.as_string()) {
    return *text;
  }
  if (const auto* boolean = value.as_bool()) {
    return *boolean;
  }
  return nullptr;
}

template <JsonTree Json>
[[nodiscard]] Result<Value> checked_value_from_tree(const Json& json) {
  auto value = value_from_tree(json);
  if (value) {
    if (auto good = check_value(*value); !good) {
      return tl::unexpected(std::move(good.error()));
    }
  }
  return value;
}

template <JsonTree Json>
[[nodiscard]] Result<Json> checked_tree_from_value(const Value& value) {
  if (auto good = check_value(value); !good) {
    return tl::unexpected(std::move(good.error()));
  }
  return tree_from_value<Json>(value);
}

}  // namespace detail

template <detail::JsonTree Json>
struct ValueTraits<Json> {
  [[nodiscard]] static Result<Value> to_value(const Json& json) {
    return detail::checked_value_from_tree(json);
  }
  [[nodiscard]] static Result<Json> from_value(const Value& value) {
    return detail::checked_tree_from_value<Json>(value);
  }
};

template <detail::JsonConvertible T>
struct ValueTraits<T> {
  using Json = detail::JsonFor<T>;

  [[nodiscard]] static Result<Value> to_value(const T& object)
    requires detail::ToJson<T, Json>
  {
    const auto json = detail::json_guarded<Json>("to_json", [&] {
      Json out;
      nlohmann::adl_serializer<T>::to_json(out, object);
      return out;
    });
    if (!json) {
      return tl::unexpected(json.error());
    }
    return detail::checked_value_from_tree(*json);
  }

  [[nodiscard]] static Result<T> from_value(const Value& value)
    requires detail::FromJson<T, Json>
  {
    const auto json = detail::checked_tree_from_value<Json>(value);
    if (!json) {
      return tl::unexpected(json.error());
    }
    return detail::json_guarded<T>("from_json", [&] { return json->template get<T>(); });
  }
};

}  // namespace cairn
