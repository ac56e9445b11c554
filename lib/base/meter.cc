// A thread that finds another one telling goes on with its work.
#include "base/meter.h"

#include "base/text.h"

namespace cairn {

namespace {

constexpr std::chrono::milliseconds kBetweenCalls(50);

}  // namespace

Meter::Meter(const Control& control, std::uint64_t total_bytes)
    : control_(control), total_bytes_(total_bytes), told_at_(Clock::now()) {}

Result<void> Meter::check() const {
  if (control_.stop.stop_requested()) {
    return fail(Code::Cancelled, "stopped, as was asked for");
  }
  return {};
}

Result<void> Meter::advance(std::uint64_t bytes) {
  done_bytes_ += bytes;
  if (control_.progress) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock && Clock::now() - told_at_ >= kBetweenCalls) {
      tell_locked();
    }
  }
  return check();
}

void Meter::finish() {
  if (control_.progress) {
    const std::lock_guard lock(mutex_);
    done_bytes_ = total_bytes_;
    tell_locked();
  }
}

void Meter::tell_locked() {
  control_.progress({.done_bytes = done_bytes_, .total_bytes = total_bytes_});
  told_at_ = Clock::now();
}

}  // namespace cairn
