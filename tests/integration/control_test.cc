// What a load's control hears and says: progress of every call that reads, and the request to stop.
#include <functional>
#include <stdexcept>

#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

constexpr std::size_t kRows = 5000;
constexpr std::size_t kTensorBytes = kRows * 1024;  // Rows of 1 KiB.
constexpr std::size_t kFileBytes = 3 * kMiB + 11;

struct Saved {
  Saved() {
    Draft draft;
    draft.tensor("w", Random(1).floats(kTensorBytes / sizeof(float)), {kRows, 256})
        .file("f", Random(2).bytes(kFileBytes));
    must(temp.open().save("m", draft));
  }
  TempStore temp;
};

// Every call that reads, and how many bytes it is about.
struct Call {
  const char* name;
  std::uint64_t bytes;
  std::function<Result<void>(const Artifact&)> run;
};

template <class T>
Result<void> outcome(Result<T> result) {
  return result ? Result<void>() : tl::unexpected(std::move(result.error()));
}

std::vector<Call> all_calls() {
  static std::vector<std::byte> tensor(kTensorBytes);
  static std::vector<std::byte> rows(std::size_t{3000} * 1024);
  return {
      {"tensor", kTensorBytes, [](const Artifact& a) { return outcome(a.tensor("w")); }},
      {"read_into", kTensorBytes,
       [](const Artifact& a) { return a.read_into("w", std::span(tensor)); }},
      {"to", kTensorBytes,
       [](const Artifact& a) { return outcome(a.to<std::vector<float>>("w")); }},
      {"slice", 16 * 1024, [](const Artifact& a) { return outcome(a.slice("w", 64, 80)); }},
      {"slice of many chunks", 3000 * 1024,
       [](const Artifact& a) { return outcome(a.slice("w", 500, 3500)); }},
      {"read_slice_into", 3000 * 1024,
       [](const Artifact& a) { return a.read_slice_into("w", 0, 3000, std::span(rows)); }},
      {"file", kFileBytes, [](const Artifact& a) { return outcome(a.file("f")); }},
      {"read_file", kFileBytes,
       [](const Artifact& a) {
         return a.read_file("f", [](std::span<const std::byte>) { return Result<void>(); });
       }},
      {"verify", kTensorBytes + kFileBytes, [](const Artifact& a) { return a.verify(); }},
  };
}

}  // namespace

TEST_CASE("control: every call that reads tells its progress, up to all of its bytes") {
  const Saved saved;
  for (const bool mmap : {true, false}) {
    const auto store = saved.temp.open({.mmap = mmap});
    std::vector<Progress> told;
    const auto artifact = must(store.load(
        "m", {.threads = 2,
              .control = {.progress = [&](const Progress& now) { told.push_back(now); }}}));
    CHECK(told.empty());
    for (const auto& call : all_calls()) {
      CAPTURE(call.name);
      told.clear();
      CHECK(ok(call.run(artifact)));
      REQUIRE(!told.empty());
      CHECK(told.back().done_bytes == call.bytes);
      for (std::size_t i = 0; i < told.size(); ++i) {
        CHECK(told[i].total_bytes == call.bytes);
        CHECK(told[i].done_bytes <= call.bytes);
        CHECK((i == 0 || told[i].done_bytes >= told[i - 1].done_bytes));
      }
    }
  }
}

TEST_CASE("control: a call that is asked to stop is Cancelled, and says what it was reading") {
  const Saved saved;
  const auto store = saved.temp.open();
  std::stop_source source;
  int told = 0;
  const auto artifact = must(store.load(
      "m",
      {.control = {.progress = [&](const Progress&) { ++told; }, .stop = source.get_token()}}));
  const auto segments = must(artifact.segments("w"));
  CHECK(ok(segments.at(0)));
  CHECK(told == 0);  // Segments only hear of the stop.
  source.request_stop();
  for (const auto& call : all_calls()) {
    CAPTURE(call.name);
    CHECK(fails(call.run(artifact), Code::Cancelled, "m:1.0.0@0"));
  }
  CHECK(told == 0);
  CHECK(fails(artifact.segments("w"), Code::Cancelled, "\"w\""));
  CHECK(fails(artifact.file_segments("f"), Code::Cancelled, "\"f\""));
  CHECK(fails(segments.at(0), Code::Cancelled, "\"w\""));
  // Of another load nobody has said anything.
  CHECK(ok(must(store.load("m")).verify()));
}

TEST_CASE("control: a stop is heard between two chunks") {
  const Saved saved;
  std::stop_source source;
  const auto artifact =
      must(saved.temp.open().load("m", {.control = {.stop = source.get_token()}}));
  std::size_t pieces = 0;
  const auto read = artifact.read_file("f", [&](std::span<const std::byte>) -> Result<void> {
    ++pieces;
    source.request_stop();
    return {};
  });
  CHECK(fails(read, Code::Cancelled, "\"f\""));
  CHECK(pieces == 1);
}

TEST_CASE("control: what a progress callback throws ends the call, and nothing else") {
  const Saved saved;
  const auto store = saved.temp.open();
  const auto artifact = must(store.load("m", {.control = {.progress = [](const Progress&) {
                                                throw std::runtime_error("nobody listens");
                                              }}}));
  for (const auto& call : all_calls()) {
    CAPTURE(call.name);
    CHECK(fails(call.run(artifact), Code::Io, "nobody listens"));
  }
  CHECK(ok(must(store.load("m")).verify()));
}

}  // namespace cairn::testing
