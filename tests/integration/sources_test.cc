// Tensors and files that are read while they are saved: from a file, from a callback, from
// callbacks that fail, throw or change their mind; and that memory stays flat, whatever is saved.
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <stdexcept>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

constexpr const char* kPlaceVariable = "CAIRN_TEST_BIG_SAVE";

constexpr std::array kDTypes = {
    DType::Bool, DType::I8,  DType::I16, DType::I32,    DType::I64,    DType::U8,
    DType::U16,  DType::U32, DType::U64, DType::F8E4M3, DType::F8E5M2, DType::F16,
    DType::BF16, DType::F32, DType::F64, DType::C64,    DType::C128,
};

std::vector<std::byte> random_tensor(Random& random, DType dtype, std::size_t bytes) {
  auto out = random.bytes(bytes);
  if (dtype == DType::Bool) {
    for (auto& byte : out) {
      byte &= std::byte{1};
    }
  }
  return out;
}

// Gives these bytes.
ReadCallback giving(const std::vector<std::byte>& bytes, bool concurrent = false) {
  return {[&bytes](std::uint64_t offset, std::span<std::byte> out) -> Result<void> {
            std::memcpy(out.data(), bytes.data() + offset, out.size());
            return {};
          },
          concurrent};
}

TensorSource bytes_from(std::uint64_t size, std::variant<FileRange, ReadCallback> from) {
  return {DType::U8, {size}, Layout::C, std::move(from)};
}

Result<Receipt> save_tensor(Store& store, const Ref& ref, TensorSource source) {
  Draft draft;
  draft.tensor("w", std::move(source));
  return store.save(ref, draft);
}

void check_unharmed(const TempStore& temp, Store& store) {
  CHECK(must(store.list()).empty());
  CHECK(files_in(temp.incoming()) == 0);
  must(store.save("after", Draft().tensor("x", std::vector<float>(10, 1))));
  CHECK(ok(must(store.load("after")).verify()));
}

std::uint64_t status_bytes(const std::string& field) {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    if (word == field) {
      std::uint64_t kib = 0;
      file >> kib;
      return kib << 10;
    }
  }
  throw std::runtime_error("no " + field + " in /proc/self/status");
}

// The most memory of this process while `body` ran, above what it had before.
template <class Body>
std::uint64_t peak_of(const Body& body) {
  std::ofstream("/proc/self/clear_refs") << 5;  // The peak starts again.
  const auto before = status_bytes("VmRSS:");
  body();
  return status_bytes("VmHWM:") - before;
}

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kMemoryIsItsOwn = false;
#elif defined(__has_feature)
constexpr bool kMemoryIsItsOwn = !__has_feature(address_sanitizer);
#else
constexpr bool kMemoryIsItsOwn = true;
#endif

void check_flat(const std::string& what, std::uint64_t peak) {
  MESSAGE(what << ": " << peak / 1024 << " KiB of memory");
  if (kMemoryIsItsOwn) {  // The sanitizers keep freed memory for a while.
    CHECK(peak <= 64 * kMiB);
  }
}

// Every eight bytes of it are others.
ReadCallback counting(bool concurrent) {
  return {[](std::uint64_t offset, std::span<std::byte> out) -> Result<void> {
            for (std::size_t at = 0; at < out.size(); at += sizeof offset) {
              const auto word = (offset + at) * 0x9E37'79B9'7F4A'7C15;
              std::memcpy(out.data() + at, &word, std::min(sizeof word, out.size() - at));
            }
            return {};
          },
          concurrent};
}

}  // namespace

