// Saving: what happens when something stands at the key, refused drafts, saves from many threads,
// and ids across reopens.
#include <atomic>
#include <functional>
#include <limits>
#include <mutex>
#include <thread>

#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

Draft one(const std::vector<float>& values) {
  Draft draft;
  draft.tensor("w", std::vector<float>(values));
  return draft;
}

bool holds(const Store& store, const Ref& ref, const std::vector<float>& values) {
  const auto loaded = must(store.load(ref)).to<std::vector<float>>("w");
  return loaded && same_bytes(*loaded, values);
}

void on_threads(unsigned count, const std::function<void(unsigned)>& body) {
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < count; ++i) {
    threads.emplace_back(body, i);
  }
}

}  // namespace

TEST_CASE("save: another artifact at the key is AlreadyExists, and the old one stays") {
  TempStore temp;
  auto store = temp.open();
  const auto values = Random().floats(kMiB);
  const auto receipt = must(store.save("m:1@1", one(values)));
  const auto refused = store.save("m:1@1", one({1, 2, 3}));
  CHECK(fails(refused, Code::AlreadyExists, "m:1.0.0@1", receipt.digest.to_string()));
  CHECK(must(store.load("m:1@1")).digest() == receipt.digest);
  CHECK(holds(store, "m:1@1", values));
  CHECK(must(store.list()).size() == 1);
  CHECK(must(store.stats()).chunks == 4);
}

TEST_CASE("save: the same artifact at its key again is OK, says existed and writes nothing") {
  TempStore temp;
  auto store = temp.open();
  const auto values = Random().floats(kMiB);
  auto draft = one(values);
  draft.metric("loss", 0.5);
  const auto first = must(store.save("m:1@1", draft));
  CHECK(!first.existed);
  draft.metric("loss", 0.25);  // Metadata is not what makes an artifact the same.
  const auto again = must(store.save("m:1@1", draft));
  CHECK(again.existed);
  CHECK(again.digest == first.digest);
  CHECK(again.key == first.key);
  CHECK(again.size_bytes == 4 * kMiB);
  CHECK(again.new_chunks == 0);
  CHECK(again.new_bytes == 0);
  CHECK(must(store.load("m:1@1")).metadata().metric("loss") == 0.5);
}

TEST_CASE("save: replace puts another artifact at the key") {
  TempStore temp;
  SaveOptions options;
  options.replace = true;
  const auto old_values = Random(1).floats(1000);
  const auto new_values = Random(2).floats(2000);
  {
    auto store = temp.open();
    must(store.save("m:1@1", one(old_values), options));  // Nothing to replace is no error.
    const auto old_one = must(store.load("m:1@1"));
    const auto receipt = must(store.save("m:1@1", one(new_values), options));
    CHECK(!receipt.existed);
    CHECK(must(store.save("m:1@1", one(new_values), options)).existed);
    // Who holds the old one reads on.
    CHECK(same_bytes(must(old_one.to<std::vector<float>>("w")), old_values));
  }
  const auto store = temp.open();
  CHECK(holds(store, "m:1@1", new_values));
  CHECK(must(store.list()).size() == 1);
}

TEST_CASE("save: replace leaves nothing of the old artifact behind") {
  TempStore temp;
  auto store = temp.open();
  SaveOptions options;
  options.replace = true;
  auto full = one({1, 2, 3});
  full.config(Value(7)).metric("loss", 1).tag("a", "b").file("f", to_bytes("x"));
  must(store.save("m:1@1", full));
  Draft bare;
  bare.tag("only", "this");
  must(store.save("m:1@1", bare, options));
  const auto artifact = must(store.load("m:1@1"));
  CHECK(artifact.tensors().empty());
  CHECK(artifact.files().empty());
  CHECK(fails(artifact.config(), Code::NotFound, "config"));
  CHECK(artifact.metadata().metrics.empty());
  CHECK(artifact.metadata().tags.size() == 1);
}

