// Refs through load, resolve and save: versions, epochs, metrics, digests, and what a wrong ref is
// told; the order of keys, and listings.
#include <limits>
#include <set>

#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Every artifact here has its own content, so that each has its own digest.
Draft numbered(std::uint64_t number) {
  Draft draft;
  draft.tensor("t", std::vector<std::uint64_t>{number});
  return draft;
}

Draft with_loss(std::uint64_t number, double loss) {
  auto draft = numbered(number);
  draft.metric("loss", loss);
  return draft;
}

std::string found(const Store& store, const Ref& ref) {
  const auto key = store.resolve(ref);
  if (!key) {
    return key.error().to_string();
  }
  // load must agree with resolve.
  const auto artifact = store.load(ref);
  return artifact && artifact->key() == *key ? key->to_string() : "load says otherwise";
}

// Versions 1 (epochs 0, 5, 10), 2 (epochs 1 to 7) and 2.1 (epoch 3).
Store example(const TempStore& temp) {
  auto store = temp.open();
  std::uint64_t number = 0;
  for (const char* key : {"m:1@0", "m:1@5", "m:1@10", "m:2@1", "m:2@2", "m:2@3", "m:2@4", "m:2@5",
                          "m:2@6", "m:2@7", "m:2.1@3"}) {
    must(store.save(key, numbered(++number)));
  }
  return store;
}

}  // namespace

TEST_CASE("refs: a bare name is the last epoch of the highest version") {
  TempStore temp;
  const auto store = example(temp);
  CHECK(found(store, "m") == "m:2.1.0@3");
  CHECK(found(store, "m:latest") == "m:2.1.0@3");
  CHECK(found(store, "m:latest@last") == "m:2.1.0@3");
  CHECK(found(store, "m@3") == "m:2.1.0@3");
}

TEST_CASE("refs: a version is exactly that version, and its last epoch unless one is said") {
  TempStore temp;
  const auto store = example(temp);
  CHECK(found(store, "m:2") == "m:2.0.0@7");
  CHECK(found(store, "m:v2") == "m:2.0.0@7");
  CHECK(found(store, "m:2.0.0@last") == "m:2.0.0@7");
  CHECK(found(store, "m:2.1") == "m:2.1.0@3");
  CHECK(found(store, "m:1@0") == "m:1.0.0@0");
  CHECK(found(store, "m:v1.0@10") == "m:1.0.0@10");
  CHECK(found(store, {"m", "2", 4}) == "m:2.0.0@4");
  CHECK(found(store, {"m", "v2.0", std::uint8_t{4}}) == "m:2.0.0@4");
  CHECK(found(store, Key{"m", {1, 0, 0}, 5}) == "m:1.0.0@5");
}

TEST_CASE("refs: what does not exist is NotFound, with what does") {
  TempStore temp;
  CHECK(fails(temp.open().resolve("m"), Code::NotFound, "\"m\"", "empty"));
  const auto store = example(temp);
  CHECK(fails(store.load("n"), Code::NotFound, "\"n\"", " m"));
  CHECK(fails(store.load("m:3"), Code::NotFound, "3.0.0", "1.0.0 2.0.0 2.1.0"));
  CHECK(fails(store.load("m:2@8"), Code::NotFound, "m:2.0.0@8", "1 2 3 4 5 6 7"));
  CHECK(fails(store.load("m@7"), Code::NotFound, "m:2.1.0@7"));
  CHECK(fails(store.load("m:prod"), Code::NotFound, "m:prod"));
  CHECK(fails(store.load("xxh3:00000000"), Code::NotFound, "digest"));
}

TEST_CASE("refs: bad text is InvalidArgument in every call") {
  TempStore temp;
  auto store = example(temp);
  for (const char* text : {"", "m:", "m@", "m:02", "m:1.2.3.4", "-m", "a//b", "m@x", "m@-1", "m@01",
                           "m:2@5..1", "m:4294967296", "xxh3:abc", "xxh3", "m:xy/z", "m@min="}) {
    CAPTURE(text);
    CHECK(fails(store.load(text), Code::InvalidArgument, "ref"));
    CHECK(fails(store.resolve(text), Code::InvalidArgument, "ref"));
    CHECK(fails(store.remove(text), Code::InvalidArgument, "ref"));
    CHECK(fails(store.save(text, numbered(1)), Code::InvalidArgument, "ref"));
  }
  CHECK(fails(store.save({"m", "1", -3}, numbered(1)), Code::InvalidArgument, "-3"));
  CHECK(fails(store.load("m:2024.11.05"), Code::InvalidArgument, "2024.11.5"));
  CHECK(must(store.list()).size() == 11);
}

