// MetadataRecord: what it holds, what is refused on the way out, and what on the way in.
#include "record/metadata_record.h"

#include <bit>
#include <limits>

#include "metadata_generated.h"
#include "record_testing.h"

using cairn::Code;
using cairn::MetadataRecord;
using cairn_test::fails_with;
using cairn_test::Random;

namespace {

MetadataRecord random_metadata(Random& random) {
  MetadataRecord record;
  record.artifact = random.digest();
  record.commit = random.number();
  record.size_bytes = random.number();
  record.tensors = random.below(cairn::kMaxItems + 1);
  record.files = random.below(cairn::kMaxItems + 1);
  record.has_config = random.one_in(2);
  cairn::Metadata& metadata = record.metadata;
  metadata.created_at =
      cairn::Time(std::chrono::nanoseconds(static_cast<std::int64_t>(random.number())));
  for (auto& name : random.names(random.below(6))) {
    metadata.metrics.emplace_back(std::move(name), std::bit_cast<double>(random.next()));
  }
  for (auto& name : random.names(random.below(6))) {
    metadata.tags.emplace_back(std::move(name), random.text(30));
  }
  for (auto& name : random.names(random.below(6))) {
    metadata.fields.emplace_back(std::move(name), random.value());
  }
  if (random.one_in(2)) {
    metadata.parent = cairn::Key{random.key_name(), {1, 2, 3}, random.number()};
  }
  metadata.producer = random.text(20);
  return record;
}

bool same_metrics(const MetadataRecord& a, const MetadataRecord& b) {
  return std::ranges::equal(a.metadata.metrics, b.metadata.metrics, [](auto& x, auto& y) {
    return x.first == y.first &&
           std::bit_cast<std::uint64_t>(x.second) == std::bit_cast<std::uint64_t>(y.second);
  });
}

bool same(const MetadataRecord& a, const MetadataRecord& b) {
  return a.artifact == b.artifact && a.commit == b.commit && a.size_bytes == b.size_bytes &&
         a.tensors == b.tensors && a.files == b.files && a.has_config == b.has_config &&
         a.metadata.created_at == b.metadata.created_at && same_metrics(a, b) &&
         a.metadata.tags == b.metadata.tags && a.metadata.fields == b.metadata.fields &&
         a.metadata.parent == b.metadata.parent && a.metadata.producer == b.metadata.producer;
}

bool encodes(const MetadataRecord& record) {
  return cairn::encode_metadata(record).has_value();
}

MetadataRecord small_metadata() {
  MetadataRecord record;
  record.tensors = 2;
  record.metadata = {cairn::Time(std::chrono::seconds(1)),
                     {{"acc", 0.5}, {"loss", -0.0}},
                     {{"stage", "dev"}},
                     {{"lr", 0.1}, {"sizes", cairn::Value::List{1, 2}}},
                     cairn::Key{"net", {1, 0, 0}, 6},
                     "test"};
  return record;
}

// Metadata as no encoder writes it.
std::string raw_metadata(const std::vector<std::string>& metrics,
                         const std::vector<std::string>& tags,
                         const std::vector<std::string>& fields, const char* parent = "net") {
  namespace fb = cairn::fb;
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<fb::Metric>> flat_metrics;
  for (const auto& name : metrics) {
    flat_metrics.push_back(fb::CreateMetricDirect(builder, name.c_str(), 1.0));
  }
  std::vector<flatbuffers::Offset<fb::Tag>> flat_tags;
  for (const auto& name : tags) {
    flat_tags.push_back(fb::CreateTagDirect(builder, name.c_str(), nullptr));
  }
  std::vector<flatbuffers::Offset<fb::Value>> flat_fields;
  for (const auto& name : fields) {
    flat_fields.push_back(fb::CreateValueDirect(builder, fb::ValueType::Null, name.c_str()));
  }
  const auto key = fb::CreateKeyRefDirect(builder, parent);
  const fb::Digest artifact;
  builder.Finish(fb::CreateMetadataRecordDirect(builder, &artifact, 1, 0, 0, 0, false, 0,
                                                &flat_metrics, &flat_tags, &flat_fields, key),
                 "CNMT");
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

bool refuses(const std::string& bytes, std::string_view fragment) {
  return fails_with(cairn::decode_metadata(bytes), Code::Corruption, fragment);
}

}  // namespace

TEST_CASE("metadata record: random metadata is read as written, bit for bit") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  Random random(cairn_test::seed());
  for (int i = 0; i < 1'000; ++i) {
    const auto record = random_metadata(random);
    const auto bytes = cairn::encode_metadata(record);
    REQUIRE_MESSAGE(bytes.has_value(), bytes.error().message);
    const auto back = cairn::decode_metadata(*bytes);
    REQUIRE_MESSAGE(back.has_value(), back.error().message);
    REQUIRE(same(record, *back));
  }
}

