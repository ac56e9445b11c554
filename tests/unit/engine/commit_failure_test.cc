// What becomes of a group of commits when its one write fails.
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <thread>

#include <sys/resource.h>

#include <doctest/doctest.h>

#include "engine/commit_queue.h"
#include "engine/engine_testing.h"
#include "engine/ids.h"

namespace cairn {

namespace {

using cairn_test::ok;
using cairn_test::open_database;
using cairn_test::TempDir;

// No file may grow while this lives.
class NoGrowth {
 public:
  NoGrowth() : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{1, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~NoGrowth() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  NoGrowth(const NoGrowth&) = delete;
  NoGrowth& operator=(const NoGrowth&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

// Puts a row where it is missing, as a save does with an artifact; else it writes nothing.
Result<void> put_once(Batch& batch, std::uint64_t) {
  auto standing = batch.get(Family::Names, "row");
  if (standing && !*standing) {
    batch.put(Family::Names, "row", "value");
  }
  return standing ? Result<void>() : tl::unexpected(standing.error());
}

}  // namespace

TEST_CASE("commit: one that wrote nothing because of its group fails when the group's write does") {
  const TempDir temp;
  const StoreDir dir{temp.path() / "store"};
  REQUIRE(ok(dir.create()));
  const auto database = open_database(dir);
  IdAllocator ids(1);
  CommitQueue commits(*database, ids, 0);

  // The first commit holds the lead until the others wait: they form one group.
  std::atomic<bool> leading{false};
  std::atomic<bool> go{false};
  std::jthread leader([&] {
    CHECK(ok(commits.run([&](Batch&, std::uint64_t) -> Result<void> {
      leading = true;
      go.wait(false);
      return {};
    })));
  });
  while (!leading) {
    std::this_thread::yield();
  }
  std::array<Result<void>, 4> results;
  std::vector<std::jthread> others;
  for (auto& result : results) {
    others.emplace_back([&] { result = commits.run(put_once); });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  {
    const NoGrowth limit;
    go = true;
    go.notify_all();
    others.clear();
    leader.join();
  }
  for (const auto& result : results) {
    CHECK(!result);  // None of them is on disk, so none may say that it is.
  }
  CHECK(!*database->snapshot()->get(Family::Names, "row"));
  CHECK(!commits.run(put_once));  // And the handle refuses to write from now on.
}

}  // namespace cairn
