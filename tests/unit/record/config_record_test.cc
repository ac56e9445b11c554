// ConfigRecord with a tree of values: every type, every limit, and trees that no encoder writes.
#include "record/config_record.h"

#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "config_generated.h"
#include "record_testing.h"

namespace fb = cairn::fb;
using cairn::Code;
using cairn::Config;
using cairn::Value;
using cairn_test::fails_with;

namespace {

using Builder = flatbuffers::FlatBufferBuilder;
using Flat = flatbuffers::Offset<fb::Value>;

bool encodes(const Config& config) {
  return cairn::encode_config(config).has_value();
}

Value read_back(const Value& tree) {
  const auto bytes = cairn::encode_config(tree);
  REQUIRE_MESSAGE(bytes.has_value(), bytes.error().message);
  const auto back = cairn::decode_config(*bytes);
  REQUIRE_MESSAGE(back.has_value(), back.error().message);
  return std::get<Value>(*back);
}

// `levels` levels deep: maps and lists in turn around a number.
Value nested(std::size_t levels) {
  Value value = 1;
  for (std::size_t level = 1; level < levels; ++level) {
    value = level % 2 == 0 ? Value(Value::List{std::move(value)})
                           : Value(Value::Map{{"down", std::move(value)}});
  }
  return value;
}

// A config record around a tree that `build` makes.
std::string raw_config(const std::function<Flat(Builder&)>& build) {
  Builder builder;
  const auto tree = build(builder);
  builder.Finish(fb::CreateConfigRecord(builder, fb::ConfigKind::Tree, tree), "CNCF");
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

Flat flat_null(Builder& builder) {
  return fb::CreateValue(builder, fb::ValueType::Null);
}

Flat flat_list(Builder& builder, const std::vector<Flat>& items) {
  const auto vector = builder.CreateVector(items);
  fb::ValueBuilder value(builder);
  value.add_type(fb::ValueType::List);
  value.add_items(vector);
  return value.Finish();
}

bool refuses(const std::string& bytes, std::string_view fragment) {
  return fails_with(cairn::decode_config(bytes), Code::Corruption, fragment);
}

}  // namespace

TEST_CASE("config record: random trees are read as written, maps in their order") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  cairn_test::Random random(cairn_test::seed());
  for (int i = 0; i < 1'000; ++i) {
    const auto tree = random.value(6);
    REQUIRE(read_back(tree) == tree);
  }
}

TEST_CASE("config record: the ends of every type are read as written") {
  const Value tree = Value::List{nullptr,
                                 true,
                                 false,
                                 0,
                                 std::numeric_limits<std::int64_t>::min(),
                                 std::numeric_limits<std::int64_t>::max(),
                                 std::uint64_t{1} << 63,
                                 std::numeric_limits<std::uint64_t>::max(),
                                 0.0,
                                 5e-324,
                                 std::numeric_limits<double>::max(),
                                 "",
                                 std::string("a\0b", 3),
                                 Value::Bytes(),
                                 Value::Bytes(3),
                                 Value::List(),
                                 Value::Map(),
                                 Value::Map{{"", 1}}};
  CHECK(read_back(tree) == tree);
  const Value minus_zero = read_back(-0.0);
  CHECK(std::signbit(*minus_zero.as_f64()));
}

TEST_CASE("config record: damage is refused or leaves a record that could have been written") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  const Value tree = Value::Map{
      {"layers", Value::List{64, 32}}, {"lr", 0.1},   {"name", "adam"}, {"raw", Value::Bytes(5)},
      {"big", ~std::uint64_t{0}},      {"bias", true}};
  const auto bytes = *cairn::encode_config(tree);
  cairn_test::check_header(bytes, cairn::decode_config);
  CHECK(cairn_test::check_damage(bytes, cairn::decode_config, encodes) > bytes.size());
}

TEST_CASE("config record: 32 levels are read as written, 33 are not written") {
  const auto deep = nested(cairn::kMaxValueDepth);
  CHECK(read_back(deep) == deep);
  CHECK(fails_with(cairn::encode_config(nested(cairn::kMaxValueDepth + 1)), Code::LimitExceeded,
                   "32 levels"));
}

TEST_CASE("config record: a million values are read as written, one more is not written") {
  Value::List list(cairn::kMaxValues - 1);
  const Value most = list;
  CHECK(read_back(most) == most);
  list.emplace_back();
  CHECK(fails_with(cairn::encode_config(Value(std::move(list))), Code::LimitExceeded, "1000000"));
}

