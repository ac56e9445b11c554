// ConfigRecord with an app's own table: what is checked before it is written, against schemas that
// are sound, damaged or made to mislead.
#include "record/config_table.h"

#include <flatbuffers/reflection.h>

#include "app_config_bfbs_generated.h"
#include "app_config_generated.h"
#include "config_generated.h"
#include "content/digest.h"
#include "record/config_record.h"
#include "record_testing.h"

using cairn::Code;
using cairn::ConfigTable;
using cairn_test::fails_with;
using cairn_test::Random;

namespace {

std::vector<std::byte> to_bytes(const std::uint8_t* data, std::size_t size) {
  const auto* first = reinterpret_cast<const std::byte*>(data);
  return {first, first + size};
}

std::vector<std::byte> app_data() {
  flatbuffers::FlatBufferBuilder builder;
  const auto next = app::CreateScheduleDirect(builder, "cool");
  const std::vector<std::int64_t> steps = {1, 10, 100};
  const std::vector schedules = {app::CreateScheduleDirect(builder, "warm", &steps, next)};
  const std::vector<app::Range> ranges = {app::Range(0, 1), app::Range(2, 3)};
  const std::vector words = {builder.CreateString("one"), builder.CreateString("two")};
  const auto dense = app::CreateDense(builder, 64, app::Activation::Gelu).Union();
  const app::Range range(-1, 1);
  builder.Finish(app::CreateConfigDirect(builder, "mlp", app::Layer::Dense, dense, &range, &ranges,
                                         &schedules, &words, 7),
                 "APPC");
  return to_bytes(builder.GetBufferPointer(), builder.GetSize());
}

ConfigTable app_table() {
  return {"APPC", app_data(),
          to_bytes(app::ConfigBinarySchema::data(), app::ConfigBinarySchema::size())};
}

bool same(const ConfigTable& a, const ConfigTable& b) {
  return a.identifier == b.identifier && a.data == b.data && a.schema == b.schema;
}

bool refuses(const ConfigTable& table, Code code, std::string_view fragment) {
  fails_with(cairn::encode_config(table), code, fragment);
  return fails_with(cairn::check_config_table(table), code, fragment);
}

// The app's table, and its schema with the type of one field changed.
ConfigTable with_type(std::string_view object, std::string_view field, std::int8_t base,
                      std::int8_t element, std::int32_t index) {
  auto table = app_table();
  auto* schema = flatbuffers::GetMutableRoot<reflection::Schema>(table.schema.data());
  for (const auto* each : *schema->objects()) {
    if (each->name()->string_view() != object) {
      continue;
    }
    auto* type = const_cast<reflection::Type*>(each->fields()->LookupByKey(field.data())->type());
    auto& raw = reinterpret_cast<flatbuffers::Table&>(*type);
    REQUIRE(raw.SetField<std::int8_t>(reflection::Type::VT_BASE_TYPE, base, 0));
    REQUIRE(raw.SetField<std::int8_t>(reflection::Type::VT_ELEMENT, element, 0));
    REQUIRE(raw.SetField<std::int32_t>(reflection::Type::VT_INDEX, index, -1));
    return table;
  }
  FAIL("no such field");
  return table;
}

}  // namespace

TEST_CASE("config table: an app's table is read as written") {
  const auto table = app_table();
  const auto bytes = cairn::encode_config(table);
  REQUIRE_MESSAGE(bytes.has_value(), bytes.error().message);
  const auto back = cairn::decode_config(*bytes);
  REQUIRE_MESSAGE(back.has_value(), back.error().message);
  CHECK(same(std::get<ConfigTable>(*back), table));
}

TEST_CASE("config table: what is not what it says is not written") {
  const auto invalid = Code::InvalidArgument;
  auto table = app_table();
  table.identifier = "APP";
  CHECK(refuses(table, invalid, "identifier"));
  table = app_table();
  table.identifier = "APPD";
  CHECK(refuses(table, invalid, "at byte 4"));
  table.data[7] = std::byte{'D'};
  CHECK(refuses(table, invalid, "file_identifier"));
  table = app_table();
  table.data.resize(11);
  CHECK(refuses(table, invalid, "at least 12"));
  table = app_table();
  table.data.resize(20);
  CHECK(refuses(table, invalid, "verifies"));
  table = app_table();
  table.schema.clear();
  CHECK(refuses(table, invalid, "schema"));
  table.schema.assign(64, std::byte{0});
  CHECK(refuses(table, invalid, "binary schema"));
  table.schema.assign(cairn::kMaxSchemaBytes + 1, std::byte{0});
  CHECK(refuses(table, Code::LimitExceeded, "4194304"));
  table = app_table();
  table.data.resize(cairn::kMaxRecordBytes + 1);
  CHECK(refuses(table, Code::LimitExceeded, "67108864"));
  table = app_table();
  table.data.resize(cairn::kMaxRecordBytes);  // Verifies, but leaves no room for the record.
  CHECK(fails_with(cairn::encode_config(table), Code::LimitExceeded, "67108864"));
}

