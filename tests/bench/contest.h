// A contest: several ways of doing one thing, run in turn, round by round, in one process, so that
// a machine whose speed drifts is fair to all. Printed are medians, and ratios of medians.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

class Contest {
 public:
  // What the last column says: how fast the first entry, cairn, is beside each of the others, or
  // how fast each of them is beside the first.
  enum class Ratio { OfFirst, ToFirst };

  // `bytes` are what one run moves, for the rate.
  Contest(std::string title, std::uint64_t bytes, int rounds, Ratio ratio = Ratio::OfFirst)
      : title_(std::move(title)), bytes_(bytes), rounds_(rounds), ratio_(ratio) {}

  // `run` is timed; `prepare`, before it, is not. The first entry is what the others are set
  // against.
  void add(std::string name, std::function<void()> run, std::function<void()> prepare = {}) {
    entries_.push_back({std::move(name), std::move(run), std::move(prepare), {}});
  }

  void run() {
    for (int round = -1; round < rounds_; ++round) {  // Round -1 warms up.
      for (auto& entry : entries_) {
        if (entry.prepare) {
          entry.prepare();
        }
        const auto start = std::chrono::steady_clock::now();
        entry.run();
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        if (round >= 0) {
          entry.seconds.push_back(took.count());
        }
      }
    }
    print();
  }

  [[nodiscard]] double median(std::size_t entry) const {
    auto sorted = entries_[entry].seconds;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }

 private:
  struct Entry {
    std::string name;
    std::function<void()> run;
    std::function<void()> prepare;
    std::vector<double> seconds;
  };

  void print() const {
    std::printf("\n%s (%.0f MiB, medians of %d)\n", title_.c_str(),
                static_cast<double>(bytes_) / (1 << 20), rounds_);
    const bool of_first = ratio_ == Ratio::OfFirst;
    std::printf("  %-58s %9s %9s %21s\n", "", "ms", "GB/s",
                of_first ? "speed of cairn to it" : "speed to the first");
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const double seconds = median(i);
      std::printf("  %-58s %9.2f %9.2f", entries_[i].name.c_str(), seconds * 1e3,
                  static_cast<double>(bytes_) / seconds / 1e9);
      if (i > 0) {
        std::printf(" %20.2fx", of_first ? seconds / median(0) : median(0) / seconds);
      }
      std::printf("\n");
    }
  }

  std::string title_;
  std::uint64_t bytes_;
  int rounds_;
  Ratio ratio_;
  std::vector<Entry> entries_;
};

[[noreturn]] inline void stop(const std::string& why) {
  std::fprintf(stderr, "error: %s\n", why.c_str());
  std::exit(1);
}

// The value of a Result, or the end.
template <class R>
auto must(R result) {
  if (!result) {
    stop(result.error().to_string());
  }
  if constexpr (requires { *std::move(result); }) {
    return *std::move(result);
  }
}

}  // namespace bench
