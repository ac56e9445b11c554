// A disk that is full, or fills and empties meanwhile, and a store that changes while it is being
// opened for reading. The disks are tmpfs, mounted by a process that is this program again.
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;
using Mode = OpenOptions::Mode;

constexpr const char* kDiskVariable = "CAIRN_TEST_SMALL_DISK";
constexpr int kNoMount = 77;

constexpr std::size_t kSmall = 1'000;                         // Floats; by the log.
constexpr std::size_t kMedium = 900'000 / sizeof(float);      // By the log, much at once.
constexpr std::size_t kLarge = 5 * kMiB / 4 / sizeof(float);  // By ingestion.

Draft one(std::vector<float> values) {
  Draft draft;
  draft.tensor("w", std::move(values));
  return draft;
}

bool mount_small_disk(const fs::path& where, const std::string& size) {
  if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    return false;
  }
  return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("cairn", where.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
}

// Runs a hidden test case on a disk of its own: "SIZE FLOATS", where FLOATS is the size of saves.
void on_small_disk(const char* test_case, const std::string& size, std::size_t floats = 0) {
  TempDir disk;
  const auto status = run_again(test_case, kDiskVariable,
                                size + " " + std::to_string(floats) + " " + disk.path().string());
  REQUIRE_MESSAGE(WIFEXITED(status), "killed by signal ", WTERMSIG(status));
  if (WEXITSTATUS(status) == kNoMount) {
    MESSAGE("skipped: no file system may be mounted here");
    return;
  }
  CHECK(WEXITSTATUS(status) == 0);
}

// Of the process that mounts it.
class SmallDisk {
 public:
  // False where it was not asked for.
  bool mount() {
    const char* given = std::getenv(kDiskVariable);
    if (given == nullptr) {
      return false;
    }
    std::istringstream words(given);
    std::string size;
    words >> size >> floats >> root;
    if (!mount_small_disk(root, size)) {
      std::_Exit(kNoMount);
    }
    ::alarm(100);  // A call that hangs is a failure, too.
    return true;
  }

  [[nodiscard]] fs::path store() const { return root / "store"; }
  [[nodiscard]] bool has_reserve() const { return fs::exists(store() / "RESERVE"); }

  // Writes a file until it has so many bytes, or the disk is full to its last.
  void fill(std::string_view name, std::size_t most = ~std::size_t{0}) const {
    const int fd = ::open((root / name).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const std::string page(4096, 'x');
    for (std::size_t bytes = 0; bytes < most; bytes += page.size()) {
      if (::write(fd, page.data(), page.size()) != static_cast<ssize_t>(page.size())) {
        break;
      }
    }
    ::close(fd);
  }
  void free(std::string_view name) const { fs::remove(root / name); }
  void enlarge() const {
    REQUIRE(::mount("cairn", root.c_str(), "tmpfs", MS_REMOUNT, "size=300m") == 0);
  }

  fs::path root;
  std::size_t floats = 0;
};

// What was acknowledged: the floats at each epoch, whose values follow from it.
class Kept {
 public:
  Result<Receipt> save(Store& store, std::uint64_t epoch, std::size_t floats) {
    auto saved = store.save({"m", "1", epoch}, one(values_of(epoch, floats)));
    if (saved) {
      floats_[epoch] = floats;
    } else {
      in_doubt_[epoch] = floats;
    }
    return saved;
  }
  Result<void> remove(Store& store, std::uint64_t epoch) {
    auto removed = store.remove({"m", "1", epoch});
    if (removed) {
      floats_.erase(epoch);
    }
    return removed ? Result<void>() : tl::unexpected(removed.error());
  }

  // All of it is there, whole; of what failed nothing is, or the whole.
  void check(const Store& store) const {
    for (const auto& [epoch, floats] : floats_) {
      CAPTURE(epoch);
      const auto artifact = store.load({"m", "1", epoch});
      REQUIRE(ok(artifact));
      CHECK(same_bytes(bytes_of(*artifact, "w"), values_of(epoch, floats)));
    }
    for (const auto& [epoch, floats] : in_doubt_) {
      const auto artifact = store.load({"m", "1", epoch});
      if (!floats_.contains(epoch) && artifact) {
        CHECK(same_bytes(bytes_of(*artifact, "w"), values_of(epoch, floats)));
      } else if (!floats_.contains(epoch)) {
        CHECK(fails(artifact, Code::NotFound));
      }
    }
  }
  [[nodiscard]] std::size_t size() const { return floats_.size(); }

