// The trash: what was removed or replaced comes back, whole, in one commit.
#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

Draft draft_of(float value) {
  Draft draft;
  draft.tensor("w", std::vector<float>{value, value, value})
      .file("notes.txt", to_bytes("notes " + std::to_string(value)))
      .config(Value::Map{{"value", static_cast<double>(value)}})
      .metric("loss", value)
      .tag("stage", "dev");
  return draft;
}

void check_is(const Store& store, const Ref& ref, float value) {
  const auto artifact = must(store.load(ref));
  CHECK(must(artifact.to<std::vector<float>>("w")) == std::vector<float>{value, value, value});
  CHECK(must(artifact.file("notes.txt")) == to_bytes("notes " + std::to_string(value)));
  CHECK(*must(artifact.config()).find("value")->as_f64() == value);
  CHECK(artifact.metadata().metric("loss") == static_cast<double>(value));
  CHECK(ok(artifact.verify()));
}

}  // namespace

TEST_CASE("undelete: what was removed comes back with every record, also after a reopen") {
  TempStore temp;
  Digest digest;
  {
    auto store = temp.open();
    digest = must(store.save("m:1@3", draft_of(1))).digest;
    must(store.remove("m:1@3"));
    CHECK(fails(store.load("m:1@3"), Code::NotFound));
    const auto trash = must(store.trash());
    REQUIRE(trash.size() == 1);
    CHECK(trash[0].key == Key{"m", {1, 0, 0}, 3});
    CHECK(trash[0].digest == digest);
    CHECK(!trash[0].replaced);
    CHECK(trash[0].size_bytes == 12 + to_bytes("notes 1.000000").size());
  }
  auto store = temp.open();
  CHECK(must(store.undelete("m:1@3")) == std::vector<Key>{{"m", {1, 0, 0}, 3}});
  check_is(store, "m:1@3", 1);
  CHECK(must(store.load("m")).digest() == digest);
  CHECK(must(store.trash()).empty());
  CHECK(fails(store.undelete("m:1@3"), Code::NotFound, "trash"));
}

TEST_CASE("undelete: the newest comes, unless an older commit is asked for") {
  TempStore temp;
  auto store = temp.open();
  must(store.save("m:1@0", draft_of(1)));
  must(store.save("m:1@0", draft_of(2), {.replace = true}));
  must(store.save("m:1@0", draft_of(3), {.replace = true}));
  CHECK(fails(store.undelete("m:1@0"), Code::AlreadyExists, "m:1.0.0@0", "remove it first"));
  check_is(store, "m:1@0", 3);
  must(store.remove("m:1@0"));
  const auto trash = must(store.trash("m"));
  REQUIRE(trash.size() == 3);
  CHECK(trash[0].replaced);
  CHECK(trash[1].replaced);
  CHECK(!trash[2].replaced);
  CHECK(trash[0].commit < trash[1].commit);
  CHECK(trash[1].commit < trash[2].commit);

  CHECK(ok(store.undelete("m:1@0")));
  check_is(store, "m:1@0", 3);
  must(store.remove("m:1@0"));
  CHECK(ok(store.undelete("m:1@0", {.at = trash[0].commit})));
  check_is(store, "m:1@0", 1);
  CHECK(must(store.trash()).size() == 2);
  must(store.remove("m:1@0"));
  CHECK(fails(store.undelete("m:1@0", {.at = 1}), Code::NotFound, "commit 1"));
}

TEST_CASE("undelete: a set comes back in one commit, or none of it") {
  TempStore temp;
  auto store = temp.open();
  for (std::uint64_t epoch = 0; epoch < 6; ++epoch) {
    must(store.save({"m", "1", epoch}, draft_of(static_cast<float>(epoch))));
    must(store.save({"m", "2", epoch}, draft_of(static_cast<float>(epoch) + 10)));
  }
  must(store.save("m-b:1@0", draft_of(99)));
  must(store.remove("m:all"));
  must(store.remove("m-b:1@0"));
  CHECK(must(store.undelete("m:1@2..4")).size() == 3);
  CHECK(must(store.list({.name = "m"})).size() == 3);
  must(store.save("m:2@5", draft_of(77)));
  CHECK(fails(store.undelete("m:2@all"), Code::AlreadyExists, "m:2.0.0@5"));
  CHECK(must(store.list({.name = "m"})).size() == 4);  // None of the others came.
  must(store.remove("m:2@5"));
  CHECK(must(store.undelete("m:all")).size() == 9);
  check_is(store, "m:1@0", 0);
  check_is(store, "m:1@3", 3);
  check_is(store, "m:2@4", 14);
  check_is(store, "m:2@5", 77);  // The newer one of two.
  CHECK(must(store.list()).size() == 12);
  CHECK(must(store.trash()).size() == 2);
}

TEST_CASE("undelete: refs that name no key and no set are refused, and so are bad ones") {
  TempStore temp;
  auto store = temp.open();
  must(store.save("m:1@0", draft_of(1)));
  must(store.set_alias("m", "best", "m:1@0"));
  must(store.remove("m:best"));
  for (const char* ref : {"m", "m:1", "m:best", "m:latest@0", "m:1@min=loss", "xxh3:abcd", "m@3"}) {
    CAPTURE(ref);
    CHECK(fails(store.undelete(ref), Code::InvalidArgument, "undelete"));
  }
  CHECK(fails(store.undelete("m:01@0"), Code::InvalidArgument));
  CHECK(fails(store.undelete("other:1@0"), Code::NotFound));
  CHECK(ok(store.undelete("m:1@0")));
  CHECK(must(store.aliases("m")).empty());  // The alias went, and stays away.
  CHECK(fails(store.trash("no such name!"), Code::InvalidArgument));
}

TEST_CASE("undelete: a handle for reading refuses, and lists the trash") {
  TempStore temp;
  {
    auto store = temp.open();
    must(store.save("m:1@0", draft_of(1)));
    must(store.remove("m:1@0"));
  }
  auto store = temp.open({.mode = OpenOptions::Mode::ReadOnly});
  CHECK(must(store.trash()).size() == 1);
  CHECK(fails(store.undelete("m:1@0"), Code::InvalidArgument, "reading"));
}

}  // namespace cairn::testing
