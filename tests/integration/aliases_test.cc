// Aliases, and removal, which they stand in the way of.
#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

Draft numbered(std::uint64_t number) {
  Draft draft;
  draft.tensor("t", std::vector<std::uint64_t>{number});
  return draft;
}

// m:1@0..9, m:2@0..4, other:1@0.
Store example(const TempStore& temp) {
  auto store = temp.open();
  for (std::uint64_t epoch = 0; epoch < 10; ++epoch) {
    must(store.save({"m", "1", epoch}, numbered(epoch)));
  }
  for (std::uint64_t epoch = 0; epoch < 5; ++epoch) {
    must(store.save({"m", "2", epoch}, numbered(100 + epoch)));
  }
  must(store.save("other:1@0", numbered(1000)));
  return store;
}

std::string target_of(const Store& store, const Ref& ref) {
  const auto key = store.resolve(ref);
  return key ? key->to_string() : key.error().to_string();
}

std::size_t artifacts(const Store& store) {
  return must(store.list()).size();
}

}  // namespace

TEST_CASE("aliases: set, move, list, remove, and all of it survives a reopen") {
  TempStore temp;
  {
    auto store = example(temp);
    CHECK(ok(store.set_alias("m", "prod", "m:1@4")));
    CHECK(ok(store.set_alias("m", "best", "m")));
    CHECK(ok(store.set_alias("other", "prod", "other")));
    CHECK(target_of(store, "m:prod") == "m:1.0.0@4");
    CHECK(target_of(store, "m:best") == "m:2.0.0@4");
    CHECK(ok(store.set_alias("m", "prod", "m:best")));
    CHECK(target_of(store, "m:prod") == "m:2.0.0@4");
  }
  auto store = temp.open();
  const auto mine = must(store.aliases("m"));
  REQUIRE(mine.size() == 2);
  CHECK(mine[0].alias == "best");
  CHECK(mine[1].alias == "prod");
  CHECK(mine[1].target == Key{"m", {2, 0, 0}, 4});
  CHECK(mine[1].moved_at > Time{});
  CHECK(must(store.aliases()).size() == 3);
  CHECK(ok(store.remove_alias("m", "prod")));
  CHECK(fails(store.load("m:prod"), Code::NotFound, "m:prod", "best"));
  CHECK(fails(store.remove_alias("m", "prod"), Code::NotFound, "m:prod", "best"));
  CHECK(must(store.aliases()).size() == 2);
  CHECK(ok(store.set_alias("m", "prod", "m:1@1")));
  CHECK(target_of(store, "m:prod") == "m:1.0.0@1");
  CHECK(must(store.aliases("nobody")).empty());
}

TEST_CASE("aliases: a ref chooses another epoch of the alias's version") {
  TempStore temp;
  auto store = example(temp);
  must(store.set_alias("m", "prod", "m:1@4"));
  CHECK(target_of(store, "m:prod") == "m:1.0.0@4");
  CHECK(target_of(store, "m:prod@last") == "m:1.0.0@9");
  CHECK(target_of(store, "m:prod@7") == "m:1.0.0@7");
  CHECK(fails(store.load("m:prod@70"), Code::NotFound, "m:1.0.0@70"));
}

TEST_CASE("aliases: another name's artifact, a missing one and a bad word are refused") {
  TempStore temp;
  auto store = example(temp);
  CHECK(fails(store.set_alias("m", "prod", "other"), Code::InvalidArgument, "other:1.0.0@0"));
  CHECK(fails(store.set_alias("m", "prod", "m:1@70"), Code::NotFound, "m:1.0.0@70"));
  CHECK(fails(store.set_alias("m", "prod", "m:1@all"), Code::InvalidArgument, "set"));
  CHECK(fails(store.set_alias("none", "prod", "none"), Code::NotFound, "\"none\""));
  for (const char* alias : {"", "latest", "all", "v2", "1", "-x", "a/b", "a b"}) {
    CAPTURE(alias);
    CHECK(fails(store.set_alias("m", alias, "m"), Code::InvalidArgument, "alias"));
  }
  CHECK(fails(store.set_alias("m", std::string(65, 'a'), "m"), Code::InvalidArgument, "64"));
  CHECK(ok(store.set_alias("m", std::string(64, 'a'), "m")));
  CHECK(ok(store.set_alias("m", "version2", "m")));
  CHECK(fails(store.set_alias("m//", "x", "m"), Code::InvalidArgument, "name"));
  CHECK(fails(store.remove_alias("m", "latest"), Code::InvalidArgument, "alias"));
  CHECK(must(store.aliases()).size() == 2);
}

TEST_CASE("aliases: a save sets them in its own commit") {
  TempStore temp;
  auto store = example(temp);
  SaveOptions options;
  options.aliases = {"best", "prod"};
  must(store.save("m:3@1", numbered(1), options));
  CHECK(target_of(store, "m:best") == "m:3.0.0@1");
  CHECK(target_of(store, "m:prod") == "m:3.0.0@1");
  options.aliases = {"best"};
  must(store.save("m:3@2", numbered(2), options));
  CHECK(target_of(store, "m:best") == "m:3.0.0@2");
  CHECK(target_of(store, "m:prod") == "m:3.0.0@1");
  // An artifact that stands already takes the alias, too.
  options.aliases = {"prod"};
  CHECK(must(store.save("m:3@2", numbered(2), options)).existed);
  CHECK(target_of(store, "m:prod") == "m:3.0.0@2");
  options.aliases = {"good", "latest"};
  CHECK(fails(store.save("m:3@3", numbered(3), options), Code::InvalidArgument, "latest"));
  CHECK(fails(store.load("m:3@3"), Code::NotFound));
  CHECK(fails(store.load("m:good"), Code::NotFound));
}

