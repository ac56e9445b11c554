// T16: random operations, compared one by one with a map. Where the store and the map differ, the
// list of operations is made as short as it still fails, and printed with the seed.
//
// CAIRN_TEST_SEED repeats a run. Sizes: 5 stores of 200 operations; 4 of 500; 250 of 2,000.
#include <algorithm>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "model.h"
#include "operation.h"
#include "shrink.h"
#include "support.h"

namespace cairn::testing {

namespace {

using Kind = Operation::Kind;
using Mode = OpenOptions::Mode;

constexpr std::size_t kLookEvery = 50;  // Operations between two looks at every byte.
constexpr std::size_t kShrinkTrials = 400;

bool every(const Key&) {
  return true;
}
bool none(const Key&) {
  return false;
}

// A store and the model of it.
class Pair {
 public:
  Pair() : store_(place_.open()) {}

  // What differs after the operation; an empty text where nothing does.
  std::string step(const Operation& op) {
    switch (op.kind) {
      case Kind::Reopen:
        reopen({});
        return look();
      case Kind::ReadOnly:
        return read_only(op);
      case Kind::Refresh:
        return refresh();
      default:
        break;
    }
    const auto wanted = model_.apply(op);
    std::string why;
    const auto found = run(*store_, op, &why);
    ++said_[found.refused   ? std::string(to_string(*found.refused))
            : found.existed ? "existed"
                            : "OK"];
    if (found != wanted) {
      return "it says " + to_string(found) + ", expected " + to_string(wanted) + " " + why;
    }
    if (op.kind == Kind::Load) {
      return found.keys.empty() ? "" : read(found.keys.front());
    }
    return difference(*store_, model_, name_of(op.name), none);
  }

  std::string look() { return difference(*store_, model_, every); }

  // How often each word was said, as a check of the operations that are drawn.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& said() const noexcept { return said_; }

 private:
  void reopen(const OpenOptions& options) {
    must(store_->close());
    store_.reset();
    store_ = place_.open(options);
  }

  std::string read(const Key& key) {
    return difference(must(store_->load(key)), model_.artifacts.at(key).label);
  }

  // A reader sees what was there when it was last refreshed, and then what is there now.
  std::string refresh() {
    if (!reader_) {
      reader_ = place_.open({.mode = Mode::ReadOnly});
    } else {
      const auto differs = difference(*reader_, seen_, none);
      if (!differs.empty()) {
        return "before a refresh: " + differs;
      }
      must(reader_->refresh());
    }
    seen_ = model_;
    return difference(*reader_, seen_, every);
  }

  std::string read_only(const Operation& op) {
    must(store_->close());
    store_.reset();
    const auto before = listing_of(place_.path());
    store_ = place_.open({.mode = Mode::ReadOnly});
    auto differs = look();
    Operation refused = op;
    for (const auto kind : {Kind::Save, Kind::Replace, Kind::RemoveName, Kind::Undelete,
                            Kind::Annotate, Kind::SetAlias}) {
      refused.kind = kind;
      if (run(*store_, refused).refused != Code::InvalidArgument) {
        differs += " a read-only handle took: " + describe(refused);
      }
    }
    must(store_->close());
    differs += listing_of(place_.path()) == before ? "" : " a reader changed files";
    store_ = place_.open();
    return differs;
  }

  TempStore place_;
  std::optional<Store> store_;
  Model model_;
  std::optional<Store> reader_;
  Model seen_;
  std::map<std::string, std::uint64_t> said_;
};

// The first difference that the operations, done one by one on a new store, lead to.
std::string first_difference(const std::vector<Operation>& operations, Pair& pair) {
  for (std::size_t i = 0; i < operations.size(); ++i) {
    std::string differs;
    try {
      differs = pair.step(operations[i]);
      if (differs.empty() && (i + 1) % kLookEvery == 0) {
        differs = pair.look();
      }
    } catch (const std::exception& error) {
      differs = error.what();
    }
    if (!differs.empty()) {
      return "after operation " + std::to_string(i) + ", " + describe(operations[i]) + ": " +
             differs;
    }
  }
  return pair.look();
}

std::string first_difference(const std::vector<Operation>& operations) {
  Pair pair;
  return first_difference(operations, pair);
}

std::string in_short(const std::vector<Operation>& operations, const std::string& first) {
  std::ostringstream out;
  const auto few = shrink(
      operations, [](const auto& some) { return !first_difference(some).empty(); }, kShrinkTrials);
  const auto again = first_difference(few);
  out << "CAIRN_TEST_SEED=" << run_seed() << '\n' << first << '\n';
  out << (again.empty()                     ? "this does not happen again; all of the operations:"
          : few.size() == operations.size() ? "all of the operations are needed:"
                                            : "in short:")
      << '\n';
  for (const auto& op : again.empty() ? operations : few) {
    out << "  " << describe(op) << '\n';
  }
  out << again;
  return out.str();
}

}  // namespace

TEST_CASE("shrink: what is left fails, and without any part of it would not") {
  std::vector<int> items(200);
  for (int i = 0; i < 200; ++i) {
    items[static_cast<std::size_t>(i)] = i;
  }
  const auto fails = [](const std::vector<int>& some) {
    return std::ranges::count(some, 3) + std::ranges::count(some, 77) +
               std::ranges::count(some, 199) ==
           3;
  };
  CHECK(shrink(items, fails, 1'000) == std::vector<int>{3, 77, 199});
  CHECK(shrink(
            items, [](const auto&) { return true; }, 1'000)
            .empty());
  CHECK(shrink(items, fails, 0) == items);
}

TEST_CASE("model: a store does what a map does, whatever is done to it in whatever order") {
  const auto stores = scaled(5, 4, 250);
  const auto operations = scaled(200, 500, 2'000);
  std::cout << "model: " << stores << " stores, " << operations << " operations each" << std::endl;
  Numbers numbers(run_seed());
  std::map<std::string, std::uint64_t> said;
  for (std::uint64_t i = 0; i < stores; ++i) {
    std::vector<Operation> list;
    while (list.size() < operations) {
      const bool again = !list.empty() && numbers.below(5) == 0;
      list.push_back(again ? list[numbers.below(list.size())] : draw(numbers, {}));
    }
    Pair pair;
    const auto differs = first_difference(list, pair);
    if (!differs.empty()) {
      FAIL(in_short(list, differs));
    }
    for (const auto& [word, times] : pair.said()) {
      said[word] += times;
    }
  }
  for (const char* word :
       {"OK", "existed", "AlreadyExists", "NotFound", "Busy", "InvalidArgument"}) {
    std::cout << "  " << word << " " << said[word] << std::endl;
    CHECK(said[word] > 0);
  }
}

}  // namespace cairn::testing