TEST_CASE("sources: every dtype is the same from memory, from a file and from a callback") {
  const TempStore temp;
  auto store = temp.open();
  Random random;
  for (const DType dtype : kDTypes) {
    for (const Layout layout : {Layout::C, Layout::Fortran}) {
      const std::string name(to_string(dtype));
      CAPTURE(name);
      const Shape shape = {3, 1'000, 7};
      const auto bytes = random_tensor(random, dtype, must(shape_bytes(dtype, shape)));
      const auto path = temp.beside("raw");
      auto content = random.bytes(100);
      content.insert(content.end(), bytes.begin(), bytes.end());
      write_file(path, content);
      Draft from_memory;
      from_memory.tensor("w", TensorView{dtype, shape, layout, bytes});
      Draft from_file;
      from_file.tensor("w", TensorSource{dtype, shape, layout, FileRange{path, 100}});
      Draft from_callback;
      from_callback.tensor("w", TensorSource{dtype, shape, layout, giving(bytes)});
      const auto first = must(store.save(name, from_memory));
      CHECK(first.new_chunks == 1);
      for (const Draft* draft : {&from_file, &from_callback}) {
        const auto receipt = must(store.save(name, *draft));
        CHECK(receipt.digest == first.digest);
        CHECK(receipt.new_chunks == 0);
        CHECK(receipt.size_bytes == bytes.size());
        const auto loaded = must(store.load(receipt.key));
        const auto info = must(loaded.info("w"));
        CHECK(info.dtype == dtype);
        CHECK(info.shape == shape);
        CHECK(info.layout == layout);
        CHECK(info.health.has_value());
        CHECK(same_bytes(bytes_of(loaded, "w"), bytes));
      }
    }
  }
}

TEST_CASE("sources: sizes around the borders of chunks, new from each kind of source") {
  Random random;
  for (const bool concurrent : {false, true}) {
    const TempStore temp;
    auto store = temp.open({.threads = 4});
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, kMiB - 1, kMiB, kMiB + 1, 5 * kMiB - 3, 66 * kMiB + 9}) {
      CAPTURE(size);
      const auto bytes = random.bytes(size);
      const auto path = temp.beside(std::to_string(size));
      write_file(path, bytes);
      const auto one =
          must(save_tensor(store, "callback", bytes_from(size, giving(bytes, concurrent))));
      CHECK(one.new_bytes == size);
      CHECK(same_bytes(bytes_of(must(store.load(one.key)), "w"), bytes));
      const auto two = must(save_tensor(store, "file", bytes_from(size, FileRange{path, 0})));
      CHECK(two.new_bytes == 0);
      CHECK(two.digest == one.digest);
      const auto three = must(save_tensor(store, one.key, bytes_from(size, FileRange{path, 0})));
      CHECK(three.existed);
      Draft from_memory;
      from_memory.tensor("w", TensorView{DType::U8, {size}, Layout::C, bytes});
      const auto four = must(store.save("memory", from_memory));
      CHECK(four.new_bytes == 0);
      CHECK(four.digest == one.digest);
      const auto health = [&](const Key& key) {
        return must(must(store.load(key)).info("w")).health.value();
      };
      CHECK(health(four.key).l2 == health(one.key).l2);
    }
  }
}

