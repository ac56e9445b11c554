// Opening what is not quite a store: newer, damaged, half made; and the fail-stop of a handle.
#include "engine/database.h"

#include <filesystem>
#include <system_error>

#include <doctest/doctest.h>
#include <rocksdb/db.h>

#include "engine/engine_testing.h"
#include "engine/rocks_options.h"
#include "record/store_records.h"
#include "store/operations.h"
#include "store/session.h"

namespace cairn {

namespace {

namespace fs = std::filesystem;

using cairn_test::fails;
using cairn_test::listing_of;
using cairn_test::must;
using cairn_test::ok;
using cairn_test::TempDir;
using Mode = OpenOptions::Mode;

constexpr Mode kModes[] = {Mode::Create, Mode::ReadWrite, Mode::ReadOnly};

OpenOptions in_mode(Mode mode) {
  OpenOptions options;
  options.mode = mode;
  return options;
}

Result<void> save_number(Session& session, const Ref& ref, std::uint64_t number) {
  Draft draft;
  draft.tensor("t", std::vector<std::uint64_t>{number});
  auto saved = save_artifact(session, ref, draft, {});
  return saved ? Result<void>() : tl::unexpected(saved.error());
}

// A store with an artifact in it, closed again.
StoreDir make_store(const TempDir& temp) {
  const auto session = must(Session::open(temp.store().root, {}));
  must(save_number(*session, "m:1@0", 1));
  return temp.store();
}

// Changes the rows of `default` behind the store's back.
void set_row(const StoreDir& dir, std::string_view key, std::optional<std::string> value) {
  const auto database = cairn_test::open_database(dir);
  auto* handle = database->handle(Family::Default);
  const auto status = value ? database->rocks()->Put({}, handle, key, *value)
                            : database->rocks()->Delete({}, handle, key);
  REQUIRE(status.ok());
}

// All files but the one that says who holds the lock, which every attempt to write takes.
cairn_test::Listing data_of(const StoreDir& dir) {
  auto files = listing_of(dir.root);
  files.erase(dir.lock().string());
  return files;
}

void remove_with_extension(const fs::path& directory, std::string_view extension) {
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == extension) {
      fs::remove(entry.path());
    }
  }
}

// Copies a store that is open; RocksDB may remove files of no use meanwhile.
void copy_live(const StoreDir& from, const StoreDir& to) {
  std::error_code error;
  for (int attempt = 0; attempt < 20; ++attempt) {
    fs::remove_all(to.root);
    fs::copy(from.root, to.root, fs::copy_options::recursive, error);
    if (!error) {
      return;
    }
  }
  throw fs::filesystem_error("copying", error);
}

}  // namespace

TEST_CASE("database: a store of a newer format is NewerFormat, and no file of it is changed") {
  const TempDir temp;
  const auto dir = make_store(temp);
  set_row(dir, kSuperblockKey, encode_superblock({.format_version = 2, .producer = "cairn 9"}));
  cairn_test::write_file(dir.incoming() / "1.sst", "left behind by the newer one");
  const auto before = data_of(dir);
  for (const auto mode : kModes) {
    CAPTURE(static_cast<int>(mode));
    CHECK(fails(Session::open(dir.root, in_mode(mode)), Code::NewerFormat, "found 2"));
    CHECK(data_of(dir) == before);
  }
}

TEST_CASE("database: a newer format that has families of its own is NewerFormat, too") {
  const TempDir temp;
  const auto dir = make_store(temp);
  set_row(dir, kSuperblockKey, encode_superblock({.format_version = 2, .producer = "cairn 9"}));
  {
    const auto database = cairn_test::open_database(dir);
    rocksdb::ColumnFamilyHandle* novel = nullptr;
    REQUIRE(database->rocks()->CreateColumnFamily({}, "novel", &novel).ok());
    REQUIRE(database->rocks()->Put({}, novel, "key", "value").ok());
    REQUIRE(database->rocks()->Flush({}, novel).ok());
    REQUIRE(database->rocks()->DestroyColumnFamilyHandle(novel).ok());
  }
  const auto before = data_of(dir);
  for (const auto mode : kModes) {
    CAPTURE(static_cast<int>(mode));
    CHECK(fails(Session::open(dir.root, in_mode(mode)), Code::NewerFormat));
    CHECK(data_of(dir) == before);
  }
}