TEST_CASE("config table: a buffer of another schema does not verify") {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(app::CreateDense(builder, 64), "APPC");  // A field that Config keeps a string in.
  auto table = app_table();
  table.data = to_bytes(builder.GetBufferPointer(), builder.GetSize());
  CHECK(refuses(table, Code::InvalidArgument, "verifies"));
}

TEST_CASE("config table: no damaged buffer crashes the check") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  auto table = app_table();
  const auto good = table.data;
  for (std::size_t length = 0; length < good.size(); ++length) {
    table.data.assign(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length));
    (void)cairn::check_config_table(table);
  }
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    table.data = good;
    table.data[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    refused += cairn::check_config_table(table) ? 0U : 1U;
  }
  CHECK(refused > good.size());
  Random random(cairn_test::seed());
  for (int round = 0; round < 5'000; ++round) {
    table.data = good;
    for (auto left = random.below(6) + 1; left > 0; --left) {
      table.data[random.below(good.size())] = static_cast<std::byte>(random.next());
    }
    (void)cairn::check_config_table(table);
  }
}

TEST_CASE("config table: no damaged schema crashes the check") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  auto table = app_table();
  const auto good = table.schema;
  for (std::size_t length = 0; length < good.size(); ++length) {
    table.schema.assign(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length));
    (void)cairn::check_config_table(table);
  }
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    table.schema = good;
    table.schema[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    refused += cairn::check_config_table(table) ? 0U : 1U;
  }
  CHECK(refused > good.size());
  Random random(cairn_test::seed());
  for (int round = 0; round < 5'000; ++round) {
    table.schema = good;
    for (auto left = random.below(6) + 1; left > 0; --left) {
      table.schema[random.below(good.size())] = static_cast<std::byte>(random.next());
    }
    (void)cairn::check_config_table(table);
  }
}

TEST_CASE("config table: types that the verifier of FlatBuffers would trust are refused") {
  using reflection::Array, reflection::Int, reflection::Obj, reflection::Union, reflection::Vector;
  const auto refused = [](std::int8_t base, std::int8_t element, std::int32_t index) {
    return refuses(with_type("app.Config", "schedules", base, element, index),
                   Code::InvalidArgument, "type that can be verified");
  };
  CHECK(cairn::check_config_table(with_type("app.Config", "schedules", Vector, Obj, 4)));
  CHECK(refused(Vector, Obj, 99));
  CHECK(refused(Vector, Obj, -2));
  CHECK(refused(Vector, Vector, 0));
  CHECK(refused(Vector, Union, 1));
  CHECK(refused(Vector, Array, 1));
  CHECK(refused(Obj, Int, 99));
  CHECK(refused(Union, Int, 0));
  CHECK(refused(Union, Int, 99));
  CHECK(refused(Array, Int, 0));
  CHECK(refused(18, Int, 0));
  CHECK(refused(127, Int, 0));
  CHECK(refused(-1, Int, 0));
}

TEST_CASE("config table: a stored table whose schema or frame was changed is Corruption") {
  const auto bytes = *cairn::encode_config(app_table());
  const auto stored = [&](auto change) {
    auto copy = bytes;
    auto* root = flatbuffers::GetMutableRoot<cairn::fb::ConfigRecord>(copy.data());
    change(*root);
    return cairn::decode_config(copy);
  };
  CHECK(fails_with(
      stored([](auto& root) { const_cast<std::uint8_t*>(root.schema()->data())[100] ^= 1; }),
      Code::Corruption, "digest of the schema"));
  CHECK(
      fails_with(stored([](auto& root) { const_cast<std::uint8_t*>(root.data()->data())[4] ^= 1; }),
                 Code::Corruption, "identifier"));
}

TEST_CASE("config table: damage to the record is refused or leaves a sound frame") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  const auto bytes = *cairn::encode_config(app_table());
  const auto sound = [](const cairn::Config& config) {
    const auto* table = std::get_if<ConfigTable>(&config);
    return table == nullptr || cairn::check_table_frame(*table).has_value();
  };
  CHECK(cairn_test::check_damage(bytes, cairn::decode_config, sound) > bytes.size());
}
