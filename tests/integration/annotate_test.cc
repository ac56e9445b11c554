// Annotations: what is said about an artifact changes, the artifact does not, and what was said
// before is kept.
#include <limits>

#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

Draft draft_of(float value) {
  Draft draft;
  draft.tensor("w", std::vector<float>{value})
      .metric("loss", value)
      .tag("stage", "dev")
      .field("note", "first");
  return draft;
}

}  // namespace

TEST_CASE("annotate: sets, changes and removes labels; bytes, digest and time stay") {
  TempStore temp;
  auto store = temp.open();
  const auto receipt = must(store.save("m:1@0", draft_of(1)));
  auto before = std::optional(must(store.load("m:1@0")));
  Annotation annotation;
  annotation.metric("acc", 0.5)
      .metric("loss", 0.25)
      .tag("stage", "prod")
      .tag("owner", "me")
      .field("deep", Value::Map{{"a", 1}})
      .remove_field("note")
      .remove_tag("no such tag");
  CHECK(must(store.annotate("m:1@0", annotation)) == std::vector<Key>{receipt.key});
  CHECK(before->metadata().tag("stage") == "dev");  // What was loaded does not change.
  const auto created_at = before->metadata().created_at;
  before.reset();
  for (int round = 0; round < 2; ++round) {
    if (round == 1) {
      must(store.close());
      store = temp.open();
    }
    const auto after = must(store.load("m:1@0"));
    CHECK(after.digest() == receipt.digest);
    CHECK(after.metadata().created_at == created_at);
    CHECK(after.metadata().metrics ==
          std::vector<std::pair<std::string, double>>{{"acc", 0.5}, {"loss", 0.25}});
    CHECK(after.metadata().tag("stage") == "prod");
    CHECK(after.metadata().tag("owner") == "me");
    CHECK(after.metadata().fields == Value::Map{{"deep", Value::Map{{"a", 1}}}});
    CHECK(ok(after.verify()));
  }
}

TEST_CASE("annotate: history tells what was said before, newest first") {
  TempStore temp;
  auto store = temp.open();
  must(store.save("m:1@0", draft_of(1)));
  CHECK(must(store.history("m:1@0")).empty());
  for (int i = 0; i < 3; ++i) {
    must(store.annotate("m:1@0", Annotation().tag("stage", "step " + std::to_string(i))));
  }
  const auto history = must(store.history("m"));
  REQUIRE(history.size() == 3);
  CHECK(history[0].metadata.tag("stage") == "step 1");
  CHECK(history[1].metadata.tag("stage") == "step 0");
  CHECK(history[2].metadata.tag("stage") == "dev");
  CHECK(history[0].until >= history[1].until);
  CHECK(must(store.trash()).empty());  // It stands: nothing of it is in the trash.

  // Another artifact at the key has a history of its own.
  must(store.save("m:1@0", draft_of(2), {.replace = true}));
  CHECK(must(store.history("m:1@0")).empty());
  // And so has one with the same bytes, as if it were saved anew.
  must(store.annotate("m:1@0", Annotation().tag("stage", "prod")));
  CHECK(must(store.history("m:1@0")).size() == 1);
  must(store.save("m:1@0", draft_of(2), {.replace = true}));
  CHECK(must(store.history("m:1@0")).empty());
  must(store.remove("m:1@0"));
  CHECK(fails(store.history("m:1@0"), Code::NotFound));
}

TEST_CASE("annotate: what changes nothing writes nothing") {
  TempStore temp;
  auto store = temp.open();
  must(store.save("m:1@0", draft_of(1)));
  CHECK(ok(store.annotate("m:1@0", Annotation())));
  CHECK(ok(store.annotate("m:1@0", Annotation().tag("stage", "dev").metric("loss", 1))));
  CHECK(ok(store.annotate("m:1@0", Annotation().remove_tag("none"))));
  CHECK(must(store.history("m:1@0")).empty());
}

TEST_CASE("annotate: a set is labelled in one commit; what is shorter is refused") {
  TempStore temp;
  auto store = temp.open();
  for (std::uint64_t epoch = 0; epoch < 4; ++epoch) {
    must(store.save({"m", "1", epoch}, draft_of(static_cast<float>(epoch))));
  }
  must(store.set_alias("m", "best", "m:1@2"));
  CHECK(must(store.annotate("m:1@1..2", Annotation().tag("kept", "yes"))).size() == 2);
  CHECK(must(store.load("m:1@1")).metadata().tag("kept") == "yes");
  CHECK(!must(store.load("m:1@0")).metadata().tag("kept"));
  CHECK(must(store.annotate("m:best", Annotation().tag("best", "yes"))).size() == 1);
  CHECK(must(store.load("m:1@2")).metadata().tag("best") == "yes");
  CHECK(must(store.load("m:1@2")).metadata().tag("kept") == "yes");
  CHECK(fails(store.annotate("m:1", Annotation().tag("a", "b")), Code::InvalidArgument, "4"));
  CHECK(fails(store.annotate("m:1@9", Annotation().tag("a", "b")), Code::NotFound, "m:1"));
}

TEST_CASE("annotate: bad labels, too many, and a handle for reading are refused; nothing changes") {
  TempStore temp;
  {
    auto store = temp.open();
    must(store.save("m:1@0", draft_of(1)));
    CHECK(fails(store.annotate("m:1@0", Annotation().tag("", "x")), Code::InvalidArgument, "tag"));
    CHECK(fails(store.annotate("m:1@0", Annotation().tag("x", std::string(5'000, 'x'))),
                Code::InvalidArgument, "4096"));
    CHECK(fails(
        store.annotate("m:1@0", Annotation().field("x", std::numeric_limits<double>::infinity())),
        Code::InvalidArgument));
    Annotation many;
    for (int i = 0; i < 10'000; ++i) {
      many.metric("metric " + std::to_string(i), i);
    }
    CHECK(fails(store.annotate("m:1@0", many), Code::LimitExceeded, "m:1.0.0@0"));
    CHECK(must(store.load("m:1@0")).metadata().metrics.size() == 1);
    CHECK(must(store.history("m:1@0")).empty());
  }
  auto store = temp.open({.mode = OpenOptions::Mode::ReadOnly});
  CHECK(
      fails(store.annotate("m:1@0", Annotation().tag("a", "b")), Code::InvalidArgument, "reading"));
}

TEST_CASE("annotate: a removed artifact keeps its labels and its history when it comes back") {
  TempStore temp;
  auto store = temp.open();
  must(store.save("m:1@0", draft_of(1)));
  must(store.annotate("m:1@0", Annotation().tag("stage", "prod")));
  must(store.remove("m:1@0"));
  must(store.undelete("m:1@0"));
  CHECK(must(store.load("m:1@0")).metadata().tag("stage") == "prod");
  REQUIRE(must(store.history("m:1@0")).size() == 1);
  CHECK(must(store.history("m:1@0"))[0].metadata.tag("stage") == "dev");
}

}  // namespace cairn::testing
