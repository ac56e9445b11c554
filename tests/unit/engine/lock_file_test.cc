// The writer's lock between handles, threads and processes; with a store around it,
// tests/integration/lock_test.cc.
#include "engine/lock_file.h"

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/engine_testing.h"

namespace cairn {

namespace {

using cairn_test::fails;
using cairn_test::must;
using cairn_test::TempDir;
using std::chrono::milliseconds;

// A process that takes the lock and keeps it until it is killed.
class Holder {
 public:
  explicit Holder(const std::filesystem::path& file) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      const auto lock = LockFile::acquire(file, milliseconds(0));
      const char answer = lock ? 'y' : 'n';
      const bool told = ::write(ends[1], &answer, 1) == 1;
      while (told) {
        ::pause();
      }
      ::_exit(1);
    }
    ::close(ends[1]);
    char answer = 0;
    has_it_ = ::read(ends[0], &answer, 1) == 1 && answer == 'y';
    ::close(ends[0]);
  }
  ~Holder() { kill(); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  void kill() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      pid_ = -1;
    }
  }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool has_it() const { return has_it_; }

 private:
  pid_t pid_ = -1;
  bool has_it_ = false;
};

}  // namespace

TEST_CASE("lock file: one holder in a process, until it lets go") {
  const TempDir temp;
  const auto file = temp.path() / "LOCK";
  CHECK(!must(LockFile::holder(file)));  // There is no file yet,
  {
    const auto lock = must(LockFile::acquire(file, milliseconds(0)));
    CHECK(must(LockFile::holder(file)) == ::getpid());
    CHECK(fails(LockFile::acquire(file, milliseconds(0)), Code::Locked, "this process",
                std::to_string(::getpid()), file.string()));
    CHECK(must(LockFile::holder(file)) == ::getpid());  // A refused attempt took nothing away.
    CHECK(fails(LockFile::acquire(file, milliseconds(0)), Code::Locked));
  }
  CHECK(std::filesystem::exists(file));
  CHECK(!must(LockFile::holder(file)));  // and now there is, with nobody's lock.
  CHECK(cairn_test::ok(LockFile::acquire(file, milliseconds(0))));
}

TEST_CASE("lock file: another path to the same file is the same lock") {
  const TempDir temp;
  std::filesystem::create_directory(temp.path() / "a");
  const auto file = temp.path() / "a" / "LOCK";
  const auto lock = must(LockFile::acquire(file, milliseconds(0)));
  std::filesystem::create_directory_symlink(temp.path() / "a", temp.path() / "link");
  std::filesystem::create_hard_link(file, temp.path() / "hard");
  for (const auto& other : {temp.path() / "link" / "LOCK", temp.path() / "hard",
                            temp.path() / "a" / ".." / "a" / "LOCK"}) {
    CHECK(fails(LockFile::acquire(other, milliseconds(0)), Code::Locked));
    CHECK(must(LockFile::holder(other)) == ::getpid());
  }
  CHECK(cairn_test::ok(LockFile::acquire(temp.path() / "other", milliseconds(0))));
}

TEST_CASE("lock file: moving it moves the lock") {
  const TempDir temp;
  const auto file = temp.path() / "LOCK";
  const auto second_file = temp.path() / "LOCK2";
  std::optional<LockFile> outer;
  {
    auto lock = must(LockFile::acquire(file, milliseconds(0)));
    outer.emplace(std::move(lock));
  }
  CHECK(must(LockFile::holder(file)) == ::getpid());
  auto second = must(LockFile::acquire(second_file, milliseconds(0)));
  *outer = std::move(second);  // Lets the first one go.
  CHECK(!must(LockFile::holder(file)));
  CHECK(must(LockFile::holder(second_file)) == ::getpid());
  outer.reset();
  CHECK(!must(LockFile::holder(second_file)));
}