TEST_CASE("refs: load and resolve refuse a set") {
  TempStore temp;
  const auto store = example(temp);
  for (const char* text : {"m:all", "m:2@all", "m:2@1..3"}) {
    CHECK(fails(store.load(text), Code::InvalidArgument, "set"));
    CHECK(fails(store.resolve(text), Code::InvalidArgument, "set"));
  }
  CHECK(fails(store.load("m:all@last"), Code::InvalidArgument, "@min="));
}

TEST_CASE("refs: @min and @max choose among the epochs of a version, :all among all versions") {
  TempStore temp;
  auto store = temp.open();
  must(store.save("m:1@1", with_loss(1, 0.01)));
  must(store.save("m:1@2", with_loss(2, 9)));
  must(store.save("m:2@1", with_loss(3, 0.5)));
  must(store.save("m:2@2", with_loss(4, 0.25)));
  must(store.save("m:2@3", with_loss(5, 0.75)));
  must(store.set_alias("m", "old", "m:1@2"));
  CHECK(found(store, "m@min=loss") == "m:2.0.0@2");
  CHECK(found(store, "m@max=loss") == "m:2.0.0@3");
  CHECK(found(store, "m:1@min=loss") == "m:1.0.0@1");
  CHECK(found(store, "m:old@min=loss") == "m:1.0.0@1");
  CHECK(found(store, "m:latest@max=loss") == "m:2.0.0@3");
  CHECK(found(store, "m:all@min=loss") == "m:1.0.0@1");
  CHECK(found(store, "m:all@max=loss") == "m:1.0.0@2");
}

TEST_CASE("refs: NaN and missing metrics never win, ties go to the lowest epoch") {
  TempStore temp;
  auto store = temp.open();
  must(store.save("m:1@0", numbered(0)));
  must(store.save("m:1@1", with_loss(1, kNaN)));
  must(store.save("m:1@2", with_loss(2, 3)));
  must(store.save("m:1@3", with_loss(3, 1)));
  must(store.save("m:1@4", with_loss(4, 1)));
  must(store.save("m:1@5", with_loss(5, 3)));
  must(store.save("m:1@6", with_loss(6, kNaN)));
  CHECK(found(store, "m@min=loss") == "m:1.0.0@3");
  CHECK(found(store, "m@max=loss") == "m:1.0.0@2");
  must(store.save("m:1@7", with_loss(7, -kInf)));
  must(store.save("m:1@8", with_loss(8, kInf)));
  CHECK(found(store, "m@min=loss") == "m:1.0.0@7");
  CHECK(found(store, "m@max=loss") == "m:1.0.0@8");
  must(store.save("n:1@1", with_loss(1, kNaN)));
  CHECK(fails(store.load("n@min=loss"), Code::NotFound, "loss"));
}

TEST_CASE("refs: an unknown metric is NotFound and names those that exist") {
  TempStore temp;
  auto store = temp.open();
  auto draft = numbered(1);
  draft.metric("val/loss", 1).metric("acc@5", 0.5);
  must(store.save("m", draft));
  CHECK(fails(store.load("m@min=loss"), Code::NotFound, "\"loss\"", "val/loss", "acc@5"));
  CHECK(found(store, "m@min=val/loss") == "m:1.0.0@0");
  CHECK(found(store, "m@max=acc@5") == "m:1.0.0@0");
  must(store.save("bare", numbered(2)));
  CHECK(fails(store.load("bare@min=loss"), Code::NotFound, "no metrics"));
  CHECK(fails(store.load("none@min=loss"), Code::NotFound, "\"none\""));
}

TEST_CASE("refs: an artifact is found by its digest, or enough of it") {
  TempStore temp;
  const auto store = example(temp);
  const auto digest = must(store.load("m:1@5")).digest().to_string();
  CHECK(found(store, "xxh3:" + digest) == "m:1.0.0@5");
  CHECK(found(store, "xxh3:" + digest.substr(0, 16)) == "m:1.0.0@5");
}

TEST_CASE("refs: one digest at two keys is the first of them, two that start alike are refused") {
  TempStore temp;
  auto store = temp.open();
  must(store.save("a", numbered(1)));
  const auto digest = must(store.save("b", numbered(1))).digest.to_string();
  CHECK(found(store, "xxh3:" + digest) == "a:1.0.0@0");
  // Among some hundred digests two start with the same four digits only by luck; 65,536 are too
  // many to save, so look for a pair and check only where there is one.
  std::set<std::string> starts;
  for (std::uint64_t i = 2; i < scaled(600, 3000); ++i) {
    const auto start = must(store.save({"c", "1", i}, numbered(i))).digest.to_string().substr(0, 4);
    if (!starts.insert(start).second) {
      CHECK(fails(store.load("xxh3:" + start), Code::InvalidArgument, "several"));
      break;
    }
  }
}

