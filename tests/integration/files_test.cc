// Files of an artifact: by path and by their bytes, content-defined chunks, reading in pieces.
#include <algorithm>
#include <fstream>

#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

std::vector<std::byte> streamed(const Artifact& artifact, std::string_view name) {
  std::vector<std::byte> out;
  must(artifact.read_file(name, [&](std::span<const std::byte> piece) -> Result<void> {
    out.insert(out.end(), piece.begin(), piece.end());
    return {};
  }));
  return out;
}

}  // namespace

TEST_CASE("files: by path and by bytes, of any size, come back bit for bit") {
  TempStore temp;
  Random random;
  const std::vector<std::size_t> sizes = {0,        1,        65'535,   65'536,
                                          65'537,   kMiB - 1, kMiB,     kMiB + 1,
                                          5 * kMiB, 8 * kMiB, 9 * kMiB, 20 * kMiB + 7};
  std::vector<std::vector<std::byte>> contents;
  {
    auto store = temp.open();
    Draft draft;
    for (const auto size : sizes) {
      contents.push_back(random.bytes(size));
      const auto name = std::to_string(size);
      write_file(temp.beside(name), contents.back());
      draft.file("path/" + name, temp.beside(name));
      draft.file("bytes/" + name, std::vector<std::byte>(contents.back()));
    }
    const auto receipt = must(store.save("m", draft));
    // Each content twice, stored once.
    CHECK(receipt.new_chunks * 2 == receipt.chunks);
    CHECK(receipt.new_bytes * 2 == receipt.size_bytes);
  }
  const auto artifact = must(temp.open().load("m"));
  CHECK(artifact.files().size() == 2 * sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    for (const char* kind : {"path/", "bytes/"}) {
      const auto name = kind + std::to_string(sizes[i]);
      CAPTURE(name);
      CHECK(same_bytes(must(artifact.file(name)), contents[i]));
      CHECK(same_bytes(streamed(artifact, name), contents[i]));
    }
  }
  CHECK(ok(artifact.verify()));
}

TEST_CASE("files: bytes without variety are cut and come back, too") {
  TempStore temp;
  auto store = temp.open();
  const std::vector<std::byte> zeros(5 * kMiB);
  Draft draft;
  draft.file("zeros", std::vector<std::byte>(zeros));
  const auto receipt = must(store.save("m", draft));
  CHECK(receipt.new_chunks <= 2);
  CHECK(same_bytes(must(must(store.load("m")).file("zeros")), zeros));
}

