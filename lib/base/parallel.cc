// A thread a part: parts are large (megabytes to hash or copy), so starting threads costs nothing
// that counts, and there is no pool whose life has to be managed.
#include "base/parallel.h"

#include <algorithm>
#include <thread>
#include <vector>

namespace cairn {

Result<void> parallel_ranges(
    std::size_t count, unsigned threads,
    const std::function<Result<void>(std::size_t begin, std::size_t end)>& body) {
  const std::size_t parts = std::clamp<std::size_t>(threads, 1, std::max<std::size_t>(count, 1));
  std::vector<Result<void>> results(parts);
  const auto run = [&](std::size_t part) {
    results[part] = body(count * part / parts, count * (part + 1) / parts);
  };
  std::vector<std::jthread> others;
  others.reserve(parts - 1);
  for (std::size_t part = 1; part < parts; ++part) {
    others.emplace_back(run, part);
  }
  run(0);
  others.clear();  // Joins.
  for (auto& result : results) {
    if (!result) {
      return std::move(result);
    }
  }
  return {};
}

}  // namespace cairn
