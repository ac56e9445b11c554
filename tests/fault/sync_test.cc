// Syncs that fail: the N-th one, once or from then on, N growing until none is left to fail; of any
// file, in long runs also of each kind. After one the handle writes nothing more and reads go on;
// opened again, the store has all that was acknowledged, and of what failed nothing or the whole.
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include <doctest/doctest.h>

#include "engine/sync_calls.h"
#include "support.h"

namespace cairn::testing {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSmall = 1'000;                         // Floats; by the log.
constexpr std::size_t kFull = 900'000 / sizeof(float);        // By the log, much at once.
constexpr std::size_t kLarge = 5 * kMiB / 4 / sizeof(float);  // By ingestion.

enum class Kind : std::uint8_t { Any, Log, Manifest, Table, Head, Directory };
constexpr Kind kKinds[] = {Kind::Any,   Kind::Log,  Kind::Manifest,
                           Kind::Table, Kind::Head, Kind::Directory};

bool is_of(const fs::path& path, Kind kind) {
  const auto name = path.filename().string();
  switch (kind) {
    case Kind::Any:
      return true;
    case Kind::Log:
      return path.extension() == ".log";
    case Kind::Manifest:
      return name.starts_with("MANIFEST-");
    case Kind::Table:
      return path.extension() == ".sst";
    case Kind::Head:
      return name.starts_with("HEAD");
    case Kind::Directory:
      return fs::is_directory(path);
  }
  return false;
}

struct Fault {
  Kind kind = Kind::Any;
  std::uint64_t number = 0;  // Counted from 1 among those of the kind; 0: none fails.
  int error = EIO;
  bool for_good = false;  // All later ones of any kind fail, too.
};

// Makes it happen while it lives. Other syncs only say that they did: nothing cuts the power.
class Faults {
 public:
  explicit Faults(const Fault& fault)
      : fault_(fault), hook_([this](const std::string& path) { return on_sync(path); }) {}

  [[nodiscard]] bool happened() const noexcept { return happened_; }
  [[nodiscard]] std::uint64_t counted() const noexcept { return counted_; }
  [[nodiscard]] const Fault& fault() const noexcept { return fault_; }

 private:
  int on_sync(const std::string& path) {
    if (is_of(path, fault_.kind) && ++counted_ == fault_.number) {
      happened_ = true;
      return fault_.error;
    }
    return fault_.for_good && happened_ ? fault_.error : cairn_test::kOnlySay;
  }

  const Fault fault_;
  std::atomic<std::uint64_t> counted_{0};
  std::atomic<bool> happened_{false};
  cairn_test::OnSync hook_;  // Last: what it calls is there before it.
};

// What was saved, removed and aliased, and whether it was acknowledged.
class Ledger {
 public:
  Result<void> save(Store& store, std::uint64_t epoch, std::size_t floats) {
    auto& entry = entries_[epoch];
    entry = {floats, false, true};
    Draft draft;
    draft.tensor("w", Random(epoch).floats(floats));
    const auto saved = store.save({"m", "1", epoch}, draft);
    entry.may_be_missing = !saved;
    return saved ? Result<void>() : tl::unexpected(saved.error());
  }
  Result<void> remove(Store& store, std::uint64_t epoch) {
    auto& entry = entries_[epoch];
    entry.may_be_missing = true;
    const auto removed = store.remove({"m", "1", epoch});
    entry.must_be_missing = removed.has_value();
    return removed ? Result<void>() : tl::unexpected(removed.error());
  }
  Result<void> alias(Store& store, std::uint64_t epoch) {
    aliased_.insert(epoch);
    auto moved = store.set_alias("m", "best", {"m", "1", epoch});
    if (moved) {
      aliased_ = {epoch};
    }
    return moved;
  }

  void check(const Store& store) const {
    for (const auto& [epoch, entry] : entries_) {
      CAPTURE(epoch);
      const auto artifact = store.load({"m", "1", epoch});
      if (entry.must_be_missing || (entry.may_be_missing && !artifact)) {
        CHECK(fails(artifact, Code::NotFound));
        continue;
      }
      REQUIRE(ok(artifact));
      CHECK(ok(artifact->verify()));
      CHECK(same_bytes(bytes_of(*artifact, "w"), Random(epoch).floats(entry.floats)));
    }
    const auto best = store.resolve("m:best");
    CHECK((best ? aliased_.contains(best->epoch) : aliased_.contains(kNone)));
    CHECK(ok(store.stats()));
  }

