// The one critical section: what bodies of one group see of each other, what becomes of those that
// fail, and that every number is given to one commit.
#include "engine/commit_queue.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <map>
#include <new>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <rocksdb/db.h>

#include "content/random_bytes.h"
#include "engine/engine_testing.h"
#include "engine/ids.h"

namespace cairn {

namespace {

using cairn_test::fails;
using cairn_test::must;
using cairn_test::ok;
using cairn_test::open_database;
using cairn_test::Random;
using cairn_test::TempDir;

using Model = std::map<std::string, std::string>;

// A database and its queue.
struct Opened {
  explicit Opened(const StoreDir& dir) : database(open_database(dir)) {
    const auto bytes = must(database->snapshot()->get(Family::Default, kCountersKey));
    if (bytes) {
      counters = must(decode_counters(*bytes));
    }
    ids.emplace(must(first_free_id(*database->snapshot(), counters.next_id)));
    commits.emplace(*database, *ids, counters.commits);
  }

  std::shared_ptr<Database> database;
  Counters counters;  // As they were on disk.
  std::optional<IdAllocator> ids;
  std::optional<CommitQueue> commits;
};

Result<void> refusal() {
  return tl::unexpected(Error{Code::Busy, "on purpose"});
}

Model walk(const Reader& reader, Family family) {
  Model out;
  auto cursor = reader.cursor(family);
  for (cursor.seek_to_first(); cursor.valid(); cursor.next()) {
    out.emplace(cursor.key(), cursor.value());
  }
  must(cursor.status());
  return out;
}

Model walk_back(const Reader& reader, Family family) {
  Model out;
  auto cursor = reader.cursor(family);
  for (cursor.seek_to_last(); cursor.valid(); cursor.prev()) {
    out.emplace(cursor.key(), cursor.value());
  }
  must(cursor.status());
  return out;
}

struct GroupRun {
  std::vector<Result<void>> results;  // One a body.
  bool one_group = false;             // All ran in one thread, in their order.
};

// Holds a first commit up until the bodies wait behind it, each in a thread of its own.
GroupRun run_behind_a_commit(CommitQueue& commits, const std::vector<CommitQueue::Body>& bodies) {
  GroupRun run;
  run.results.resize(bodies.size());
  std::vector<std::pair<std::size_t, std::thread::id>> ran;  // Bodies run one at a time.
  std::atomic<bool> inside{false};
  std::atomic<bool> go{false};
  std::jthread gate([&] {
    static_cast<void>(commits.run([&](Batch&, std::uint64_t) -> Result<void> {
      inside = true;
      while (!go) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      return {};
    }));
  });
  while (!inside) {
    std::this_thread::yield();
  }
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    threads.emplace_back([&, i] {
      run.results[i] = commits.run([&, i](Batch& batch, std::uint64_t commit) {
        ran.emplace_back(i, std::this_thread::get_id());
        return bodies[i](batch, commit);
      });
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  go = true;
  threads.clear();
  gate.join();
  run.one_group = true;
  for (std::size_t i = 0; i < ran.size(); ++i) {
    run.one_group = run.one_group && ran[i].first == i && ran[i].second == ran[0].second;
  }
  return run;
}

}  // namespace

namespace {

// What the bodies of one group did and saw, by their order in it.
struct GroupLog {
  std::map<int, std::uint64_t> numbers;
  std::map<int, Model> seen;
  Model seen_back;
  std::optional<std::string> got_a;
  std::optional<std::string> got_c;

  std::vector<CommitQueue::Body> bodies() {
    const auto first = [this](Batch& batch, std::uint64_t commit) -> Result<void> {
      numbers[1] = commit;
      batch.put(Family::Models, "a", "first");
      batch.put(Family::Models, "b", "first");
      return {};
    };
    const auto failing = [this](Batch& batch, std::uint64_t commit) -> Result<void> {
      numbers[2] = commit;
      batch.put(Family::Models, "a", "second");
      batch.erase(Family::Models, "b");
      batch.put(Family::Models, "c", "second");
      batch.put(Family::Aliases, "a", "second");
      seen[2] = walk(batch, Family::Models);
      return refusal();
    };
    const auto third = [this](Batch& batch, std::uint64_t commit) -> Result<void> {
      numbers[3] = commit;
      got_a = must(batch.get(Family::Models, "a"));
      got_c = must(batch.get(Family::Models, "c"));
      seen[3] = walk(batch, Family::Models);
      batch.erase(Family::Models, "a");
      batch.put(Family::Models, "d", "third");
      return {};
    };
    const auto looking = [this](Batch& batch, std::uint64_t commit) -> Result<void> {
      numbers[4] = commit;
      seen[4] = walk(batch, Family::Models);
      seen_back = walk_back(batch, Family::Models);
      return {};
    };
    const auto last = [this](Batch& batch, std::uint64_t commit) -> Result<void> {
      numbers[5] = commit;
      batch.put(Family::Models, "e", "last");
      return {};
    };
    return {first, failing, third, looking, last};
  }
};

}  // namespace

TEST_CASE("commit: a failing body is taken back, those around it in the same group stay") {
  bool grouped = false;
  for (int attempt = 0; attempt < 50 && !grouped; ++attempt) {  // Until the threads came in order.
    const TempDir temp;
    Opened store(temp.store());
    GroupLog log;
    const auto run = run_behind_a_commit(*store.commits, log.bodies());
    grouped = run.one_group;
    for (const std::size_t good : {0U, 2U, 3U, 4U}) {
      CHECK(ok(run.results.at(good)));
    }
    CHECK(fails(run.results.at(1), Code::Busy, "on purpose"));
    if (!grouped) {
      continue;
    }
    // Neither the one that failed nor the one that only looked used a number up.
    CHECK(log.numbers == std::map<int, std::uint64_t>{{1, 1}, {2, 2}, {3, 2}, {4, 3}, {5, 3}});
    CHECK(log.seen[2] == Model{{"a", "second"}, {"c", "second"}});
    CHECK(log.got_a == "first");
    CHECK(!log.got_c);
    CHECK(log.seen[3] == Model{{"a", "first"}, {"b", "first"}});
    CHECK(log.seen[4] == Model{{"b", "first"}, {"d", "third"}});
    CHECK(log.seen_back == log.seen[4]);
    const auto reader = store.database->snapshot();
    CHECK(walk(*reader, Family::Models) == Model{{"b", "first"}, {"d", "third"}, {"e", "last"}});
    CHECK(walk(*reader, Family::Aliases).empty());
    CHECK(must(decode_counters(*must(reader->get(Family::Default, kCountersKey)))).commits == 3);
  }
  CHECK(grouped);
}

TEST_CASE("commit: bodies of many threads see and leave what they would one after the other") {
  MESSAGE("CAIRN_TEST_SEED=" << cairn_test::seed());
  const TempDir temp;
  Opened store(temp.store());
  Model model;  // Touched by bodies only.
  std::atomic<int> wrong{0};
  const auto key = [](Random& random) { return "key" + std::to_string(random.below(40)); };
  const auto agree = [&](const Batch& batch, const Model& expected, Random& random) {
    bool good = walk(batch, Family::Models) == expected;
    good = good && walk_back(batch, Family::Models) == expected;
    const auto at = key(random);
    const auto found = expected.find(at);
    const auto got = must(batch.get(Family::Models, at));
    good = good && (found == expected.end() ? !got : got == found->second);
    auto cursor = batch.cursor(Family::Models);
    cursor.seek_before(at);
    const auto lower = expected.lower_bound(at);
    good = good && cursor.valid() == (lower != expected.begin());
    good = good && (!cursor.valid() || cursor.key() == std::prev(lower)->first);
    if (cursor.valid()) {
      cursor.next();
      good = good && cursor.valid() == (lower != expected.end());
    }
    wrong += good ? 0 : 1;
  };
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t thread = 0; thread < 6; ++thread) {
      threads.emplace_back([&, thread] {
        Random random(cairn_test::seed() + thread);
        for (int i = 0; i < 60; ++i) {
          static_cast<void>(store.commits->run([&](Batch& batch, std::uint64_t) -> Result<void> {
            agree(batch, model, random);
            auto changed = model;
            for (auto steps = random.below(6); steps > 0; --steps) {
              const auto at = key(random);
              if (random.below(3) == 0) {
                batch.erase(Family::Models, at);
                changed.erase(at);
              } else {
                changed[at] = std::to_string(random.next());
                batch.put(Family::Models, at, changed[at]);
              }
            }
            agree(batch, changed, random);
            if (random.below(4) == 0) {
              return refusal();
            }
            model = std::move(changed);
            return {};
          }));
        }
      });
    }
  }
  CHECK(wrong == 0);
  CHECK(walk(*store.database->snapshot(), Family::Models) == model);
}

TEST_CASE("commit: each commit of eight threads has a number of its own, and they share syncs") {
  const TempDir temp;
  constexpr std::uint64_t kThreads = 8;
  constexpr std::uint64_t kEach = 200;
  {
    Opened store(temp.store());
    const auto sequence = store.database->rocks()->GetLatestSequenceNumber();
    std::multiset<std::uint64_t> numbers;  // Touched by bodies only.
    std::atomic<int> failed{0};
    {
      std::vector<std::jthread> threads;
      for (std::uint64_t thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back([&, thread] {
          for (std::uint64_t i = 0; i < kEach; ++i) {
            const auto done = store.commits->run([&](Batch& batch,
                                                     std::uint64_t commit) -> Result<void> {
              numbers.insert(commit);
              batch.put(Family::Trash, std::to_string(thread * kEach + i), std::to_string(commit));
              return {};
            });
            failed += done ? 0 : 1;
          }
        });
      }
    }
    CHECK(failed == 0);
    CHECK(numbers.size() == kThreads * kEach);
    CHECK(std::set(numbers.begin(), numbers.end()).size() == numbers.size());
    CHECK(*numbers.begin() == 1);
    CHECK(*numbers.rbegin() == kThreads * kEach);
    // Each write has a record a body and one for the counters, and is synced once.
    const auto writes =
        store.database->rocks()->GetLatestSequenceNumber() - sequence - kThreads * kEach;
    MESSAGE(kThreads * kEach << " commits in " << writes << " synced writes");
    CHECK(writes >= kEach);
    CHECK(writes < kThreads * kEach);
  }
  Opened store(temp.store());
  CHECK(store.counters.commits == kThreads * kEach);
  CHECK(walk(*store.database->snapshot(), Family::Trash).size() == kThreads * kEach);
  std::uint64_t next = 0;
  must(store.commits->run([&](Batch& batch, std::uint64_t commit) -> Result<void> {
    next = commit;
    batch.put(Family::Trash, "more", "");
    return {};
  }));
  CHECK(next == kThreads * kEach + 1);
}

TEST_CASE("commit: a body that writes nothing costs no write and no number") {
  const TempDir temp;
  Opened store(temp.store());
  std::vector<std::uint64_t> numbers;
  const auto run = [&](bool write, bool good) {
    return store.commits->run([&](Batch& batch, std::uint64_t commit) -> Result<void> {
      numbers.push_back(commit);
      if (write) {
        batch.put(Family::Names, "n", "v");
      }
      return good ? Result<void>() : refusal();
    });
  };
  CHECK(ok(run(true, true)));
  const auto sequence = store.database->rocks()->GetLatestSequenceNumber();
  CHECK(ok(run(false, true)));
  CHECK(fails(run(false, false), Code::Busy));
  CHECK(fails(run(true, false), Code::Busy));
  CHECK(store.database->rocks()->GetLatestSequenceNumber() == sequence);
  CHECK(ok(run(true, true)));
  CHECK(numbers == std::vector<std::uint64_t>{1, 2, 2, 2, 2});
}

TEST_CASE("commit: what a body throws becomes its error, and the queue goes on") {
  const TempDir temp;
  Opened store(temp.store());
  const auto thrown = store.commits->run([](Batch& batch, std::uint64_t) -> Result<void> {
    batch.put(Family::Names, "half", "done");
    throw std::bad_alloc();
  });
  CHECK(fails(thrown, Code::LimitExceeded, "memory"));
  CHECK(ok(store.commits->run([](Batch& batch, std::uint64_t commit) -> Result<void> {
    CHECK(commit == 1);
    CHECK(!must(batch.get(Family::Names, "half")));
    batch.put(Family::Names, "n", "v");
    return {};
  })));
  CHECK(walk(*store.database->snapshot(), Family::Names) == Model{{"n", "v"}});
}

TEST_CASE("commit: a body that throws takes nothing from those it shares a batch with") {
  const TempDir temp;
  Opened store(temp.store());
  const auto put = [](std::string key) {
    return [key](Batch& batch, std::uint64_t) -> Result<void> {
      batch.put(Family::Names, key, "v");
      return {};
    };
  };
  const auto throwing = [](Batch& batch, std::uint64_t) -> Result<void> {
    batch.put(Family::Names, "b", "v");
    throw std::runtime_error("on purpose");
  };
  const auto run = run_behind_a_commit(*store.commits, {put("a"), throwing, put("c")});
  CHECK(ok(run.results.at(0)));
  CHECK(fails(run.results.at(1), Code::Io, "on purpose"));
  CHECK(ok(run.results.at(2)));
  CHECK(walk(*store.database->snapshot(), Family::Names) == Model{{"a", "v"}, {"c", "v"}});
}

TEST_CASE("commit: the counters go into the same batch, with the ids that were reserved") {
  const TempDir temp;
  {
    Opened store(temp.store());
    CHECK(store.counters.commits == 0);
    CHECK(must(store.ids->reserve(10)) == 1);
    CHECK(must(store.ids->reserve(5)) == 11);
    must(store.commits->run([&](Batch& batch, std::uint64_t) -> Result<void> {
      batch.put(Family::Names, "n", "v");
      return {};
    }));
    CHECK(must(store.ids->reserve(100)) == 16);  // Never used, never committed.
  }
  const Opened store(temp.store());
  CHECK(store.counters.commits == 1);
  CHECK(store.counters.next_id == 16);
}

}  // namespace cairn