TEST_CASE("metadata record: NaN, infinities and -0.0 of metrics are kept") {
  auto record = small_metadata();
  const double nan = std::bit_cast<double>(0x7FF8'0000'0000'BEEFULL);
  const double infinity = std::numeric_limits<double>::infinity();
  record.metadata.metrics = {{"a", nan}, {"b", -0.0}, {"c", 0.0}, {"d", -infinity}};
  const auto back = cairn::decode_metadata(*cairn::encode_metadata(record));
  REQUIRE(back.has_value());
  CHECK(same_metrics(record, *back));
}

TEST_CASE("metadata record: damage is refused or leaves a record that could have been written") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  const auto bytes = *cairn::encode_metadata(small_metadata());
  cairn_test::check_header(bytes, cairn::decode_metadata);
  CHECK(cairn_test::check_damage(bytes, cairn::decode_metadata, encodes) > bytes.size());
}

TEST_CASE("metadata record: what could not be read back is not written") {
  const auto refused = [](auto change, Code code, std::string_view fragment) {
    auto record = small_metadata();
    change(record, record.metadata);
    return fails_with(cairn::encode_metadata(record), code, fragment);
  };
  const auto invalid = Code::InvalidArgument;
  const auto limit = Code::LimitExceeded;
  CHECK(refused([](auto&, auto& m) { std::swap(m.metrics[0], m.metrics[1]); }, invalid, "sorted"));
  CHECK(refused([](auto&, auto& m) { m.metrics[1].first = "acc"; }, invalid, "unique"));
  CHECK(refused([](auto&, auto& m) { m.tags[0].first = ""; }, invalid, "tag"));
  CHECK(refused([](auto&, auto& m) { m.tags[0].second = "\xFF"; }, invalid, "UTF-8"));
  CHECK(refused([](auto&, auto& m) { m.tags[0].second.assign(4'097, 'x'); }, limit, "4096"));
  CHECK(refused([](auto&, auto& m) { std::swap(m.fields[0], m.fields[1]); }, invalid, "sorted"));
  CHECK(refused([](auto&, auto& m) { m.fields[0].second = 1.0 / 0.0; }, invalid, "finite"));
  CHECK(refused([](auto&, auto& m) { m.fields[0].second = std::string(65 << 20, 'x'); }, limit,
                "67108864"));
  CHECK(refused([](auto&, auto& m) { m.parent->name = "a//b"; }, invalid, "parent"));
  CHECK(refused([](auto&, auto& m) { m.producer.assign(1'025, 'x'); }, limit, "producer"));
  CHECK(refused([](auto& r, auto&) { r.tensors = cairn::kMaxItems + 1; }, limit, "tensors"));
  CHECK(refused([](auto& r, auto&) { r.files = cairn::kMaxItems + 1; }, limit, "files"));
  CHECK(refused([](auto&, auto& m) { m.tags.resize(cairn::kMaxLabels + 1); }, limit, "tags"));
  CHECK(refused([](auto&, auto& m) { m.metrics.resize(cairn::kMaxLabels + 1); }, limit, "metrics"));
  CHECK(refused([](auto&, auto& m) { m.fields.resize(cairn::kMaxLabels + 1); }, limit, "fields"));
}

TEST_CASE("metadata record: as many metrics, tags and fields as allowed are read as written") {
  MetadataRecord record;
  for (std::size_t i = 0; i < cairn::kMaxLabels; ++i) {
    const auto name = std::to_string(100'000 + i);
    record.metadata.metrics.emplace_back(name, 1.0);
    record.metadata.tags.emplace_back(name, "x");
    record.metadata.fields.emplace_back(name, true);
  }
  const auto back = cairn::decode_metadata(*cairn::encode_metadata(record));
  REQUIRE(back.has_value());
  CHECK(same(record, *back));
}

TEST_CASE("metadata record: a field may be as deep as a config") {
  MetadataRecord record;
  cairn::Value value = 1;
  for (std::size_t level = 1; level < cairn::kMaxValueDepth; ++level) {
    value = cairn::Value::Map{{"down", std::move(value)}};
  }
  record.metadata.fields = {{"deep", value}};
  const auto back = cairn::decode_metadata(*cairn::encode_metadata(record));
  REQUIRE_MESSAGE(back.has_value(), back.error().message);
  CHECK(same(record, *back));
  record.metadata.fields = {{"deep", cairn::Value::List{std::move(value)}}};
  CHECK(fails_with(cairn::encode_metadata(record), Code::LimitExceeded, "levels"));
}

TEST_CASE("metadata record: well-formed buffers without meaning are Corruption") {
  CHECK(cairn::decode_metadata(raw_metadata({"a", "b"}, {"a", "b"}, {"a", "b"})).has_value());
  CHECK(refuses(raw_metadata({"b", "a"}, {}, {}), "metric names"));
  CHECK(refuses(raw_metadata({}, {"a", "a"}, {}), "tag names"));
  CHECK(refuses(raw_metadata({}, {}, {"b", "a"}), "field names"));
  CHECK(refuses(raw_metadata({""}, {}, {}), "metric"));
  CHECK(refuses(raw_metadata({}, {std::string(256, 'x')}, {}), "255"));
  CHECK(refuses(raw_metadata({}, {}, {"\xED\xA0\x80"}), "UTF-8"));
  CHECK(refuses(raw_metadata({}, {}, {}, "xxh3"), "parent"));
  CHECK(refuses(raw_metadata({}, {}, {}, ""), "parent"));
}
