// Annotation: changes to what is said about a saved artifact: metrics, tags and free fields.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/draft.h"
#include "cairn/error.h"
#include "cairn/value.h"

namespace cairn {

// Builder calls cannot fail: the first error is kept and returned by `annotate`. Names and values
// as for a draft; setting a name twice keeps the last, removing one that is not there is no error.
// Used from one thread at a time.
class Annotation {
 public:
  CAIRN_API Annotation& metric(std::string_view name, double value);
  CAIRN_API Annotation& tag(std::string_view name, std::string_view value);
  CAIRN_API Annotation& field(std::string_view name, Value value);

  CAIRN_API Annotation& remove_metric(std::string_view name);
  CAIRN_API Annotation& remove_tag(std::string_view name);
  CAIRN_API Annotation& remove_field(std::string_view name);

  // What is to be set, and the first error.
  [[nodiscard]] const Draft::Parts& changes() const noexcept { return set_.parts(); }
  [[nodiscard]] const std::optional<Error>& error() const noexcept { return set_.error(); }
  // Names that go.
  struct Removals {
    std::vector<std::string> metrics;
    std::vector<std::string> tags;
    std::vector<std::string> fields;
  };
  [[nodiscard]] const Removals& removals() const noexcept { return removals_; }

 private:
  Draft set_;
  Removals removals_;
};

}  // namespace cairn
