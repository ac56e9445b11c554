// Opening and closing: what becomes a store and what is refused, reading without a change, closing
// while something lives, and a directory that moves.
#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

namespace fs = std::filesystem;
using Mode = OpenOptions::Mode;

constexpr OpenOptions kReadOnly{.mode = Mode::ReadOnly};
constexpr OpenOptions kReadWrite{.mode = Mode::ReadWrite};

Draft one(std::vector<float> values) {
  Draft draft;
  draft.tensor("w", std::move(values));
  return draft;
}

// Both kinds of chunks, an alias, a config.
std::vector<float> fill(Store& store) {
  auto values = Random().floats(kMiB);
  must(store.save("big", one(values)));
  auto small = one({1, 2, 3});
  small.config(Value("config")).metric("loss", 1).file("f", to_bytes("file"));
  must(store.save("small", small));
  must(store.set_alias("small", "prod", "small"));
  return values;
}

void read_all(const Store& store) {
  for (const auto& info : must(store.list())) {
    CHECK(ok(must(store.load(info.key)).verify()));
  }
  CHECK(ok(store.aliases()));
  CHECK(ok(store.stats()));
}

void check_big(const Store& store, const std::vector<float>& values) {
  const auto tensor = must(must(store.load("big")).tensor("w"));
  CHECK(same_bytes(tensor.bytes(), values));
}

}  // namespace

TEST_CASE("open: a missing directory becomes a store, with those above it") {
  TempStore temp;
  for (const auto& path : {temp.path(), temp.beside("a/b/c"), temp.beside("with slash/")}) {
    auto store = must(Store::open(path));
    CHECK(must(store.list()).empty());
    CHECK(must(store.names()).empty());
    CHECK(fs::exists(path / "README"));
    must(store.save("m", one({1})));
    must(store.close());
    CHECK(must(must(Store::open(path, kReadWrite)).list()).size() == 1);
  }
}

TEST_CASE("open: an empty directory becomes a store") {
  TempStore temp;
  fs::create_directory(temp.path());
  must(temp.open().save("m", one({1})));
  CHECK(must(temp.open(kReadOnly).list()).size() == 1);
}

TEST_CASE("open: a directory that is not empty and no store is refused untouched, in every mode") {
  TempStore temp;
  const auto file = temp.beside("mine/thesis.tex");
  fs::create_directories(file.parent_path());
  write_file(file, to_bytes("years of work"));
  fs::create_directories(temp.beside("hidden/.git"));
  fs::create_directories(temp.beside("nested/db"));
  for (const char* name : {"mine", "hidden", "nested"}) {
    const auto before = listing_of(temp.beside(name));
    for (const Mode mode : {Mode::Create, Mode::ReadWrite, Mode::ReadOnly}) {
      const auto opened = Store::open(temp.beside(name), {.mode = mode});
      CHECK(fails(opened, Code::InvalidArgument, name, "untouched"));
    }
    CHECK(listing_of(temp.beside(name)) == before);
  }
}

TEST_CASE("open: a file is refused, in every mode") {
  TempStore temp;
  write_file(temp.beside("file"), to_bytes("content"));
  for (const Mode mode : {Mode::Create, Mode::ReadWrite, Mode::ReadOnly}) {
    CHECK(fails(Store::open(temp.beside("file"), {.mode = mode}), Code::InvalidArgument, "file"));
    CHECK(fails(Store::open(temp.beside("file") / "below", {.mode = mode}),
                mode == Mode::Create ? Code::Io : Code::NotFound, "file"));
  }
  CHECK(same_bytes(read_file(temp.beside("file")), to_bytes("content")));
}

TEST_CASE("open: without Create, where there is no store is NotFound and stays as it is") {
  TempStore temp;
  for (const auto& options : {kReadWrite, kReadOnly}) {
    CHECK(fails(Store::open(temp.path(), options), Code::NotFound, temp.path().string()));
    CHECK(!fs::exists(temp.path()));
    fs::create_directory(temp.path());
    CHECK(fails(Store::open(temp.path(), options), Code::NotFound, temp.path().string()));
    CHECK(fs::is_empty(temp.path()));
    fs::remove(temp.path());
  }
}

