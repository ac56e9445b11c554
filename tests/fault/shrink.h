// Makes a list that fails a test shorter, for people to read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace cairn::testing {

// Leaves items out, in runs of half the list, a quarter and so on, as long as `fails` holds for
// what is left. After so many trials it gives back what it has.
template <class Item, class Fails>
std::vector<Item> shrink(std::vector<Item> items, const Fails& fails, std::size_t trials) {
  for (std::size_t run = std::max<std::size_t>(items.size() / 2, 1); run > 0; run /= 2) {
    for (std::size_t at = 0; at < items.size() && trials > 0;) {
      const auto first = items.begin() + static_cast<std::ptrdiff_t>(at);
      const auto last =
          items.begin() + static_cast<std::ptrdiff_t>(std::min(at + run, items.size()));
      std::vector<Item> rest(items.begin(), first);
      rest.insert(rest.end(), last, items.end());
      --trials;
      if (fails(rest)) {
        items = std::move(rest);
      } else {
        at += run;
      }
    }
  }
  return items;
}

}  // namespace cairn::testing
