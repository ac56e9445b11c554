// What a store must hold, as a map: the operations of operation.h done the simple way.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <cairn/cairn.h>

#include "made.h"
#include "operation.h"

namespace cairn::testing {

struct Standing {
  Label label;
  std::optional<double> loss;
  std::optional<Key> parent;
  std::vector<Label> before = {};  // Of annotations, oldest first.
};
struct Trashed {
  Standing standing;
  bool replaced = false;
};

class Model {
 public:
  // What the call must answer; changes the model as it must change the store.
  Answer apply(const Operation& operation);

  std::map<Key, Standing> artifacts;
  std::map<std::pair<std::string, std::string>, Key> aliases;  // By name and alias.
  std::map<Key, std::vector<Trashed>> trash;                   // Oldest first.

 private:
  [[nodiscard]] Answer select(const Operation& operation) const;
  Answer save(const Operation& operation);
  Answer remove(const Operation& operation);
  Answer undelete(const Operation& operation);
  Answer annotate(const Operation& operation);
  [[nodiscard]] std::vector<Key> epochs_of(const std::string& name, std::uint32_t version) const;
  [[nodiscard]] std::optional<std::uint32_t> last_version(const std::string& name) const;
};

// Whose bytes are to be read.
using LookInto = std::function<bool(const Key&)>;

// The first thing that differs between the store and the model among artifacts, aliases and trash
// of one name; an empty text where nothing does.
std::string difference(const Store& store, const Model& model, const std::string& name,
                       const LookInto& look_into);
// The same of the whole store: also that it has no other names, and counts as it should.
std::string difference(const Store& store, const Model& model, const LookInto& look_into);

}  // namespace cairn::testing
