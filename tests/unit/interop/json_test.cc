// Tests of JSON as configs: text to Value and back, and the types that nlohmann::json converts.
#include "cairn/json.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/seed.h"
#include "base/text.h"

namespace app {

struct Layer {
  int units = 0;
  std::string activation;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Layer, units, activation)
};

struct Model {
  std::string kind;
  double rate = 0;
  std::uint64_t seed = 0;
  std::vector<Layer> layers;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Model, kind, rate, seed, layers)

enum class Mode : std::uint8_t { Train, Test };

struct Throws {
  bool standard = false;
};
void to_json(nlohmann::json& /*json*/, const Throws& object) {
  if (object.standard) {
    throw std::runtime_error("no such thing");
  }
  throw 7;
}
void from_json(const nlohmann::json& json, Throws& /*object*/) {
  to_json(const_cast<nlohmann::json&>(json), Throws{json.at("standard").get<bool>()});
}

struct Ordered {};
void to_json(nlohmann::ordered_json& json, const Ordered& /*object*/) {
  json = {{"z", 1}, {"a", 2}};
}

struct Opaque {};

}  // namespace app

namespace cairn {
namespace {

template <class T>
concept HasTo = requires(const T& v) { ValueTraits<T>::to_value(v); };
template <class T>
concept HasFrom = requires(const Value& v) { ValueTraits<T>::from_value(v); };
static_assert(HasTo<app::Model> && HasFrom<app::Model>);
static_assert(HasTo<app::Ordered> && !HasFrom<app::Ordered>);
static_assert(HasTo<nlohmann::json> && HasFrom<nlohmann::ordered_json>);
static_assert(HasTo<std::map<std::string, int>> && HasFrom<std::vector<double>>);
static_assert(!HasTo<Value> && !HasTo<ConfigTable> && !HasTo<Value::Map> && !HasTo<Value::List>);
static_assert(!HasTo<Value::Bytes> && !HasTo<app::Opaque> && !HasFrom<app::Opaque>);

Value parsed(std::string_view text) {
  auto value = parse_json(text);
  if (!value) {
    FAIL(text << " " << value.error().to_string());
  }
  return std::move(*value);
}

std::string error_of(std::string_view text) {
  CAPTURE(text);
  const auto value = parse_json(text);
  REQUIRE_FALSE(value);
  return value.error().to_string();
}

std::string written(const Value& value, int indent = -1) {
  auto text = to_json(value, indent);
  if (!text) {
    FAIL(text.error().to_string());
  }
  return std::move(*text);
}

Value::Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  return {bytes.begin(), bytes.end()};
}

TEST_CASE("json: every type is read") {
  CHECK(parsed("null") == Value());
  CHECK(parsed(" true ") == Value(true));
  CHECK(parsed("-9223372036854775808") == Value(INT64_MIN));
  CHECK(parsed("9223372036854775807") == Value(INT64_MAX));
  CHECK(parsed("18446744073709551615") == Value(UINT64_MAX));
  CHECK(parsed("1.0") == Value(1.0));
  CHECK(parsed("1e2") == Value(100.0));
  CHECK(parsed("\"a\\u00e4\\ud83d\\ude00\\u0000\"") ==
        Value(std::string("a\xC3\xA4\xF0\x9F\x98\x80\0", 8)));
  CHECK(parsed("[]") == Value(Value::List{}));
  CHECK(parsed("{}") == Value(Value::Map{}));
  CHECK(parsed("[1,[2],{\"k\":[]}]") ==
        Value(Value::List{1, Value::List{2}, Value::Map{{"k", Value::List{}}}}));
}

TEST_CASE("json: the order of an object is kept") {
  const std::string text = R"({"z":1,"a":{"y":2,"b":3},"m":[]})";
  CHECK(written(parsed(text)) == text);
}

TEST_CASE("json: numbers that do not fit are refused, never rounded") {
  CHECK(error_of("[1, 12345678901234567890123]") ==
        "InvalidArgument: json at line 1, column 28 ([1]): expected an integer from -2^63 to "
        "2^64-1, found \"12345678901234567890123\"");
  CHECK(error_of("18446744073709551616").find("expected an integer") != std::string::npos);
  CHECK(error_of("-9223372036854775809").find("expected an integer") != std::string::npos);
  CHECK(error_of("{\"a\": 1e999}").find("(a): number overflow, found \"1e999\"") !=
        std::string::npos);
  CHECK(error_of("-1e999").find("number overflow") != std::string::npos);
  error_of("1" + std::string(400, '0'));
  for (const char* text : {"NaN", "Infinity", "-Infinity", "nan", "01", "+1", ".5", "1.", "0x10"}) {
    error_of(text);
  }
  CHECK(parsed("1e-999") == Value(0.0));
  CHECK(parsed("12345678901234567890123.0").as_f64() != nullptr);
}

TEST_CASE("json: what is no document is refused with line and column") {
  for (const char* text :
       {"",    " ",    "[1,]",    "{\"a\":1,}", "[1 2]",       "{\"a\" 1}",         "{a:1}",
        "'a'", "tru",  "\"a",     "\"\\x\"",    "\"\\ud800\"", "\"a\nb\"",          "[1]]",
        "1 2", "{} x", "// c\n1", "\"\xFF\"",   "\xFF",        "[\"\xED\xA0\x80\"]"}) {
    CHECK(error_of(text).starts_with("InvalidArgument: json at line "));
  }
  CHECK(error_of("{\n  \"layers\": [1,\n   2, x]}")
            .starts_with("InvalidArgument: json at line 3, column 7 (layers[2]): syntax error"));
  CHECK(error_of(std::string_view("1\n\0", 3)) ==
        "InvalidArgument: json at line 2, column 1: expected JSON, found a NUL byte");
}

TEST_CASE("json: a message never carries raw bytes of a bad document") {
  const std::string message = error_of("[\"abc\x1B[31m\xFF\"]");
  CHECK(is_utf8(message));
  CHECK(message.find('\x1B') == std::string::npos);
}

TEST_CASE("json: keys given twice are refused") {
  CHECK(error_of(R"({"a": {"k": 1, "b": 2, "k": 3}})")
            .find("(a): expected unique keys, found \"k\"") != std::string::npos);
  CHECK(error_of(R"({"k": 1, "\u006b": 2})").find("expected unique keys") != std::string::npos);
}

TEST_CASE("json: depth and number of values are limited") {
  const auto nested = [](std::size_t levels, const std::string& inner) {
    return std::string(levels, '[') + inner + std::string(levels, ']');
  };
  parsed(nested(32, ""));
  parsed(nested(31, "1"));
  parsed(nested(31, "{\"$bytes\":\"AA==\"}"));
  CHECK(error_of(nested(33, "")).starts_with("LimitExceeded: json at line 1, column 33 ([0][0]"));
  CHECK(error_of(nested(32, "1")).starts_with("LimitExceeded"));
  CHECK(error_of(nested(32, "{\"$bytes\":\"AA==\"}")).starts_with("LimitExceeded"));
  CHECK(error_of(nested(31, "{\"$bytes\":\"AA==\",\"b\":1}")).starts_with("LimitExceeded"));
  CHECK(error_of(std::string(1'000'000, '[')).starts_with("LimitExceeded"));
  std::string many = "[";
  for (int i = 0; i < 999'999; ++i) {
    many += i == 0 ? "1" : ",1";
  }
  CHECK(parse_json(many + "]").has_value());
  CHECK(error_of(many + ",1]").starts_with("LimitExceeded: json at line 1, column 2000001"));
}

TEST_CASE("json: bytes are an object with the one key $bytes, both ways") {
  const Value value = Value::Map{{"b", bytes_of("foob")}, {"empty", Value::Bytes{}}};
  const std::string text = R"({"b":{"$bytes":"Zm9vYg=="},"empty":{"$bytes":""}})";
  CHECK(written(value) == text);
  CHECK(parsed(text) == value);
  const auto two = parsed(R"({"$bytes":"Zm9v","other":1})");
  CHECK(two.find("$bytes") != nullptr);
  CHECK(written(two) == R"({"$bytes":"Zm9v","other":1})");
  for (const char* bad : {R"({"$bytes":1})", R"({"$bytes":"Zg="})", R"({"$bytes":"Z g="})",
                          R"({"$bytes":{"$bytes":""}})", R"({"$bytes":null})"}) {
    CHECK(error_of(bad).find("$bytes") != std::string::npos);
  }
  CHECK(error_of(R"({"a":{"$bytes":"Zm9v","$bytes":"Zm9v"}})").find("unique keys") !=
        std::string::npos);
  const auto refused = to_json(Value::Map{{"$bytes", "Zm9v"}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::InvalidArgument);
}

TEST_CASE("json: an f64 is written as the shortest text that is no integer") {
  CHECK(written(1.0) == "1.0");
  CHECK(written(-0.0) == "-0.0");
  CHECK(written(0.1) == "0.1");
  CHECK(written(1e22) == "1e+22");
  CHECK(written(5e-324) == "5e-324");
  CHECK(written(123456789.0) == "123456789.0");
  CHECK(written(1) == "1");
  CHECK(written(UINT64_MAX) == "18446744073709551615");
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    const auto text = to_json(Value::List{bad});
    REQUIRE_FALSE(text);
    CHECK(text.error().message.starts_with("json: value at [0]: expected a finite number"));
  }
}

TEST_CASE("json: text is escaped where it must be") {
  CHECK(written(std::string("\"\\/\b\f\n\r\t\x01\x1F\x7F\0 \xC3\xA4", 15)) ==
        "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\\u0000 \xC3\xA4\"");
  CHECK_FALSE(to_json(Value("\xFF")));
}

TEST_CASE("json: indented text has one entry a line") {
  const Value value =
      Value::Map{{"a", Value::List{1, Value::Map{}}}, {"b", Value::Bytes{}}, {"c", Value::List{}}};
  CHECK(written(value, 2) ==
        "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\"$bytes\": \"\"},\n  \"c\": []\n}");
  CHECK(written(Value::List{1}, 0) == "[\n1\n]");
  CHECK(parsed(written(value, 2)) == value);
}

// A random tree; `levels` are left.
Value random_value(std::mt19937_64& random, int levels) {
  const auto kind = test::below(random, levels > 1 ? 9 : 7);
  if (kind < 6) {
    const auto bits = random() >> test::below(random, 64);
    const double real = std::bit_cast<double>(bits);
    switch (kind) {
      case 0:
        return Value();
      case 1:
        return random() % 2 == 0;
      case 2:
        return bits;
      case 3:
        return -static_cast<std::int64_t>(bits >> 1);
      case 4:
        return std::isfinite(real) ? real : 0.5;
      default:
        return test::random_text(random, 20, "ab\"\\\n\x01\x7F/ ");
    }
  }
  if (kind == 6) {
    return bytes_of(test::random_text(random, 20));
  }
  Value::List list;
  Value::Map map;
  for (std::size_t i = test::below(random, 5); i > 0; --i) {
    auto value = random_value(random, levels - 1);
    if (kind == 7) {
      list.push_back(std::move(value));
    } else {
      map.emplace_back(std::to_string(i) + test::random_text(random, 4), std::move(value));
    }
  }
  return kind == 7 ? Value(std::move(list)) : Value(std::move(map));
}

TEST_CASE("json: random values come back from text and from nlohmann's trees") {
  const auto seed = test::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 5'000; ++i) {
    const auto value = random_value(random, 6);
    if (!check_value(value)) {
      continue;  // A key that is no UTF-8.
    }
    REQUIRE(parsed(written(value)) == value);
    REQUIRE(parsed(written(value, static_cast<int>(i % 4))) == value);
    const auto tree = ValueTraits<nlohmann::ordered_json>::from_value(value);
    REQUIRE(tree);
    const auto back = ValueTraits<nlohmann::ordered_json>::to_value(*tree);
    REQUIRE(back);
    REQUIRE(*back == value);
  }
}

