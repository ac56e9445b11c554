// Reads of a store that is not in memory: the same bytes and the same errors as when it is, and of
// a slice not much more than its chunks. Where a file system keeps everything in memory they are
// warm reads once more.
#include <functional>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

namespace cairn::testing {

namespace {

namespace fs = std::filesystem;

// Of a store that nobody has open.
void drop_from_memory(const TempStore& store) {
  for (const auto& entry : fs::directory_iterator(store.database())) {
    const int fd = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    ::fdatasync(fd);
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    ::close(fd);
  }
}

// Files may come and go meanwhile: RocksDB tidies up records after it was opened.
std::size_t bytes_in_memory(const TempStore& store) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::size_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(store.database())) {
    const int fd = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    struct stat info {};
    if (fd >= 0 && ::fstat(fd, &info) == 0 && info.st_size > 0) {
      const auto size = static_cast<std::size_t>(info.st_size);
      void* const map = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
      REQUIRE(map != MAP_FAILED);
      std::vector<unsigned char> in((size + page - 1) / page);
      ::mincore(map, size, in.data());
      for (const auto flags : in) {
        bytes += (flags & 1U) * page;
      }
      ::munmap(map, size);
    }
    ::close(fd);
  }
  return bytes;
}

struct Example {
  std::vector<std::uint8_t> large = Random(1).elements<std::uint8_t>(40 * kMiB + 100);
  std::vector<std::uint8_t> one_chunk = Random(2).elements<std::uint8_t>(kMiB);
  std::vector<std::byte> file = Random(3).bytes(9 * kMiB);

  void save_to(const TempStore& temp) const {
    auto store = temp.open();
    Draft draft;
    draft.tensor("large", large).tensor("one", one_chunk).file("f", std::vector<std::byte>(file));
    must(store.save("m", draft));
    must(store.save("again", draft));  // The same chunks.
    must(store.close());
  }
};

std::vector<std::byte> joined(const Segments& segments) {
  std::vector<std::byte> out;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto segment = must(segments.at(i));
    out.insert(out.end(), segment.bytes().begin(), segment.bytes().end());
  }
  return out;
}

}  // namespace

TEST_CASE("cold: every way to read gives the bytes that were saved") {
  const Example example;
  TempStore temp;
  example.save_to(temp);
  const auto check = [](const Tensor& tensor, std::span<const std::uint8_t> expected) {
    CHECK(same_bytes(tensor.bytes(), expected));
  };
  using Read = std::function<void(const Artifact&)>;
  const std::vector<Read> reads = {
      [&](const Artifact& a) { CHECK(same_bytes(bytes_of(a, "large"), example.large)); },
      [&](const Artifact& a) { check(must(a.tensor("one")), example.one_chunk); },
      [&](const Artifact& a) { CHECK(must(a.file("f")) == example.file); },
      [&](const Artifact& a) {
        CHECK(same_bytes(joined(must(a.segments("large"))), example.large));
      },
      [&](const Artifact& a) { CHECK(joined(must(a.file_segments("f"))) == example.file); },
      [&](const Artifact& a) {
        check(must(a.slice("large", 5, 30 * kMiB)),
              std::span(example.large).subspan(5, 30 * kMiB - 5));
      },
      [&](const Artifact& a) { CHECK(ok(a.verify())); },
  };
  for (const auto mode : {OpenOptions::Mode::ReadWrite, OpenOptions::Mode::ReadOnly}) {
    for (std::size_t i = 0; i < reads.size() * 2; ++i) {
      CAPTURE(i);
      drop_from_memory(temp);
      const auto store = temp.open({.mode = mode, .mmap = i % 2 == 0});
      reads[i / 2](must(store.load("m", {.threads = 1 + static_cast<unsigned>(i % 3)})));
    }
  }
}

TEST_CASE("cold: damage is found, and named as it is when the bytes are in memory") {
  const Example example;
  TempStore temp;
  example.save_to(temp);
  const auto sample = std::as_bytes(std::span(example.large).subspan(33 * kMiB, 64));
  const auto place = find_stored(temp, sample);
  REQUIRE(place.has_value());
  flip_bit(place->file, place->offset + 4000, 3);
  const auto check = [&](const auto& read) {
    drop_from_memory(temp);
    const auto store = temp.open();
    CHECK(fails(read(must(store.load("m"))), Code::Corruption, "m:1.0.0@0", "\"large\"", "chunk 33",
                "offset 34603008"));
  };
  std::vector<std::byte> out(example.large.size());
  check([&](const Artifact& a) { return a.read_into("large", std::span(out)); });
  check([&](const Artifact& a) { return a.slice("large", 33 * kMiB + 64, 33 * kMiB + 128); });
  check([&](const Artifact& a) { return must(a.segments("large")).at(33); });
  check([&](const Artifact& a) { return a.verify(); });
}

TEST_CASE("cold: a slice brings in the chunks that hold it, and little else") {
  const Example example;
  TempStore temp;
  example.save_to(temp);
  for (const std::size_t begin : {10 * kMiB, 10 * kMiB + 500'000, 31 * kMiB - 7}) {
    drop_from_memory(temp);
    const auto artifact = must(temp.open().load("m"));
    const auto before = bytes_in_memory(temp);
    const auto slice = must(artifact.slice("large", begin, begin + kMiB));
    CHECK(same_bytes(slice.bytes(), std::span(example.large).subspan(begin, kMiB)));
    // Two chunks at most; a page or two more; and pages of records.
    CHECK(bytes_in_memory(temp) - before <= 2 * kMiB + kMiB / 2);
  }
}

}  // namespace cairn::testing