TEST_CASE("save: a config alone, metadata alone, a file alone are artifacts") {
  TempStore temp;
  {
    auto store = temp.open();
    Draft config;
    config.config(Value(Value::Map{{"rate", 0.1}}));
    CHECK(must(store.save("config", config)).chunks == 0);
    Draft metric;
    metric.metric("loss", 1);
    must(store.save("metric", metric));
    Draft tag;
    tag.tag("stage", "dev");
    must(store.save("tag", tag));
    Draft field;
    field.field("notes", Value("text"));
    must(store.save("field", field));
    Draft file;
    file.file("readme", to_bytes("hello"));
    must(store.save("file", file));
  }
  const auto store = temp.open();
  CHECK(*must(must(store.load("config")).config()).find("rate")->as_f64() == 0.1);
  CHECK(must(store.load("metric")).metadata().metric("loss") == 1);
  CHECK(must(store.load("tag")).metadata().tag("stage") == "dev");
  CHECK(must(store.load("field")).metadata().fields.at(0).second == Value("text"));
  CHECK(same_bytes(must(must(store.load("file")).file("readme")), to_bytes("hello")));
  for (const auto& name : must(store.names())) {
    CHECK(ok(must(store.load(name)).verify()));
  }
}

TEST_CASE("save: an empty draft is refused") {
  TempStore temp;
  auto store = temp.open();
  CHECK(fails(store.save("m", Draft()), Code::InvalidArgument, "empty"));
  Draft told;
  told.producer("x").created_at(Time{}).parent({"m", {1, 0, 0}, 0});
  CHECK(fails(store.save("m", told), Code::InvalidArgument, "empty"));
  CHECK(must(store.list()).empty());
}

TEST_CASE("save: the first error of a draft comes back, and nothing is saved") {
  TempStore temp;
  auto store = temp.open();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto refused = [&](Code code, std::string_view fragment,
                           const std::function<void(Draft&)>& build) {
    auto draft = one(Random().floats(kMiB));
    build(draft);
    draft.tag("more", "after the error");
    const auto saved = store.save("m", draft);
    CHECK(fails(saved, code, fragment));
    CHECK(files_in(temp.incoming()) == 0);
  };
  const auto wrong = Code::InvalidArgument;
  refused(wrong, "\"w\"", [](Draft& d) { d.tensor("w", std::vector<int>(3)); });
  refused(wrong, "\"f\"", [](Draft& d) { d.file("f", to_bytes("a")).file("f", to_bytes("b")); });
  refused(wrong, "tensor name", [](Draft& d) { d.tensor("", std::vector<int>(3)); });
  refused(wrong, "file name", [](Draft& d) { d.file("\xff", to_bytes("")); });
  refused(wrong, "metric name", [](Draft& d) { d.metric("", 1); });
  refused(wrong, "metric name", [](Draft& d) { d.metric(std::string(256, 'm'), 1); });
  refused(wrong, "tag name", [](Draft& d) { d.tag(std::string("a\0b", 3), ""); });
  refused(wrong, "4097", [](Draft& d) { d.tag("t", std::string(4097, 'x')); });
  refused(wrong, "UTF-8", [](Draft& d) { d.tag("t", "\xff"); });
  refused(wrong, "field name", [](Draft& d) { d.field("", Value(1)); });
  refused(wrong, "nan", [=](Draft& d) { d.field("f", Value(nan)); });
  refused(wrong, "nan", [=](Draft& d) { d.config(Value(nan)); });
  refused(wrong, "producer", [](Draft& d) { d.producer(std::string(1025, 'p')); });
  refused(wrong, "parent", [](Draft& d) { d.parent({"-bad-", {}, 0}); });
  refused(Code::LimitExceeded, "10000", [](Draft& d) {
    for (int i = 0; i <= 10'000; ++i) {
      d.metric("m" + std::to_string(i), i);
    }
  });
  refused(Code::NotFound, "/no/such/file", [](Draft& d) { d.file("f", "/no/such/file"); });
  refused(wrong, "regular", [](Draft& d) { d.file("f", std::filesystem::path("/tmp")); });
  refused(Code::LimitExceeded, "mine", [](Draft& d) {
    d.fail({Code::LimitExceeded, "mine"}).fail({Code::Io, "a later one"});
  });
  CHECK(must(store.list()).empty());
  CHECK(must(store.stats()).chunks == 0);
}

TEST_CASE("save: two tensors may share a name with a file, but not with each other") {
  TempStore temp;
  auto store = temp.open();
  auto draft = one({1});
  draft.file("w", to_bytes("file"));
  must(store.save("m", draft));
  CHECK(must(store.load("m")).files().at(0).name == "w");
}