TEST_CASE("sources: many tensors of one file, new ones from files, and files from callbacks") {
  const TempStore temp;
  auto store = temp.open();
  Random random;
  const auto bytes = random.bytes(9 * kMiB);
  const auto path = temp.beside("all");
  write_file(path, bytes);
  Draft draft;
  for (std::uint64_t i = 0; i < 200; ++i) {
    draft.tensor(std::to_string(i), bytes_from(i * 100, FileRange{path, i * 40'000}));
  }
  draft.file("callback", FileSource{bytes.size(), giving(bytes)});
  draft.file("path", path);
  const auto receipt = must(store.save("m", draft));
  CHECK(receipt.new_bytes < receipt.size_bytes);  // The two files are one.
  const auto loaded = must(store.load("m"));
  CHECK(ok(loaded.verify()));
  for (std::uint64_t i = 0; i < 200; ++i) {
    CHECK(same_bytes(bytes_of(loaded, std::to_string(i)),
                     std::span(bytes).subspan(i * 40'000, i * 100)));
  }
  CHECK(same_bytes(must(loaded.file("callback")), bytes));
  CHECK(loaded.files().at(0).content == loaded.files().at(1).content);
  CHECK(must(store.save("m:1", draft)).existed);
}

TEST_CASE("sources: a draft may be saved again, and is asked again") {
  const TempStore temp;
  auto store = temp.open();
  std::atomic<std::uint64_t> asked = 0;
  const auto bytes = Random().bytes(3 * kMiB);
  auto source = giving(bytes);
  Draft draft;
  draft.tensor("w", bytes_from(bytes.size(),
                               ReadCallback{[&](std::uint64_t offset, std::span<std::byte> out) {
                                 asked += out.size();
                                 return source.read(offset, out);
                               }}));
  CHECK(must(store.save("a", draft)).new_chunks == 3);
  CHECK(asked == bytes.size());  // Each piece once.
  CHECK(must(store.save("b", draft)).new_chunks == 0);
  CHECK(asked == 2 * bytes.size());
}

TEST_CASE("sources: a callback is run by one thread at a time, or by several where it may") {
  const TempStore temp;
  auto store = temp.open({.threads = 4});
  const auto bytes = Random().bytes(40 * kMiB);
  const auto inner = giving(bytes);
  std::mutex mutex;
  std::condition_variable arrived;
  int inside = 0;
  int most = 0;
  bool wait = false;
  const auto read = [&](std::uint64_t offset, std::span<std::byte> out) {
    {
      std::unique_lock lock(mutex);
      most = std::max(most, ++inside);
      arrived.notify_all();
      if (wait) {  // For another one to be inside, too.
        arrived.wait_for(lock, std::chrono::seconds(10), [&] { return most > 1; });
      }
    }
    auto done = inner.read(offset, out);
    const std::lock_guard lock(mutex);
    --inside;
    return done;
  };
  must(save_tensor(store, "a", bytes_from(bytes.size(), ReadCallback{read, false})));
  CHECK(most == 1);
  wait = true;
  must(save_tensor(store, "b", bytes_from(bytes.size(), ReadCallback{read, true})));
  CHECK(most > 1);
}

TEST_CASE("sources: a callback's error is the save's, with the name, and nothing is saved") {
  for (const std::size_t size : {std::size_t{1'000}, 3 * kMiB, 66 * kMiB}) {
    for (const bool as_file : {false, true}) {
      CAPTURE(size);
      CAPTURE(as_file);
      const TempStore temp;
      auto store = temp.open({.threads = 3});
      const auto save = [&](const ReadCallback& callback) {
        Draft draft;
        draft.tensor("good", std::vector<float>(100, 1));
        if (as_file) {
          draft.file("bad", FileSource{size, callback});
        } else {
          draft.tensor("bad", bytes_from(size, callback));
        }
        return store.save("m", draft);
      };
      const auto inner = counting(false);
      const auto failing_at = [&](std::uint64_t place, auto fail) {
        return ReadCallback{[=](std::uint64_t offset, std::span<std::byte> out) -> Result<void> {
          return place < offset + out.size() ? fail() : inner.read(offset, out);
        }};
      };
      for (const auto place : {std::uint64_t{0}, std::uint64_t{size} - 1}) {
        CHECK(fails(save(failing_at(place,
                                    []() -> Result<void> {
                                      return tl::unexpected(Error{Code::Locked, "no more tape"});
                                    })),
                    Code::Locked, "\"bad\"", "no more tape"));
        CHECK(fails(
            save(failing_at(place, []() -> Result<void> { throw std::runtime_error("it broke"); })),
            Code::Io, "\"bad\"", "it broke"));
        CHECK(
            fails(save(failing_at(place, []() -> Result<void> { throw 7; })), Code::Io, "\"bad\""));
        CHECK(fails(save(failing_at(place, []() -> Result<void> { throw std::bad_alloc(); })),
                    Code::LimitExceeded, "\"bad\"", "memory"));
      }
      check_unharmed(temp, store);
    }
  }
}

TEST_CASE("sources: a callback that gives other bytes each time never makes a damaged artifact") {
  for (const std::size_t size : {std::size_t{500}, 2 * kMiB, 70 * kMiB}) {
    for (const bool as_file : {false, true}) {
      CAPTURE(size);
      CAPTURE(as_file);
      const TempStore temp;
      auto store = temp.open();
      std::atomic<std::uint64_t> calls = 0;
      const ReadCallback callback{[&](std::uint64_t, std::span<std::byte> out) -> Result<void> {
        // Few different pieces, so that twins are looked for among them.
        std::ranges::fill(out, static_cast<std::byte>(calls++ % 3));
        return {};
      }};
      for (int i = 0; i < 3; ++i) {
        Draft draft;
        if (as_file) {
          draft.file("f", FileSource{size, callback});
        } else {
          draft.tensor("w", bytes_from(size, callback));
        }
        const auto saved = store.save("m:1", draft, {.replace = true});
        CHECK((saved || fails(saved, Code::InvalidArgument, "changed").good));
        CHECK(files_in(temp.incoming()) == 0);
        if (saved) {
          CHECK(ok(must(store.load("m:1")).verify()));
        }
      }
      must(store.close());
    }
  }
}

TEST_CASE(
    "sources: a file that is short, missing, odd or changed is refused, by the tensor's name") {
  const TempStore temp;
  auto store = temp.open();
  const auto path = temp.beside("raw");
  write_file(path, Random().bytes(1'000));
  const auto save = [&](const std::filesystem::path& from, std::uint64_t offset,
                        std::uint64_t size) {
    return save_tensor(store, "m", bytes_from(size, FileRange{from, offset}));
  };
  CHECK(fails(save(path, 0, 1'001), Code::InvalidArgument, "\"w\"", "1000", "1001"));
  CHECK(fails(save(path, 1, 1'000), Code::InvalidArgument, "\"w\""));
  CHECK(fails(save(path, 1'001, 0), Code::InvalidArgument, "\"w\""));
  CHECK(fails(save(path, ~std::uint64_t{0}, 2), Code::InvalidArgument, "\"w\""));
  CHECK(fails(save(temp.beside("missing"), 0, 1), Code::NotFound, "\"w\"", "missing"));
  CHECK(fails(save(temp.path(), 0, 1), Code::InvalidArgument, "\"w\"", "regular"));
  // The callback of one tensor changes the file of the next, which was looked at before.
  Draft draft;
  draft.tensor("a", bytes_from(10, ReadCallback{[&](std::uint64_t, std::span<std::byte>) {
                                 write_file(path, Random(2).bytes(1'001));
                                 return Result<void>();
                               }}));
  draft.tensor("b", bytes_from(1'000, FileRange{path, 0}));
  CHECK(fails(store.save("m", draft), Code::InvalidArgument, "\"b\"", "changed"));
  check_unharmed(temp, store);
}

TEST_CASE("sources: what is wrong with the tensor itself is found before anything is read") {
  const TempStore temp;
  auto store = temp.open();
  const ReadCallback never{[](std::uint64_t, std::span<std::byte>) -> Result<void> {
    throw std::logic_error("was read");
  }};
  const auto refuses = [&](Code code, const TensorSource& source, const char* fragment) {
    return fails(save_tensor(store, "m", source), code, "\"w\"", fragment);
  };
  CHECK(refuses(Code::InvalidArgument, bytes_from(10, ReadCallback{}), "callback"));
  CHECK(refuses(Code::LimitExceeded, {DType::F32, Shape(33, 1), Layout::C, never}, "33"));
  CHECK(refuses(Code::LimitExceeded, {DType::F32, {1ULL << 62U}, Layout::C, never}, ""));
  CHECK(refuses(Code::LimitExceeded, {DType::F32, {1ULL << 40U}, Layout::C, never}, "bytes"));
  CHECK(refuses(Code::InvalidArgument, {DType::F32, {1}, static_cast<Layout>(9), never}, "layout"));
  CHECK(fails(store.save("m", Draft().file("f", FileSource{10, {}})), Code::InvalidArgument,
              "\"f\"", "callback"));
  CHECK(fails(store.save("m", Draft().file("f", FileSource{1ULL << 40U, never})),
              Code::LimitExceeded, "\"f\""));
  const ReadCallback twos{[](std::uint64_t, std::span<std::byte> out) -> Result<void> {
    std::ranges::fill(out, std::byte{2});
    return {};
  }};
  CHECK(refuses(Code::InvalidArgument, {DType::Bool, {3 * kMiB}, Layout::C, twos}, "bool"));
  check_unharmed(temp, store);
}

TEST_CASE("sources: memory stays flat, whatever is saved") {
  const TempDir place;
  std::string program = "integration";
  std::string filter = "--test-case=child process: saves more than it has memory for";
  std::string hidden = "--no-skip";
  char* arguments[] = {program.data(), filter.data(), hidden.data(), nullptr};
  ::setenv(kPlaceVariable, place.path().c_str(), 1);
  pid_t pid = 0;
  REQUIRE(posix_spawn(&pid, "/proc/self/exe", nullptr, nullptr, arguments, environ) == 0);
  ::unsetenv(kPlaceVariable);
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("child process: saves more than it has memory for" * doctest::skip()) {
  const char* place = std::getenv(kPlaceVariable);
  if (place == nullptr) {
    return;  // Run by hand.
  }
  const std::filesystem::path root(place);
  auto store = must(Store::open(root / "store", {.threads = 16}));
  must(store.save("first", Draft().tensor("w", std::vector<float>(kMiB, 1))));

  // A file of nothing but a hole, and one number at its end.
  const auto sparse = root / "sparse";
  const std::uint64_t size = scaled(std::uint64_t{1} << 30U, std::uint64_t{8} << 30U);
  write_file(sparse, {});
  std::filesystem::resize_file(sparse, size);
  std::fstream(sparse, std::ios::in | std::ios::out | std::ios::binary)
      .seekp(static_cast<std::streamoff>(size - 1))
      .put('\x40');
  check_flat(
      "a sparse file", peak_of([&] {
        const auto receipt = must(save_tensor(
            store, "sparse", {DType::F32, {size / 4096, 1024}, Layout::C, FileRange{sparse, 0}}));
        CHECK(receipt.size_bytes == size);
        CHECK(receipt.new_chunks == 2);
      }));
  CHECK(must(must(store.load("sparse")).info("w")).health.value().max == 2.0);

  const std::uint64_t dense = scaled(256 * kMiB, 2048 * kMiB);
  check_flat("new bytes", peak_of([&] {
               const auto receipt = must(save_tensor(
                   store, "new", {DType::F64, {dense / 8}, Layout::C, counting(false)}));
               CHECK(receipt.new_bytes == dense);
             }));
  // Here the stored bytes are looked at through a mapping of the store's files: its pages are the
  // page cache's, and not counted.
  const auto before = status_bytes("RssAnon:");
  std::atomic<std::uint64_t> most = before;
  const ReadCallback watching{[&](std::uint64_t offset, std::span<std::byte> out) {
                                const auto now = status_bytes("RssAnon:");
                                for (auto known = most.load(); known < now;) {
                                  most.compare_exchange_weak(known, now);
                                }
                                return counting(true).read(offset, out);
                              },
                              true};
  CHECK(
      must(save_tensor(store, "known", {DType::F64, {dense / 8}, Layout::C, watching})).new_bytes ==
      0);
  check_flat("known bytes", most - before);
  const auto file_bytes = scaled(128 * kMiB, 512 * kMiB) + 5;
  check_flat("a file", peak_of([&] {
               Draft draft;
               draft.file("f", FileSource{file_bytes, counting(false)});
               CHECK(must(store.save("file", draft)).new_bytes == file_bytes);
             }));
  must(store.close());
}

}  // namespace cairn::testing