TEST_CASE("json: random bytes and damaged documents never crash") {
  const auto seed = test::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    std::string text =
        test::random_text(random, 40, "[]{}:,\"\\u0019.eE-+ntrfalsu $bytes=\xC3\xA4");
    if (i % 2 == 0) {
      text = written(random_value(random, 1));
      text[test::below(random, text.size())] = static_cast<char>(random());
    }
    const auto value = parse_json(text);
    if (value) {
      REQUIRE(check_value(*value));
      REQUIRE(parsed(written(*value)) == *value);
    } else {
      REQUIRE(is_utf8(value.error().message));
    }
  }
}

TEST_CASE("json: a document cut anywhere is refused") {
  const std::string text = R"({"a":[1,2.5,"x\u00e4",{"$bytes":"Zm9v"}],"b":null,"c":{"d":true}})";
  parsed(text);
  for (std::size_t length = 0; length < text.size(); ++length) {
    CHECK_FALSE(parse_json(text.substr(0, length)));
  }
}

TEST_CASE("json: structs become values and come back") {
  const app::Model model{"mlp", 0.01, UINT64_MAX, {{64, "relu"}, {10, "softmax"}}};
  const auto value = ValueTraits<app::Model>::to_value(model);
  REQUIRE(value);
  CHECK(*value->find("rate") == Value(0.01));
  CHECK(*value->find("seed") == Value(UINT64_MAX));
  const auto back = ValueTraits<app::Model>::from_value(*value);
  REQUIRE(back);
  CHECK(nlohmann::json(*back) == nlohmann::json(model));
  const auto missing = ValueTraits<app::Model>::from_value(Value::Map{{"kind", "mlp"}});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Code::InvalidArgument);
  CHECK(missing.error().message.find("key 'rate' not found") != std::string::npos);
}

