// Refs against rows made by hand, so that digests are what a test needs and a batch can be asked
// before it is written. What an app sees of refs: tests/integration/catalog_test.cc.
#include "catalog/resolve.h"

#include <doctest/doctest.h>
#include <rocksdb/db.h>

#include "base/time.h"
#include "catalog/aliases.h"
#include "catalog/artifacts.h"
#include "engine/engine_testing.h"
#include "engine/ids.h"
#include "record/keys.h"

namespace cairn {

namespace {

using cairn_test::fails;
using cairn_test::must;
using cairn_test::ok;
using cairn_test::open_database;
using cairn_test::TempDir;

// A database whose artifacts are metadata rows and nothing else.
class Catalog {
 public:
  Catalog() : database_(open_database(temp_.store())), ids_(1), commits_(*database_, ids_, 0) {}

  void change(const std::function<void(Batch&)>& body) {
    must(commits_.run([&](Batch& batch, std::uint64_t) -> Result<void> {
      body(batch);
      return {};
    }));
  }
  void add(std::string_view key, std::string_view digest = "", double loss = 0) {
    change([&](Batch& batch) { put(batch, key, digest, loss); });
  }
  static void put(Batch& batch, std::string_view key, std::string_view digest = "",
                  double loss = 0) {
    MetadataRecord record;
    if (!digest.empty()) {
      record.artifact = must(Digest::parse(digest));
    }
    record.metadata.metrics = {{"loss", loss}};
    batch.put(Family::Metadata, encode_artifact_key(must(Key::parse(key))),
              must(encode_metadata(record)));
  }
  void alias(std::string_view alias, std::string_view key) {
    change([&](Batch& batch) { must(put_alias(batch, alias, must(Key::parse(key)), now())); });
  }
  void put_row(std::string_view key, std::string_view bytes) {
    change([&](Batch& batch) {
      batch.put(Family::Metadata, encode_artifact_key(must(Key::parse(key))), bytes);
    });
  }

  [[nodiscard]] Result<Key> one(const Ref& ref) const {
    return resolve_one(*database_->snapshot(), ref);
  }
  [[nodiscard]] Result<std::vector<Key>> all(const Ref& ref) const {
    return resolve_all(*database_->snapshot(), ref);
  }
  [[nodiscard]] Result<Key> for_save(const Ref& ref) const {
    return resolve_for_save(*database_->snapshot(), ref);
  }
  // The keys of a set, as one text.
  [[nodiscard]] std::string set(const Ref& ref) const {
    std::string out;
    for (const auto& key : must(all(ref))) {
      out += (out.empty() ? "" : " ") + key.to_string();
    }
    return out;
  }

