// Annotation: a draft's checks of names and values, and the names that go.
#include "cairn/annotation.h"

#include <utility>

namespace cairn {

Annotation& Annotation::metric(std::string_view name, double value) {
  set_.metric(name, value);
  return *this;
}

Annotation& Annotation::tag(std::string_view name, std::string_view value) {
  set_.tag(name, value);
  return *this;
}

Annotation& Annotation::field(std::string_view name, Value value) {
  set_.field(name, std::move(value));
  return *this;
}

Annotation& Annotation::remove_metric(std::string_view name) {
  removals_.metrics.emplace_back(name);
  return *this;
}

Annotation& Annotation::remove_tag(std::string_view name) {
  removals_.tags.emplace_back(name);
  return *this;
}

Annotation& Annotation::remove_field(std::string_view name) {
  removals_.fields.emplace_back(name);
  return *this;
}

}  // namespace cairn
