// T1a: writers that are killed at any moment. A writer is this program again; it notes what it is
// about to do and what it was told in a log that it shares with its judge (ack_log.h). It is killed
// after 5 to 65 ms, and what the store then shows must be what was acknowledged, whole; of the one
// call that each thread had not come back from, all or nothing.
//
//   kill_test --writer STORE LOG [SEED]   works on a store until it is killed
//   kill_test --judge STORE LOG           compares; the store was new when the writer began
//
// Every second store is in memory, where there is room: calls take less time there, and other
// moments are hit. CAIRN_TEST_SEED repeats the choices of a run, though not the moments. Sizes: 60
// rounds; 500; 20,000.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ack_log.h"
#include "model.h"
#include "support.h"

namespace cairn::testing {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using Mode = OpenOptions::Mode;

constexpr std::uint64_t kRoundsAStore = 15;
constexpr std::uintmax_t kRoomBytes = std::uintmax_t{2} << 30U;
constexpr auto kPatience = std::chrono::seconds(60);

// A process that writes until it is killed.
class Writer {
 public:
  Writer(const fs::path& store, const fs::path& log, std::uint64_t seed) {
    std::string words[] = {"kill_test", "--writer", store.string(), log.string(),
                           std::to_string(seed)};
    char* arguments[] = {words[0].data(), words[1].data(), words[2].data(),
                         words[3].data(), words[4].data(), nullptr};
    REQUIRE(::posix_spawn(&pid_, "/proc/self/exe", nullptr, nullptr, arguments, environ) == 0);
  }
  ~Writer() { kill(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Whether it was there to be killed.
  bool kill() {
    if (pid_ <= 0) {
      return true;
    }
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

 private:
  pid_t pid_ = -1;
};

// What the writers of a store have been told so far, and what its state may be.
class Judge {
 public:
  struct Tally {
    std::uint64_t acknowledged = 0;
    std::uint64_t refused = 0;
    std::uint64_t in_flight = 0;
    std::uint64_t in_flight_done = 0;  // Of those, were found to have happened.
  };

  // Takes a writer's log; what an answer in it should have been, where it was another.
  std::string take(const AckLog& log) {
    opened_ = opened_ || log.opens != 0;
    if (log.failed != 0) {
      return "the writer failed: " + std::string(log.failure);
    }
    for (const auto& lane : log.lanes) {
      for (const auto& entry : lane) {
        if (entry.state != AckLog::Done) {
          if (entry.state == AckLog::Begun) {
            in_flight_[name_of(entry.operation.name)] = entry.operation;
            ++tally_.in_flight;
          }
          break;
        }
        if (auto wrong = take(entry); !wrong.empty()) {
          return wrong;
        }
      }
    }
    return {};
  }

  // Compares all that the store shows. What was in flight is settled by it.
  std::string look(const Store& store) {
    const auto every = [](const Key&) { return true; };
    for (const auto& [name, operation] : std::exchange(in_flight_, {})) {
      auto after = model_;
      after.apply(operation);
      const auto absent = difference(store, model_, name, every);
      if (absent.empty()) {
        continue;
      }
      if (const auto whole = difference(store, after, name, every); !whole.empty()) {
        return describe(operation) + " was in flight; without it: " + absent +
               "; with it: " + whole;
      }
      ++tally_.in_flight_done;
      model_ = std::move(after);
    }
    return difference(store, model_, every);
  }

  // Whether a writer has ever opened the store: from then on it is one.
  [[nodiscard]] bool opened() const noexcept { return opened_; }
  [[nodiscard]] const Tally& tally() const noexcept { return tally_; }

  // What a change by the judge itself must have answered.
  Answer apply(const Operation& operation) { return model_.apply(operation); }

 private:
  std::string take(const AckLog::Entry& entry) {
    const auto answer = model_.apply(entry.operation);
    const auto wanted = answer.refused ? static_cast<std::uint32_t>(*answer.refused) : 0;
    ++(wanted == 0 ? tally_.acknowledged : tally_.refused);
    return entry.refused == wanted
               ? ""
               : describe(entry.operation) + ": the writer was told code " +
                     std::to_string(entry.refused) + ", expected " + std::to_string(wanted);
  }

  Model model_;
  std::map<std::string, Operation> in_flight_;  // By the name that it works on.
  bool opened_ = false;
  Tally tally_;
};

// Names, sizes and times of the files: what a reader must leave as it is.
std::map<std::string, std::pair<std::uintmax_t, fs::file_time_type>> files_of(
    const fs::path& path) {
  std::map<std::string, std::pair<std::uintmax_t, fs::file_time_type>> out;
  std::error_code missing;
  for (const auto& entry : fs::recursive_directory_iterator(path, missing)) {
    const auto size = entry.is_regular_file() ? entry.file_size() : 0;
    out[entry.path().string()] = {size, entry.last_write_time()};
  }
  return out;
}

std::string look_read_only(const fs::path& path, Judge& judge) {
  const auto before = files_of(path);
  {
    const auto store = Store::open(path, {.mode = Mode::ReadOnly});
    if (!store) {
      const bool never_made = !judge.opened() && store.error().code == Code::NotFound;
      return never_made ? "" : "opening to read: " + store.error().to_string();
    }
    if (auto differs = judge.look(*store); !differs.empty()) {
      return "read-only: " + differs;
    }
  }
  return files_of(path) == before ? "" : "a reader changed files";
}

// Opens to write, compares, and writes and removes something.
std::string look_and_write(const fs::path& path, Judge& judge) {
  auto store = Store::open(path);
  if (!store) {
    return "opening to write: " + store.error().to_string();
  }
  if (files_in(path / "incoming") != 0) {
    return "incoming/ is not empty";
  }
  if (auto differs = judge.look(*store); !differs.empty()) {
    return differs;
  }
  Operation probe;
  probe.kind = Operation::Kind::Replace;
  probe.version = 9;
  for (const std::uint64_t seed : {0x51U, 0x56U}) {  // A small one and a large one.
    probe.seed = seed;
    std::string why;
    if (run(*store, probe, &why) != judge.apply(probe)) {
      return "saving after a kill: " + why;
    }
  }
  auto differs = judge.look(*store);
  if (auto closed = store->close(); differs.empty() && !closed) {
    return "closing: " + closed.error().to_string();
  }
  return differs;
}

// Waits until the writer has opened the store, or has failed.
void wait_for_open(const AckLog& log) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (log.opens == 0 && log.failed == 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(milliseconds(1));
  }
}

// Where the n-th store is made.
fs::path place_of(std::uint64_t n) {
  const fs::path memory = "/dev/shm";
  std::error_code error;
  const auto space = fs::space(memory, error);
  const bool roomy = !error && space.available >= kRoomBytes && ::access(memory.c_str(), W_OK) == 0;
  return n % 2 == 1 && roomy ? memory : fs::temp_directory_path();
}

// A store, killed over and over.
class Victim {
 public:
  explicit Victim(std::uint64_t number) : place_(place_of(number)) {}

  // What is wrong after another kill; an empty text where nothing is.
  std::string round(Random& random, std::uint64_t number) {
    const auto log_file = place_.beside("log" + std::to_string(number));
    MappedLog log(log_file);
    {
      Writer writer(place_.path(), log_file, random.next() >> 1U);
      if (random.below(4) != 0) {  // Else it may well be killed while it opens.
        wait_for_open(*log);
      }
      std::this_thread::sleep_for(std::chrono::microseconds(5'000 + random.below(60'000)));
      if (!writer.kill()) {
        return "the writer ended by itself: " + std::string(log->failure);
      }
    }
    fs::remove(log_file);
    killed_early_ += log->opens == 0 ? 1 : 0;
    auto wrong = judge_.take(*log);
    if (wrong.empty()) {
      wrong = look_read_only(place_.path(), judge_);
    }
    // Now and then only, so that the next writer also finds what a kill has left.
    return wrong.empty() && random.below(3) == 0 ? look_and_write(place_.path(), judge_) : wrong;
  }

  [[nodiscard]] const Judge& judge() const noexcept { return judge_; }
  [[nodiscard]] std::uint64_t killed_early() const noexcept { return killed_early_; }

 private:
  TempStore place_;
  Judge judge_;
  std::uint64_t killed_early_ = 0;
};

int judge_by_hand(const fs::path& store, const fs::path& log_file) {
  MappedLog log(log_file);
  Judge judge;
  auto wrong = judge.take(*log);
  if (wrong.empty()) {
    wrong = look_read_only(store, judge);
  }
  std::cout << judge.tally().acknowledged << " calls acknowledged, " << judge.tally().in_flight
            << " in flight: " << (wrong.empty() ? "as it should be" : wrong) << std::endl;
  return wrong.empty() ? 0 : 1;
}

}  // namespace

TEST_CASE("kill: what was acknowledged is there, whole, and what was not is there whole or not") {
  const auto rounds = scaled(60, 500, 20'000);
  std::cout << "kill: " << rounds << " rounds, a new store every " << kRoundsAStore << std::endl;
  Random random;
  std::optional<Victim> victim;
  Judge::Tally sum;
  std::uint64_t early = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    if (round % kRoundsAStore == 0) {
      victim.emplace(round / kRoundsAStore);
    }
    const auto wrong = victim->round(random, round);
    if (!wrong.empty()) {
      FAIL("CAIRN_TEST_SEED=" << run_seed() << " round " << round << ": " << wrong);
    }
    if ((round + 1) % kRoundsAStore == 0 || round + 1 == rounds) {
      const auto& tally = victim->judge().tally();
      sum.acknowledged += tally.acknowledged;
      sum.refused += tally.refused;
      sum.in_flight += tally.in_flight;
      sum.in_flight_done += tally.in_flight_done;
      early += victim->killed_early();
    }
  }
  std::cout << "  " << sum.acknowledged << " changes acknowledged, " << sum.refused << " refused, "
            << sum.in_flight << " in flight of which " << sum.in_flight_done << " were done; "
            << early << " killed while opening" << std::endl;
  CHECK(sum.acknowledged > rounds);
  CHECK(sum.in_flight > 0);
}

}  // namespace cairn::testing

int main(int argc, char** argv) {
  const std::string word = argc > 3 ? argv[1] : "";
  if (word == "--writer") {
    const cairn::testing::MappedLog log(argv[3]);
    const auto seed = argc > 4 ? std::strtoull(argv[4], nullptr, 0) : 1;
    return cairn::testing::write_until_killed(argv[2], *log, seed);
  }
  if (word == "--judge") {
    return cairn::testing::judge_by_hand(argv[2], argv[3]);
  }
  return doctest::Context(argc, argv).run();
}