 private:
  TempDir temp_;
  std::shared_ptr<Database> database_;
  IdAllocator ids_;
  CommitQueue commits_;
};

// m:1 (epochs 1 to 5), m:2 (epochs 0, 9), and neighbours whose names begin alike.
void fill(Catalog& catalog) {
  for (const char* key : {"m:1@1", "m:1@2", "m:1@3", "m:1@4", "m:1@5", "m:2@0", "m:2@9", "m-2:1@7",
                          "m/x:3@1", "m0:9@9"}) {
    catalog.add(key);
  }
  catalog.alias("prod", "m:1@2");
}

constexpr const char* kDigest = "0123456789abcdef0123456789abcdef";

}  // namespace

TEST_CASE("resolve: an alias alone is its artifact, with an epoch another one of its version") {
  Catalog catalog;
  fill(catalog);
  CHECK(must(catalog.one("m:prod")) == Key{"m", {1, 0, 0}, 2});
  CHECK(must(catalog.one("m:prod@last")) == Key{"m", {1, 0, 0}, 5});
  CHECK(must(catalog.one("m:prod@4")) == Key{"m", {1, 0, 0}, 4});
  CHECK(fails(catalog.one("m:prod@9"), Code::NotFound, "m:1.0.0@9", "1 2 3 4 5"));
  CHECK(must(catalog.one("m:latest@0")) == Key{"m", {2, 0, 0}, 0});
  CHECK(fails(catalog.one("m0:prod"), Code::NotFound, "m0:prod"));
}

TEST_CASE("resolve: an alias whose artifact is gone is NotFound, its version still resolves") {
  Catalog catalog;
  fill(catalog);
  catalog.change([](Batch& batch) {
    batch.erase(Family::Metadata, encode_artifact_key({"m", {1, 0, 0}, 2}));
  });
  CHECK(fails(catalog.one("m:prod"), Code::NotFound, "m:1.0.0@2", "1 3 4 5"));
  CHECK(fails(catalog.all("m:prod"), Code::NotFound));
  CHECK(must(catalog.one("m:prod@last")) == Key{"m", {1, 0, 0}, 5});
  catalog.change([](Batch& batch) { must(drop_alias(batch, "m", "prod", now())); });
  CHECK(fails(catalog.one("m:prod@last"), Code::NotFound, "no alias m:prod"));
}

TEST_CASE("resolve: sets are whole, in order, and stay within the name") {
  Catalog catalog;
  fill(catalog);
  CHECK(must(catalog.all("m:all")).size() == 7);
  CHECK(must(catalog.all("m:all@all")).size() == 7);
  CHECK(catalog.set("m:all@1..2") == "m:1.0.0@1 m:1.0.0@2");
  CHECK(catalog.set("m:all@0..1") == "m:1.0.0@1 m:2.0.0@0");
  CHECK(catalog.set("m:all@5..9") == "m:1.0.0@5 m:2.0.0@9");
  CHECK(catalog.set("m:latest@all") == "m:2.0.0@0 m:2.0.0@9");
  CHECK(catalog.set("m:prod@3..100") == "m:1.0.0@3 m:1.0.0@4 m:1.0.0@5");
  CHECK(catalog.set("m:prod@all") == catalog.set("m:1@all"));
  CHECK(catalog.set("m:2@9..9") == "m:2.0.0@9");
  CHECK(catalog.set("m:prod") == "m:1.0.0@2");
  CHECK(catalog.set("m:prod@5") == "m:1.0.0@5");
  CHECK(catalog.set("m:2@0") == "m:2.0.0@0");
}

TEST_CASE("resolve: a ref that is neither full nor a set is refused, with what it might mean") {
  Catalog catalog;
  fill(catalog);
  for (const char* text :
       {"m", "m@last", "m@9", "m@all", "m@min=loss", "m:all@last", "m:all@max=loss", "m:all@3"}) {
    CAPTURE(text);
    CHECK(fails(catalog.all(text), Code::InvalidArgument, text, "might mean 7 artifacts"));
  }
  CHECK(fails(catalog.all("m@1..2"), Code::InvalidArgument, "might mean 2 artifacts"));
  for (const char* text : {"m:1", "m:1@last", "m:prod@last", "m:prod@max=loss"}) {
    CAPTURE(text);
    CHECK(fails(catalog.all(text), Code::InvalidArgument, "might mean 5 artifacts"));
  }
  CHECK(fails(catalog.all("m:latest"), Code::InvalidArgument, "might mean 2 artifacts"));
  CHECK(fails(catalog.all("m/x"), Code::InvalidArgument, "might mean 1 artifacts"));
  CHECK(fails(catalog.all("xxh3:00000000"), Code::InvalidArgument, "not the digest"));
}

TEST_CASE("resolve: a set without an artifact is NotFound") {
  Catalog catalog;
  fill(catalog);
  for (const char* text : {"m:1@6..7", "m:3@all", "none:all", "none", "m:all@10..11", "m:1@9",
                           "m:prod@0", "m:dev@all", "none:latest@all"}) {
    CAPTURE(text);
    CHECK(fails(catalog.all(text), Code::NotFound));
  }
}

TEST_CASE("resolve: what exists is listed up to ten, then counted") {
  Catalog catalog;
  for (int i = 1; i <= 14; ++i) {
    catalog.add("m:" + std::to_string(i) + "@1");
    catalog.add("n:1@" + std::to_string(i));
    catalog.add("name" + std::to_string(i) + ":1@0");
  }
  CHECK(fails(catalog.one("m:99"), Code::NotFound, "9.0.0 10.0.0 and 4 more"));
  CHECK(fails(catalog.one("n:1@99"), Code::NotFound, "9 10 and 4 more"));
  CHECK(fails(catalog.one("none"), Code::NotFound, " and 6 more"));
  for (int i = 0; i < 11; ++i) {
    catalog.alias("alias" + std::to_string(i), "m:1@1");
  }
  CHECK(fails(catalog.one("m:none"), Code::NotFound, "alias0 alias1 alias10", "and 1 more"));
}

TEST_CASE("resolve: a digest may be short as long as all that start so are one") {
  Catalog catalog;
  catalog.add("a:1@1", kDigest);
  catalog.add("b:1@1", "0123ffff000000000000000000000000");
  catalog.add("c:1@1", kDigest);
  const std::string text = kDigest;
  CHECK(must(catalog.one("xxh3:" + text)) == Key{"a", {1, 0, 0}, 1});
  CHECK(must(catalog.one("xxh3:" + text.substr(0, 5))) == Key{"a", {1, 0, 0}, 1});
  CHECK(must(catalog.one("xxh3:0123f")) == Key{"b", {1, 0, 0}, 1});
  CHECK(fails(catalog.one("xxh3:0123"), Code::InvalidArgument, "several"));
  CHECK(fails(catalog.one("xxh3:0124"), Code::NotFound));
  // The two that differ need not be neighbours, nor the first two.
  catalog.change([](Batch& batch) {
    batch.erase(Family::Metadata, encode_artifact_key({"b", {1, 0, 0}, 1}));
  });
  CHECK(must(catalog.one("xxh3:0123")) == Key{"a", {1, 0, 0}, 1});
  catalog.add("d:1@1", "0123eeee000000000000000000000000");
  CHECK(fails(catalog.one("xxh3:0123"), Code::InvalidArgument, "several"));
}

TEST_CASE("resolve: best epochs are those of the version that the ref names") {
  Catalog catalog;
  catalog.add("m:1@1", "", 3);
  catalog.add("m:1@2", "", 1);
  catalog.add("m:2@1", "", 2);
  catalog.add("m-2:1@1", "", -9);
  catalog.alias("old", "m:1@1");
  CHECK(must(catalog.one("m@min=loss")) == Key{"m", {2, 0, 0}, 1});
  CHECK(must(catalog.one("m:old@min=loss")) == Key{"m", {1, 0, 0}, 2});
  CHECK(must(catalog.one("m:all@min=loss")) == Key{"m", {1, 0, 0}, 2});
  CHECK(must(catalog.one("m:all@max=loss")) == Key{"m", {1, 0, 0}, 1});
  CHECK(fails(catalog.one("m:3@min=loss"), Code::NotFound, "3.0.0"));
  CHECK(fails(catalog.one("m:1@min=acc"), Code::NotFound, "\"acc\"", "loss"));
}

TEST_CASE(
    "resolve: a damaged row is Corruption with its key where it must be read, and only there") {
  Catalog catalog;
  catalog.add("m:1@1", kDigest);
  catalog.put_row("m:1@2", "damaged");
  catalog.add("n:1@1", kDigest);
  CHECK(fails(catalog.one("m@min=loss"), Code::Corruption, "m:1.0.0@2"));
  CHECK(fails(catalog.one("xxh3:ffff"), Code::Corruption, "m:1.0.0@2"));
  CHECK(must(catalog.one("m")) == Key{"m", {1, 0, 0}, 2});
  CHECK(must(catalog.all("m:all")).size() == 2);
  CHECK(ok(catalog.one("n@min=loss")));
}

TEST_CASE("resolve: a key that no writer would have made is Corruption, never a name") {
  Catalog catalog;
  catalog.change([](Batch& batch) { batch.put(Family::Metadata, std::string("m\0x", 3), "row"); });
  CHECK(fails(catalog.one("m"), Code::Corruption));
  CHECK(fails(catalog.all("m:all"), Code::Corruption));
}

TEST_CASE("resolve: a save says its version where it says an epoch") {
  Catalog catalog;
  fill(catalog);
  CHECK(must(catalog.for_save("m")) == Key{"m", {3, 0, 0}, 0});
  CHECK(must(catalog.for_save("m:7")) == Key{"m", {7, 0, 0}, 0});
  CHECK(must(catalog.for_save("m:1@18446744073709551615")) == Key{"m", {1, 0, 0}, UINT64_MAX});
  for (const char* text : {"m@5", "new@5", "m:prod", "m:prod@5", "m:latest", "m:1@all", ""}) {
    CAPTURE(text);
    CHECK(fails(catalog.for_save(text), Code::InvalidArgument));
  }
  CHECK(is_open_for_save(must(Ref("m").parts())));
  CHECK(!is_open_for_save(must(Ref("m:1").parts())));
  CHECK(!is_open_for_save(must(Ref("m:1@5").parts())));
}

TEST_CASE("resolve: a batch that is not written yet is asked like the store") {
  Catalog catalog;
  fill(catalog);
  catalog.change([&](Batch& batch) {
    CHECK(must(resolve_for_save(batch, "m")) == Key{"m", {3, 0, 0}, 0});
    Catalog::put(batch, "m:3@0");
    CHECK(must(resolve_for_save(batch, "m")) == Key{"m", {4, 0, 0}, 0});
    CHECK(must(resolve_one(batch, "m")) == Key{"m", {3, 0, 0}, 0});
    CHECK(must(resolve_all(batch, "m:all")).size() == 8);
    batch.erase(Family::Metadata, encode_artifact_key({"m", {1, 0, 0}, 3}));
    CHECK(must(resolve_all(batch, "m:1@all")).size() == 4);
    CHECK(must(previous_epoch(batch, {"m", {1, 0, 0}, 4})) == Key{"m", {1, 0, 0}, 2});
    CHECK(must(catalog.one("m")) == Key{"m", {2, 0, 0}, 9});  // The store knows nothing of it.
  });
  CHECK(must(catalog.one("m")) == Key{"m", {3, 0, 0}, 0});
}

}  // namespace cairn