TEST_CASE("open: a store whose making was interrupted early is made whole by Create") {
  TempStore temp;
  fs::create_directory(temp.path());
  write_file(temp.path() / "LOCK.cairn", {});
  CHECK(fails(Store::open(temp.path(), kReadOnly), Code::NotFound));
  CHECK(fails(Store::open(temp.path(), kReadWrite), Code::NotFound));
  {
    auto store = temp.open();
    must(store.save("m", one({1})));
  }
  CHECK(must(temp.open(kReadOnly).list()).size() == 1);
}

TEST_CASE("open: everything is there again after close, and after the handle just goes") {
  TempStore temp;
  std::vector<float> values;
  {
    auto store = temp.open();
    values = fill(store);
    must(store.close());
  }
  {
    auto store = temp.open(kReadWrite);
    CHECK(must(must(store.load("big")).to<std::vector<float>>("w")) == values);
    must(store.save("more", one({4})));
  }
  const auto store = temp.open(kReadOnly);
  CHECK(must(store.list()).size() == 3);
  CHECK(must(store.resolve("small:prod")) == Key{"small", {1, 0, 0}, 0});
  read_all(store);
}

TEST_CASE("open: with and without mmap the same bytes are read") {
  TempStore temp;
  std::vector<float> values;
  {
    auto store = temp.open({.mmap = false});
    values = fill(store);
    check_big(store, values);
    read_all(store);
  }
  for (const bool mmap : {true, false}) {
    for (const Mode mode : {Mode::ReadOnly, Mode::ReadWrite}) {
      const auto store = temp.open({.mode = mode, .mmap = mmap});
      check_big(store, values);
      CHECK(must(must(store.load("small")).to<std::vector<float>>("w")).at(2) == 3);
    }
  }
}

TEST_CASE("open: ReadOnly changes no file, from open to close") {
  TempStore temp;
  {
    auto store = temp.open();
    fill(store);
  }
  const auto before = listing_of(temp.path());
  for (int i = 0; i < 2; ++i) {
    auto store = temp.open(kReadOnly);
    read_all(store);
    if (i == 0) {
      must(store.close());
    }
  }
  CHECK(listing_of(temp.path()) == before);
}

TEST_CASE("open: on a ReadOnly store every write is InvalidArgument") {
  TempStore temp;
  {
    auto store = temp.open();
    fill(store);
  }
  auto store = temp.open(kReadOnly);
  CHECK(fails(store.save("m", one({1})), Code::InvalidArgument, "read"));
  CHECK(fails(store.save("small:1@0", one({1, 2, 3})), Code::InvalidArgument, "read"));
  CHECK(fails(store.remove("big:1@0"), Code::InvalidArgument, "read"));
  CHECK(fails(store.set_alias("big", "prod", "big"), Code::InvalidArgument, "read"));
  CHECK(fails(store.remove_alias("small", "prod"), Code::InvalidArgument, "read"));
  CHECK(must(store.list()).size() == 2);
}

TEST_CASE("open: several readers at once, and one that stays while a writer goes on") {
  TempStore temp;
  std::vector<float> values;
  {
    auto store = temp.open();
    values = fill(store);
  }
  const auto first = temp.open(kReadOnly);
  const auto second = temp.open(kReadOnly);
  read_all(second);
  const auto artifact = must(first.load("big"));
  auto writer = temp.open();
  for (std::uint64_t epoch = 0; epoch < 20; ++epoch) {
    must(writer.save({"later", "1", epoch}, one(Random(epoch).floats(1000))));
  }
  must(writer.remove("big:1@0"));
  must(writer.close());
  CHECK(same_bytes(bytes_of(artifact, "w"), values));
  CHECK(must(first.list()).size() == 2);
  read_all(first);
}

TEST_CASE("open: what saves left in incoming/ goes with the next writer, not with a reader") {
  TempStore temp;
  must(temp.open().close());
  write_file(temp.incoming() / "17.sst", to_bytes("half a file"));
  fs::create_directories(temp.incoming() / "directory" / "below");
  must(temp.open(kReadOnly).close());
  CHECK(files_in(temp.incoming()) == 2);
  must(temp.open().close());
  CHECK(files_in(temp.incoming()) == 0);
}

