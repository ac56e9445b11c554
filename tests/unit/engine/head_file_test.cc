// The file HEAD: which slot counts, that the one to fall back on is never being written, and what
// is synced when.
#include "engine/head_file.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <thread>

#include <sys/stat.h>

#include <doctest/doctest.h>

#include "content/random_bytes.h"
#include "engine/engine_testing.h"
#include "engine/sync_calls.h"
#include "record/sealed.h"

namespace cairn {

namespace {

namespace fs = std::filesystem;

using cairn_test::fails;
using cairn_test::must;
using cairn_test::ok;
using cairn_test::OnSync;
using cairn_test::Random;
using cairn_test::read_file;
using cairn_test::TempDir;
using cairn_test::write_file;

constexpr std::size_t kSlot = 4096;
constexpr std::size_t kFile = 3 * kSlot;

StoreDir make_dir(const TempDir& temp) {
  must(temp.store().create());
  return temp.store();
}

// Everything in it follows from the number.
HeadState state_of(std::uint64_t commits, std::uint64_t serial = 0) {
  HeadState out;
  out.store_uuid.fill(0x5A);
  out.serial = serial;
  out.commits = commits;
  out.manifest = {commits + 3, 100 * commits, {}};
  out.manifest.digest.bytes.fill(static_cast<std::uint8_t>(commits));
  return out;
}

// `found` is what was written as state_of(commits).
bool is_of(const HeadState& found, std::uint64_t commits) {
  const auto expected = state_of(commits);
  return found.store_uuid == expected.store_uuid && found.commits == commits &&
         found.manifest == expected.manifest;
}

std::uint64_t commits_in(const StoreDir& dir) {
  const auto state = must(HeadFile::read(dir)).value();
  CHECK(is_of(state, state.commits));
  return state.commits;
}

std::string slot_bytes(const StoreDir& dir, std::size_t slot) {
  return read_file(dir.head()).substr(slot * kSlot, kHeadStateBytes);
}

// A file of three slots with these serials; slot i holds state_of(serial).
void write_slots(const StoreDir& dir, const std::array<std::uint64_t, 3>& serials) {
  std::string bytes(kFile, '\0');
  for (std::size_t slot = 0; slot < 3; ++slot) {
    const auto state = encode_head(state_of(serials[slot], serials[slot]));
    bytes.replace(slot * kSlot, state.size(), state);
  }
  write_file(dir.head(), bytes);
}

void tear(const StoreDir& dir, std::size_t slot, std::size_t at) {
  auto bytes = read_file(dir.head());
  bytes[slot * kSlot + at] = static_cast<char>(bytes[slot * kSlot + at] ^ 0x10);
  write_file(dir.head(), bytes);
}

}  // namespace

TEST_CASE("head: where there is no file there is nothing, and an empty or short one is damage") {
  const TempDir temp;
  const auto dir = make_dir(temp);
  CHECK(!must(HeadFile::read(dir)));
  CHECK(fails(HeadFile::open(dir, {}), Code::NotFound, dir.head().string()));
  write_slots(dir, {1, 2, 3});
  const auto whole = read_file(dir.head());
  for (std::size_t size = 0; size < whole.size(); size += size % kSlot < 80 ? 1 : 500) {
    CAPTURE(size);
    write_file(dir.head(), whole.substr(0, size));
    const auto read = HeadFile::read(dir);
    if (size < kHeadStateBytes) {
      CHECK(fails(read, Code::Corruption, dir.head().string(), "no slot is whole"));
    } else {
      const auto slots = (size + kSlot - kHeadStateBytes) / kSlot;
      CHECK(must(read)->commits == std::min<std::size_t>(slots, 3));
    }
  }
}

TEST_CASE("head: the whole slot with the highest serial counts, wherever it is") {
  const TempDir temp;
  const auto dir = make_dir(temp);
  std::array<std::uint64_t, 3> serials{5, 6, 7};
  do {
    CAPTURE(serials[0]);
    CAPTURE(serials[1]);
    write_slots(dir, serials);
    CHECK(commits_in(dir) == 7);
    for (std::uint64_t highest = 7; highest >= 5; --highest) {
      const auto slot =
          static_cast<std::size_t>(std::ranges::find(serials, highest) - serials.begin());
      tear(dir, slot, highest % kHeadStateBytes);
      if (highest > 5) {
        CHECK(commits_in(dir) == highest - 1);
      } else {
        CHECK(fails(HeadFile::read(dir), Code::Corruption, "no slot is whole", "check"));
      }
    }
  } while (std::ranges::next_permutation(serials).found);
}

TEST_CASE("head: a slot torn at any byte does not count, the others do") {
  const TempDir temp;
  const auto dir = make_dir(temp);
  for (std::size_t slot = 0; slot < 3; ++slot) {
    for (std::size_t at = 0; at < kHeadStateBytes; ++at) {
      std::array<std::uint64_t, 3> serials{10, 11, 12};
      std::swap(serials[slot], serials[2]);
      write_slots(dir, serials);  // The torn one would count.
      tear(dir, slot, at);
      REQUIRE(commits_in(dir) == 11);
    }
  }
}

TEST_CASE("head: a slot of a newer layout makes the store NewerFormat") {
  const TempDir temp;
  const auto dir = make_dir(temp);
  write_slots(dir, {1, 2, 3});
  auto bytes = read_file(dir.head());
  auto newer = bytes.substr(kSlot, kHeadStateBytes - 4);
  newer[4] = 2;
  seal(newer);
  write_file(dir.head(), bytes.replace(kSlot, newer.size(), newer));
  CHECK(fails(HeadFile::read(dir), Code::NewerFormat, "layout 1"));
}

TEST_CASE("head: it is made with room for all slots, durably, and may be made again") {
  const TempDir temp;
  const auto dir = make_dir(temp);
  for (std::uint64_t round = 1; round <= 2; ++round) {
    std::vector<std::string> synced;
    {
      const OnSync watching([&](const std::string& path) {
        synced.push_back(path);
        return 0;
      });
      static_cast<void>(must(HeadFile::create(dir, state_of(round))));
    }
    const auto root = fs::canonical(dir.root).string();
    CHECK(synced == std::vector<std::string>{root + "/HEAD.new", root});
    CHECK(commits_in(dir) == round);
    CHECK(fs::file_size(dir.head()) == kFile);
    CHECK(!fs::exists(dir.root / "HEAD.new"));
  }
}

TEST_CASE("head: a making that fails leaves the file that was there, and can be repeated") {
  const TempDir temp;
  const auto dir = make_dir(temp);
  for (const bool exists : {false, true}) {
    {
      const OnSync failing([](const std::string&) { return EIO; });
      CHECK(fails(HeadFile::create(dir, state_of(9)), Code::Io, "HEAD"));
    }
    CHECK(fs::exists(dir.head()) == exists);
    CHECK((!exists || commits_in(dir) == 1));
    static_cast<void>(must(HeadFile::create(dir, state_of(1))));
    CHECK(commits_in(dir) == 1);
  }
}

TEST_CASE("head: slots 0 and 1 take turns, and the newest settled one is never being written") {
  MESSAGE("CAIRN_TEST_SEED=" << cairn_test::seed());
  Random random(cairn_test::seed());
  const TempDir temp;
  const auto dir = make_dir(temp);
  auto head = must(HeadFile::create(dir, state_of(1)));
  std::uint64_t commits = 1;
  std::size_t newest = 0;  // The slot of the last settle.
  std::array<int, 3> written{};
  for (int step = 0; step < 2'000; ++step) {
    const std::array before{slot_bytes(dir, 0), slot_bytes(dir, 1), slot_bytes(dir, 2)};
    const auto choice = random.below(10);
    if (choice == 0) {
      head = must(HeadFile::open(dir, must(HeadFile::read(dir)).value()));
    } else {
      ++commits;
      CHECK(ok(choice < 5 ? head.settle(state_of(commits)) : head.note(state_of(commits))));
    }
    CHECK(commits_in(dir) == commits);
    CHECK(fs::file_size(dir.head()) == kFile);
    for (std::size_t slot = 0; slot < 3; ++slot) {
      const bool its_turn = choice != 0 && slot == (choice < 5 ? 1 - newest : 2);
      CHECK((slot_bytes(dir, slot) != before[slot]) == its_turn);
      written[slot] += its_turn ? 1 : 0;
    }
    newest = choice != 0 && choice < 5 ? 1 - newest : newest;
  }
  CHECK(std::ranges::min(written) > 100);
}

TEST_CASE("head: a settle that failed is repeated in its own slot, not in the one that is whole") {
  const TempDir temp;
  const auto dir = make_dir(temp);
  auto head = must(HeadFile::create(dir, state_of(1)));
  must(head.settle(state_of(2)));
  const auto settled = slot_bytes(dir, 1);
  for (const int error : {EIO, ENOSPC, EDQUOT}) {
    const OnSync failing([&](const std::string&) { return error; });
    CHECK(fails(head.settle(state_of(3)), error == EIO ? Code::Io : Code::NoSpace, "HEAD"));
    CHECK(slot_bytes(dir, 1) == settled);
  }
  must(head.settle(state_of(4)));
  CHECK(slot_bytes(dir, 1) == settled);
  must(head.settle(state_of(5)));
  CHECK(slot_bytes(dir, 1) != settled);
  CHECK(commits_in(dir) == 5);
}

TEST_CASE("head: a note syncs nothing and takes no room, a settle syncs the file once") {
  const TempDir temp;
  const auto dir = make_dir(temp);
  auto head = must(HeadFile::create(dir, state_of(1)));
  struct stat before {};
  REQUIRE(::stat(dir.head().c_str(), &before) == 0);
  CHECK(static_cast<std::size_t>(before.st_blocks) * 512 >= kFile);
  std::vector<std::string> synced;
  const OnSync watching([&](const std::string& path) {
    synced.push_back(path);
    return 0;
  });
  for (std::uint64_t commits = 2; commits <= 5'000; ++commits) {
    must(head.note(state_of(commits)));
  }
  CHECK(synced.empty());
  must(head.settle(state_of(5'001)));
  CHECK(synced == std::vector<std::string>{fs::canonical(dir.head()).string()});
  struct stat after {};
  REQUIRE(::stat(dir.head().c_str(), &after) == 0);
  CHECK(after.st_blocks == before.st_blocks);
  CHECK(after.st_size == before.st_size);
  CHECK(after.st_ino == before.st_ino);
}

TEST_CASE("head: whoever reads beside the writer sees whole states, none from the future") {
  const TempDir temp;
  const auto dir = make_dir(temp);
  auto head = must(HeadFile::create(dir, state_of(1)));
  std::atomic<std::uint64_t> begun{1};
  std::atomic<bool> stop{false};
  std::jthread writer([&] {
    for (std::uint64_t commits = 2; !stop; ++commits) {
      begun = commits;
      must(commits % 100 == 0 ? head.settle(state_of(commits)) : head.note(state_of(commits)));
    }
  });
  std::uint64_t last = 1;
  for (int round = 0; round < 20'000; ++round) {
    const auto commits = commits_in(dir);
    REQUIRE(commits <= begun);
    last = std::max(last, commits);
  }
  stop = true;
  CHECK(last > 1);
}

}  // namespace cairn
