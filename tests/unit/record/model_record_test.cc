// ModelRecord: what it holds, what is refused on the way out, and what on the way in.
#include "record/model_record.h"

#include <bit>
#include <limits>

#include "model_generated.h"
#include "record_testing.h"

using cairn::Code;
using cairn::DType;
using cairn::ModelRecord;
using cairn_test::fails_with;
using cairn_test::Random;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

cairn::TensorInfo random_tensor(Random& random, std::string name) {
  cairn::TensorInfo info;
  info.name = std::move(name);
  info.dtype = static_cast<DType>(1 + random.below(17));
  info.layout = random.one_in(2) ? cairn::Layout::C : cairn::Layout::Fortran;
  for (auto rank = random.below(5); rank > 0; --rank) {
    info.shape.push_back(random.below(random.one_in(8) ? 1 : 60));
  }
  info.size_bytes = *cairn::shape_bytes(info.dtype, info.shape);
  info.content = random.digest();
  if (random.one_in(2)) {
    const auto elements = info.size_bytes / cairn::element_bytes(info.dtype);
    info.health = cairn::Health{kNan, -1, 0.5, 3e300, elements / 2, 0, elements / 3};
  }
  return info;
}

ModelRecord random_model(Random& random, std::size_t most = 12) {
  ModelRecord model;
  for (auto& name : random.names(random.below(most + 1))) {
    const auto slot = static_cast<std::uint32_t>(random.number());
    model.tensors.push_back({random_tensor(random, std::move(name)), slot});
  }
  for (auto& name : random.names(random.below(most + 1))) {
    model.files.push_back({{std::move(name), random.number() >> 27, random.digest()},
                           static_cast<std::uint32_t>(random.number())});
  }
  return model;
}

bool same(const std::optional<cairn::Health>& a, const std::optional<cairn::Health>& b) {
  return a.has_value() == b.has_value() && (!a || std::memcmp(&*a, &*b, sizeof *a) == 0);
}

bool same(const cairn::TensorEntry& a, const cairn::TensorEntry& b) {
  return a.info.name == b.info.name && a.info.dtype == b.info.dtype &&
         a.info.layout == b.info.layout && a.info.shape == b.info.shape &&
         a.info.size_bytes == b.info.size_bytes && a.info.content == b.info.content &&
         same(a.info.health, b.info.health) && a.slot == b.slot;
}

bool same(const cairn::FileEntry& a, const cairn::FileEntry& b) {
  return a.info.name == b.info.name && a.info.size_bytes == b.info.size_bytes &&
         a.info.content == b.info.content && a.slot == b.slot;
}

bool same(const ModelRecord& a, const ModelRecord& b) {
  const auto same_entry = [](const auto& x, const auto& y) { return same(x, y); };
  return std::ranges::equal(a.tensors, b.tensors, same_entry) &&
         std::ranges::equal(a.files, b.files, same_entry);
}

bool encodes(const ModelRecord& model) {
  return cairn::encode_model(model).has_value();
}

cairn::TensorEntry tensor(std::string name, DType dtype, cairn::Shape shape) {
  const auto size_bytes = *cairn::shape_bytes(dtype, shape);
  return {{std::move(name), dtype, std::move(shape), cairn::Layout::C, size_bytes, {}, {}}, 0};
}

ModelRecord small_model() {
  ModelRecord model{{tensor("bias", DType::F32, {3}), tensor("weights", DType::F32, {2, 3})},
                    {{{"vocab.txt", 10, {}}, 1}}};
  model.tensors[0].info.health = cairn::Health{-1, 1, 0, 1, 1, 1, 1};
  return model;
}

// Tensors as no encoder writes them.
struct RawTensor {
  const char* name = "w";
  std::uint8_t dtype = 14;
  std::uint8_t layout = 0;
  std::vector<std::uint64_t> shape = {2};
  std::uint64_t size_bytes = 8;
  std::uint64_t nans = 0;
};