TEST_CASE("json: what a user's functions throw becomes an error") {
  const auto standard = ValueTraits<app::Throws>::to_value({true});
  CHECK(standard.error().to_string() == "InvalidArgument: json: to_json failed: no such thing");
  const auto other = ValueTraits<app::Throws>::to_value({false});
  CHECK(other.error().message == "json: to_json failed: an exception that is no std::exception");
  const auto from = ValueTraits<app::Throws>::from_value(Value::Map{{"standard", true}});
  CHECK(from.error().message == "json: from_json failed: no such thing");
  const auto from_other = ValueTraits<app::Throws>::from_value(Value::Map{{"standard", false}});
  CHECK(from_other.error().code == Code::InvalidArgument);
}

TEST_CASE("json: containers, numbers and enums convert as in nlohmann's library") {
  CHECK(ValueTraits<std::vector<int>>::to_value({1, 2}).value() == Value(Value::List{1, 2}));
  CHECK(ValueTraits<std::string>::from_value("text").value() == "text");
  CHECK(ValueTraits<double>::from_value(2).value() == 2.0);
  CHECK(ValueTraits<app::Mode>::to_value(app::Mode::Test).value() == Value(1));
  CHECK_FALSE(ValueTraits<std::vector<int>>::from_value("text"));
  CHECK(ValueTraits<app::Ordered>::to_value({}).value() == Value(Value::Map{{"z", 1}, {"a", 2}}));
}

