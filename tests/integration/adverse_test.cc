// A disk that is full, and a store that changes while it is being opened for reading.
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

constexpr const char* kDiskVariable = "CAIRN_TEST_SMALL_DISK";
constexpr int kNoMount = 77;

Draft one(std::vector<float> values) {
  Draft draft;
  draft.tensor("w", std::move(values));
  return draft;
}

// A tmpfs of 96 MiB in a mount namespace of this process's own.
bool mount_small_disk(const char* where) {
  if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    return false;
  }
  return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("cairn", where, "tmpfs", 0, "size=96m") == 0;
}

// Runs this program again for one hidden test case; its exit code.
int run_again(const char* test_case, const std::filesystem::path& disk) {
  std::string program = "integration";
  std::string filter = std::string("--test-case=") + test_case;
  std::string hidden = "--no-skip";
  char* arguments[] = {program.data(), filter.data(), hidden.data(), nullptr};
  ::setenv(kDiskVariable, disk.c_str(), 1);
  pid_t pid = 0;
  REQUIRE(posix_spawn(&pid, "/proc/self/exe", nullptr, nullptr, arguments, environ) == 0);
  ::unsetenv(kDiskVariable);
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

std::vector<float> values_of(std::uint64_t epoch) {
  return Random(epoch).floats(3 * kMiB / sizeof(float));
}

}  // namespace

TEST_CASE("disk: when it is full a save is NoSpace, and all that was acknowledged can be read") {
  TempDir disk;
  const int code = run_again("child process: fills its disk", disk.path());
  if (code == kNoMount) {
    MESSAGE("skipped: no file system may be mounted here");
    return;
  }
  CHECK(code == 0);
}

TEST_CASE("child process: fills its disk" * doctest::skip()) {
  const char* disk = std::getenv(kDiskVariable);
  if (disk == nullptr) {
    return;
  }
  if (!mount_small_disk(disk)) {
    std::_Exit(kNoMount);
  }
  const auto path = std::filesystem::path(disk) / "store";
  auto store = must(Store::open(path));
  std::uint64_t epoch = 0;
  Result<Receipt> saved = store.save({"m", "1", epoch}, one(values_of(epoch)));
  for (; saved && epoch < 100; saved = store.save({"m", "1", epoch}, one(values_of(epoch)))) {
    ++epoch;
  }
  REQUIRE(epoch > 5);
  CHECK(fails(saved, Code::NoSpace, "m:1.0.0@" + std::to_string(epoch)));
  CHECK(files_in(path / "incoming") == 0);
  for (std::uint64_t i = 0; i < epoch; ++i) {
    const auto artifact = must(store.load({"m", "1", i}));
    CHECK(same_bytes(bytes_of(artifact, "w"), values_of(i)));
  }
  CHECK(fails(store.load({"m", "1", epoch}), Code::NotFound));
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