TEST_CASE("save: a draft may be saved at several keys") {
  TempStore temp;
  auto store = temp.open();
  const auto draft = one(Random().floats(kMiB));
  const auto first = must(store.save("a", draft));
  const auto second = must(store.save("b", draft));
  CHECK(first.digest == second.digest);
  CHECK(first.new_chunks == 4);
  CHECK(second.new_chunks == 0);
  CHECK(!second.existed);
}

TEST_CASE("save: dedup by trust and by comparison store the same") {
  for (const Dedup dedup : {Dedup::Trust, Dedup::Compare}) {
    TempStore temp;
    auto store = temp.open();
    SaveOptions options;
    options.dedup = dedup;
    const auto values = Random().floats(kMiB);
    CHECK(must(store.save("a", one(values), options)).new_chunks == 4);
    CHECK(must(store.save("b", one(values), options)).new_chunks == 0);
    CHECK(holds(store, "b", values));
  }
}

TEST_CASE("threads: eight saves at once under keys of their own are all there after a reopen") {
  TempStore temp;
  const auto rounds = scaled(6, 60);
  const auto content = [](unsigned thread, std::uint64_t round) {
    // Some go the small way, some the big one.
    return Random(thread * 1000 + round).floats(round % 3 == 2 ? kMiB / 2 + 13 : 100 + round);
  };
  {
    auto store = temp.open();
    std::atomic<unsigned> failed = 0;
    on_threads(8, [&](unsigned thread) {
      for (std::uint64_t round = 0; round < rounds; ++round) {
        const auto name = "t" + std::to_string(thread);
        const auto saved = store.save({name, "1", round}, one(content(thread, round)));
        const auto loaded = store.load({name, "1", round});
        failed += !saved || !loaded || !loaded->verify() ? 1 : 0;
      }
    });
    CHECK(failed == 0);
    CHECK(files_in(temp.incoming()) == 0);
  }
  const auto store = temp.open();
  CHECK(must(store.list()).size() == 8 * rounds);
  for (unsigned thread = 0; thread < 8; ++thread) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      CHECK(holds(store, {"t" + std::to_string(thread), "1", round}, content(thread, round)));
    }
  }
}

TEST_CASE("threads: of eight different artifacts for one key exactly one wins") {
  TempStore temp;
  auto store = temp.open();
  for (std::uint64_t round = 0; round < scaled(5, 50); ++round) {
    std::atomic<unsigned> won = 0;
    std::atomic<unsigned> refused = 0;
    std::atomic<unsigned> winner = 0;
    on_threads(8, [&](unsigned thread) {
      const auto saved = store.save({"m", "1", round}, one(Random(thread).floats(1000)));
      if (saved && !saved->existed) {
        ++won;
        winner = thread;
      }
      refused += !saved && saved.error().code == Code::AlreadyExists ? 1 : 0;
    });
    CHECK(won == 1);
    CHECK(refused == 7);
    CHECK(holds(store, {"m", "1", round}, Random(winner).floats(1000)));
  }
}

TEST_CASE("threads: of eight equal artifacts for one key one is new and the others existed") {
  TempStore temp;
  auto store = temp.open();
  for (const std::size_t size : {std::size_t{10}, kMiB}) {
    const auto values = Random().floats(size);
    std::atomic<unsigned> fresh = 0;
    std::atomic<unsigned> existed = 0;
    on_threads(8, [&](unsigned) {
      const auto saved = store.save({"m", "1", size}, one(values));
      fresh += saved && !saved->existed ? 1 : 0;
      existed += saved && saved->existed ? 1 : 0;
    });
    CHECK(fresh == 1);
    CHECK(existed == 7);
    CHECK(holds(store, {"m", "1", size}, values));
  }
}

TEST_CASE("threads: bare names saved at once take versions one after another") {
  TempStore temp;
  auto store = temp.open();
  std::atomic<unsigned> failed = 0;
  on_threads(8, [&](unsigned thread) {
    failed += store.save("m", one({static_cast<float>(thread)})) ? 0 : 1;
  });
  CHECK(failed == 0);
  const auto list = must(store.list());
  REQUIRE(list.size() == 8);
  for (std::uint32_t i = 0; i < 8; ++i) {
    CHECK(list[i].key == Key{"m", {i + 1, 0, 0}, 0});
  }
}

