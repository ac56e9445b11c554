// A thread a part: parts are large (megabytes to hash or copy), so starting threads costs nothing
// that counts, and there is no pool whose life has to be managed.
#include "base/parallel.h"

#include <algorithm>
#include <system_error>
#include <thread>
#include <vector>

#include "base/guard.h"

namespace cairn {

Result<void> parallel_ranges(
    std::size_t count, unsigned threads,
    const std::function<Result<void>(std::size_t begin, std::size_t end)>& body) {
  const std::size_t parts = std::clamp<std::size_t>(threads, 1, std::max<std::size_t>(count, 1));
  std::vector<Result<void>> results(parts);
  const auto run = [&](std::size_t part) {
    results[part] = guarded([&] { return body(count * part / parts, count * (part + 1) / parts); });
  };
  std::vector<std::jthread> others;
  others.reserve(parts - 1);
  std::size_t started = 1;
  try {
    for (; started < parts; ++started) {
      others.emplace_back(run, started);
    }
  } catch (const std::system_error&) {
    // No more threads to be had: this one does the rest.
  }
  run(0);
  for (auto part = started; part < parts; ++part) {
    run(part);
  }
  others.clear();  // Joins.
  for (auto& result : results) {
    if (!result) {
      return std::move(result);
    }
  }
  return {};
}

}  // namespace cairn
