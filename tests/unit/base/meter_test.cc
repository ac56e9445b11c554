// Meter: progress that is told now and then and never twice at once, and stopping.
#include "base/meter.h"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

namespace cairn {

TEST_CASE("meter: without a callback it only hears of stops") {
  std::stop_source source;
  const Control control{.stop = source.get_token()};
  Meter meter(control, 100);
  CHECK(meter.advance(10));
  CHECK(meter.check());
  source.request_stop();
  REQUIRE(!meter.advance(10));
  CHECK(meter.check().error().code == Code::Cancelled);
  meter.finish();
}

TEST_CASE("meter: the end is always told, and progress only grows") {
  std::vector<Progress> told;
  const Control control{.progress = [&](const Progress& progress) { told.push_back(progress); }};
  Meter meter(control, 30);
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    CHECK(meter.advance(10));
  }
  meter.finish();
  REQUIRE(told.size() == 4);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(told[i].done_bytes == 10 * (i + 1));
    CHECK(told[i].total_bytes == 30);
  }
  CHECK(told.back().done_bytes == 30);
}

TEST_CASE("meter: a callback is never run by two threads at once, nor too often") {
  std::atomic<int> inside{0};
  std::atomic<bool> overlapped{false};
  std::atomic<int> calls{0};
  const Control control{.progress = [&](const Progress&) {
    overlapped = overlapped || ++inside != 1;
    ++calls;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    --inside;
  }};
  Meter meter(control, 4'000);
  const auto start = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1'000; ++i) {
          static_cast<void>(meter.advance(1));
          std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
      });
    }
  }
  const auto took = std::chrono::steady_clock::now() - start;
  meter.finish();
  CHECK(!overlapped);
  CHECK(calls >= 2);
  CHECK(calls <= 2 + took / std::chrono::milliseconds(50));
}

TEST_CASE("meter: what a callback throws is let through, for the guard around the call") {
  const Control control{.progress = [](const Progress&) { throw std::runtime_error("enough"); }};
  Meter meter(control, 1);
  CHECK_THROWS_AS(meter.finish(), std::runtime_error);
}

}  // namespace cairn