TEST_CASE("threads: the same contents saved at once under many keys all load") {
  TempStore temp;
  const auto values = Random().floats(kMiB);
  {
    auto store = temp.open();
    on_threads(8, [&](unsigned thread) {
      static_cast<void>(store.save({"m", "1", thread}, one(values)));
    });
    CHECK(must(store.save("later", one(values))).new_chunks == 0);
  }
  const auto store = temp.open();
  CHECK(must(store.list()).size() == 9);
  for (unsigned thread = 0; thread < 8; ++thread) {
    CHECK(holds(store, {"m", "1", thread}, values));
  }
}

TEST_CASE("threads: saves, loads, listings, aliases and removals at once") {
  TempStore temp;
  auto store = temp.open();
  must(store.save("m:1@0", one(Random(0).floats(50'000))));
  must(store.set_alias("m", "base", "m:1@0"));
  std::atomic<unsigned> failed = 0;
  std::mutex mutex;
  std::string first_failure;
  const auto expect = [&](const Outcome& outcome) {
    if (!outcome) {
      const std::lock_guard guard(mutex);
      first_failure = failed++ == 0 ? outcome.found : first_failure;
    }
  };
  on_threads(6, [&](unsigned thread) {
    for (std::uint64_t i = 1; i <= scaled(15, 200); ++i) {
      const Ref own("t" + std::to_string(thread), "1", i);
      expect(ok(store.save(own, one(Random(i).floats(i % 5 == 0 ? 300'000 : 100)))));
      const auto base = store.load("m:base");
      expect(base ? ok(base->verify()) : ok(base));
      expect(ok(store.list({.name = {}, .version = {}, .after = {}, .limit = 10})));
      expect(ok(store.set_alias("t" + std::to_string(thread), "last", own)));
      if (i > 1) {
        expect(ok(store.remove({"t" + std::to_string(thread), "1", i - 1})));
      }
    }
  });
  CHECK(failed == 0);
  CHECK(first_failure == "");
  CHECK(must(store.list()).size() == 7);
}

TEST_CASE("threads: a close among saves refuses the later ones and loses none of the others") {
  TempStore temp;
  std::atomic<unsigned> wrong = 0;
  std::atomic<std::uint64_t> saved = 0;
  {
    auto store = temp.open();
    std::vector<std::jthread> threads;
    for (unsigned thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (std::uint64_t i = 0; i < 100'000; ++i) {
          const auto done = store.save({"t" + std::to_string(thread), "1", i},
                                       one(Random(i).floats(i % 4 == 3 ? 300'000 : 10)));
          if (!done) {
            wrong += fails(done, Code::InvalidArgument, "closed") ? 0 : 1;
            return;
          }
          ++saved;
        }
      });
    }
    while (saved < 20) {
      std::this_thread::yield();
    }
    CHECK(ok(store.close()));
  }
  CHECK(wrong == 0);
  const auto store = temp.open();
  const auto list = must(store.list());
  CHECK(list.size() == saved);
  for (const auto& info : list) {
    CHECK(ok(must(store.load(info.key)).verify()));
  }
}

TEST_CASE("ids: they never clash, over saves small and big, reopens and removals") {
  TempStore temp;
  Random random;
  std::vector<std::pair<Key, std::vector<float>>> saved;
  for (std::uint64_t round = 0; round < scaled(8, 60); ++round) {
    auto store = temp.open();
    for (std::uint64_t i = 0; i < 5; ++i) {
      const std::size_t size =
          random.below(2) == 0 ? random.below(2000) + 1 : random.below(kMiB) + kMiB / 4;
      saved.emplace_back(Key{"m", {1, 0, 0}, round * 10 + i}, random.floats(size));
      must(store.save(saved.back().first, one(saved.back().second)));
    }
    must(store.remove(saved.back().first));  // The highest id is then nobody's.
    saved.pop_back();
    if (round % 2 == 0) {
      must(store.close());
    }
  }
  const auto store = temp.open({.mode = OpenOptions::Mode::ReadOnly});
  CHECK(must(store.list()).size() == saved.size());
  for (const auto& [key, values] : saved) {
    CHECK(holds(store, key, values));
  }
}

}  // namespace cairn::testing