TEST_CASE("database: a superblock that is missing or damaged is Corruption") {
  const TempDir temp;
  const auto dir = make_store(temp);
  auto damaged = must(Database::peek(dir, {kSuperblockKey})).front().value();
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  damaged.resize(damaged.size() - 1);
  for (const bool missing : {true, false}) {
    set_row(dir, kSuperblockKey, missing ? std::optional<std::string>() : damaged);
    const auto before = data_of(dir);
    for (const auto mode : kModes) {
      CAPTURE(missing);
      CAPTURE(static_cast<int>(mode));
      CHECK(fails(Session::open(dir.root, in_mode(mode)), Code::Corruption, "superblock"));
      CHECK(data_of(dir) == before);
    }
  }
}

TEST_CASE("database: counters that are damaged are Corruption") {
  const TempDir temp;
  const auto dir = make_store(temp);
  auto counters = must(Database::peek(dir, {kCountersKey})).front().value();
  counters[0] = static_cast<char>(counters[0] ^ 1);
  set_row(dir, kCountersKey, counters);
  for (const auto mode : kModes) {
    CHECK(fails(Session::open(dir.root, in_mode(mode)), Code::Corruption, "counters"));
  }
}

TEST_CASE("database: tables without a CURRENT file are Corruption in every mode") {
  const TempDir temp;
  const auto dir = make_store(temp);
  fs::remove(dir.database() / "CURRENT");
  remove_with_extension(dir.database(), ".log");  // Empty after a clean close; never mind it.
  const auto before = data_of(dir);
  for (const auto mode : kModes) {
    CAPTURE(static_cast<int>(mode));
    CHECK(fails(Session::open(dir.root, in_mode(mode)), Code::Corruption, "CURRENT"));
    CHECK(data_of(dir) == before);
  }
}

TEST_CASE("database: a log with data but no CURRENT file and no table is never overwritten") {
  const TempDir temp;
  const auto dir = make_store(temp);
  const auto copy = StoreDir{temp.path() / "copy"};
  {
    const auto session = must(Session::open(dir.root, {}));
    must(save_number(*session, "m:1@1", 2));
    copy_live(dir, copy);  // As a crash would leave it.
  }
  fs::remove(copy.database() / "CURRENT");
  remove_with_extension(copy.database(), ".sst");
  const auto logs = [&] {
    auto files = data_of(copy);
    std::erase_if(files, [](const auto& file) { return !file.first.ends_with(".log"); });
    return files;
  };
  const auto before = logs();
  REQUIRE(!before.empty());
  for (const auto mode : kModes) {
    CAPTURE(static_cast<int>(mode));
    CHECK(fails(Session::open(copy.root, in_mode(mode)), Code::Corruption, "CURRENT"));
    CHECK(logs() == before);
  }
}

TEST_CASE("database: a store whose making stopped early is made whole by Create, and only by it") {
  for (int stage = 0; stage < 4; ++stage) {
    CAPTURE(stage);
    const TempDir temp;
    const auto dir = temp.store();
    fs::create_directories(dir.root);
    cairn_test::write_file(dir.lock(), "pid 1 host gone start long ago\n");
    if (stage >= 1) {
      fs::create_directories(dir.incoming());
      cairn_test::write_file(dir.incoming() / "7.sst", "x");
    }
    if (stage >= 2) {
      fs::create_directories(dir.database());
    }
    if (stage >= 3) {
      static_cast<void>(cairn_test::open_database(dir));  // Families, but no superblock yet.
    }
    const auto before = data_of(dir);
    CHECK(fails(Session::open(dir.root, in_mode(Mode::ReadWrite)), Code::NotFound));
    CHECK(fails(Session::open(dir.root, in_mode(Mode::ReadOnly)), Code::NotFound));
    CHECK(data_of(dir) == before);
    {
      const auto session = must(Session::open(dir.root, {}));
      CHECK(cairn_test::files_in(dir.incoming()) == 0);
      CHECK(fs::exists(dir.readme()));
      must(save_number(*session, "m:1@0", 1));
    }
    const auto session = must(Session::open(dir.root, in_mode(Mode::ReadOnly)));
    CHECK(ok(load_artifact(session, "m:1@0", {})));
  }
}