TEST_CASE("open: a store that was moved or copied as a whole opens at its new place") {
  TempStore temp;
  std::vector<float> values;
  {
    auto store = temp.open();
    values = fill(store);
  }
  fs::copy(temp.path(), temp.beside("copy"), fs::copy_options::recursive);
  fs::rename(temp.path(), temp.beside("moved"));
  for (const char* name : {"copy", "moved"}) {
    auto store = must(Store::open(temp.beside(name), kReadWrite));
    CHECK(must(must(store.load("big")).to<std::vector<float>>("w")) == values);
    read_all(store);
    must(store.save("more", one({4})));
  }
}

TEST_CASE("open: a database without its CURRENT file is Corruption, not a new store") {
  TempStore temp;
  {
    auto store = temp.open();
    fill(store);
  }
  fs::remove(temp.database() / "CURRENT");
  for (const Mode mode : {Mode::Create, Mode::ReadWrite, Mode::ReadOnly}) {
    CHECK(fails(Store::open(temp.path(), {.mode = mode}), Code::Corruption, "CURRENT"));
  }
}

TEST_CASE("close: it is Busy, with their number, while artifacts and tensors live") {
  TempStore temp;
  auto store = temp.open();
  const auto values = fill(store);
  std::optional artifact = must(store.load("big"));
  std::optional tensor = must(artifact->tensor("w"));
  CHECK(fails(store.close(), Code::Busy, "2 "));
  const std::optional copy = artifact;
  std::optional other = must(store.load("small"));
  CHECK(fails(store.close(), Code::Busy, "3 "));
  CHECK(ok(store.save("still", one({1}))));  // Nothing was done.
  other.reset();
  tensor.reset();
  CHECK(fails(store.close(), Code::Busy, "1 "));
  CHECK(same_bytes(bytes_of(*copy, "w"), values));
}

TEST_CASE("close: afterwards every call is InvalidArgument, and the lock is free") {
  TempStore temp;
  auto store = temp.open();
  fill(store);
  CHECK(ok(store.close()));
  const auto refused = Code::InvalidArgument;
  CHECK(fails(store.close(), refused, "closed"));
  CHECK(fails(store.save("m", one({1})), refused, "closed"));
  CHECK(fails(store.load("big"), refused, "closed"));
  CHECK(fails(store.resolve("big"), refused, "closed"));
  CHECK(fails(store.remove("big:1@0"), refused, "closed"));
  CHECK(fails(store.list(), refused, "closed"));
  CHECK(fails(store.names(), refused, "closed"));
  CHECK(fails(store.set_alias("big", "a", "big"), refused, "closed"));
  CHECK(fails(store.remove_alias("small", "prod"), refused, "closed"));
  CHECK(fails(store.aliases(), refused, "closed"));
  CHECK(fails(store.stats(), refused, "closed"));
  CHECK(ok(Store::open(temp.path())));
}

TEST_CASE("close: the write-ahead log is empty afterwards, however the store was closed") {
  TempStore temp;
  for (int i = 0; i < 3; ++i) {
    auto store = temp.open();
    must(store.save("m", one({static_cast<float>(i)})));
    if (i == 0) {
      must(store.close());
      CHECK(bytes_with_extension(temp.database(), ".log") == 0);
    } else {
      CHECK(bytes_with_extension(temp.database(), ".log") > 0);
    }
  }
  CHECK(bytes_with_extension(temp.database(), ".log") == 0);
  must(temp.open().close());
  CHECK(bytes_with_extension(temp.database(), ".log") == 0);
}

TEST_CASE("handle: moving it moves the store; what was moved from is refused") {
  TempStore temp;
  auto first = temp.open();
  must(first.save("m", one({1})));
  auto second = std::move(first);
  CHECK(ok(second.load("m")));
  CHECK(fails(first.load("m"), Code::InvalidArgument, "moved"));  // NOLINT: that is the test
  CHECK(fails(first.close(), Code::InvalidArgument, "moved"));
  TempStore elsewhere;
  second = elsewhere.open();
  CHECK(must(second.list()).empty());
  CHECK(ok(Store::open(temp.path())));  // Assigning over it let it go.
  first = std::move(second);
  CHECK(ok(first.list()));
}

}  // namespace cairn::testing