std::string raw_model(const std::vector<RawTensor>& tensors, bool with_dtype = true) {
  namespace fb = cairn::fb;
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<fb::TensorEntry>> offsets;
  for (const auto& raw : tensors) {
    flatbuffers::Optional<fb::DType> dtype = flatbuffers::nullopt;
    if (with_dtype) {
      dtype = static_cast<fb::DType>(raw.dtype);
    }
    const fb::Digest content;
    const fb::Health health(0, 0, 0, 0, raw.nans, 0, 0);
    offsets.push_back(fb::CreateTensorEntryDirect(builder, raw.name, dtype,
                                                  static_cast<fb::Layout>(raw.layout), &raw.shape,
                                                  raw.size_bytes, &content, 0, &health));
  }
  builder.Finish(fb::CreateModelRecordDirect(builder, &offsets), "CNMD");
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

bool refuses(const std::string& bytes, std::string_view fragment) {
  return fails_with(cairn::decode_model(bytes), Code::Corruption, fragment);
}

}  // namespace

TEST_CASE("model record: random models are read as written") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  Random random(cairn_test::seed());
  for (int i = 0; i < 500; ++i) {
    const auto model = random_model(random);
    const auto bytes = cairn::encode_model(model);
    REQUIRE_MESSAGE(bytes.has_value(), bytes.error().message);
    const auto back = cairn::decode_model(*bytes);
    REQUIRE_MESSAGE(back.has_value(), back.error().message);
    REQUIRE(same(model, *back));
  }
}

TEST_CASE("model record: damage is refused or leaves a record that could have been written") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  const auto bytes = *cairn::encode_model(small_model());
  cairn_test::check_header(bytes, cairn::decode_model);
  CHECK(cairn_test::check_damage(bytes, cairn::decode_model, encodes) > bytes.size());
  Random random(cairn_test::seed());
  const auto other = *cairn::encode_model(random_model(random, 4));
  cairn_test::check_damage(other, cairn::decode_model, encodes);
}

TEST_CASE("model record: an empty model, a scalar and an empty tensor are records") {
  CHECK(cairn::decode_model(*cairn::encode_model({})).has_value());
  ModelRecord model{{tensor("empty", DType::C128, {0, 7}), tensor("scalar", DType::F16, {})}, {}};
  model.tensors[0].info.layout = cairn::Layout::Fortran;
  const auto back = cairn::decode_model(*cairn::encode_model(model));
  REQUIRE(back.has_value());
  CHECK(same(model, *back));
  CHECK(back->tensors[0].info.size_bytes == 0);
  CHECK(back->tensors[1].info.size_bytes == 2);
}

TEST_CASE("model record: what could not be read back is not written") {
  auto model = small_model();
  std::swap(model.tensors[0], model.tensors[1]);
  CHECK(fails_with(cairn::encode_model(model), Code::InvalidArgument, "sorted"));
  model = small_model();
  model.tensors[0].info.name = model.tensors[1].info.name;
  CHECK(fails_with(cairn::encode_model(model), Code::InvalidArgument, "\"weights\""));
  model = small_model();
  model.tensors[0].info.name = "";
  CHECK(fails_with(cairn::encode_model(model), Code::InvalidArgument, "tensor name"));
  model = small_model();
  model.tensors[0].info.size_bytes += 1;
  CHECK(fails_with(cairn::encode_model(model), Code::InvalidArgument, "expected 12 bytes"));
  model = small_model();
  model.tensors[0].info.dtype = static_cast<DType>(18);
  CHECK(fails_with(cairn::encode_model(model), Code::InvalidArgument, "dtype"));
  model = small_model();
  model.tensors[0].info.shape.assign(33, 1);
  CHECK(fails_with(cairn::encode_model(model), Code::LimitExceeded, "rank 33"));
  model = small_model();
  model.tensors[0].info.health->zeros = 2;
  CHECK(fails_with(cairn::encode_model(model), Code::InvalidArgument, "health"));
  model = small_model();
  model.files[0].info.size_bytes = cairn::kMaxContentBytes + 1;
  CHECK(fails_with(cairn::encode_model(model), Code::LimitExceeded, "vocab.txt"));
  model = small_model();
  model.files[0].info.name = "\xC3\x28";
  CHECK(fails_with(cairn::encode_model(model), Code::InvalidArgument, "UTF-8"));
}

