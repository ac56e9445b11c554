// The manifest as a file: what CURRENT says, and what of it must be as HEAD remembers it.
#include "engine/manifest.h"

#include <doctest/doctest.h>

#include "base/bytes.h"
#include "content/digest.h"
#include "content/random_bytes.h"
#include "engine/engine_testing.h"

namespace cairn {

namespace {

namespace fs = std::filesystem;

using cairn_test::fails;
using cairn_test::must;
using cairn_test::ok;
using cairn_test::open_database;
using cairn_test::TempDir;
using cairn_test::write_file;

// A directory with CURRENT and a manifest of these bytes.
StoreDir make_dir(const TempDir& temp, std::string_view current, std::string_view manifest) {
  const auto dir = temp.store();
  must(dir.create());
  write_file(dir.database() / "CURRENT", current);
  write_file(dir.database() / "MANIFEST-000017", manifest);
  return dir;
}

ManifestState state_of(std::uint64_t number, std::string_view bytes) {
  return {number, bytes.size(), chunk_digest(as_byte_span(bytes))};
}

// Longer than what is read at once.
std::string some_manifest() {
  const auto bytes = cairn_test::Random(7).bytes(150'000);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE(
    "manifest: the current one has the number, the path and the length that RocksDB gave it") {
  const TempDir temp;
  const auto dir = temp.store();
  std::uint64_t last = 0;
  for (int round = 0; round < 3; ++round) {
    static_cast<void>(open_database(dir));
    const auto current = must(current_manifest(dir));
    CHECK(current.number > last);  // Each open makes a new one.
    last = current.number;
    CHECK(current.path.parent_path() == dir.database());
    CHECK(current.bytes == fs::file_size(current.path));
    CHECK(cairn_test::read_file(dir.database() / "CURRENT") ==
          current.path.filename().string() + "\n");
    CHECK(current == must(current_manifest(dir)));
  }
}

TEST_CASE("manifest: a CURRENT that is missing, or names none or a missing one, is an error") {
  const TempDir temp;
  const auto dir = make_dir(temp, "MANIFEST-000017\n", "bytes");
  CHECK(must(current_manifest(dir)).number == 17);
  write_file(dir.database() / "CURRENT", "MANIFEST-000018\n");
  CHECK(fails(current_manifest(dir), Code::NotFound, "MANIFEST-000018"));
  for (const std::string_view text :
       {"\n", "x", "MANIFEST", "MANIFEST-\n", "MANIFEST-17x\n", "MANIFEST--17\n", "MANIFEST-0x11",
        "MANIFEST-99999999999999999999\n", "MANIFEST-000000\n", "../MANIFEST-000017\n"}) {
    CAPTURE(text);
    write_file(dir.database() / "CURRENT", text);
    CHECK(fails(current_manifest(dir), Code::Corruption, "CURRENT", "name of a manifest"));
  }
  write_file(dir.database() / "CURRENT", "");
  CHECK(fails(current_manifest(dir), Code::Corruption, "CURRENT"));
  fs::remove(dir.database() / "CURRENT");
  CHECK(fails(current_manifest(dir), Code::NotFound, "CURRENT"));
}

TEST_CASE("manifest: one that begins as remembered is good, and so is a newer one") {
  const TempDir temp;
  const auto bytes = some_manifest();
  const auto dir = make_dir(temp, "MANIFEST-000017\n", bytes);
  const auto current = must(current_manifest(dir));
  for (const std::size_t remembered : {std::size_t{0}, std::size_t{1}, std::size_t{65'535},
                                       std::size_t{65'536}, std::size_t{65'537}, bytes.size()}) {
    CAPTURE(remembered);
    CHECK(ok(check_manifest(current, state_of(17, bytes.substr(0, remembered)))));
  }
  CHECK(ok(check_manifest(current, state_of(16, "another"))));  // Written anew since.
  CHECK(ok(check_manifest(current, {})));                       // Nothing is known.
}

TEST_CASE("manifest: an older one is Corruption, and one that lost its end, by how much ever") {
  const TempDir temp;
  const auto bytes = some_manifest();
  const auto dir = make_dir(temp, "MANIFEST-000017\n", bytes);
  CHECK(fails(check_manifest(must(current_manifest(dir)), state_of(18, bytes)), Code::Corruption,
              "MANIFEST-000017", "number 18"));
  const auto remembered = state_of(17, bytes);
  for (const std::size_t lost : {std::size_t{1}, std::size_t{2}, std::size_t{200}, bytes.size()}) {
    CAPTURE(lost);
    const auto left = bytes.size() - lost;
    fs::resize_file(dir.database() / "MANIFEST-000017", left);
    CHECK(fails(check_manifest(must(current_manifest(dir)), remembered), Code::Corruption,
                "end is missing", std::to_string(left), std::to_string(bytes.size())));
  }
}

TEST_CASE("manifest: a flip of any bit that is remembered is Corruption, one behind it is not") {
  const TempDir temp;
  const auto bytes = some_manifest().substr(0, 300);
  const auto dir = make_dir(temp, "MANIFEST-000017\n", bytes);
  const auto remembered = state_of(17, std::string_view(bytes).substr(0, 250));
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    write_file(dir.database() / "MANIFEST-000017", damaged);
    const auto checked = check_manifest(must(current_manifest(dir)), remembered);
    const auto outcome =
        bit / 8 < 250 ? fails(checked, Code::Corruption, "MANIFEST-000017", "first 250 bytes")
                      : ok(checked);
    CHECK(outcome);
  }
}

}  // namespace cairn
