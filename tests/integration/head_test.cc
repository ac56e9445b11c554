// A store that lost its end, or something in its middle: the manifest, CURRENT, the logs, the whole
// database, HEAD itself. It is refused and not touched, or everything that was acknowledged is
// there; never is an artifact missing without a word.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <set>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

namespace cairn::testing {

namespace {

namespace fs = std::filesystem;
using Mode = OpenOptions::Mode;

constexpr const char* kStoreVariable = "CAIRN_TEST_KILLED_STORE";
constexpr std::size_t kSlot = 4096;

// What was saved, and acknowledged: its values follow from the epoch.
struct Saved {
  std::uint64_t epoch = 0;
  std::size_t floats = 0;
};

constexpr std::size_t kLarge = 5 * kMiB / 4 / sizeof(float);  // By ingestion.
constexpr std::size_t kSmall = 1'000;                         // In the log.
constexpr std::size_t kFull = 900'000 / sizeof(float);        // In the log, much at once.

// The same in this process and in others.
std::vector<float> values_of(const Saved& saved) {
  std::vector<float> out(saved.floats);
  std::uint32_t state = static_cast<std::uint32_t>(saved.epoch) * 2'654'435'761U + 12'345U;
  for (float& value : out) {
    state = state * 1'664'525U + 1'013'904'223U;
    value = static_cast<float>(state >> 8U);
  }
  return out;
}

void save(Store& store, const Saved& saved) {
  Draft draft;
  draft.tensor("w", values_of(saved)).metric("loss", static_cast<double>(saved.epoch));
  must(store.save({"m", "1", saved.epoch}, draft));
}

using Acknowledged = std::vector<Saved>;

void save_all(Store& store, const Acknowledged& all) {
  for (const auto& saved : all) {
    save(store, saved);
  }
}

// Saved over three openings, so that there are tables of several ages.
const Acknowledged kSessions[] = {{{0, kLarge}, {1, kSmall}, {2, kSmall}},
                                  {{3, kSmall}, {4, kLarge}, {5, kLarge}},
                                  {{6, kLarge}, {7, kSmall}}};

Acknowledged saved_until(std::size_t sessions) {
  Acknowledged out;
  for (std::size_t i = 0; i < sessions; ++i) {
    out.insert(out.end(), kSessions[i].begin(), kSessions[i].end());
  }
  return out;
}

void run_session(const TempStore& temp, std::size_t session) {
  auto store = temp.open();
  save_all(store, kSessions[session]);
  must(store.close());
}

// What a killed writer had acknowledged: little, or so much that some of it has left the log.
Acknowledged before_kill(bool much) {
  Acknowledged out{{0, kSmall}, {1, kLarge}, {2, kSmall}, {3, kSmall}};
  for (std::uint64_t epoch = 4; much && epoch < 36; ++epoch) {
    out.push_back({epoch, kFull});
  }
  return out;
}

std::vector<fs::path> logs_of(const TempStore& temp) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(temp.database())) {
    if (entry.path().extension() == ".log") {
      out.push_back(entry.path());
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

fs::path manifest_of(const TempStore& temp) {
  std::ifstream current(temp.database() / "CURRENT");
  std::string name;
  std::getline(current, name);
  return temp.database() / name;
}

fs::path head_of(const TempStore& temp) {
  return temp.path() / "HEAD";
}

// Tables never change: they are linked, not copied.
void copy_store(const TempStore& from, const TempStore& to) {
  for (const auto& entry : fs::recursive_directory_iterator(from.path())) {
    const auto target = to.path() / entry.path().lexically_relative(from.path());
    if (entry.is_directory()) {
      fs::create_directories(target);
    } else if (entry.path().extension() == ".sst") {
      fs::create_directories(target.parent_path());
      fs::create_hard_link(entry.path(), target);
    } else if (entry.path().filename() != "RESERVE") {
      fs::create_directories(target.parent_path());
      fs::copy_file(entry.path(), target);
    }
  }
}

void cut(const fs::path& file, std::uintmax_t bytes) {
  fs::resize_file(file, fs::file_size(file) - bytes);
}

// All files but the one that says who holds the lock, which every attempt to write takes.
Listing data_of(const TempStore& temp) {
  auto files = listing_of(temp.path());
  files.erase("LOCK.cairn");
  return files;
}

void check_whole(const Store& store, const Acknowledged& acknowledged) {
  CHECK(must(store.list()).size() == acknowledged.size());
  for (const auto& saved : acknowledged) {
    const auto artifact = store.load({"m", "1", saved.epoch});
    REQUIRE(ok(artifact));
    CHECK(same_bytes(bytes_of(*artifact, "w"), values_of(saved)));
  }
}

// Damages copies of a store, opens them, and counts.
class Trial {
 public:
  Trial(const TempStore& store, Acknowledged acknowledged)
      : store_(store), acknowledged_(std::move(acknowledged)) {}
  ~Trial() { MESSAGE(cases_ << " damaged stores, " << refused_ << " refused"); }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  using Damage = std::function<void(const TempStore&)>;

  // Whatever the damage: a refusal is Corruption and changes no file, and a store that opens has
  // everything. True where it was refused, in all modes.
  bool refused(const Damage& damage) {
    TempStore copy;
    copy_store(store_, copy);
    damage(copy);
    ++cases_;
    messages_.clear();
    const bool reader = refused(copy, Mode::ReadOnly);
    CHECK(refused(copy, Mode::ReadWrite) == reader);
    CHECK(refused(copy, Mode::Create) == reader);
    refused_ += reader ? 1 : 0;
    return reader;
  }

  // Refused in all modes, with all of these in the message.
  template <class... Fragments>
  void refuses(const Damage& damage, const Fragments&... fragments) {
    CHECK(refused(damage));
    for (const auto& message : messages_) {
      const bool all = ((message.find(fragments) != std::string::npos) && ...);
      CHECK_MESSAGE(all, message);
    }
  }

 private:
  bool refused(const TempStore& copy, Mode mode) {
    const auto before = data_of(copy);
    const auto store = Store::open(copy.path(), {.mode = mode});
    if (mode == Mode::ReadOnly) {
      CHECK(data_of(copy) == before);
    }
    if (store) {
      check_whole(*store, acknowledged_);
      return false;
    }
    messages_.push_back(store.error().message);
    CHECK(fails(store, Code::Corruption));
    CHECK(data_of(copy) == before);
    return true;
  }

  const TempStore& store_;
  Acknowledged acknowledged_;
  std::vector<std::string> messages_;  // Of the last refusals.
  std::size_t cases_ = 0;
  std::size_t refused_ = 0;
};

// A store that was closed, with its states after each session beside it.
class CleanStore {
 public:
  CleanStore() {
    for (std::size_t i = 0; i < std::size(kSessions); ++i) {
      run_session(now, i);
      copy_store(now, after[i]);
    }
  }

  TempStore now;
  TempStore after[std::size(kSessions)];
};

const CleanStore& clean_store() {
  static const CleanStore store;
  return store;
}

Trial trial_of_clean_store() {
  return {clean_store().now, saved_until(std::size(kSessions))};
}

// The store of a process that was killed after its last acknowledgement.
void make_killed_store(const TempStore& temp, bool much) {
  const auto status = run_again("child process: saves and is killed", kStoreVariable,
                                (much ? "m" : "l") + temp.path().string());
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(WTERMSIG(status) == SIGKILL);
}

}  // namespace

TEST_CASE("head: a store that is whole opens, closed or killed") {
  Trial clean = trial_of_clean_store();
  CHECK(!clean.refused([](const TempStore&) {}));
  for (const bool much : {false, true}) {
    TempStore killed;
    make_killed_store(killed, much);
    const auto in_log = bytes_with_extension(killed.database(), ".log");
    CHECK(in_log > 0);
    CHECK(in_log < before_kill(much).size() * kFull * sizeof(float) / 2);
    CHECK(!Trial(killed, before_kill(much)).refused([](const TempStore&) {}));
  }
}

TEST_CASE("head: a manifest that lost its last bytes is refused, by one or by many") {
  Trial trial = trial_of_clean_store();
  const auto size = fs::file_size(manifest_of(clean_store().now));
  REQUIRE(size > 200);
  for (std::uintmax_t bytes = 1; bytes <= 200; ++bytes) {
    CAPTURE(bytes);
    trial.refuses([&](const TempStore& copy) { cut(manifest_of(copy), bytes); }, "missing");
  }
  for (std::uintmax_t bytes = 200; bytes < size; bytes += 1 + size / scaled(20, 500)) {
    CAPTURE(bytes);
    trial.refuses([&](const TempStore& copy) { cut(manifest_of(copy), bytes); });
  }
  trial.refuses([](const TempStore& copy) { fs::resize_file(manifest_of(copy), 0); });
  trial.refuses([](const TempStore& copy) { fs::remove(manifest_of(copy)); }, "MANIFEST-");
}

TEST_CASE("head: a flipped bit in the manifest is refused, wherever it is") {
  Trial trial = trial_of_clean_store();
  Random random;
  const auto size = fs::file_size(manifest_of(clean_store().now));
  for (std::uint64_t round = 0; round < scaled(200, 5'000); ++round) {
    const auto place = round < 16 ? size - 1 - round : random.below(size);
    const auto bit = static_cast<unsigned>(random.below(8));
    CAPTURE(place);
    trial.refuses([&](const TempStore& copy) { flip_bit(manifest_of(copy), place, bit); });
  }
}

TEST_CASE("head: a CURRENT that names another manifest is refused, unless that one is whole") {
  Trial trial = trial_of_clean_store();
  const auto name = [](const TempStore& copy, std::string_view manifest) {
    write_file(copy.database() / "CURRENT", to_bytes(std::string(manifest) + "\n"));
  };
  for (const char* other :
       {"MANIFEST-000001", "MANIFEST-099999", "MANIFEST", "OPTIONS-000007", ""}) {
    CAPTURE(other);
    trial.refuses([&](const TempStore& copy) { name(copy, other); });
  }
  trial.refuses([](const TempStore& copy) { write_file(copy.database() / "CURRENT", {}); });
  trial.refuses([](const TempStore& copy) { fs::remove(copy.database() / "CURRENT"); }, "CURRENT");
  // The manifest of an earlier session, as if it had not been removed.
  const auto& old = clean_store().after[1];
  const auto old_name = manifest_of(old).filename().string();
  trial.refuses([&](const TempStore& copy) {
    fs::copy_file(manifest_of(old), copy.database() / old_name);
    name(copy, old_name);
  });
  const auto copied = [&](const std::string& as) {
    return [&, as](const TempStore& copy) {
      fs::copy_file(manifest_of(copy), copy.database() / as);
      name(copy, as);
    };
  };
  trial.refuses(copied("MANIFEST-000001"), "HEAD remembers");
  CHECK(!trial.refused(copied("MANIFEST-099999")));  // Newer, and all is in it.
}

TEST_CASE("head: a database that was put back to an older state is refused") {
  const auto& clean = clean_store();
  for (std::size_t i = 0; i + 1 < std::size(kSessions); ++i) {
    CAPTURE(i);
    Trial trial(clean.after[i], saved_until(i + 1));
    CHECK(!trial.refused([](const TempStore&) {}));
    trial.refuses(
        [&](const TempStore& copy) {
          fs::copy_file(head_of(clean.now), head_of(copy), fs::copy_options::overwrite_existing);
        },
        "acknowledged commits are missing");
  }
  // Opened and closed since, and nothing more: the records are the same, the manifest is older.
  TempStore later;
  copy_store(clean.now, later);
  must(later.open().close());
  Trial trial = trial_of_clean_store();
  trial.refuses(
      [&](const TempStore& copy) {
        fs::copy_file(head_of(later), head_of(copy), fs::copy_options::overwrite_existing);
      },
      "HEAD remembers");
}

TEST_CASE("head: a store that lost its database is refused, not made anew") {
  Trial clean = trial_of_clean_store();
  TempStore killed;
  make_killed_store(killed, false);
  Trial young(killed, before_kill(false));
  for (Trial* trial : {&clean, &young}) {
    trial->refuses([](const TempStore& copy) { fs::remove_all(copy.database()); }, "HEAD");
    trial->refuses(
        [](const TempStore& copy) {
          fs::remove_all(copy.database());
          fs::create_directory(copy.database());
        },
        "HEAD");
  }
}

TEST_CASE("head: a database that is newer than HEAD opens, and HEAD follows") {
  const auto& clean = clean_store();
  Trial trial = trial_of_clean_store();
  for (const auto& old : clean.after) {
    CHECK(!trial.refused([&](const TempStore& copy) {
      fs::copy_file(head_of(old), head_of(copy), fs::copy_options::overwrite_existing);
    }));
  }
  TempStore copy;
  copy_store(clean.now, copy);
  fs::copy_file(head_of(clean.after[0]), head_of(copy), fs::copy_options::overwrite_existing);
  must(copy.open().close());
  TempStore back;
  copy_store(clean.after[1], back);
  fs::copy_file(head_of(copy), head_of(back), fs::copy_options::overwrite_existing);
  CHECK(fails(Store::open(back.path()), Code::Corruption, "commits are missing"));
}

TEST_CASE("head: a removal and an alias are commits, too, and not to be lost") {
  TempStore temp;
  copy_store(clean_store().now, temp);
  const auto head_after = [&](const auto& change) {
    TempStore changed;
    copy_store(temp, changed);
    auto store = changed.open();
    change(store);
    must(store.close());
    return read_file(head_of(changed));
  };
  const auto heads = {
      head_after([](Store& store) { must(store.remove("m:1@3")); }),
      head_after([](Store& store) { must(store.set_alias("m", "best", "m:1@3")); }),
  };
  Trial trial = trial_of_clean_store();
  for (const auto& head : heads) {
    trial.refuses([&](const TempStore& copy) { write_file(head_of(copy), head); },
                  "commits are missing");
  }
}

TEST_CASE("head: a log of a killed writer that is missing or cut is refused") {
  for (const bool much : {false, true}) {
    CAPTURE(much);
    TempStore killed;
    make_killed_store(killed, much);
    Trial trial(killed, before_kill(much));
    REQUIRE(!logs_of(killed).empty());
    for (const auto& log : logs_of(killed)) {
      const auto name = log.filename();
      CAPTURE(name.string());
      trial.refuses([&](const TempStore& copy) { fs::remove(copy.database() / name); });
      trial.refuses([&](const TempStore& copy) { fs::resize_file(copy.database() / name, 0); });
      Random random(fs::file_size(log));
      for (std::uint64_t round = 0; round < scaled(20, 500); ++round) {
        const auto bytes = round < 5 ? round + 1 : 1 + random.below(fs::file_size(log) - 1);
        CAPTURE(bytes);
        trial.refuses([&](const TempStore& copy) { cut(copy.database() / name, bytes); });
      }
    }
  }
}

TEST_CASE("head: a manifest of a killed writer that is cut or damaged is refused") {
  for (const bool much : {false, true}) {
    CAPTURE(much);
    TempStore killed;
    make_killed_store(killed, much);
    Trial trial(killed, before_kill(much));
    Random random;
    const auto size = fs::file_size(manifest_of(killed));
    for (std::uint64_t round = 0; round < scaled(30, 500); ++round) {
      const auto bytes = round < 10 ? round + 1 : 1 + random.below(size - 1);
      CAPTURE(bytes);
      trial.refuses([&](const TempStore& copy) { cut(manifest_of(copy), bytes); });
      const auto place = random.below(size);
      CAPTURE(place);
      trial.refuses([&](const TempStore& copy) { flip_bit(manifest_of(copy), place, 3); });
    }
  }
}

TEST_CASE("head: a missing one is no damage; a writer makes it again, a reader does not") {
  const auto& clean = clean_store();
  const auto acknowledged = saved_until(std::size(kSessions));
  TempStore copy;
  copy_store(clean.now, copy);
  fs::remove(head_of(copy));
  const auto before = data_of(copy);
  check_whole(copy.open({.mode = Mode::ReadOnly}), acknowledged);
  CHECK(data_of(copy) == before);
  {
    const auto store = copy.open();
    CHECK(fs::file_size(head_of(copy)) == 3 * kSlot);
    check_whole(store, acknowledged);
  }
  // It knows what the old one knew.
  TempStore back;
  copy_store(clean.after[0], back);
  fs::copy_file(head_of(copy), head_of(back), fs::copy_options::overwrite_existing);
  CHECK(fails(Store::open(back.path()), Code::Corruption, "commits are missing"));
}

TEST_CASE("head: one of another store is refused") {
  TempStore other;
  run_session(other, 0);
  Trial trial = trial_of_clean_store();
  trial.refuses(
      [&](const TempStore& copy) {
        fs::copy_file(head_of(other), head_of(copy), fs::copy_options::overwrite_existing);
      },
      "HEAD", "another store");
}

TEST_CASE("head: as long as one of its slots is whole it serves; then it is refused") {
  Trial trial = trial_of_clean_store();
  const std::vector<std::byte> zeros(76);
  Random random;
  for (unsigned slots = 1; slots < 8; ++slots) {
    for (int how = 0; how < 3; ++how) {
      CAPTURE(slots);
      CAPTURE(how);
      const auto damage = [&](const TempStore& copy) {
        auto bytes = read_file(head_of(copy));
        for (std::size_t slot = 0; slot < 3; ++slot) {
          const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(slot * kSlot);
          if ((slots & (1U << slot)) == 0) {
            continue;
          }
          if (how == 0) {
            std::copy(zeros.begin(), zeros.end(), at);
          } else {
            at[static_cast<std::ptrdiff_t>(random.below(76))] ^= std::byte{4};
          }
        }
        write_file(head_of(copy), bytes);
      };
      if (slots == 7) {
        trial.refuses(damage, "HEAD", "no slot is whole");
      } else {
        CHECK(!trial.refused(damage));
      }
    }
  }
  trial.refuses([](const TempStore& copy) { write_file(head_of(copy), {}); }, "HEAD");
}

TEST_CASE("head: slots that were damaged are whole again after a writer was there") {
  TempStore copy;
  copy_store(clean_store().now, copy);
  auto bytes = read_file(head_of(copy));
  std::fill(bytes.begin(), bytes.begin() + 76, std::byte{0});
  std::fill(bytes.begin() + 2 * kSlot, bytes.begin() + 2 * kSlot + 76, std::byte{0});
  write_file(head_of(copy), bytes);
  auto store = copy.open();
  save(store, {100, kSmall});
  must(store.close());
  bytes = read_file(head_of(copy));
  for (std::size_t slot = 0; slot < 3; ++slot) {
    CHECK(bytes.at(slot * kSlot) == std::byte{'C'});
  }
  CHECK(bytes.size() == 3 * kSlot);
}

TEST_CASE("child process: saves and is killed" * doctest::skip()) {
  const char* given = std::getenv(kStoreVariable);
  if (given == nullptr) {
    return;  // Run by hand.
  }
  auto store = must(Store::open(given + 1));
  save_all(store, before_kill(*given == 'm'));
  ::kill(::getpid(), SIGKILL);
}

}  // namespace cairn::testing
