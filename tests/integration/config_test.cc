// Configs: trees of values, JSON, an app's own types and FlatBuffers tables, and what is refused.
#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <cairn/json.h>

#include "support.h"

namespace cairn::testing {

namespace {

struct Optimizer {
  std::string name;
  double rate = 0;
  std::uint64_t seed = 0;
  std::vector<int> milestones;

  friend bool operator==(const Optimizer&, const Optimizer&) = default;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Optimizer, name, rate, seed, milestones)
};

struct Training {
  Optimizer optimizer;
  std::map<std::string, bool> flags;
  std::int64_t steps = 0;

  friend bool operator==(const Training&, const Training&) = default;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Training, optimizer, flags, steps)
};

// Throws in both directions.
struct Moody {};
void to_json(nlohmann::json& json, const Moody&) {
  json = 1;
  throw std::runtime_error("not in the mood");
}
void from_json(const nlohmann::json&, Moody&) {
  throw std::runtime_error("still not");
}

Value nested(std::size_t levels) {
  Value out = 1;
  for (std::size_t i = 1; i < levels; ++i) {
    out = i % 2 == 0 ? Value(Value::List{std::move(out)})
                     : Value(Value::Map{{"deeper", std::move(out)}});
  }
  return out;
}

Result<Value> through_store(const Value& value) {
  Draft draft;
  draft.config(value);
  const auto key = must(scratch_store().save(fresh_name(), draft)).key;
  return must(scratch_store().load(key)).config();
}

Outcome refused(const Value& value, Code code, std::string_view fragment) {
  Draft draft;
  draft.config(value);
  return fails(scratch_store().save(fresh_name(), draft), code, "config", fragment);
}

std::vector<std::byte> table_file(const std::string& name) {
  return read_file(std::filesystem::path(CAIRN_TEST_TABLE_DIR) / name);
}

ConfigTable app_config() {
  return {"APPC", table_file("app_config.bin"), table_file("app_config.bfbs")};
}

}  // namespace

TEST_CASE("config: every type of value comes back as it was") {
  const Value value = Value::Map{
      {"null", nullptr},
      {"yes", true},
      {"no", false},
      {"zero", 0},
      {"smallest", INT64_MIN},
      {"largest", INT64_MAX},
      {"above", std::uint64_t{INT64_MAX} + 1},
      {"largest unsigned", UINT64_MAX},
      {"not in a double", (std::int64_t{1} << 53) + 1},
      {"float", 0.1},
      {"integral float", 3.0},
      {"denormal", std::numeric_limits<double>::denorm_min()},
      {"huge", std::numeric_limits<double>::max()},
      {"text", "caf\xc3\xa9 \xf0\x9d\x84\x9e"},
      {"empty text", ""},
      {"text with NUL", std::string("a\0b", 3)},
      {"bytes", to_bytes("\x01\xff")},
      {"no bytes", Value::Bytes()},
      {"list", Value::List{1, "two", 3.0, nullptr, Value::List()}},
      {"empty list", Value::List()},
      {"empty map", Value::Map()},
      {"", "an empty key"},
      {"z", Value::Map{{"b", 1}, {"a", 2}}},
  };
  const auto loaded = must(through_store(value));
  CHECK(loaded == value);
  CHECK(*loaded.find("largest unsigned")->as_u64() == UINT64_MAX);
  CHECK(*loaded.find("integral float")->as_f64() == 3.0);
  CHECK(loaded.find("z")->as_map()->front().first == "b");  // The order is kept.
}

TEST_CASE("config: a lone value of any type is a config, -0.0 keeps its sign") {
  for (const Value& value :
       {Value(), Value(true), Value(-1), Value(UINT64_MAX), Value(0.5), Value("text"),
        Value(to_bytes("b")), Value(Value::List{}), Value(Value::Map{})}) {
    CHECK(must(through_store(value)) == value);
  }
  CHECK(std::signbit(*must(through_store(Value(-0.0))).as_f64()));
}

TEST_CASE("config: 32 levels are kept, 33 are LimitExceeded") {
  CHECK(must(through_store(nested(32))) == nested(32));
  CHECK(refused(nested(33), Code::LimitExceeded, "32 levels"));
}

TEST_CASE("config: NaN, infinity, a key given twice and bad UTF-8 are refused with their path") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const auto wrong = Code::InvalidArgument;
  CHECK(refused(Value::Map{{"rates", Value::List{0.1, nan}}}, wrong, "rates[1]"));
  CHECK(refused(Value(infinity), wrong, "finite"));
  CHECK(refused(Value(-infinity), wrong, "finite"));
  CHECK(refused(Value::Map{{"a", 1}, {"b", 2}, {"a", 3}}, wrong, "\"a\" twice"));
  CHECK(refused(Value::Map{{"in", Value::Map{{"x", 1}, {"x", 1}}}}, wrong, "in"));
  CHECK(refused(Value("\xff"), wrong, "UTF-8"));
  CHECK(refused(Value::Map{{"\xc0\x80", 1}}, wrong, "UTF-8"));
}

TEST_CASE("config: ten thousand entries in a map") {
  Value::Map map;
  for (int i = 0; i < 10'000; ++i) {
    map.emplace_back("key" + std::to_string(i), Value::Map{{"index", i}, {"half", i / 2.0}});
  }
  const Value value = std::move(map);
  CHECK(must(through_store(value)) == value);
}