TEST_CASE("files: bytes inserted, removed or put in front leave nearly all chunks as they were") {
  const TempStore temp;
  auto store = temp.open();
  Random random;
  const auto original = random.bytes(scaled(24 * kMiB, 64 * kMiB));
  const auto save = [&](std::vector<std::byte> bytes) {
    return must(store.save("m", Draft().file("f", std::move(bytes))));
  };
  const auto first = save(original);
  CHECK(first.new_chunks == first.chunks);
  MESSAGE(first.chunks << " chunks of " << first.size_bytes / first.chunks / 1024
                       << " KiB on average");
  std::uint64_t new_bytes = 0;
  std::uint64_t new_chunks = 0;
  std::uint64_t most_bytes = 0;
  std::uint64_t edits = 0;
  const auto check_edit = [&](std::size_t at, std::size_t inserted, std::size_t removed) {
    CAPTURE(at);
    CAPTURE(inserted);
    CAPTURE(removed);
    auto bytes = original;
    const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    const auto more = random.bytes(inserted);
    bytes.insert(bytes.erase(place, place + static_cast<std::ptrdiff_t>(removed)), more.begin(),
                 more.end());
    const auto receipt = save(bytes);
    CHECK(receipt.new_chunks >= (inserted != 0 ? 1 : 0));
    CHECK(receipt.new_chunks <= 12);
    CHECK(receipt.new_bytes <= 4 * kMiB);
    CHECK(must(must(store.load(receipt.key)).file("f")) == bytes);
    new_bytes += receipt.new_bytes;
    new_chunks += receipt.new_chunks;
    most_bytes = std::max(most_bytes, receipt.new_bytes);
    ++edits;
  };
  for (const std::size_t size : {1U, 100U, 10'000U}) {
    const auto last = original.size() - size;
    for (const std::size_t at : {std::size_t{0}, original.size() / 2, random.below(last), last}) {
      check_edit(at, size, 0);
      check_edit(at, 0, size);
    }
  }
  MESSAGE(edits << " edits: " << static_cast<double>(new_chunks) / static_cast<double>(edits)
                << " new chunks and " << new_bytes / edits / 1024 << " KiB each, at most "
                << most_bytes / 1024 << " KiB");
  CHECK(new_bytes <= edits * kMiB);
}

TEST_CASE("files: read_file hands out pieces in order, and stops at the sink's error") {
  TempStore temp;
  auto store = temp.open();
  const auto bytes = Random().bytes(9 * kMiB);
  Draft draft;
  draft.file("f", std::vector<std::byte>(bytes));
  must(store.save("m", draft));
  const auto artifact = must(store.load("m"));
  std::size_t seen = 0;
  std::size_t largest = 0;
  bool equal = true;
  must(artifact.read_file("f", [&](std::span<const std::byte> piece) -> Result<void> {
    equal = equal && same_bytes(piece, std::span(bytes).subspan(seen, piece.size()));
    seen += piece.size();
    largest = std::max(largest, piece.size());
    return {};
  }));
  CHECK(equal);
  CHECK(seen == bytes.size());
  CHECK(largest <= kMiB);
  std::size_t calls = 0;
  const auto stopped = artifact.read_file("f", [&](std::span<const std::byte>) -> Result<void> {
    ++calls;
    return tl::unexpected(Error{Code::Cancelled, "enough"});
  });
  CHECK(fails(stopped, Code::Cancelled, "enough"));
  CHECK(calls == 1);
}

TEST_CASE("files: an unknown one is NotFound and names those that exist") {
  TempStore temp;
  auto store = temp.open();
  Draft draft;
  draft.file("tokenizer.json", to_bytes("{}"));
  must(store.save("m", draft));
  const auto artifact = must(store.load("m"));
  CHECK(fails(artifact.file("vocab"), Code::NotFound, "\"vocab\"", "tokenizer.json"));
  const auto sink = [](std::span<const std::byte>) -> Result<void> { return {}; };
  CHECK(fails(artifact.read_file("vocab", sink), Code::NotFound, "tokenizer.json"));
  CHECK(fails(artifact.tensor("tokenizer.json"), Code::NotFound, "none"));
}

TEST_CASE("files: missing, unreadable and irregular ones fail the save, and nothing is saved") {
  TempStore temp;
  auto store = temp.open();
  const auto save = [&](const std::filesystem::path& path) {
    Draft draft;
    draft.tensor("w", Random().floats(kMiB)).file("f", path);
    return store.save("m", draft);
  };
  CHECK(fails(save(temp.beside("missing")), Code::NotFound, "\"f\"", "missing"));
  CHECK(fails(save(temp.path()), Code::InvalidArgument, "regular file"));
  CHECK(fails(save("/dev/null"), Code::InvalidArgument, "regular file"));
  std::filesystem::create_symlink(temp.beside("nowhere"), temp.beside("dangling"));
  CHECK(fails(save(temp.beside("dangling")), Code::NotFound, "dangling"));
  CHECK(fails(save(""), Code::NotFound, "\"f\""));
  CHECK(must(store.list()).empty());
  CHECK(files_in(temp.incoming()) == 0);
}

TEST_CASE("files: a symbolic link is saved as what it points at") {
  TempStore temp;
  auto store = temp.open();
  write_file(temp.beside("real"), to_bytes("content"));
  std::filesystem::create_symlink(temp.beside("real"), temp.beside("link"));
  Draft draft;
  draft.file("f", temp.beside("link"));
  must(store.save("m", draft));
  std::filesystem::remove(temp.beside("real"));
  CHECK(same_bytes(must(must(store.load("m")).file("f")), to_bytes("content")));
}

TEST_CASE("files: a file and a tensor with the same bytes have contents of their own") {
  TempStore temp;
  auto store = temp.open();
  const auto bytes = Random().elements<std::uint8_t>(1000);
  Draft draft;
  draft.tensor("x", bytes).file("x", to_bytes({reinterpret_cast<const char*>(bytes.data()), 1000}));
  const auto receipt = must(store.save("m", draft));
  CHECK(receipt.new_chunks == 1);
  const auto artifact = must(store.load("m"));
  CHECK(artifact.tensors().at(0).content != artifact.files().at(0).content);
  CHECK(same_bytes(bytes_of(artifact, "x"), bytes));
  CHECK(same_bytes(must(artifact.file("x")), bytes));
}

}  // namespace cairn::testing