 private:
  static std::vector<float> values_of(std::uint64_t epoch, std::size_t floats) {
    return Random(epoch).floats(floats);
  }

  std::map<std::uint64_t, std::size_t> floats_;
  std::map<std::uint64_t, std::size_t> in_doubt_;
};

std::string ref_of(std::uint64_t epoch) {
  return "m:1.0.0@" + std::to_string(epoch);
}

void check_full(const SmallDisk& disk, Store& store, Kept& kept, std::uint64_t epoch) {
  for (std::uint64_t i = 0; i < 4; ++i) {
    CHECK(fails(kept.save(store, epoch + i, i % 2 == 0 ? kSmall : kLarge), Code::NoSpace,
                ref_of(epoch + i), "are free"));
  }
  CHECK(files_in(disk.store() / "incoming") == 0);
  kept.check(store);
  kept.check(must(Store::open(disk.store(), {.mode = Mode::ReadOnly})));
}

}  // namespace

TEST_CASE(
    "disk: when it is full saves are NoSpace, reads go on, and writes do when there is room") {
  for (const std::size_t floats : {kSmall, kMedium, kLarge}) {
    CAPTURE(floats);
    on_small_disk("child process: fills its disk", "96m", floats);
    on_small_disk("child process: fills its disk", "44m", floats);  // Too small for a reserve.
  }
}

TEST_CASE(
    "disk: a store on a full one is opened with the reserve, and without it when there is room") {
  on_small_disk("child process: opens a store on a full disk", "96m");
  on_small_disk("child process: opens a store on a full disk", "44m");
}

TEST_CASE("disk: one that fills and empties under saves loses nothing that was acknowledged") {
  on_small_disk("child process: saves on a disk that fills and empties", "72m");
}

