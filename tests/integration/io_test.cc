// Writes that the operating system refuses. A limit on the size of files stands in for a disk that
// fails: a write beyond it is EFBIG.
#include <csignal>

#include <doctest/doctest.h>

#include <sys/resource.h>

#include "support.h"

namespace cairn::testing {

namespace {

// No file may grow beyond so many bytes while this lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

Draft one(const std::vector<float>& values) {
  Draft draft;
  draft.tensor("w", std::vector<float>(values));
  return draft;
}

}  // namespace

TEST_CASE("io: a big save whose file cannot be written is Io, and leaves the store as it was") {
  TempStore temp;
  const auto values = Random(1).floats(kMiB);
  {
    auto store = temp.open();
    must(store.save("m:1@1", one(values)));
    {
      const FileSizeLimit limit(3 * kMiB);
      CHECK(fails(store.save("m:1@2", one(Random(2).floats(2 * kMiB))), Code::Io, "m:1@2"));
      CHECK(fails(store.save("m:1@3", one(Random(3).floats(20 * kMiB))), Code::Io, "m:1@3"));
    }
    CHECK(files_in(temp.incoming()) == 0);
    CHECK(must(store.list()).size() == 1);
    CHECK(ok(must(store.load("m")).verify()));
  }
  auto store = temp.open();
  CHECK(must(store.list()).size() == 1);
  CHECK(must(must(store.load("m")).to<std::vector<float>>("w")) == values);
  must(store.save("m:1@2", one(Random(2).floats(2 * kMiB))));
  CHECK(ok(must(store.load("m:1@2")).verify()));
}

TEST_CASE(
    "io: after a commit that failed the handle refuses writes, reads go on, nothing is lost") {
  TempStore temp;
  const auto small = std::vector<float>(100, 1);
  {
    auto store = temp.open();
    must(store.save("m:1@1", one(small)));
    {
      const FileSizeLimit limit(16);
      CHECK(fails(store.save("m:1@2", one({2})), Code::Io));
    }
    CHECK(fails(store.save("m:1@3", one({3})), Code::Io));
    CHECK(fails(store.remove("m:1@1"), Code::Io));
    CHECK(fails(store.set_alias("m", "a", "m:1@1"), Code::Io));
    CHECK(must(must(store.load("m:1@1")).to<std::vector<float>>("w")) == small);
    // Whether close can still flush or not, it lets go.
    static_cast<void>(store.close());
    CHECK(fails(store.list(), Code::InvalidArgument, "closed"));
    CHECK(ok(Store::open(temp.path())));
  }
  auto store = temp.open();
  CHECK(must(must(store.load("m:1@1")).to<std::vector<float>>("w")) == small);
  CHECK(fails(store.load("m:1@3"), Code::NotFound));
  // What failed is absent or whole; saving it again settles it.
  CHECK(ok(store.save("m:1@2", one({2}))));
  CHECK(must(must(store.load("m:1@2")).to<std::vector<float>>("w")).front() == 2);
}

}  // namespace cairn::testing