TEST_CASE("config: JSON text becomes a tree and back, integers exactly") {
  const std::string text =
      R"({"z":18446744073709551615,"a":[-9223372036854775808,1.0,1e-300,"\u00e9",null,true],"m":{}})";
  const auto value = must(parse_json(text));
  CHECK(*value.find("z")->as_u64() == UINT64_MAX);
  const auto loaded = must(through_store(value));
  CHECK(loaded == value);
  CHECK(must(parse_json(must(to_json(loaded)))) == value);
  CHECK(fails(parse_json("{\"a\": 1, \"a\": 2}"), Code::InvalidArgument, "\"a\""));
  CHECK(fails(parse_json("{\"a\": 18446744073709551616}"), Code::InvalidArgument));
  CHECK(fails(parse_json("{\n  \"a\": }"), Code::InvalidArgument, "2"));
}

TEST_CASE("config: an app's own types, as one struct in another") {
  TempStore temp;
  auto store = temp.open();
  const Training training{{"adam", 0.001, UINT64_MAX, {10, 20}}, {{"amp", true}}, -5};
  Draft draft;
  draft.config(training);
  must(store.save("m", draft));
  const auto artifact = must(store.load("m"));
  CHECK(must(artifact.config<Training>()) == training);
  CHECK(*must(artifact.config()).find("optimizer")->find("seed")->as_u64() == UINT64_MAX);
  // The same tree as another type.
  const auto json = must(artifact.config<nlohmann::json>());
  CHECK(json["optimizer"]["rate"] == 0.001);
  CHECK(json["steps"] == -5);
  const auto wrong = artifact.config<Optimizer>();
  CHECK(fails(wrong, Code::InvalidArgument, "from_json"));
}

TEST_CASE("config: nlohmann's trees keep the order where they have one") {
  TempStore temp;
  auto store = temp.open();
  Draft ordered;
  ordered.config(nlohmann::ordered_json::parse(R"({"z": 1, "a": [1, 2.5, "x", null]})"));
  must(store.save("ordered", ordered));
  const auto artifact = must(store.load("ordered"));
  CHECK(must(artifact.config<nlohmann::ordered_json>()).dump() ==
        R"({"z":1,"a":[1,2.5,"x",null]})");
  Draft sorted;
  sorted.config(nlohmann::json::parse(R"({"z": 1, "a": [1, 2.5, "x", null]})"));
  // Another order is the same config.
  CHECK(must(store.save("sorted", sorted)).digest == artifact.digest());
}

TEST_CASE("config: what an app's conversion throws becomes InvalidArgument") {
  TempStore temp;
  auto store = temp.open();
  Draft draft;
  draft.config(Moody());
  CHECK(fails(store.save("m", draft), Code::InvalidArgument, "not in the mood"));
  Draft other;
  other.config(Value(1));
  must(store.save("m", other));
  CHECK(fails(must(store.load("m")).config<Moody>(), Code::InvalidArgument, "still not"));
}

TEST_CASE("config: the last one set counts, and there may be none") {
  TempStore temp;
  auto store = temp.open();
  Draft draft;
  draft.config(Value(1)).config(Value(2)).tag("a", "b");
  must(store.save("m", draft));
  CHECK(must(must(store.load("m")).config()) == Value(2));
  Draft none;
  none.tag("a", "b");
  must(store.save("n", none));
  const auto artifact = must(store.load("n"));
  CHECK(fails(artifact.config(), Code::NotFound, "n:1.0.0@0", "config"));
  CHECK(fails(artifact.config<Training>(), Code::NotFound));
  CHECK(fails(artifact.config_table(), Code::NotFound));
}

TEST_CASE("config: an app's own table comes back byte for byte, with its schema") {
  TempStore temp;
  const auto table = app_config();
  Draft draft;
  draft.config(ConfigTable(table));
  {
    auto store = temp.open();
    must(store.save("m", draft));
  }
  const auto artifact = must(temp.open().load("m"));
  const auto loaded = must(artifact.config_table());
  CHECK(loaded.identifier == "APPC");
  CHECK(loaded.data == table.data);
  CHECK(loaded.schema == table.schema);
  CHECK(fails(artifact.config(), Code::TypeMismatch, "APPC"));
  CHECK(fails(artifact.config<Training>(), Code::TypeMismatch));
  CHECK(ok(artifact.verify()));
}

TEST_CASE("config: a tree is no table") {
  TempStore temp;
  auto store = temp.open();
  Draft draft;
  draft.config(Value(1));
  must(store.save("m", draft));
  CHECK(fails(must(store.load("m")).config_table(), Code::TypeMismatch, "tree"));
}

TEST_CASE("config: a table that is not what it says is refused") {
  TempStore temp;
  auto store = temp.open();
  const auto refuse = [&](const auto& change) {
    auto table = app_config();
    change(table);
    Draft draft;
    draft.config(std::move(table));
    return fails(store.save("m", draft), Code::InvalidArgument, "config");
  };
  CHECK(refuse([](ConfigTable& t) { t.identifier = "NOPE"; }));
  CHECK(refuse([](ConfigTable& t) { t.identifier = ""; }));
  CHECK(refuse([](ConfigTable& t) { t.data.clear(); }));
  CHECK(refuse([](ConfigTable& t) { t.data.resize(t.data.size() / 2); }));
  CHECK(refuse([](ConfigTable& t) { t.data[0] = std::byte{0xff}; }));
  CHECK(refuse([](ConfigTable& t) { t.schema.clear(); }));
  CHECK(refuse([](ConfigTable& t) { t.schema.resize(t.schema.size() / 2); }));
  CHECK(refuse([](ConfigTable& t) { t.schema = to_bytes("no schema, but long enough for one"); }));
  CHECK(must(store.list()).empty());
}

}  // namespace cairn::testing
