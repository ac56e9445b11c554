// Metadata of an artifact, and the artifact digest: what is in it and what is not.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>

#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

Metadata saved_metadata(const Draft& draft) {
  const auto key = must(scratch_store().save(fresh_name(), draft)).key;
  return must(scratch_store().load(key)).metadata();
}

Draft one() {
  Draft draft;
  draft.tensor("w", std::vector<float>{1, 2, 3});
  return draft;
}

const std::vector<std::uint8_t>& tensor_bytes() {
  static const auto bytes = Random().elements<std::uint8_t>(2 * kMiB + 64);
  return bytes;
}

// What the digests are compared with: two tensors, a file, a config.
struct Subject {
  std::vector<std::uint8_t> bytes = tensor_bytes();
  std::string name = "w";
  DType dtype = DType::F32;
  Shape shape = {tensor_bytes().size() / 16, 4};
  Layout layout = Layout::C;
  std::string file_name = "tokenizer";
  std::vector<std::byte> file = to_bytes("some words");
  Value config = Value::Map{{"rate", 0.5}, {"steps", 3}};
};

Digest digest_of(Store& store, const std::function<void(Subject&)>& change) {
  static std::uint64_t epoch = 0;
  Subject subject;
  change(subject);
  Draft draft;
  draft.tensor(subject.name, TensorView{subject.dtype, subject.shape, subject.layout,
                                        std::as_bytes(std::span(subject.bytes))});
  draft.tensor("zz", std::vector<float>{1});
  draft.file(subject.file_name, std::move(subject.file)).config(std::move(subject.config));
  return must(store.save({"m", "1", ++epoch}, draft)).digest;
}

}  // namespace

TEST_CASE("metadata: metrics keep every double, NaN and infinity among them, sorted by name") {
  auto draft = one();
  draft.metric("val/loss", std::numeric_limits<double>::quiet_NaN())
      .metric("up", kInf)
      .metric("down", -kInf)
      .metric("tiny", 5e-324)
      .metric("acc@5", 0.1)
      .metric("acc@5", 0.2);
  const auto metadata = saved_metadata(draft);
  REQUIRE(metadata.metrics.size() == 5);
  CHECK(metadata.metrics.front().first == "acc@5");
  CHECK(metadata.metric("acc@5") == 0.2);
  CHECK(std::isnan(metadata.metric("val/loss").value()));
  CHECK(metadata.metric("up") == kInf);
  CHECK(metadata.metric("down") == -kInf);
  CHECK(metadata.metric("tiny") == 5e-324);
  CHECK(!metadata.metric("none").has_value());
}

TEST_CASE("metadata: tags, fields and producer come back") {
  auto draft = one();
  draft.tag("stage", "dev").tag("stage", "prod").tag("author", "Zo\xc3\xab").tag("empty", "");
  draft.tag(std::string(255, 'k'), std::string(4096, 'v'));
  draft.field("git", Value(Value::Map{{"dirty", true}, {"commit", "abc"}})).field("n", UINT64_MAX);
  draft.producer("train_digits 1.2");
  const auto metadata = saved_metadata(draft);
  CHECK(metadata.tags.size() == 4);
  CHECK(metadata.tag("stage") == "prod");
  CHECK(metadata.tag("author") == "Zo\xc3\xab");
  CHECK(metadata.tag("empty") == "");
  CHECK(metadata.tag(std::string(255, 'k')).value().size() == 4096);
  CHECK(!metadata.tag("none").has_value());
  REQUIRE(metadata.fields.size() == 2);
  CHECK(*metadata.fields[0].second.find("dirty")->as_bool());
  CHECK(metadata.fields[1].second == Value(UINT64_MAX));
  CHECK(metadata.producer == "train_digits 1.2");
}