TEST_CASE("config record: what could not be read back is not written") {
  const auto invalid = Code::InvalidArgument;
  CHECK(fails_with(cairn::encode_config(Value(std::nan(""))), invalid, "finite"));
  CHECK(fails_with(cairn::encode_config(Value("\xFF")), invalid, "UTF-8"));
  CHECK(fails_with(cairn::encode_config(Value(Value::Map{{"a", 1}, {"a", 2}})), invalid, "unique"));
  const Value large = std::string(65U << 20, 'x');
  CHECK(fails_with(cairn::encode_config(large), Code::LimitExceeded, "67108864"));
  const Value nearly = std::string((64U << 20) - 8, 'x');
  CHECK(fails_with(cairn::encode_config(nearly), Code::LimitExceeded, "67108864"));
}

TEST_CASE("config record: a buffer that is deeper than any tree is refused before it is walked") {
  for (const std::size_t levels : {33U, 34U, 64U, 100'000U}) {
    const auto bytes = raw_config([&](Builder& builder) {
      Flat value = flat_null(builder);
      for (std::size_t level = 1; level < levels; ++level) {
        value = flat_list(builder, {value});
      }
      return value;
    });
    CHECK(refuses(bytes, "33 levels"));
  }
}

TEST_CASE("config record: tables that stand for more values than allowed are refused") {
  const auto doubled = [](int levels) {
    return raw_config([&](Builder& builder) {
      Flat value = flat_null(builder);
      for (int level = 0; level < levels; ++level) {
        value = flat_list(builder, {value, value});
      }
      return value;
    });
  };
  CHECK(cairn::decode_config(doubled(10)).has_value());
  CHECK(refuses(doubled(20), "1048576 tables"));
  CHECK(refuses(doubled(30), "1048576 tables"));
}

TEST_CASE("config record: a shared text that stands for more than a record holds is refused") {
  const auto bytes = raw_config([](Builder& builder) {
    const auto text = builder.CreateString(std::string(1U << 20, 'x'));
    std::vector<Flat> items;
    for (int i = 0; i < 65; ++i) {
      fb::ValueBuilder value(builder);
      value.add_type(fb::ValueType::Text);
      value.add_text(text);
      items.push_back(value.Finish());
    }
    return flat_list(builder, items);
  });
  CHECK(bytes.size() < 2U << 20);
  CHECK(refuses(bytes, "bytes of text"));
}

TEST_CASE("config record: well-formed buffers without meaning are Corruption") {
  const auto value = [](const std::function<void(fb::ValueBuilder&)>& fill) {
    return raw_config([&](Builder& builder) {
      fb::ValueBuilder table(builder);
      fill(table);
      return table.Finish();
    });
  };
  CHECK(refuses(value([](auto&) {}), "expected a type"));
  CHECK(refuses(value([](auto& v) { v.add_type(fb::ValueType(0)); }), "found 0"));
  CHECK(refuses(value([](auto& v) { v.add_type(fb::ValueType(10)); }), "found 10"));
  CHECK(refuses(value([](auto& v) { v.add_type(fb::ValueType::F64); }), "expected an f64"));
  CHECK(refuses(value([](auto& v) { v.add_type(fb::ValueType::U64); }), "u64"));
  CHECK(refuses(value([](auto& v) {
                  v.add_type(fb::ValueType::F64);
                  v.add_number_f64(std::nan(""));
                }),
                "finite"));
  // Absent text, bytes and items are empty ones.
  CHECK(cairn::decode_config(value([](auto& v) { v.add_type(fb::ValueType::Text); })).has_value());
  CHECK(cairn::decode_config(value([](auto& v) { v.add_type(fb::ValueType::Bytes); })).has_value());
  CHECK(cairn::decode_config(value([](auto& v) { v.add_type(fb::ValueType::Map); })).has_value());
}

TEST_CASE("config record: a record without a kind, or without its tree, is Corruption") {
  const auto record = [](const std::function<void(fb::ConfigRecordBuilder&)>& fill) {
    Builder builder;
    const auto tree = flat_null(builder);
    fb::ConfigRecordBuilder root(builder);
    root.add_tree(tree);
    fill(root);
    builder.Finish(root.Finish(), "CNCF");
    return std::string(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                       builder.GetSize());
  };
  CHECK(
      cairn::decode_config(record([](auto& r) { r.add_kind(fb::ConfigKind::Tree); })).has_value());
  CHECK(refuses(record([](auto&) {}), "found none"));
  CHECK(refuses(record([](auto& r) { r.add_kind(fb::ConfigKind(3)); }), "found 3"));
  CHECK(refuses(record([](auto& r) { r.add_kind(fb::ConfigKind::Table); }), "identifier"));
  CHECK(refuses(raw_config([](Builder&) { return Flat(); }), "tree"));
}