TEST_CASE("json: a draft takes structs, trees and values as its config") {
  const auto config = [](const auto& object) {
    Draft draft;
    draft.config(object);
    return draft.error() ? Value(draft.error()->message) : std::get<Value>(draft.parts().config);
  };
  CHECK(config(app::Layer{3, "relu"}) == Value(Value::Map{{"activation", "relu"}, {"units", 3}}));
  CHECK(config(nlohmann::ordered_json{{"b", 1}, {"a", 2}}) ==
        Value(Value::Map{{"b", 1}, {"a", 2}}));
  CHECK(config(Value::Map{{"b", bytes_of("x")}}) == Value(Value::Map{{"b", bytes_of("x")}}));
  CHECK(config(bytes_of("x")) == Value(bytes_of("x")));
  CHECK(config(Value(1.5)) == Value(1.5));
  CHECK(config("text") == Value("text"));
  CHECK(config(app::Throws{true}) == Value("json: to_json failed: no such thing"));
  Draft draft;
  draft.config(ConfigTable{});
  CHECK((draft.error() || std::holds_alternative<ConfigTable>(draft.parts().config)));
}

TEST_CASE("json: nlohmann's trees are checked as values are") {
  using Json = nlohmann::json;
  const auto code = [](const Json& json) {
    const auto value = ValueTraits<Json>::to_value(json);
    return value ? "OK" : to_string(value.error().code);
  };
  CHECK(code(Json::parse(R"({"a":[1,-1,1.5,"x",null,true]})")) == "OK");
  CHECK(code(Json::array({std::nan("")})) == "InvalidArgument");
  CHECK(code("\xFF") == "InvalidArgument");
  CHECK(code(Json(Json::value_t::discarded)) == "InvalidArgument");
  CHECK(code(Json::binary({1, 2}, 7)) == "InvalidArgument");
  CHECK(code(Json::parse(R"({"$bytes":1})")) == "InvalidArgument");
  Json deep = 1;
  for (int i = 0; i < 100'000; ++i) {
    deep = Json::array({std::move(deep)});
  }
  CHECK(code(deep) == "LimitExceeded");
  CHECK(ValueTraits<Json>::to_value(Json::parse(R"({"$bytes":"Zm9v"})")).value() ==
        Value(bytes_of("foo")));
  CHECK(ValueTraits<Json>::from_value(bytes_of("foo")).value() == Json::binary({'f', 'o', 'o'}));
  CHECK_FALSE(ValueTraits<Json>::from_value(std::nan("")));
}

}  // namespace
}  // namespace cairn
