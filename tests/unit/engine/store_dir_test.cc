// The store's directory without a database in it: recognising, making, cleaning, counting.
#include "engine/store_dir.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "engine/engine_testing.h"

namespace cairn {

namespace {

namespace fs = std::filesystem;

using cairn_test::fails;
using cairn_test::files_in;
using cairn_test::must;
using cairn_test::ok;
using cairn_test::TempDir;
using cairn_test::write_file;
using Kind = StoreDir::Kind;

}  // namespace

TEST_CASE("store dir: what a path is decides the lock file, not the other files") {
  const TempDir temp;
  const auto dir = temp.store();
  CHECK(must(dir.inspect()) == Kind::Missing);
  fs::create_directory(dir.root);
  CHECK(must(dir.inspect()) == Kind::Empty);
  write_file(dir.root / "notes.txt", "mine");
  CHECK(must(dir.inspect()) == Kind::Foreign);
  write_file(dir.lock(), "");
  CHECK(must(dir.inspect()) == Kind::Store);
  fs::remove(dir.root / "notes.txt");
  CHECK(must(dir.inspect()) == Kind::Store);
}

TEST_CASE("store dir: a file, a broken link and a path below a file are told apart") {
  const TempDir temp;
  write_file(temp.path() / "file", "x");
  CHECK(must(StoreDir{temp.path() / "file"}.inspect()) == Kind::Foreign);
  fs::create_symlink(temp.path() / "nowhere", temp.path() / "broken");
  CHECK(must(StoreDir{temp.path() / "broken"}.inspect()) == Kind::Missing);
  const auto below = StoreDir{temp.path() / "file" / "store"};
  CHECK(must(below.inspect()) == Kind::Missing);
  CHECK(!below.create());
  fs::create_directory(temp.path() / "real");
  fs::create_directory_symlink(temp.path() / "real", temp.path() / "link");
  CHECK(must(StoreDir{temp.path() / "link"}.inspect()) == Kind::Empty);
}

TEST_CASE("store dir: create makes directory, incoming/ and README, and may be repeated") {
  const TempDir temp;
  const StoreDir dir{temp.path() / "deep" / "er" / "store"};
  must(dir.create());
  CHECK(fs::is_directory(dir.incoming()));
  const auto readme = cairn_test::read_file(dir.readme());
  CHECK(readme.find("cairn store") != std::string::npos);
  CHECK(readme.find("LOCK.cairn") != std::string::npos);
  write_file(dir.readme(), "somebody's own words");
  write_file(dir.incoming() / "1.sst", "x");
  must(dir.create());
  CHECK(cairn_test::read_file(dir.readme()) == "somebody's own words");
  CHECK(files_in(dir.incoming()) == 1);  // Emptying is another step, under the lock.
}

TEST_CASE("store dir: create is an error where something is in the way") {
  const TempDir temp;
  const auto dir = temp.store();
  fs::create_directory(dir.root);
  write_file(dir.incoming(), "a file");
  const auto made = dir.create();
  CHECK(!made);
  CHECK(made.error().message.find(dir.incoming().string()) != std::string::npos);
}

TEST_CASE("store dir: incoming/ is emptied of files and directories, and nothing else is") {
  const TempDir temp;
  const auto dir = temp.store();
  must(dir.create());
  for (int i = 0; i < 50; ++i) {
    write_file(dir.incoming() / (std::to_string(i) + ".sst"), "x");
  }
  fs::create_directories(dir.incoming() / "a" / "b");
  write_file(dir.incoming() / "a" / "b" / "c", "x");
  write_file(dir.root / "other", "x");
  must(dir.empty_incoming());
  CHECK(files_in(dir.incoming()) == 0);
  CHECK(fs::exists(dir.root / "other"));
  CHECK(fs::is_directory(dir.incoming()));
}

TEST_CASE("store dir: what is linked from incoming/ is not touched by emptying it") {
  const TempDir temp;
  const auto dir = temp.store();
  must(dir.create());
  // An ingestion that was killed between linking a table and unlinking it here.
  fs::create_directory(dir.database());
  write_file(dir.database() / "000012.sst", "table");
  fs::create_hard_link(dir.database() / "000012.sst", dir.incoming() / "1.sst");
  fs::create_directory_symlink(dir.database(), dir.incoming() / "link");
  must(dir.empty_incoming());
  CHECK(files_in(dir.incoming()) == 0);
  CHECK(cairn_test::read_file(dir.database() / "000012.sst") == "table");
}

TEST_CASE("store dir: a file that stays in incoming/ is an error, also when it is not the last") {
  const TempDir temp;
  const auto dir = temp.store();
  must(dir.create());
  const auto stuck = dir.incoming() / "stuck";
  fs::create_directory(stuck);
  write_file(stuck / "file", "x");
  for (int i = 0; i < 20; ++i) {
    write_file(dir.incoming() / std::to_string(i), "x");
  }
  // Nobody may remove from `stuck`; root, whom permissions do not stop, becomes somebody else.
  fs::permissions(stuck, fs::perms::owner_read | fs::perms::owner_exec);
  fs::permissions(temp.path(), fs::perms::all);
  fs::permissions(dir.root, fs::perms::all);
  fs::permissions(dir.incoming(), fs::perms::all);
  const bool root = ::geteuid() == 0;
  REQUIRE((!root || ::seteuid(65'534) == 0));
  const auto emptied = dir.empty_incoming();
  REQUIRE((!root || ::seteuid(0) == 0));
  fs::permissions(stuck, fs::perms::owner_all);
  CHECK(fs::exists(stuck / "file"));
  CHECK(fails(emptied, Code::Io, "incoming"));
}

TEST_CASE("store dir: disk_bytes counts every file below, and says where it cannot") {
  const TempDir temp;
  const auto dir = temp.store();
  must(dir.create());
  const auto before = must(dir.disk_bytes());
  CHECK(before == fs::file_size(dir.readme()));
  fs::create_directories(dir.database() / "deeper");
  write_file(dir.database() / "a", std::string(1'000, 'x'));
  write_file(dir.database() / "deeper" / "b", std::string(234, 'x'));
  CHECK(must(dir.disk_bytes()) == before + 1'234);
  CHECK(fails(StoreDir{temp.path() / "none"}.disk_bytes(), Code::NotFound, "none"));
}

}  // namespace cairn
