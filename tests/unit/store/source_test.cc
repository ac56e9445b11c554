// Sources: bytes in place and bytes that are read, files that change or are replaced, and the
// descriptor that a thread keeps.
#include "store/source.h"

#include <fstream>
#include <stdexcept>
#include <system_error>

#include <doctest/doctest.h>

#include "store/store_testing.h"

namespace cairn {

namespace {

namespace fs = std::filesystem;
using cairn_test::Bytes;
using cairn_test::fails;
using cairn_test::must;
using cairn_test::ok;
using cairn_test::Random;
using cairn_test::TempDir;

void write_file(const fs::path& path, const Bytes& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  REQUIRE(file.flush());
}

std::size_t descriptors() {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

Bytes read_all(const Source& source, Scratch& scratch) {
  const auto bytes = must(bytes_of(source, 0, source.size(), scratch));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

TEST_CASE("source: memory is read in place, a file into the scratch memory, which grows") {
  const TempDir temp;
  const auto bytes = Random(1).bytes(10'000);
  const auto path = temp.store().root / "raw";
  fs::create_directories(temp.store().root);
  write_file(path, bytes);
  Scratch scratch;
  const auto memory = memory_source(bytes);
  CHECK(memory->size() == bytes.size());
  CHECK(must(bytes_of(*memory, 100, 50, scratch)).data() == bytes.data() + 100);
  CHECK(scratch.memory.empty());
  const auto file = must(RegularFile::find(path));
  CHECK(file->size() == bytes.size());
  for (const std::uint64_t size : {10U, 5'000U, 20U}) {
    const auto source = must(file_source(file, 4'000, size));
    CHECK(source->size() == size);
    const auto from = bytes.begin() + 4'000;
    CHECK(read_all(*source, scratch) == Bytes(from, from + static_cast<std::ptrdiff_t>(size)));
  }
  CHECK(scratch.memory.size() == 5'000);
  CHECK(must(file_source(file, 10'000, 0))->size() == 0);
  CHECK(fails(file_source(file, 10'001, 0), Code::InvalidArgument, "10000", "10001"));
  CHECK(fails(file_source(file, 1, ~std::uint64_t{0}), Code::InvalidArgument, "raw"));
}

TEST_CASE("source: a thread keeps one file open, whatever it reads") {
  const TempDir temp;
  fs::create_directories(temp.store().root);
  std::vector<std::unique_ptr<Source>> sources;
  for (std::uint64_t i = 0; i < 20; ++i) {
    const auto path = temp.store().root / std::to_string(i);
    write_file(path, Random(i).bytes(100));
    sources.push_back(must(file_source(must(RegularFile::find(path)), 0, 100)));
  }
  const auto before = descriptors();
  {
    Scratch scratch;
    for (int round = 0; round < 3; ++round) {
      for (std::uint64_t i = 0; i < 20; ++i) {
        CHECK(read_all(*sources[i], scratch) == Random(i).bytes(100));
        CHECK(descriptors() == before + 1);
      }
    }
    const auto moved = std::move(scratch.file);
    CHECK(descriptors() == before + 1);
  }
  CHECK(descriptors() == before);
}

TEST_CASE("source: a file that was changed, cut or replaced since is refused") {
  const TempDir temp;
  fs::create_directories(temp.store().root);
  const auto path = temp.store().root / "raw";
  const std::vector<std::pair<const char*, std::function<void()>>> changes = {
      {"longer", [&] { write_file(path, Bytes(1'001)); }},
      {"cut", [&] { fs::resize_file(path, 999); }},
      {"touched",
       [&] { fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(1)); }},
      {"replaced",
       [&] {
         write_file(temp.store().root / "other", Bytes(1'000));
         fs::rename(temp.store().root / "other", path);
       }},
  };
  for (const auto& [what, change] : changes) {
    for (const bool open_before : {false, true}) {
      CAPTURE(what);
      CAPTURE(open_before);
      write_file(path, Bytes(1'000));
      const auto source = must(file_source(must(RegularFile::find(path)), 0, 1'000));
      Scratch scratch;
      if (open_before) {
        CHECK(ok(bytes_of(*source, 0, 10, scratch)));
      }
      change();
      const auto read = bytes_of(*source, 0, 10, scratch);
      if (open_before && std::string_view(what) == "replaced") {
        CHECK(ok(read));  // It is still open here, as it was.
      } else {
        CHECK(fails(read, Code::InvalidArgument, "raw", "changed"));
      }
    }
  }
  fs::remove(path);
  CHECK(fails(RegularFile::find(path), Code::NotFound, "raw"));
  CHECK(fails(RegularFile::find(temp.store().root), Code::InvalidArgument, "regular"));
}

TEST_CASE("source: what a callback throws is its error") {
  const std::vector<std::pair<Code, std::function<Result<void>()>>> examples = {
      {Code::Busy,
       [] {
         return tl::unexpected(Error{Code::Busy, "later"});
       }},
      {Code::Io, []() -> Result<void> { throw std::runtime_error("later"); }},
      {Code::LimitExceeded, []() -> Result<void> { throw std::bad_alloc(); }},
      {Code::Io, []() -> Result<void> { throw "no exception"; }},
  };
  for (const auto& example : examples) {
    const ReadCallback callback{
        [&](std::uint64_t, std::span<std::byte>) { return example.second(); }};
    Scratch scratch;
    CHECK(fails(bytes_of(*callback_source(callback, 10), 0, 10, scratch), example.first));
  }
}

}  // namespace cairn
