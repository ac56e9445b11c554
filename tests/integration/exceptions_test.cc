// No exception leaves the library. A program of its own: its operator new refuses, on the thread
// that asks for it, whatever is as large as it says, so that memory runs out at a known place.
#include <cstdlib>
#include <limits>
#include <new>
#include <stdexcept>

#include <doctest/doctest.h>

#include "support.h"

namespace {

constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();
thread_local std::size_t refused_from = kNever;

// While it lives, this thread gets no block of so many bytes or more.
struct Refusal {
  explicit Refusal(std::size_t bytes) { refused_from = bytes; }
  ~Refusal() { refused_from = kNever; }
  Refusal(const Refusal&) = delete;
  Refusal& operator=(const Refusal&) = delete;
};

}  // namespace

void* operator new(std::size_t size) {
  void* out = size >= refused_from ? nullptr : std::malloc(size == 0 ? 1 : size);
  if (out == nullptr) {
    throw std::bad_alloc();
  }
  return out;
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace cairn::testing {

TEST_CASE("save: where memory runs out it is LimitExceeded, and the store is as before") {
  const TempStore temp;
  auto store = temp.open();
  const auto path = temp.beside("big");
  const auto content = Random(1).bytes(3 * kMiB);
  write_file(path, content);
  Draft draft;
  draft.file("big", path);
  {
    const Refusal refusal(kMiB);  // The file is read in larger pieces.
    const auto saved = store.save("m:1", draft);
    refused_from = kNever;
    CHECK(fails(saved, Code::LimitExceeded, "memory"));
  }
  CHECK(must(store.names()).empty());
  CHECK(files_in(temp.incoming()) == 0);
  must(store.save("m:1", draft));
  const auto artifact = must(store.load("m:1"));
  {
    const Refusal refusal(kMiB);
    const auto bytes = artifact.file("big");
    refused_from = kNever;
    CHECK(fails(bytes, Code::LimitExceeded, "memory"));
  }
  CHECK(must(artifact.file("big")) == content);
}

TEST_CASE("read_file: what a sink throws does not pass through, and the store goes on") {
  TempStore temp;
  auto store = temp.open();
  Draft draft;
  draft.file("notes.txt", to_bytes("some text"));
  must(store.save("m:1", draft));
  const auto artifact = must(store.load("m"));
  const auto read = artifact.read_file("notes.txt", [](std::span<const std::byte>) -> Result<void> {
    throw std::runtime_error("the sink is full");
  });
  CHECK(fails(read, Code::Io, "the sink is full"));
  CHECK(ok(artifact.verify()));
}

}  // namespace cairn::testing