 private:
  struct Entry {
    std::size_t floats = 0;
    bool must_be_missing = false;
    bool may_be_missing = false;
  };
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  std::map<std::uint64_t, Entry> entries_;
  std::set<std::uint64_t> aliased_{kNone};
};

// A full disk is told as such, also where it was a sync that met it; all else is Io.
void check_error(const Error& error, const Fault& fault) {
  const bool full = fault.error == ENOSPC || fault.error == EDQUOT;
  CHECK_MESSAGE((error.code == Code::Io || (full && error.code == Code::NoSpace)),
                error.to_string());
}

void check_refuses(Store& store, Ledger& ledger) {
  const auto refused = [](const Result<void>& result) {
    return fails(result, Code::Io, "refuses to write");
  };
  for (int i = 0; i < 2; ++i) {
    CHECK(refused(ledger.save(store, 1'000, kSmall)));
    CHECK(refused(ledger.save(store, 1'001, kLarge)));
    CHECK(refused(ledger.remove(store, 1)));
    CHECK(refused(ledger.alias(store, 1)));
  }
  ledger.check(store);
}

using Step = std::function<Result<void>(Store&, Ledger&)>;

// What each of two openings does; the second finds tables, and a HEAD.
const std::vector<Step> kSessions[] = {
    {
        [](Store& store, Ledger& ledger) { return ledger.save(store, 0, kSmall); },
        [](Store& store, Ledger& ledger) { return ledger.save(store, 1, kLarge); },
        [](Store& store, Ledger& ledger) { return ledger.alias(store, 1); },
        [](Store& store, Ledger& ledger) { return ledger.save(store, 2, kSmall); },
        [](Store& store, Ledger& ledger) { return ledger.remove(store, 0); },
    },
    {
        [](Store& store, Ledger& ledger) { return ledger.save(store, 3, kLarge); },
        [](Store& store, Ledger& ledger) { return ledger.alias(store, 3); },
        [](Store& store, Ledger& ledger) { return ledger.save(store, 4, kSmall); },
    },
};

// Runs the steps of one opening until the fault happens.
void run_session(const TempStore& temp, const std::vector<Step>& steps, Ledger& ledger,
                 const Faults& faults) {
  auto store = Store::open(temp.path());
  if (!store) {
    REQUIRE(faults.happened());
    check_error(store.error(), faults.fault());
    return;
  }
  for (const auto& step : steps) {
    if (faults.happened()) {
      break;
    }
    const auto done = step(*store, ledger);
    if (!done) {
      REQUIRE(faults.happened());
      check_error(done.error(), faults.fault());
    }
  }
  if (faults.happened()) {
    check_refuses(*store, ledger);
  }
  if (const auto closed = store->close(); !closed) {
    REQUIRE(faults.happened());
    check_error(closed.error(), faults.fault());
  }
}

// Both sessions with the fault, and what is there afterwards; whether it happened.
bool run_with(const Fault& fault) {
  CAPTURE(fault.number);
  CAPTURE(fault.error);
  CAPTURE(fault.for_good);
  TempStore temp;
  Ledger ledger;
  bool happened = false;
  {
    const Faults faults(fault);
    for (const auto& steps : kSessions) {
      run_session(temp, steps, ledger, faults);
      if (faults.happened()) {
        break;
      }
    }
    happened = faults.happened();
  }
  const Faults none({});
  auto store = Store::open(temp.path());
  REQUIRE(ok(store));
  ledger.check(*store);
  CHECK(ok(ledger.save(*store, 2'000, kSmall)));
  CHECK(ok(ledger.save(*store, 2'001, kLarge)));
  CHECK(ok(store->close()));
  return happened;
}

// The errors and the two ways to fail; in small runs one of the six, another for each number.
std::vector<Fault> faults_at(Kind kind, std::uint64_t number) {
  std::vector<Fault> out;
  for (const int error : {EIO, ENOSPC, EDQUOT}) {
    for (const bool for_good : {false, true}) {
      out.push_back({kind, number, error, for_good});
    }
  }
  return full_size() ? out : std::vector{out[(number + number / 6) % out.size()]};
}

bool skipped() {
  if (!cairn_test::sync_calls_are_seen()) {
    MESSAGE("skipped: this build's syncs cannot be made to fail");
    return true;
  }
  return false;
}

}  // namespace

TEST_CASE("sync: the store's syncs go through the test, of every kind") {
  if (skipped()) {
    return;
  }
  for (const auto kind : kKinds) {
    CAPTURE(static_cast<int>(kind));
    TempStore temp;
    Ledger ledger;
    const Faults none({.kind = kind});
    for (const auto& steps : kSessions) {
      run_session(temp, steps, ledger, none);
    }
    CHECK(none.counted() > 2);
    ledger.check(temp.open());
  }
}

TEST_CASE("sync: after one that fails nothing more is written, and nothing is lost") {
  if (skipped()) {
    return;
  }
  for (const auto kind :
       full_size() ? std::vector(std::begin(kKinds), std::end(kKinds)) : std::vector{Kind::Any}) {
    CAPTURE(static_cast<int>(kind));
    std::uint64_t number = 1 + Random().below(scaled(2, 1));
    std::uint64_t runs = 0;
    for (bool happened = true; happened; number += scaled(2, 1)) {
      for (const auto& fault : faults_at(kind, number)) {
        happened = run_with(fault);
        ++runs;
      }
    }
    MESSAGE("kind " << static_cast<int>(kind) << ": up to sync " << number << ", " << runs
                    << " runs");
    CHECK(number > 4);
  }
}

TEST_CASE("sync: a flush that a commit makes may fail; the commit is acknowledged and stays") {
  if (skipped()) {
    return;
  }
  constexpr std::uint64_t kBeforeFlush = 28;  // The next save fills the memtables.
  std::uint64_t number = 2;                   // The first one is of the log: it is the commit.
  for (bool happened = true; happened; number += scaled(4, 1)) {
    CAPTURE(number);
    TempStore temp;
    Ledger ledger;
    {
      std::optional store = temp.open();
      {
        const Faults none({});
        must(ledger.save(*store, 0, kSmall));
        must(ledger.alias(*store, 0));
        for (std::uint64_t epoch = 1; epoch < kBeforeFlush; ++epoch) {
          must(ledger.save(*store, epoch, kFull));
        }
      }
      const Faults faults({.number = number, .error = number % 2 == 0 ? EIO : ENOSPC});
      CHECK(ok(ledger.save(*store, kBeforeFlush, kFull)));
      happened = faults.happened();
      if (happened) {
        check_refuses(*store, ledger);
      }
      store.reset();
    }
    const Faults none({});
    ledger.check(temp.open());
  }
  CHECK(number > 10);
}

}  // namespace cairn::testing