TEST_CASE("save: a bare name is the next major version, a version alone its epoch 0") {
  TempStore temp;
  auto store = temp.open();
  CHECK(must(store.save("m", numbered(1))).key == Key{"m", {1, 0, 0}, 0});
  CHECK(must(store.save("m", numbered(2))).key == Key{"m", {2, 0, 0}, 0});
  CHECK(must(store.save("m:2.7.1@9", numbered(3))).key == Key{"m", {2, 7, 1}, 9});
  CHECK(must(store.save("m", numbered(4))).key == Key{"m", {3, 0, 0}, 0});
  CHECK(must(store.save("m:2.7.1", numbered(5))).key == Key{"m", {2, 7, 1}, 0});
  CHECK(must(store.save("m/sub", numbered(6))).key == Key{"m/sub", {1, 0, 0}, 0});
  CHECK(must(store.save("m", numbered(4))).existed == false);
  for (const char* text : {"m:prod", "m:latest", "m:all", "m@last", "m:1@min=loss", "m:1@all",
                           "m:1@1..2", "xxh3:0123abcd"}) {
    CAPTURE(text);
    CHECK(fails(store.save(text, numbered(7)), Code::InvalidArgument, "save"));
  }
}

TEST_CASE("save: above the highest possible version there is no next one") {
  TempStore temp;
  auto store = temp.open();
  const auto top = must(store.save("m:4294967295.4294967295.4294967295", numbered(1)));
  CHECK(top.key.version == Version{UINT32_MAX, UINT32_MAX, UINT32_MAX});
  CHECK(fails(store.save("m", numbered(2)), Code::LimitExceeded, "next major version"));
  CHECK(found(store, "m") == "m:4294967295.4294967295.4294967295@0");
}

TEST_CASE("save: names of 255 bytes and the highest epoch are keys, one more is refused") {
  TempStore temp;
  auto store = temp.open();
  const std::string longest = "a/" + std::string(253, 'b');
  CHECK(must(store.save(longest, numbered(1))).key.name == longest);
  CHECK(found(store, longest) == longest + ":1.0.0@0");
  CHECK(fails(store.save(longest + "b", numbered(1)), Code::InvalidArgument, "255"));
  CHECK(must(store.save("m:1@18446744073709551615", numbered(1))).key.epoch == UINT64_MAX);
  CHECK(fails(store.save("m:1@18446744073709551616", numbered(1)), Code::InvalidArgument,
              "18446744073709551615"));
}

TEST_CASE("list: versions and epochs come in the order of their numbers") {
  TempStore temp;
  const std::vector<Key> in_order = {
      {"m", {0, 0, 1}, 0},
      {"m", {0, 255, 0}, 0},
      {"m", {0, 256, 0}, 0},
      {"m", {2, 0, 0}, 9},
      {"m", {2, 0, 0}, 10},
      {"m", {2, 0, 0}, 255},
      {"m", {2, 0, 0}, 256},
      {"m", {2, 0, 0}, UINT32_MAX},
      {"m", {2, 0, 0}, std::uint64_t{1} << 32U},
      {"m", {2, 0, 0}, UINT64_MAX - 1},
      {"m", {2, 0, 0}, UINT64_MAX},
      {"m", {10, 0, 0}, 0},
      {"m", {UINT32_MAX, 0, 0}, 1},
      {"m", {UINT32_MAX, 0, UINT32_MAX}, 0},
      {"m-2", {1, 0, 0}, 0},
      {"m.x", {1, 0, 0}, 0},
      {"m/x", {1, 0, 0}, 0},
      {"m0", {1, 0, 0}, 0},
  };
  {
    auto store = temp.open();
    for (std::size_t i = 0; i < in_order.size(); ++i) {
      must(store.save(in_order[i * 7 % in_order.size()], numbered(i)));
    }
  }
  const auto store = temp.open();
  std::vector<Key> listed;
  for (const auto& info : must(store.list())) {
    listed.push_back(info.key);
  }
  CHECK(listed == in_order);
  CHECK(found(store, "m:2") == "m:2.0.0@18446744073709551615");
  CHECK(found(store, "m") == "m:4294967295.0.4294967295@0");
  CHECK(must(store.names()) == std::vector<std::string>{"m", "m-2", "m.x", "m/x", "m0"});
}

