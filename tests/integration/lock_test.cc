// One writer at a time, in this process and in others; what is left when a process is killed or
// forks. The other process is this program again, running the hidden test case at the end.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

namespace cairn::testing {

namespace {

using std::chrono::milliseconds;
using Mode = OpenOptions::Mode;

constexpr OpenOptions kReadOnly{.mode = Mode::ReadOnly};
constexpr const char* kStoreVariable = "CAIRN_TEST_CHILD_STORE";
constexpr int kReadyFd = 9;

Draft one(std::vector<float> values) {
  Draft draft;
  draft.tensor("w", std::move(values));
  return draft;
}

std::string pid_text(pid_t pid) {
  return "pid " + std::to_string(pid);
}

// Another process that opens the store, saves "child:1@0" and holds it open.
class Holder {
 public:
  explicit Holder(const TempStore& store) {
    int go[2];
    int ready[2];
    REQUIRE(::pipe2(go, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, go[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ready[1], kReadyFd);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    std::string program = "integration";
    std::string filter = "--test-case=child process*";
    std::string hidden = "--no-skip";
    char* arguments[] = {program.data(), filter.data(), hidden.data(), nullptr};
    ::setenv(kStoreVariable, store.path().c_str(), 1);
    const int spawned = posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, arguments, environ);
    ::unsetenv(kStoreVariable);
    posix_spawn_file_actions_destroy(&actions);
    ::close(go[0]);
    ::close(ready[1]);
    go_ = go[1];
    pollfd waiting{ready[0], POLLIN, 0};
    char byte = 0;
    const bool told =
        spawned == 0 && ::poll(&waiting, 1, 60'000) == 1 && ::read(ready[0], &byte, 1) == 1;
    ::close(ready[0]);
    REQUIRE(told);
  }
  ~Holder() { kill(); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  // Lets it close the store and exit; its exit status.
  int finish() {
    ::close(std::exchange(go_, -1));
    return wait();
  }
  void kill() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
    if (go_ >= 0) {
      ::close(std::exchange(go_, -1));
    }
  }

 private:
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

  pid_t pid_ = -1;
  int go_ = -1;
};

// Runs `body` in a fork of this process; what it returned.
template <class Body>
int in_fork(const Body& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(60);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("lock: a second writer in this process is Locked, with this pid") {
  TempStore temp;
  auto store = temp.open();
  for (const Mode mode : {Mode::Create, Mode::ReadWrite}) {
    CHECK(fails(Store::open(temp.path(), {.mode = mode}), Code::Locked, pid_text(::getpid())));
  }
  std::filesystem::create_directory_symlink(temp.path(), temp.beside("link"));
  CHECK(fails(Store::open(temp.beside("link")), Code::Locked, pid_text(::getpid())));
  CHECK(ok(store.save("m", one({1}))));  // Being asked does not lose the lock.
  CHECK(fails(Store::open(temp.path()), Code::Locked));
  must(store.close());
  CHECK(ok(Store::open(temp.path())));
}

TEST_CASE("lock: a reader beside a writer of this process takes no lock and gives none away") {
  TempStore temp;
  auto store = temp.open();
  CHECK(ok(store.save("m", one({1}))));
  CHECK(must(temp.open(kReadOnly).list()).size() == 1);
  CHECK(fails(Store::open(temp.path()), Code::Locked, pid_text(::getpid())));
  CHECK(ok(store.save("m", one({2}))));
  CHECK(must(temp.open(kReadOnly).list()).size() == 2);
}

TEST_CASE("lock: a writer of another process is named by its pid to whoever wants to write") {
  TempStore temp;
  Holder holder(temp);
  for (const Mode mode : {Mode::Create, Mode::ReadWrite}) {
    CHECK(fails(Store::open(temp.path(), {.mode = mode}), Code::Locked, pid_text(holder.pid())));
  }
  CHECK(ok(Store::open(temp.path(), kReadOnly)));
  CHECK(holder.finish() == 0);
  CHECK(must(temp.open(kReadOnly).list()).size() == 1);
}

TEST_CASE("lock: a writer keeps it from other processes while others here are refused") {
  TempStore temp;
  auto store = temp.open();
  CHECK(fails(Store::open(temp.path()), Code::Locked));
  CHECK(ok(Store::open(temp.path(), kReadOnly)));
  // Had one of those let the lock go, the fork would get it.
  const auto path = (temp.path() / "LOCK.cairn").string();
  const int free_in_fork = in_fork([&] {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return fd >= 0 && ::fcntl(fd, F_SETLK, &lock) == 0 ? 1 : 0;
  });
  CHECK(free_in_fork == 0);
}

TEST_CASE("lock: the file names its holder while it is held") {
  TempStore temp;
  auto store = temp.open();
  const auto bytes = read_file(temp.path() / "LOCK.cairn");
  // Reading it by other means let go of a lock of this kind, so it is the last thing done here.
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  CHECK(text.find(pid_text(::getpid())) != std::string::npos);
}

TEST_CASE("lock: a killed writer leaves none, and what it acknowledged is there") {
  TempStore temp;
  {
    Holder holder(temp);
    holder.kill();
  }
  const auto before = listing_of(temp.path());
  {
    // First a reader: it sees what is only in the log, and changes nothing.
    const auto store = temp.open(kReadOnly);
    CHECK(must(must(store.load("child")).to<std::vector<float>>("w")).size() == 3);
  }
  CHECK(listing_of(temp.path()) == before);
  auto store = temp.open();
  CHECK(must(must(store.load("child")).to<std::vector<float>>("w")).size() == 3);
  CHECK(ok(store.save("child", one({1}))));
}

TEST_CASE("lock: lock_wait waits for the writer to go, but not longer") {
  TempStore temp;
  OpenOptions wait;
  std::optional store = temp.open();
  wait.lock_wait = milliseconds(50);
  const auto start = std::chrono::steady_clock::now();
  CHECK(fails(Store::open(temp.path(), wait), Code::Locked));
  CHECK(std::chrono::steady_clock::now() - start >= milliseconds(50));
  wait.lock_wait = milliseconds(30'000);
  std::jthread closer([&] {
    std::this_thread::sleep_for(milliseconds(100));
    store.reset();
  });
  CHECK(ok(Store::open(temp.path(), wait)));
  CHECK(std::chrono::steady_clock::now() - start < milliseconds(29'000));
}

TEST_CASE("lock: lock_wait waits for a writer of another process") {
  TempStore temp;
  Holder holder(temp);
  std::jthread finisher([&] {
    std::this_thread::sleep_for(milliseconds(100));
    holder.finish();
  });
  OpenOptions wait;
  wait.lock_wait = milliseconds(30'000);
  const auto store = Store::open(temp.path(), wait);
  CHECK(ok(store));
  CHECK(ok(store->load("child")));
}

TEST_CASE("fork: the child's calls are InvalidArgument, the parent goes on undisturbed") {
  TempStore temp;
  auto store = temp.open();
  must(store.save("m", one({1, 2, 3})));
  const auto draft = one({4});
  const int wrong = in_fork([&] {
    const auto refused = Code::InvalidArgument;
    int bad = 0;
    bad += fails(store.save("n", draft), refused, "fork") ? 0 : 1;
    bad += fails(store.load("m"), refused, "fork") ? 0 : 1;
    bad += fails(store.resolve("m"), refused, "fork") ? 0 : 1;
    bad += fails(store.remove("m:1@0"), refused, "fork") ? 0 : 1;
    bad += fails(store.list(), refused, "fork") ? 0 : 1;
    bad += fails(store.names(), refused, "fork") ? 0 : 1;
    bad += fails(store.set_alias("m", "a", "m"), refused, "fork") ? 0 : 1;
    bad += fails(store.remove_alias("m", "a"), refused, "fork") ? 0 : 1;
    bad += fails(store.aliases(), refused, "fork") ? 0 : 1;
    bad += fails(store.stats(), refused, "fork") ? 0 : 1;
    bad += fails(store.close(), refused, "fork") ? 0 : 1;
    return bad;
  });
  CHECK(wrong == 0);
  CHECK(ok(store.save("n", draft)));
  CHECK(ok(must(store.load("m")).verify()));
}

TEST_CASE("fork: a child that lets go of the handle takes neither store nor lock from the parent") {
  TempStore temp;
  auto store = temp.open();
  must(store.save("m", one({1, 2, 3})));
  const auto artifact = must(store.load("m"));
  const int left = in_fork([&] {
    { const Store gone = std::move(store); }
    return 7;
  });
  CHECK(left == 7);
  CHECK(fails(Store::open(temp.path()), Code::Locked));
  CHECK(ok(store.save("n", one(Random().floats(kMiB)))));
  CHECK(ok(artifact.verify()));
}

TEST_CASE("fork: a child cannot open a store either, and leaves the place untouched") {
  TempStore temp;
  TempStore other;
  auto store = temp.open();
  const int refused = in_fork([&] {
    return fails(Store::open(temp.path()), Code::InvalidArgument, "fork()") &&
                   fails(Store::open(temp.path(), kReadOnly), Code::InvalidArgument, "fork()") &&
                   fails(Store::open(other.path()), Code::InvalidArgument, "fork()")
               ? 1
               : 0;
  });
  CHECK(refused == 1);
  CHECK(!std::filesystem::exists(other.path()));
  CHECK(ok(store.save("m", one({1}))));
}

TEST_CASE("child process: holds a store until its standard input ends" * doctest::skip()) {
  const char* path = std::getenv(kStoreVariable);
  if (path == nullptr) {
    return;  // Run by hand.
  }
  auto store = must(Store::open(path));
  must(store.save("child", one({1, 2, 3})));
  REQUIRE(::write(kReadyFd, "r", 1) == 1);
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  must(store.close());
}

}  // namespace cairn::testing
