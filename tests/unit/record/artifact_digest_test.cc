// The artifact digest: its golden bytes, what it covers, and what it does not.
#include "record/artifact_digest.h"

#include "base/text.h"
#include "content/digest.h"
#include "record_testing.h"

using cairn::Config;
using cairn::ConfigTable;
using cairn::DType;
using cairn::ModelRecord;
using cairn::Value;
using std::string_literals::operator""s;

namespace {

cairn::Digest digest_from(std::uint8_t first) {
  cairn::Digest out;
  for (std::size_t i = 0; i < out.bytes.size(); ++i) {
    out.bytes[i] = static_cast<std::uint8_t>(first + i);
  }
  return out;
}

cairn::TensorEntry tensor(std::string name, DType dtype, cairn::Shape shape) {
  const auto size_bytes = *cairn::shape_bytes(dtype, shape);
  return {{std::move(name),
           dtype,
           std::move(shape),
           cairn::Layout::C,
           size_bytes,
           digest_from(0x10),
           {}},
          0};
}

ModelRecord small_model() {
  return {{tensor("b", DType::F32, {3}), tensor("w", DType::F32, {2, 3})},
          {{{"vocab.txt", 10, digest_from(0x20)}, 0}}};
}

Config small_config() {
  return Value(Value::Map{{"lr", 0.5}, {"layers", Value::List{2, true, nullptr}}});
}

std::string bytes_from(std::uint8_t first) {
  const auto digest = digest_from(first);
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

std::string u64(unsigned char low) {
  return std::string(1, static_cast<char>(low)) + std::string(7, '\0');
}

}  // namespace

TEST_CASE("artifact digest: the canonical string is the one of FORMAT.md") {
  const auto config = small_config();
  const std::string expected =
      "cairn artifact v1\0"s +                                                     //
      u64(2) +                                                                     //
      u64(1) + "b" + "\x0E\0\1"s + u64(3) + u64(12) + bytes_from(0x10) +           //
      u64(1) + "w" + "\x0E\0\2"s + u64(2) + u64(3) + u64(24) + bytes_from(0x10) +  //
      u64(1) + u64(9) + "vocab.txt" + u64(10) + bytes_from(0x20) +                 //
      "\1"s + "\x09"s + u64(2) +                                                   //
      u64(6) + "layers" + "\x08"s + u64(3) + "\3"s + u64(2) + "\2\1"s + "\1"s +    //
      u64(2) + "lr" + "\5"s + "\0\0\0\0\0\0\xE0\x3F"s;
  CHECK(cairn::to_hex(cairn::canonical_string(small_model(), &config)) == cairn::to_hex(expected));
}

TEST_CASE("artifact digest: golden values never change") {
  const auto tree = small_config();
  const Config table = ConfigTable{"APPC", std::vector<std::byte>(20), std::vector<std::byte>(3)};
  const auto model = small_model();
  CHECK(cairn::artifact_digest({}, nullptr).to_string() == "cb0a14cbd1dcd464c8bce466eaeeceb3");
  CHECK(cairn::artifact_digest(model, nullptr).to_string() == "1c087f1c8f23850831634bddb9471423");
  CHECK(cairn::artifact_digest(model, &tree).to_string() == "a4315891a126d23f3daf8ceb545ac305");
  CHECK(cairn::artifact_digest(model, &table).to_string() == "945c8cc68ec4961d06bdad02638ef7d2");
}

TEST_CASE("artifact digest: a table counts by identifier, bytes and the digest of its schema") {
  const ConfigTable table{"APPC", std::vector<std::byte>(20), std::vector<std::byte>(3)};
  const auto schema = cairn::schema_digest_of(table.schema);
  const Config config = table;
  const auto canonical = cairn::canonical_string({}, &config);
  CHECK(canonical == "cairn artifact v1\0"s + u64(0) + u64(0) + "\2"s + u64(4) + "APPC" + u64(20) +
                         std::string(20, '\0') +
                         std::string(reinterpret_cast<const char*>(schema.bytes.data()), 16));
}

TEST_CASE("artifact digest: the order of tensors, files and map entries does not matter") {
  const auto model = small_model();
  auto other = model;
  std::ranges::reverse(other.tensors);
  other.files.push_back({{"a.txt", 1, {}}, 0});
  auto sorted = model;
  sorted.files.insert(sorted.files.begin(), {{"a.txt", 1, {}}, 0});
  CHECK(cairn::artifact_digest(other, nullptr) == cairn::artifact_digest(sorted, nullptr));
  const Config one = Value(Value::Map{{"a", 1}, {"b", Value::Map{{"x", 1}, {"y", 2}}}});
  const Config two = Value(Value::Map{{"b", Value::Map{{"y", 2}, {"x", 1}}}, {"a", 1}});
  CHECK(cairn::artifact_digest(model, &one) == cairn::artifact_digest(model, &two));
}

TEST_CASE("artifact digest: keys of maps sort by their bytes, also above ASCII") {
  const Config one = Value(Value::Map{{"\xC3\xA9", 1}, {"z", 2}});
  const auto canonical = cairn::canonical_string({}, &one);
  CHECK(canonical.find("z") < canonical.find("\xC3\xA9"));
}

TEST_CASE("artifact digest: slots and health do not matter") {
  const auto model = small_model();
  auto other = model;
  other.tensors[0].slot = 3;
  other.tensors[1].info.health = cairn::Health{};
  other.files[0].slot = 1;
  CHECK(cairn::artifact_digest(model, nullptr) == cairn::artifact_digest(other, nullptr));
}

TEST_CASE("artifact digest: every change of a tensor, a file or the config changes it") {
  const auto digest = cairn::artifact_digest(small_model(), nullptr);
  const auto differs = [&](auto change) {
    auto model = small_model();
    change(model);
    return cairn::artifact_digest(model, nullptr) != digest;
  };
  CHECK(differs([](auto& m) { m.tensors[0].info.name = "c"; }));
  CHECK(differs([](auto& m) { m.tensors[0].info.dtype = DType::I32; }));
  CHECK(differs([](auto& m) { m.tensors[0].info.layout = cairn::Layout::Fortran; }));
  CHECK(differs([](auto& m) { m.tensors[0].info.shape = {3, 1}; }));
  CHECK(differs([](auto& m) { m.tensors[1].info.shape = {3, 2}; }));
  CHECK(differs([](auto& m) { m.tensors[0].info.size_bytes = 11; }));
  CHECK(differs([](auto& m) { m.tensors[0].info.content.bytes[15] ^= 1; }));
  CHECK(differs([](auto& m) { m.tensors.pop_back(); }));
  CHECK(differs([](auto& m) { m.files[0].info.name = "vocab"; }));
  CHECK(differs([](auto& m) { m.files[0].info.size_bytes = 11; }));
  CHECK(differs([](auto& m) { m.files[0].info.content.bytes[0] ^= 1; }));
  CHECK(differs([](auto& m) { m.files.clear(); }));
}

TEST_CASE("artifact digest: values that look alike are told apart") {
  const std::vector<Config> configs = {
      Value(),
      Value(false),
      Value(true),
      Value(0),
      Value(1),
      Value(0.0),
      Value(-0.0),
      Value(1.0),
      Value(""),
      Value("1"),
      Value(Value::Bytes()),
      Value(Value::Bytes{std::byte{'1'}}),
      Value(Value::List()),
      Value(Value::Map()),
      Value(Value::List{Value()}),
      Value(Value::List{1, 2}),
      Value(Value::List{2, 1}),
      Value(Value::List{Value(Value::List{1}), 2}),
      Value(Value::List{Value(Value::List{1, 2})}),
      Value(Value::Map{{"", Value()}}),
      Value(Value::Map{{"a", "b"}}),
      Value(Value::Map{{"ab", ""}}),
      Value(~std::uint64_t{0}),
      Value(-1),
      ConfigTable{"APPC", std::vector<std::byte>(12), std::vector<std::byte>(1)},
      ConfigTable{"APPC", std::vector<std::byte>(12), std::vector<std::byte>(2)},
      ConfigTable{"APPC", std::vector<std::byte>(13), std::vector<std::byte>(1)},
      ConfigTable{"APPD", std::vector<std::byte>(12), std::vector<std::byte>(1)},
  };
  std::vector<cairn::Digest> digests = {cairn::artifact_digest({}, nullptr)};
  for (const auto& config : configs) {
    digests.push_back(cairn::artifact_digest({}, &config));
  }
  std::ranges::sort(digests);
  CHECK(std::ranges::adjacent_find(digests) == digests.end());
}

TEST_CASE("artifact digest: it is the same after the records were written and read") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  cairn_test::Random random(cairn_test::seed());
  for (int i = 0; i < 200; ++i) {
    const auto model = small_model();
    const Config config = random.value(5);
    const auto read_model = cairn::decode_model(*cairn::encode_model(model));
    const auto read_config = cairn::decode_config(*cairn::encode_config(config));
    REQUIRE(read_model.has_value());
    REQUIRE(read_config.has_value());
    REQUIRE(cairn::artifact_digest(model, &config) ==
            cairn::artifact_digest(*read_model, &*read_config));
  }
}