TEST_CASE("aliases: a failed save moves none") {
  TempStore temp;
  auto store = example(temp);
  must(store.set_alias("m", "best", "m:1@1"));
  SaveOptions options;
  options.aliases = {"best", "new"};
  CHECK(fails(store.save("m:1@2", numbered(77), options), Code::AlreadyExists));
  CHECK(target_of(store, "m:best") == "m:1.0.0@1");
  CHECK(must(store.aliases("m")).size() == 1);
}

TEST_CASE("remove: a full key, an alias's key, and every kind of set") {
  TempStore temp;
  auto store = example(temp);
  CHECK(must(store.remove("m:1@9")) == std::vector<Key>{{"m", {1, 0, 0}, 9}});
  CHECK(fails(store.load("m:1@9"), Code::NotFound, "m:1.0.0@9"));
  CHECK(target_of(store, "m:1") == "m:1.0.0@8");
  CHECK(must(store.remove({"m", "1", 8})).size() == 1);
  CHECK(must(store.remove("m:1@2..4")).size() == 3);
  CHECK(fails(store.load("m:1@3"), Code::NotFound));
  CHECK(target_of(store, "m:1@5") == "m:1.0.0@5");
  CHECK(must(store.remove("m:2@all")).size() == 5);
  CHECK(target_of(store, "m") == "m:1.0.0@7");
  CHECK(must(store.remove("m:all")).size() == 5);
  CHECK(fails(store.load("m"), Code::NotFound));
  CHECK(must(store.names()) == std::vector<std::string>{"other"});
}

TEST_CASE("remove: what is gone stays gone after a reopen, and its content can be saved again") {
  TempStore temp;
  {
    auto store = example(temp);
    must(store.remove("m:all"));
  }
  auto store = temp.open();
  CHECK(artifacts(store) == 1);
  must(store.save("m:1@0", numbered(0)));
  CHECK(must(must(store.load("m")).to<std::vector<std::uint64_t>>("t")).front() == 0);
  CHECK(ok(must(store.load("m")).verify()));
}

TEST_CASE("remove: a ref that says too little is refused with the number it might mean") {
  TempStore temp;
  auto store = example(temp);
  CHECK(fails(store.remove("m"), Code::InvalidArgument, "15 artifacts"));
  CHECK(fails(store.remove("m:1"), Code::InvalidArgument, "10 artifacts"));
  CHECK(fails(store.remove("m:2@last"), Code::InvalidArgument, "5 artifacts"));
  CHECK(fails(store.remove("m:latest"), Code::InvalidArgument, "5 artifacts"));
  CHECK(fails(store.remove("m@3"), Code::InvalidArgument, "artifacts"));
  CHECK(fails(store.remove("m:all@min=loss"), Code::InvalidArgument, "artifacts"));
  const auto digest = must(store.load("m:1@1")).digest().to_string();
  CHECK(fails(store.remove("xxh3:" + digest), Code::InvalidArgument, "digest"));
  CHECK(artifacts(store) == 16);
}

TEST_CASE("remove: what does not exist is NotFound and nothing goes") {
  TempStore temp;
  auto store = example(temp);
  CHECK(fails(store.remove("m:1@70"), Code::NotFound, "m:1.0.0@70"));
  CHECK(fails(store.remove("m:7@all"), Code::NotFound));
  CHECK(fails(store.remove("m:1@70..80"), Code::NotFound));
  CHECK(fails(store.remove("none:all"), Code::NotFound, "none"));
  CHECK(fails(store.remove("m:prod"), Code::NotFound, "prod"));
  CHECK(artifacts(store) == 16);
}

TEST_CASE("remove: an aliased artifact is Busy, alone or in a set, until the alias has gone") {
  TempStore temp;
  auto store = example(temp);
  must(store.set_alias("m", "prod", "m:1@4"));
  CHECK(fails(store.remove("m:1@4"), Code::Busy, "m:prod", "m:1.0.0@4"));
  CHECK(fails(store.remove("m:1@2..6"), Code::Busy, "m:prod"));
  CHECK(fails(store.remove("m:all"), Code::Busy, "m:prod"));
  CHECK(artifacts(store) == 16);
  CHECK(ok(store.remove("m:1@5")));
  must(store.set_alias("m", "prod", "m:2@1"));
  CHECK(ok(store.remove("m:1@4")));
  must(store.remove_alias("m", "prod"));
  CHECK(ok(store.remove("m:2@1")));
}

TEST_CASE("remove: an artifact that is named by its alias goes with that alias, not with others") {
  TempStore temp;
  auto store = example(temp);
  must(store.set_alias("m", "prod", "m:1@4"));
  must(store.set_alias("m", "best", "m:1@4"));
  CHECK(fails(store.remove("m:prod"), Code::Busy, "m:best"));
  CHECK(must(store.aliases("m")).size() == 2);
  must(store.remove_alias("m", "best"));
  CHECK(must(store.remove("m:prod")) == std::vector<Key>{{"m", {1, 0, 0}, 4}});
  CHECK(must(store.aliases("m")).empty());
  CHECK(fails(store.load("m:1@4"), Code::NotFound));
  CHECK(artifacts(store) == 15);
}

}  // namespace cairn::testing