TEST_CASE("child process: fills its disk" * doctest::skip()) {
  SmallDisk disk;
  if (!disk.mount()) {
    return;
  }
  auto store = must(Store::open(disk.store()));
  const bool reserve = disk.has_reserve();
  CHECK(reserve == (fs::space(disk.root).capacity > 80 * kMiB));
  disk.fill("filler", 12 * kMiB);
  Kept kept;
  std::uint64_t epoch = 0;
  while (kept.save(store, epoch, disk.floats)) {
    ++epoch;
  }
  REQUIRE(epoch >= 3);
  CHECK(fails(kept.save(store, epoch, disk.floats), Code::NoSpace, ref_of(epoch)));
  kept.check(store);
  disk.fill("to the last byte");
  check_full(disk, store, kept, 100'000);

  const auto removed = kept.remove(store, 0);
  CHECK(reserve == bool(ok(removed)));
  CHECK((reserve || fails(removed, Code::NoSpace)));
  CHECK(!disk.has_reserve());
  kept.check(store);

  // With room again all goes on, in the same handle and at once.
  disk.free("filler");
  CHECK(ok(kept.save(store, 200'000, kSmall)));
  CHECK(ok(kept.save(store, 200'001, kLarge)));
  CHECK(ok(kept.remove(store, 1)));
  CHECK(ok(kept.save(store, 200'002, kSmall)));
  CHECK(ok(store.set_alias("m", "best", {"m", "1", 200'001})));
  kept.check(store);
  disk.enlarge();
  CHECK(ok(store.close()));
  kept.check(must(Store::open(disk.store())));
}

TEST_CASE("child process: opens a store on a full disk" * doctest::skip()) {
  SmallDisk disk;
  if (!disk.mount()) {
    return;
  }
  Kept kept;
  disk.fill("filler", 12 * kMiB);
  bool reserve = false;
  {
    auto store = must(Store::open(disk.store()));
    reserve = disk.has_reserve();
    for (std::uint64_t epoch = 0; epoch < 8; ++epoch) {
      must(kept.save(store, epoch, kMedium));
    }
    must(kept.save(store, 8, kLarge));
    disk.fill("to the last byte");
    CHECK(fails(store.close(), Code::NoSpace));  // It cannot empty the log.
    disk.fill("to the last byte");               // What the log had set aside.
  }
  kept.check(must(Store::open(disk.store(), {.mode = Mode::ReadOnly})));
  if (reserve) {
    auto store = must(Store::open(disk.store()));
    CHECK(!disk.has_reserve());
    kept.check(store);
    CHECK(ok(kept.remove(store, 0)));
    CHECK(ok(kept.save(store, 9, kSmall)));
    kept.check(store);
    return;
  }
  for (int attempt = 0; attempt < 3; ++attempt) {
    CHECK(fails(Store::open(disk.store()), Code::NoSpace));
  }
  kept.check(must(Store::open(disk.store(), {.mode = Mode::ReadOnly})));
  disk.free("filler");
  auto store = must(Store::open(disk.store()));
  kept.check(store);
  disk.enlarge();
  CHECK(ok(kept.save(store, 9, kLarge)));
}

TEST_CASE("child process: saves on a disk that fills and empties" * doctest::skip()) {
  SmallDisk disk;
  if (!disk.mount()) {
    return;
  }
  std::optional store = must(Store::open(disk.store()));
  Kept kept;
  std::atomic<bool> stop{false};
  std::jthread filler([&] {
    while (!stop) {
      disk.fill("filler");
      disk.free("filler");
    }
  });
  std::map<Code, std::size_t> refused;
  std::size_t reopened = 0;
  const auto end = steady_clock::now() + std::chrono::seconds(scaled(3, 30));
  for (std::uint64_t epoch = 0; steady_clock::now() < end && kept.size() < 2'000; ++epoch) {
    auto saved = kept.save(*store, epoch,
                           epoch % 4 == 0   ? kMedium
                           : epoch % 9 == 0 ? kLarge
                                            : kSmall);
    if (saved) {
      continue;
    }
    ++refused[saved.error().code];
    const auto writable = kept.save(*store, 1'000'000 + epoch, kSmall);
    if (writable || writable.error().code == Code::NoSpace) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    // It got full in the middle of a write: then the handle has to be opened again.
    CHECK(fails(writable, Code::Io, "close and reopen"));
    kept.check(*store);
    store.reset();
    ++reopened;
    while (!store) {
      auto opened = Store::open(disk.store());
      CHECK((opened || fails(opened, Code::NoSpace)));
      if (opened) {
        store = std::move(*opened);
      }
    }
  }
  stop = true;
  filler.join();
  MESSAGE(kept.size() << " saved, " << refused[Code::NoSpace] << " NoSpace, " << refused[Code::Io]
                      << " Io, reopened " << reopened << " times");
  CHECK(kept.size() > 0);
  CHECK(refused[Code::NoSpace] > 0);
  kept.check(*store);
  store.reset();
  kept.check(must(Store::open(disk.store(), {.mode = Mode::ReadOnly})));
  disk.enlarge();
  kept.check(must(Store::open(disk.store())));
}

TEST_CASE("open: a store that keeps changing while it is opened for reading is Retry") {
  TempStore temp;
  {
    auto store = temp.open();
    must(store.save("m", one({1, 2, 3})));
    CHECK(ok(store.close()));
  }
  std::ifstream current(temp.database() / "CURRENT");
  std::string manifest;
  std::getline(current, manifest);
  std::atomic<bool> stop{false};
  {
    // What a writer does to the manifest; without its lock, which would be seen first.
    std::jthread writer([&] {
      std::ofstream file(temp.database() / manifest, std::ios::binary | std::ios::app);
      while (!stop) {
        file.put('\0').flush();
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    });
    OpenOptions options;
    options.mode = OpenOptions::Mode::ReadOnly;
    CHECK(fails(Store::open(temp.path(), options), Code::Retry, "changed"));
    stop = true;
  }
}

}  // namespace cairn::testing
