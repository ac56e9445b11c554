// Readers in other processes beside a writer that commits, flushes, merges, removes, and closes and
// opens its store: each view is whole and no older than what was acknowledged before it was opened.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <new>
#include <string>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

constexpr OpenOptions kReadOnly{.mode = OpenOptions::Mode::ReadOnly};
constexpr int kReaders = 4;
constexpr std::uint64_t kKept = 120;

// Shared by the processes.
struct Scene {
  std::atomic<std::uint64_t> acknowledged{0};  // Epochs below it were saved.
  std::atomic<std::uint64_t> removed{0};       // Epochs below it were, or are being, removed.
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> views{0};
  std::atomic<std::uint64_t> retries{0};
  std::atomic<std::uint64_t> refreshed{0};
};

Scene& shared_scene() {
  void* memory =
      ::mmap(nullptr, sizeof(Scene), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  return *new (memory) Scene;
}

// In a fork of this process, which has opened no store; 0 where `body` came to its end.
pid_t start(const std::function<void()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    try {
      body();
      std::fflush(stdout);
      ::_exit(0);
    } catch (const std::exception& error) {
      std::printf("process %d: %s\n", ::getpid(), error.what());
      std::fflush(stdout);
      ::_exit(1);
    }
  }
  return pid;
}

[[noreturn]] void wrong(const std::string& what) {
  throw std::runtime_error(what);
}

std::vector<float> values_of(std::uint64_t epoch) {
  std::vector<float> out(epoch % 4 == 0 ? 300'000 : 500);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<float>(epoch * 1'000'003 + i);
  }
  return out;
}

void write(const std::filesystem::path& path, Scene& scene) {
  auto store = std::optional(must(Store::open(path)));
  for (std::uint64_t epoch = 0; !scene.stop; ++epoch) {
    Draft draft;
    draft.tensor("w", values_of(epoch)).metric("epoch", static_cast<double>(epoch));
    must(store->save({"m", "1", epoch}, draft));
    scene.acknowledged = epoch + 1;
    if (epoch % 20 == 19) {  // Flushes, and deletes the log.
      must(store->close());
      store = must(Store::open(path));
    }
    if (epoch % 30 == 29 && epoch > kKept) {
      const auto first = scene.removed.exchange(epoch - kKept);
      must(
          store->remove("m:1@" + std::to_string(first) + ".." + std::to_string(epoch - kKept - 1)));
    }
  }
}

void check_view(const Store& store, std::uint64_t acknowledged, const Scene& scene) {
  const auto artifacts = must(store.list());
  if (artifacts.size() < std::min<std::uint64_t>(acknowledged, kKept)) {
    wrong("only " + std::to_string(artifacts.size()) + " artifacts of " +
          std::to_string(acknowledged));
  }
  for (std::size_t i = 1; i < artifacts.size(); ++i) {
    if (artifacts[i].key.epoch != artifacts[i - 1].key.epoch + 1) {
      wrong("a hole behind " + artifacts[i - 1].key.to_string());
    }
  }
  if (artifacts.empty()) {
    return;
  }
  if (artifacts.back().key.epoch + 1 < acknowledged ||
      artifacts.front().key.epoch > scene.removed) {
    wrong("epochs " + std::to_string(artifacts.front().key.epoch) + " to " +
          std::to_string(artifacts.back().key.epoch) + " where " + std::to_string(acknowledged) +
          " were acknowledged");
  }
  for (const auto* info :
       {&artifacts.front(), &artifacts[artifacts.size() / 2], &artifacts.back()}) {
    const auto artifact = must(store.load(info->key));
    if (must(artifact.to<std::vector<float>>("w")) != values_of(info->key.epoch)) {
      wrong("other values in " + info->key.to_string());
    }
  }
}

void read(const std::filesystem::path& path, Scene& scene, bool refreshes) {
  std::optional<Store> kept;
  while (!scene.stop) {
    const auto acknowledged = scene.acknowledged.load();
    if (acknowledged == 0) {
      ::usleep(1'000);
      continue;
    }
    std::optional<Error> error;
    if (refreshes && kept) {
      auto done = kept->refresh();
      error = done ? std::nullopt : std::optional(done.error());
      scene.refreshed += done && *done;
    } else {
      kept.reset();
      auto opened = Store::open(path, kReadOnly);
      if (opened) {
        kept = std::move(*opened);
      } else {
        error = opened.error();
      }
    }
    if (error) {
      if (error->code != Code::Retry) {
        wrong(error->to_string());
      }
      ++scene.retries;
      continue;
    }
    check_view(*kept, acknowledged, scene);
    ++scene.views;
  }
}

}  // namespace

TEST_CASE("readers: beside a busy writer every view is whole and as new as what was acknowledged") {
  TempStore temp;
  auto& scene = shared_scene();
  const auto seconds = scaled(6, 60, 1'800);
  std::vector<pid_t> processes = {start([&] { write(temp.path(), scene); })};
  for (int i = 0; i < kReaders; ++i) {
    processes.push_back(start([&, i] { read(temp.path(), scene, i == 0); }));
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  bool failed = false;
  while (!failed && std::chrono::steady_clock::now() < until) {
    int status = 0;
    failed = ::waitpid(-1, &status, WNOHANG) > 0;  // None ends before it is told to.
    ::usleep(10'000);
  }
  CHECK(!failed);
  scene.stop = true;
  for (const auto pid : processes) {
    int status = 0;
    if (::waitpid(pid, &status, 0) == pid) {
      CHECK(WIFEXITED(status));
      CHECK(WEXITSTATUS(status) == 0);
    }
  }
  std::printf("%d readers, %llu s: %llu commits, %llu views (%llu by refresh), %llu times Retry\n",
              kReaders, static_cast<unsigned long long>(seconds),
              static_cast<unsigned long long>(scene.acknowledged),
              static_cast<unsigned long long>(scene.views),
              static_cast<unsigned long long>(scene.refreshed),
              static_cast<unsigned long long>(scene.retries));
  CHECK(scene.views > 20);
  CHECK(scene.refreshed > 0);
}

}  // namespace cairn::testing