TEST_CASE("database: after a failed write commits are Io for good, and reads go on") {
  const TempDir temp;
  const auto dir = make_store(temp);
  {
    const auto session = must(Session::open(dir.root, {}));
    must(save_number(*session, "m:1@1", 2));
    session->database().fail_stop({Code::Io, "fsync: Input/output error"});
    session->database().fail_stop({Code::Io, "a later one"});
    const auto sequence = session->database().rocks()->GetLatestSequenceNumber();
    for (int i = 0; i < 2; ++i) {
      CHECK(fails(save_number(*session, "m:1@2", 3), Code::Io, "refuses", "Input/output error"));
      bool ran = false;
      const auto commit = session->commits().run([&](Batch& batch, std::uint64_t) -> Result<void> {
        ran = true;
        batch.put(Family::Names, "n", "v");
        return {};
      });
      CHECK(fails(commit, Code::Io, "Input/output error"));
      CHECK(!ran);
      CHECK(fails(remove_artifacts(*session, "m:1@0"), Code::Io, "refuses"));
    }
    CHECK(session->database().rocks()->GetLatestSequenceNumber() == sequence);
    for (const std::uint64_t epoch : {0U, 1U}) {
      const auto artifact = must(load_artifact(session, {"m", "1", epoch}, {}));
      CHECK(ok(artifact.verify()));
    }
    CHECK(ok(count_store(*session)));
  }
  const auto session = must(Session::open(dir.root, {}));
  CHECK(ok(load_artifact(session, "m:1@1", {})));  // It was acknowledged.
  CHECK(fails(load_artifact(session, "m:1@2", {}), Code::NotFound));
  CHECK(ok(save_number(*session, "m:1@2", 3)));
}

TEST_CASE("database: one opened for reading says that it cannot write") {
  const TempDir temp;
  const auto dir = make_store(temp);
  const auto session = must(Session::open(dir.root, in_mode(Mode::ReadOnly)));
  CHECK(fails(session->database().check_writable(), Code::InvalidArgument, "reading only"));
  CHECK(fails(save_number(*session, "m:1@9", 9), Code::InvalidArgument));
}

TEST_CASE("database: peek reads one value, and a snapshot does not move") {
  const TempDir temp;
  const auto dir = make_store(temp);
  const auto before = listing_of(dir.root);
  CHECK(must(decode_superblock(must(Database::peek(dir, {kSuperblockKey})).front().value()))
            .format_version == kFormatVersion);
  CHECK(!must(Database::peek(dir, {"no such key"})).front());
  CHECK(!Database::peek(StoreDir{temp.path() / "none"}, {kSuperblockKey}));
  CHECK(listing_of(dir.root) == before);

  const auto database = cairn_test::open_database(dir);
  const auto snapshot = database->snapshot();
  REQUIRE(database->rocks()->Put({}, database->handle(Family::Names), "late", "x").ok());
  CHECK(!must(snapshot->get(Family::Names, "late")));
  auto cursor = snapshot->cursor(Family::Names);
  cursor.seek("late");
  CHECK(!cursor.at_prefix("late"));
  CHECK(must(database->snapshot()->get(Family::Names, "late")) == "x");
}

TEST_CASE("database: many values come in the order of their keys, the missing as nothing") {
  const TempDir temp;
  const auto database = cairn_test::open_database(temp.store());
  std::vector<std::string> keys;
  for (int i = 999; i >= 0; --i) {
    keys.push_back("key" + std::to_string(i * 7 % 1'000));
    if (i % 3 != 0) {
      REQUIRE(database->rocks()
                  ->Put({}, database->handle(Family::ChunkIndex), keys.back(), keys.back() + "!")
                  .ok());
    }
    if (i == 500) {
      must(database->flush());
    }
  }
  keys.push_back(keys.front());
  const auto values = must(database->get_many(Family::ChunkIndex, keys));
  REQUIRE(values.size() == keys.size());
  std::size_t there = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (values[i]) {
      CHECK(*values[i] == keys[i] + "!");
      ++there;
    }
  }
  CHECK(there == 666);
  CHECK(must(database->get_many(Family::ChunkIndex, {})).empty());
}

}  // namespace cairn
