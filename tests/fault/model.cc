// The rules of refs, saves and removals once more, as their documentation gives them.
#include "model.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <set>

namespace cairn::testing {

namespace {

using Kind = Operation::Kind;

Answer found(const Key& key) {
  return {.keys = {key}};
}

Answer last_of(const std::vector<Key>& keys) {
  return keys.empty() ? Answer{.refused = Code::NotFound} : found(keys.back());
}

std::string to_string(const std::optional<Key>& key) {
  return key ? key->to_string() : "none";
}

bool same_number(const std::optional<double>& a, const std::optional<double>& b) {
  return a.has_value() == b.has_value() &&
         (!a || std::bit_cast<std::uint64_t>(*a) == std::bit_cast<std::uint64_t>(*b));
}

}  // namespace

std::vector<Key> Model::epochs_of(const std::string& name, std::uint32_t version) const {
  std::vector<Key> out;
  for (const auto& [key, standing] : artifacts) {
    if (key.name == name && key.version == cairn::Version{version, 0, 0}) {
      out.push_back(key);
    }
  }
  return out;
}

std::optional<std::uint32_t> Model::last_version(const std::string& name) const {
  std::optional<std::uint32_t> out;
  for (const auto& [key, standing] : artifacts) {
    if (key.name == name) {
      out = key.version.major;
    }
  }
  return out;
}

Answer Model::select(const Operation& op) const {
  const auto name = name_of(op.name);
  const auto best = [&](const std::vector<Key>& keys, bool least) {
    std::optional<Key> winner;
    double to_beat = 0;
    for (const auto& key : keys) {
      const auto loss = artifacts.at(key).loss;
      if (!loss || std::isnan(*loss)) {
        continue;
      }
      if (!winner || (least ? *loss < to_beat : *loss > to_beat)) {
        winner = key;
        to_beat = *loss;
      }
    }
    return winner ? found(*winner) : Answer{.refused = Code::NotFound};
  };
  const auto exactly = [&](std::uint32_t version, std::uint64_t epoch) {
    const Key key{name, {version, 0, 0}, epoch};
    return artifacts.contains(key) ? found(key) : Answer{.refused = Code::NotFound};
  };
  std::vector<Key> all;
  for (const auto& [key, standing] : artifacts) {
    if (key.name == name) {
      all.push_back(key);
    }
  }
  const auto alias = aliases.find({name, alias_of(op.alias)});
  const bool by_alias = op.select >= Select::Alias && op.select <= Select::AliasMax;
  if (by_alias && alias == aliases.end()) {
    return {.refused = Code::NotFound};
  }
  const auto highest = last_version(name).value_or(0);
  const auto aliased = by_alias ? alias->second.version.major : 0;
  switch (op.select) {
    case Select::Bare:
    case Select::Last:
    case Select::Latest:
      return last_of(epochs_of(name, highest));
    case Select::Epoch:
      return exactly(highest, op.epoch);
    case Select::Min:
      return best(epochs_of(name, highest), true);
    case Select::Version:
    case Select::VersionLast:
      return last_of(epochs_of(name, op.version));
    case Select::VersionEpoch:
      return exactly(op.version, op.epoch);
    case Select::VersionMin:
      return best(epochs_of(name, op.version), true);
    case Select::VersionMax:
      return best(epochs_of(name, op.version), false);
    case Select::AllMin:
      return best(all, true);
    case Select::AllMax:
      return best(all, false);
    case Select::Alias:
      return found(alias->second);
    case Select::AliasLast:
      return last_of(epochs_of(name, aliased));
    case Select::AliasEpoch:
      return exactly(aliased, op.epoch);
    case Select::AliasMax:
      return best(epochs_of(name, aliased), false);
    case Select::SetOfVersion:
    case Select::SetOfName:
      break;
  }
  return {.refused = Code::InvalidArgument};
}

Answer Model::save(const Operation& op) {
  Key key = op.key();
  if (op.kind == Kind::SaveNext) {
    key = {name_of(op.name), {last_version(key.name).value_or(0) + 1, 0, 0}, 0};
  }
  const Label label{op.seed, op.note};
  const auto standing = artifacts.find(key);
  bool existed = false;
  if (standing != artifacts.end()) {
    // The note is metadata, which only a replacement takes.
    const auto& there = standing->second.label;
    existed = there.seed == label.seed;
    if (op.kind == Kind::Replace) {
      existed = there == label && same_number(standing->second.loss, made_loss(op.seed));
    } else if (!existed) {
      return {.refused = Code::AlreadyExists};
    }
  }
  if (!existed) {
    std::optional<Key> parent;
    for (const auto& other : epochs_of(key.name, key.version.major)) {
      parent = other < key ? other : parent;
    }
    if (standing != artifacts.end()) {
      trash[key].push_back({standing->second, true});
    }
    artifacts[key] = {label, made_loss(op.seed), parent};
  }
  if (op.alias != 0) {
    aliases[{key.name, alias_of(op.alias)}] = key;
  }
  return {.existed = existed, .keys = {key}};
}

Answer Model::remove(const Operation& op) {
  const auto name = name_of(op.name);
  const auto alias = aliases.find({name, alias_of(op.alias)});
  const bool by_alias = op.kind == Kind::RemoveAlias;
  std::vector<Key> keys;
  for (const auto& [key, standing] : artifacts) {
    const bool same_version = key.name == name && key.version.major == op.version;
    const bool named = (op.kind == Kind::RemoveKey && key == op.key()) ||
                       (op.kind == Kind::RemoveRange && same_version && key.epoch >= op.epoch &&
                        key.epoch <= op.last) ||
                       (op.kind == Kind::RemoveVersion && same_version) ||
                       (op.kind == Kind::RemoveName && key.name == name) ||
                       (by_alias && alias != aliases.end() && key == alias->second);
    if (named) {
      keys.push_back(key);
    }
  }
  if (keys.empty()) {
    return {.refused = Code::NotFound};
  }
  for (auto it = aliases.begin(); it != aliases.end(); ++it) {
    const bool goes_too = by_alias && it == alias;
    if (!goes_too && std::ranges::count(keys, it->second) != 0) {
      return {.refused = Code::Busy};
    }
  }
  for (const auto& key : keys) {
    trash[key].push_back({artifacts.at(key), false});
    artifacts.erase(key);
  }
  if (by_alias) {
    aliases.erase(alias);
  }
  return {.keys = keys};
}

Answer Model::undelete(const Operation& op) {
  std::vector<Key> keys;
  for (const auto& [key, trashed] : trash) {
    const bool same_version = key.name == name_of(op.name) && key.version.major == op.version;
    if (op.kind == Kind::UndeleteVersion ? same_version : key == op.key()) {
      keys.push_back(key);
    }
  }
  if (keys.empty()) {
    return {.refused = Code::NotFound};
  }
  for (const auto& key : keys) {
    if (artifacts.contains(key)) {
      return {.refused = Code::AlreadyExists};
    }
  }
  for (const auto& key : keys) {
    auto& of_key = trash.at(key);
    const auto back = op.kind == Kind::UndeleteOldest ? of_key.begin() : of_key.end() - 1;
    artifacts[key] = back->standing;
    of_key.erase(back);
    if (of_key.empty()) {
      trash.erase(key);
    }
  }
  return {.keys = keys};
}

Answer Model::annotate(const Operation& op) {
  const bool exists = artifacts.contains(op.key());
  const auto keys = op.kind == Kind::AnnotateVersion ? epochs_of(name_of(op.name), op.version)
                                                     : std::vector<Key>(exists ? 1 : 0, op.key());
  if (keys.empty()) {
    return {.refused = Code::NotFound};
  }
  const auto loss = annotated_loss(op.note);
  for (const auto& key : keys) {
    auto& standing = artifacts.at(key);
    if (standing.label.note != op.note || !same_number(standing.loss, loss)) {
      standing.before.push_back(standing.label);
      standing.label.note = op.note;
      standing.loss = loss;
    }
  }
  return {.keys = keys};
}

Answer Model::apply(const Operation& op) {
  switch (op.kind) {
    case Kind::Save:
    case Kind::Replace:
    case Kind::SaveNext:
      return save(op);
    case Kind::RemoveKey:
    case Kind::RemoveRange:
    case Kind::RemoveVersion:
    case Kind::RemoveName:
    case Kind::RemoveAlias:
      return remove(op);
    case Kind::Undelete:
    case Kind::UndeleteOldest:
    case Kind::UndeleteVersion:
      return undelete(op);
    case Kind::Annotate:
    case Kind::AnnotateVersion:
      return annotate(op);
    case Kind::SetAlias:
      if (!artifacts.contains(op.key())) {
        return {.refused = Code::NotFound};
      }
      aliases[{name_of(op.name), alias_of(op.alias)}] = op.key();
      return {};
    case Kind::DropAlias:
      return aliases.erase({name_of(op.name), alias_of(op.alias)}) == 0
                 ? Answer{.refused = Code::NotFound}
                 : Answer{};
    case Kind::Load:
      return select(op);
    case Kind::Reopen:
    case Kind::ReadOnly:
    case Kind::Refresh:
      break;
  }
  return {};
}

namespace {

std::string history_difference(const Store& store, const Key& key, const Standing& standing) {
  const auto history = store.history(key);
  if (!history) {
    return "history: " + history.error().to_string();
  }
  std::vector<Label> labels;
  for (const auto& past : *history) {
    labels.insert(labels.begin(), label_of(past.metadata));
  }
  return labels == standing.before
             ? ""
             : "its history has " + std::to_string(labels.size()) + " entries, expected " +
                   std::to_string(standing.before.size()) + ", or others";
}

std::string artifact_difference(const Store& store, const ArtifactInfo& info,
                                const Standing& standing, bool look_into) {
  if (const auto label = label_of(info.metadata); label != standing.label) {
    return "is " + to_string(label) + ", expected " + to_string(standing.label);
  }
  if (!same_number(info.metadata.metric("loss"), standing.loss)) {
    return "its loss is another one";
  }
  if (info.metadata.parent != standing.parent) {
    return "its parent is " + to_string(info.metadata.parent) + ", expected " +
           to_string(standing.parent);
  }
  if (!look_into) {
    return {};
  }
  const auto artifact = store.load(info.key);
  if (!artifact) {
    return artifact.error().to_string();
  }
  if (artifact->digest() != info.digest) {
    return "its digest in a listing is another one than when it is loaded";
  }
  const auto differs = difference(*artifact, standing.label);
  return differs.empty() ? history_difference(store, info.key, standing) : differs;
}

std::string trash_difference(const Store& store, const Model& model, const std::string& name) {
  const auto listed = store.trash(name);
  if (!listed) {
    return "trash of " + name + ": " + listed.error().to_string();
  }
  std::string found_text;
  for (const auto& info : *listed) {
    found_text += " " + info.key.to_string() + (info.replaced ? " replaced" : "");
  }
  std::string wanted_text;
  for (const auto& [key, of_key] : model.trash) {
    for (const auto& trashed : of_key) {
      wanted_text +=
          key.name == name ? " " + key.to_string() + (trashed.replaced ? " replaced" : "") : "";
    }
  }
  return found_text == wanted_text
             ? ""
             : "trash of " + name + ":" + found_text + ", expected" + wanted_text;
}

std::string alias_difference(const Store& store, const Model& model, const std::string& name) {
  const auto listed = store.aliases(name);
  if (!listed) {
    return "aliases of " + name + ": " + listed.error().to_string();
  }
  std::string found_text;
  for (const auto& info : *listed) {
    found_text += " " + info.alias + "=" + info.target.to_string();
  }
  std::string wanted_text;
  for (const auto& [alias, target] : model.aliases) {
    if (alias.first == name) {
      wanted_text += " " + alias.second + "=" + target.to_string();
    }
  }
  return found_text == wanted_text
             ? ""
             : "aliases of " + name + ":" + found_text + ", expected" + wanted_text;
}

}  // namespace

std::string difference(const Store& store, const Model& model, const std::string& name,
                       const LookInto& look_into) {
  ListOptions options;
  options.name = name;
  const auto listed = store.list(options);
  if (!listed) {
    return "listing " + name + ": " + listed.error().to_string();
  }
  std::set<Key> seen;
  for (const auto& info : *listed) {
    const auto standing = model.artifacts.find(info.key);
    if (standing == model.artifacts.end()) {
      return info.key.to_string() + " is there (" + to_string(label_of(info.metadata)) +
             ") and should not be";
    }
    auto differs = artifact_difference(store, info, standing->second, look_into(info.key));
    if (!differs.empty()) {
      return info.key.to_string() + ": " + differs;
    }
    seen.insert(info.key);
  }
  for (const auto& [key, standing] : model.artifacts) {
    if (key.name == name && !seen.contains(key)) {
      return key.to_string() + " is missing (" + to_string(standing.label) + ")";
    }
  }
  auto differs = alias_difference(store, model, name);
  return differs.empty() ? trash_difference(store, model, name) : differs;
}

std::string difference(const Store& store, const Model& model, const LookInto& look_into) {
  std::vector<std::string> names;
  for (const auto& [key, standing] : model.artifacts) {
    if (names.empty() || names.back() != key.name) {
      names.push_back(key.name);
    }
  }
  const auto listed = store.names();
  if (!listed || *listed != names) {
    return "names(): " +
           (listed ? std::to_string(listed->size()) + " names" : listed.error().to_string()) +
           ", expected " + std::to_string(names.size());
  }
  for (std::uint8_t i = 0; i < kNames; ++i) {
    if (auto differs = difference(store, model, name_of(i), look_into); !differs.empty()) {
      return differs;
    }
  }
  std::vector<Key> keys;
  const auto all = store.list();
  for (const auto& info : all ? *all : std::vector<ArtifactInfo>{}) {
    keys.push_back(info.key);
  }
  const bool in_order = std::ranges::equal(keys, model.artifacts, {}, {},
                                           [](const auto& entry) { return entry.first; });
  if (!all || !in_order) {
    return "list(): other keys, or in another order";
  }
  const auto stats = store.stats();
  if (!stats || stats->artifacts != keys.size()) {
    return "stats(): another number of artifacts than " + std::to_string(keys.size());
  }
  return {};
}

}  // namespace cairn::testing
