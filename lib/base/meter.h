// Meter: how far a long call has come: tells the caller now and then, and hears when to stop.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>

#include "cairn/error.h"
#include "cairn/options.h"

namespace cairn {

// Thread-safe. `control` outlives it.
class Meter {
 public:
  Meter(const Control& control, std::uint64_t total_bytes);

  // Cancelled where the caller has asked to stop; cheap enough for every chunk.
  [[nodiscard]] Result<void> check() const;
  // The same, after `bytes` more are done. Lets through what the progress callback throws.
  [[nodiscard]] Result<void> advance(std::uint64_t bytes);
  // All is done: says so, whenever it was said last.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  void tell_locked();

  const Control& control_;
  const std::uint64_t total_bytes_;
  std::atomic<std::uint64_t> done_bytes_{0};
  std::mutex mutex_;           // Held while the callback runs: by one thread at a time.
  Clock::time_point told_at_;  // Guarded by mutex_.
};

}  // namespace cairn