TEST_CASE("lock file: it says in words who holds it, and nothing of who held it before") {
  const TempDir temp;
  const auto file = temp.path() / "LOCK";
  cairn_test::write_file(file, std::string(1'000, 'x'));
  const auto lock = must(LockFile::acquire(file, milliseconds(0)));
  const auto text = cairn_test::read_file(file);
  CHECK(text.starts_with("pid " + std::to_string(::getpid()) + " host "));
  CHECK(text.find(" start 2") != std::string::npos);
  CHECK(text.ends_with("Z\n"));
  CHECK(text.find('x', text.find(" start ")) == std::string::npos);
}

TEST_CASE("lock file: another process's lock is seen, by its pid, and goes with a SIGKILL") {
  const TempDir temp;
  const auto file = temp.path() / "LOCK";
  Holder holder(file);
  REQUIRE(holder.has_it());
  const auto pid = std::to_string(holder.pid());
  CHECK(
      fails(LockFile::acquire(file, milliseconds(0)), Code::Locked, "another process (pid " + pid));
  CHECK(must(LockFile::holder(file)) == holder.pid());
  const auto begin = std::chrono::steady_clock::now();
  CHECK(fails(LockFile::acquire(file, milliseconds(60)), Code::Locked, pid));
  CHECK(std::chrono::steady_clock::now() - begin >= milliseconds(60));
  holder.kill();
  CHECK(!must(LockFile::holder(file)));
  CHECK(cairn_test::ok(LockFile::acquire(file, milliseconds(0))));
}

TEST_CASE("lock file: a process that asked and was refused did not loosen the holder's lock") {
  const TempDir temp;
  const auto file = temp.path() / "LOCK";
  const auto lock = must(LockFile::acquire(file, milliseconds(0)));
  CHECK(fails(LockFile::acquire(file, milliseconds(0)), Code::Locked));
  CHECK(must(LockFile::holder(file)) == ::getpid());
  // Closing any descriptor of the file in this process would have dropped the lock for others.
  CHECK(!Holder(file).has_it());
  CHECK(!Holder(file).has_it());
}

TEST_CASE("lock file: who waits gets it when the holder goes") {
  const TempDir temp;
  const auto file = temp.path() / "LOCK";
  std::optional<LockFile> mine(must(LockFile::acquire(file, milliseconds(0))));
  Result<void> waited = tl::unexpected(Error{Code::Locked, "not run"});
  {
    const std::jthread waiting([&] {
      const auto lock = LockFile::acquire(file, std::chrono::seconds(60));
      waited = lock ? Result<void>() : tl::unexpected(lock.error());
    });
    std::this_thread::sleep_for(milliseconds(30));
    mine.reset();
  }
  CHECK(cairn_test::ok(waited));
}

TEST_CASE("lock file: of many threads that ask at once one at a time has it") {
  const TempDir temp;
  const auto file = temp.path() / "LOCK";
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> failed{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 5; ++i) {
      threads.emplace_back([&] {
        const auto lock = LockFile::acquire(file, std::chrono::seconds(60));
        failed += lock ? 0 : 1;
        const int now = ++inside;
        most = std::max(most.load(), now);
        std::this_thread::sleep_for(milliseconds(2));
        --inside;
      });
    }
  }
  CHECK(failed == 0);
  CHECK(most == 1);
}

TEST_CASE(
    "lock file: a wait that is negative is none, and one without end is none where it is free") {
  const TempDir temp;
  const auto file = temp.path() / "LOCK";
  const auto lock = must(LockFile::acquire(file, milliseconds::max()));
  CHECK(fails(LockFile::acquire(file, milliseconds(-1)), Code::Locked));
  CHECK(fails(LockFile::acquire(file, milliseconds::min()), Code::Locked));
}

TEST_CASE("lock file: a directory that is missing is NotFound, one in its place Io") {
  const TempDir temp;
  CHECK(fails(LockFile::acquire(temp.path() / "none" / "LOCK", milliseconds(0)), Code::NotFound));
  CHECK(fails(LockFile::acquire(temp.path(), milliseconds(0)), Code::Io, temp.path().string()));
  CHECK(!must(LockFile::holder(temp.path() / "none" / "LOCK")));
}

}  // namespace cairn