TEST_CASE("metadata: created_at is the time of the save, or the one given, to the nanosecond") {
  const auto before = std::chrono::system_clock::now();
  const auto now = saved_metadata(one()).created_at;
  const auto after = std::chrono::system_clock::now();
  CHECK(now >= before);
  CHECK(now <= after);
  for (const auto nanoseconds : {std::int64_t{1'234'567'890'123'456'789}, std::int64_t{0},
                                 std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
    auto draft = one();
    const Time time{std::chrono::nanoseconds(nanoseconds)};
    draft.created_at(time);
    CHECK(saved_metadata(draft).created_at == time);
  }
}

TEST_CASE("metadata: the parent is the previous epoch of the version, unless one is given") {
  TempStore temp;
  auto store = temp.open();
  const auto parent_of = [&](const Ref& ref) { return must(store.load(ref)).metadata().parent; };
  const auto save = [&](const Ref& ref, float value) {
    Draft draft;
    draft.tensor("w", std::vector<float>{value});
    must(store.save(ref, draft));
  };
  save("m:1@5", 1);
  CHECK(!parent_of("m:1@5").has_value());
  save("m:1@9", 2);
  CHECK(parent_of("m:1@9") == Key{"m", {1, 0, 0}, 5});
  save("m:1@7", 3);  // Between them: later ones stay as they were.
  CHECK(parent_of("m:1@7") == Key{"m", {1, 0, 0}, 5});
  CHECK(parent_of("m:1@9") == Key{"m", {1, 0, 0}, 5});
  save("m:2@0", 4);
  CHECK(!parent_of("m:2@0").has_value());
  auto tuned = one();
  tuned.parent({"base/model", {3, 1, 4}, 1'000'000'000'000});  // It need not be in this store.
  must(store.save("m:2@1", tuned));
  CHECK(parent_of("m:2@1") == Key{"base/model", {3, 1, 4}, 1'000'000'000'000});
}

TEST_CASE("digest: name, key, time and metadata are not in it, nor how it was saved") {
  TempStore temp;
  auto store = temp.open();
  const auto digest = must(store.save("a:1@1", one())).digest;
  auto told = one();
  told.metric("loss", 1).tag("t", "v").field("f", Value(1)).producer("p").created_at(Time{});
  told.parent({"x", {1, 0, 0}, 0});
  CHECK(must(store.save("b/c:2@7", told)).digest == digest);
  SaveOptions options;
  options.health = false;
  options.dedup = Dedup::Trust;
  options.aliases = {"best"};
  CHECK(must(store.save("a:1@2", one(), options)).digest == digest);
  TempStore other;
  auto single = other.open({.threads = 1});
  CHECK(must(single.save("z", one())).digest == digest);
  CHECK(must(store.load("b/c")).digest() == digest);
}

TEST_CASE("digest: the order in which a draft was made is not in it") {
  TempStore temp;
  auto store = temp.open();
  const std::vector<float> x = {1};
  const std::vector<float> y = {2};
  Draft forward;
  forward.tensor("x", x).tensor("y", y).file("f", to_bytes("f")).file("g", to_bytes("g"));
  forward.config(Value(Value::Map{{"a", 1}, {"b", 2}}));
  Draft backward;
  backward.config(Value(Value::Map{{"b", 2}, {"a", 1}}));
  backward.file("g", to_bytes("g")).file("f", to_bytes("f")).tensor("y", y).tensor("x", x);
  const auto first = must(store.save("m", forward));
  const auto second = must(store.save("n", backward));
  CHECK(first.digest == second.digest);
  // Which content belongs to which name is.
  Draft crossed;
  crossed.tensor("x", y).tensor("y", x).file("f", to_bytes("f")).file("g", to_bytes("g"));
  crossed.config(Value(Value::Map{{"a", 1}, {"b", 2}}));
  CHECK(must(store.save("o", crossed)).digest != first.digest);
}

TEST_CASE("digest: every byte, dtype, shape, layout, name, file and config value is in it") {
  TempStore temp;
  auto store = temp.open();
  const auto same = digest_of(store, [](Subject&) {});
  CHECK(digest_of(store, [](Subject&) {}) == same);
  std::vector<std::function<void(Subject&)>> changes = {
      [](Subject& s) { s.name = "v"; },
      [](Subject& s) { s.dtype = DType::I32; },
      [](Subject& s) {
        s.shape = {4, s.shape[0]};
      },
      [](Subject& s) { s.shape.push_back(1); },
      [](Subject& s) { s.layout = Layout::Fortran; },
      [](Subject& s) { s.file_name = "other"; },
      [](Subject& s) { s.file.push_back({}); },
      [](Subject& s) { s.file[3] ^= std::byte{1}; },
      [](Subject& s) { s.config = Value(); },
      [](Subject& s) {
        s.config = Value::Map{{"rate", 0.5}, {"steps", 4}};
      },
      [](Subject& s) {
        s.config = Value::Map{{"rate", 0.5}, {"steps", 3.0}};
      },
      [](Subject& s) {
        s.config = Value::Map{{"rate", 0.5}, {"Steps", 3}};
      },
      [](Subject& s) {
        s.config = Value::Map{{"rate", 0.5}};
      },
  };
  Random random;
  for (const std::size_t offset : {std::size_t{0}, kMiB - 1, kMiB, tensor_bytes().size() - 1,
                                   random.below(tensor_bytes().size())}) {
    changes.emplace_back([offset](Subject& s) { s.bytes[offset] ^= 0x10U; });
  }
  std::vector<Digest> seen = {same};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    const auto digest = digest_of(store, changes[i]);
    CHECK(std::find(seen.begin(), seen.end(), digest) == seen.end());
    seen.push_back(digest);
  }
}

TEST_CASE("digest: no config and a null config are two things") {
  TempStore temp;
  auto store = temp.open();
  auto null = one();
  null.config(Value());
  CHECK(must(store.save("m", one())).digest != must(store.save("n", null)).digest);
}

}  // namespace cairn::testing