TEST_CASE("model record: 100,000 tensors are read, one more or more than 64 MiB are not written") {
  ModelRecord model;
  for (std::size_t i = 0; i < cairn::kMaxItems; ++i) {
    model.tensors.push_back(tensor(std::to_string(1'000'000 + i), DType::F32, {4, 4}));
  }
  const auto bytes = cairn::encode_model(model);
  REQUIRE(bytes.has_value());
  const auto back = cairn::decode_model(*bytes);
  REQUIRE(back.has_value());
  CHECK(back->tensors.size() == cairn::kMaxItems);
  model.tensors.push_back(tensor("2", DType::F32, {4, 4}));
  CHECK(fails_with(cairn::encode_model(model), Code::LimitExceeded, "100001"));
  model.tensors.pop_back();
  for (auto& entry : model.tensors) {
    entry.info.name.resize(cairn::kMaxItemNameBytes, 'x');
  }
  CHECK(fails_with(cairn::encode_model(model), Code::LimitExceeded, "67108864"));
}

TEST_CASE("model record: a complex tensor has twice as many numbers as elements") {
  ModelRecord model{{tensor("w", DType::C64, {3})}, {}};
  model.tensors[0].info.health = cairn::Health{0, 0, 0, 0, 2, 2, 2};
  CHECK(cairn::decode_model(*cairn::encode_model(model)).has_value());
  model.tensors[0].info.health->nans = 3;
  CHECK(fails_with(cairn::encode_model(model), Code::InvalidArgument, "at most 6"));
  model.tensors[0].info.health->nans = std::numeric_limits<std::uint64_t>::max();
  CHECK(fails_with(cairn::encode_model(model), Code::InvalidArgument, "at most 6"));
}

TEST_CASE("model record: well-formed buffers without meaning are Corruption") {
  CHECK(cairn::decode_model(raw_model({RawTensor{}})).has_value());
  CHECK(refuses(raw_model({{.name = "b"}, {.name = "a"}}), "sorted"));
  CHECK(refuses(raw_model({{.name = "a"}, {.name = "a"}}), "unique"));
  CHECK(refuses(raw_model({{.name = ""}}), "name"));
  CHECK(refuses(raw_model({{.name = "\x80"}}), "UTF-8"));
  CHECK(refuses(raw_model({{.dtype = 0}}), "dtype"));
  CHECK(refuses(raw_model({{.dtype = 18}}), "dtype"));
  CHECK(refuses(raw_model({RawTensor{}}, false), "expected a dtype"));
  CHECK(refuses(raw_model({{.layout = 2}}), "layout"));
  CHECK(refuses(raw_model({{.shape = {3}}}), "expected 12 bytes"));
  CHECK(refuses(raw_model({{.shape = {1ULL << 40, 1ULL << 40}}}), "2^64"));
  CHECK(refuses(raw_model({{.shape = {1ULL << 36}, .size_bytes = 1ULL << 38}}), "at most"));
  CHECK(refuses(raw_model({{.shape = std::vector<std::uint64_t>(33, 1)}}), "found 33"));
  CHECK(refuses(raw_model({{.nans = 3}}), "health"));
  CHECK(refuses(raw_model({{.shape = {0, ~0ULL}, .size_bytes = 1}}), "expected 0 bytes"));
}

TEST_CASE("model record: a vector that claims to be long costs no memory") {
  auto bytes = raw_model({RawTensor{}});
  const auto* root = flatbuffers::GetRoot<cairn::fb::ModelRecord>(bytes.data());
  const auto at = reinterpret_cast<const char*>(root->tensors()) - bytes.data();
  for (const std::uint32_t length : {2U, 0x1000U, 0x3FFFFFFFU, 0xFFFFFFFFU}) {
    std::memcpy(bytes.data() + at, &length, sizeof length);
    CHECK(refuses(bytes, "verifies"));
  }
}