TEST_CASE("list: by name, below a prefix, by version") {
  TempStore temp;
  auto store = temp.open();
  std::uint64_t number = 0;
  for (const char* key : {"a:1@0", "a:2@0", "a/b:1@0", "a/b:1@1", "a/b/c:2@0", "ab:1@0", "b:1@0"}) {
    must(store.save(key, numbered(++number)));
  }
  const auto count = [&](const ListOptions& options) { return must(store.list(options)).size(); };
  CHECK(count({}) == 7);
  CHECK(count({.name = "a", .version = {}, .after = {}}) == 2);
  CHECK(count({.name = "a/", .version = {}, .after = {}}) == 3);
  CHECK(count({.name = "a/b", .version = {}, .after = {}}) == 2);
  CHECK(count({.name = "a", .version = Version{2, 0, 0}, .after = {}}) == 1);
  CHECK(count({.name = "a/", .version = Version{2, 0, 0}, .after = {}}) == 1);
  CHECK(count({.name = {}, .version = Version{1, 0, 0}, .after = {}}) == 5);
  CHECK(count({.name = "none", .version = {}, .after = {}}) == 0);
  CHECK(count({.name = {}, .version = {}, .after = {}, .limit = 0}) == 0);
  CHECK(fails(store.list({.name = "a//", .version = {}, .after = {}}), Code::InvalidArgument,
              "name"));
  CHECK(fails(store.list({.name = "/", .version = {}, .after = {}}), Code::InvalidArgument));
}

TEST_CASE("list: pages of any size cover everything exactly once") {
  TempStore temp;
  auto store = temp.open();
  std::vector<Key> saved;
  for (const char* name : {"a", "a-b", "a/b", "b"}) {
    for (std::uint32_t version = 1; version <= 3; ++version) {
      for (std::uint64_t epoch = 0; epoch < 4; ++epoch) {
        saved.push_back({name, {version, 0, 0}, epoch});
        must(store.save(saved.back(), numbered(saved.size())));
      }
    }
  }
  for (const std::size_t limit : {1UL, 2UL, 7UL, 47UL, 48UL, 100UL}) {
    CAPTURE(limit);
    std::vector<Key> seen;
    ListOptions options;
    options.limit = limit;
    for (auto page = must(store.list(options)); !page.empty(); page = must(store.list(options))) {
      CHECK(page.size() <= limit);
      for (const auto& info : page) {
        seen.push_back(info.key);
      }
      options.after = page.back().key;
    }
    CHECK(seen == saved);
  }
  ListOptions below;
  below.name = "a/";
  below.after = Key{"a/b", {2, 0, 0}, 3};
  CHECK(must(store.list(below)).front().key == Key{"a/b", {3, 0, 0}, 0});
  below.after = Key{"a", {1, 0, 0}, 0};  // Before the prefix: nothing is left out.
  CHECK(must(store.list(below)).size() == 12);
  below.after = Key{"z", {1, 0, 0}, 0};
  CHECK(must(store.list(below)).empty());
}

TEST_CASE("list: a line says what the artifact is") {
  TempStore temp;
  auto store = temp.open();
  Draft draft;
  draft.tensor("t", std::vector<float>(10)).tensor("u", std::vector<double>(3));
  draft.file("f", to_bytes("hello")).config(Value(7)).metric("loss", 0.5).tag("stage", "dev");
  const auto receipt = must(store.save("m", draft));
  const auto line = must(store.list()).at(0);
  CHECK(line.key == receipt.key);
  CHECK(line.digest == receipt.digest);
  CHECK(line.size_bytes == 40 + 24 + 5);
  CHECK(line.tensors == 2);
  CHECK(line.files == 1);
  CHECK(line.has_config);
  CHECK(line.metadata.metric("loss") == 0.5);
  CHECK(line.metadata.tag("stage") == "dev");
  Draft bare;
  bare.tag("only", "metadata");
  must(store.save("n", bare));
  CHECK(!must(store.list()).at(1).has_config);
}

TEST_CASE("stats: artifacts, logical bytes and chunks are counted") {
  TempStore temp;
  auto store = temp.open();
  CHECK(must(store.stats()).artifacts == 0);
  Draft draft;
  draft.tensor("t", Random().floats(kMiB / 2));  // 2 MiB.
  must(store.save("m:1@0", draft));
  must(store.save("m:1@1", draft));
  const auto stats = must(store.stats());
  CHECK(stats.artifacts == 2);
  CHECK(stats.logical_bytes == 4 * kMiB);
  CHECK(stats.chunks == 2);
  CHECK(stats.chunk_bytes == 2 * kMiB);
  CHECK(stats.disk_bytes >= 2 * kMiB);
  CHECK(stats.disk_bytes < 3 * kMiB);
}

}  // namespace cairn::testing
