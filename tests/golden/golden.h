// The golden store: a small store of a released format, kept in tests/data/golden, that every later
// build must open and read to the last byte. What it holds is made by formula, so that the test
// can tell not only that bytes are unchanged but also that they are right.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <cairn/cairn.h>

namespace golden {

struct Sample {
  cairn::Key key;
  std::function<void(cairn::Draft&)> fill;
  bool bulk = false;     // Its chunks go through ingestion, not into the commit batch.
  bool removed = false;  // It is removed again: it stands in the trash.
};

// In the order in which they are saved.
[[nodiscard]] std::vector<Sample> samples();

// Everything that the public API tells about a store's artifacts, aliases and digests.
[[nodiscard]] nlohmann::ordered_json describe(const cairn::Store& store);

}  // namespace golden
