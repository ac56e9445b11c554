// Draws operations, prints them, and makes the calls.
#include "operation.h"

#include <array>
#include <utility>

#include "made.h"

namespace cairn::testing {

namespace {

using Kind = Operation::Kind;

struct Weight {
  Kind kind;
  std::uint64_t weight;
  bool reads;  // Only where the mix has reads.
};
constexpr std::array kWeights = {
    Weight{Kind::Save, 30, false},           Weight{Kind::Replace, 10, false},
    Weight{Kind::SaveNext, 4, false},        Weight{Kind::RemoveKey, 6, false},
    Weight{Kind::RemoveRange, 3, false},     Weight{Kind::RemoveVersion, 1, false},
    Weight{Kind::RemoveName, 1, false},      Weight{Kind::RemoveAlias, 4, false},
    Weight{Kind::Undelete, 6, false},        Weight{Kind::UndeleteOldest, 2, false},
    Weight{Kind::UndeleteVersion, 2, false}, Weight{Kind::Annotate, 6, false},
    Weight{Kind::AnnotateVersion, 2, false}, Weight{Kind::SetAlias, 10, false},
    Weight{Kind::DropAlias, 4, false},       Weight{Kind::Load, 30, true},
    Weight{Kind::Reopen, 1, true},           Weight{Kind::ReadOnly, 1, true},
    Weight{Kind::Refresh, 4, true},
};

Kind draw_kind(Numbers& numbers, bool reads) {
  std::uint64_t total = 0;
  for (const auto& entry : kWeights) {
    total += entry.reads && !reads ? 0 : entry.weight;
  }
  auto left = numbers.below(total);
  for (const auto& entry : kWeights) {
    const auto weight = entry.reads && !reads ? 0 : entry.weight;
    if (left < weight) {
      return entry.kind;
    }
    left -= weight;
  }
  return Kind::Save;
}

// Half of all seeds are few, so that the same artifact is saved again, at its key and at others.
std::uint64_t draw_seed(Numbers& numbers, std::uint64_t large_percent) {
  const std::uint64_t build =
      numbers.below(100) < large_percent ? 5 + numbers.below(3) : numbers.below(5);
  const std::uint64_t which = numbers.below(2) == 0 ? numbers.below(6) : numbers.next() >> 8U;
  return which * 8 + build;
}

std::uint64_t draw_epoch(Numbers& numbers) {
  constexpr std::uint64_t kFar = std::uint64_t{1} << 40U;
  return numbers.below(10) == 0 ? kFar + numbers.below(2) : numbers.below(6);
}

std::string selected(const Operation& op) {
  const auto name = name_of(op.name);
  const auto version = name + ":" + std::to_string(op.version);
  const auto alias = name + ":" + alias_of(op.alias);
  const auto epoch = "@" + std::to_string(op.epoch);
  switch (op.select) {
    case Select::Bare:
      return name;
    case Select::Last:
      return name + "@last";
    case Select::Latest:
      return name + ":latest";
    case Select::Epoch:
      return name + epoch;
    case Select::Min:
      return name + "@min=loss";
    case Select::Version:
      return version;
    case Select::VersionLast:
      return version + "@last";
    case Select::VersionEpoch:
      return version + epoch;
    case Select::VersionMin:
      return version + "@min=loss";
    case Select::VersionMax:
      return version + "@max=loss";
    case Select::AllMin:
      return name + ":all@min=loss";
    case Select::AllMax:
      return name + ":all@max=loss";
    case Select::Alias:
      return alias;
    case Select::AliasLast:
      return alias + "@last";
    case Select::AliasEpoch:
      return alias + epoch;
    case Select::AliasMax:
      return alias + "@max=loss";
    case Select::SetOfVersion:
      return version + "@all";
    case Select::SetOfName:
      return name + ":all";
  }
  return {};
}

// The ref that the call is given.
std::string ref_text(const Operation& op) {
  const auto name = name_of(op.name);
  const auto version = name + ":" + std::to_string(op.version);
  switch (op.kind) {
    case Kind::SaveNext:
      return name;
    case Kind::RemoveRange:
      return version + "@" + std::to_string(op.epoch) + ".." + std::to_string(op.last);
    case Kind::RemoveVersion:
    case Kind::UndeleteVersion:
    case Kind::AnnotateVersion:
      return version + "@all";
    case Kind::RemoveName:
      return name + ":all";
    case Kind::RemoveAlias:
    case Kind::DropAlias:
      return name + ":" + alias_of(op.alias);
    case Kind::Load:
      return selected(op);
    case Kind::Save:
    case Kind::Replace:
    case Kind::RemoveKey:
    case Kind::Undelete:
    case Kind::UndeleteOldest:
    case Kind::Annotate:
    case Kind::SetAlias:
    case Kind::Reopen:
    case Kind::ReadOnly:
    case Kind::Refresh:
      break;
  }
  return op.key().to_string();
}

std::string word_of(Kind kind) {
  switch (kind) {
    case Kind::Save:
    case Kind::SaveNext:
      return "save ";
    case Kind::Replace:
      return "replace ";
    case Kind::RemoveKey:
    case Kind::RemoveRange:
    case Kind::RemoveVersion:
    case Kind::RemoveName:
    case Kind::RemoveAlias:
      return "remove ";
    case Kind::Undelete:
    case Kind::UndeleteVersion:
      return "undelete ";
    case Kind::UndeleteOldest:
      return "undelete the oldest ";
    case Kind::Annotate:
    case Kind::AnnotateVersion:
      return "annotate ";
    case Kind::SetAlias:
      return "set alias to ";
    case Kind::DropAlias:
      return "remove alias ";
    case Kind::Load:
      return "load ";
    case Kind::Reopen:
      return "reopen";
    case Kind::ReadOnly:
      return "read only";
    case Kind::Refresh:
      return "refresh a reader";
  }
  return {};
}

Answer refusal(const Error& error, std::string* why) {
  if (why != nullptr) {
    *why = error.to_string();
  }
  return {.refused = error.code};
}

Answer answer_of(const Result<std::vector<Key>>& keys, std::string* why) {
  return keys ? Answer{.keys = *keys} : refusal(keys.error(), why);
}

// The commit that put the oldest of its key into the trash; none where there is none.
std::optional<std::uint64_t> oldest_in_trash(const Store& store, const Key& key) {
  const auto trash = store.trash(key.name);
  for (const auto& info : trash ? *trash : std::vector<TrashInfo>{}) {
    if (info.key == key) {
      return info.commit;
    }
  }
  return std::nullopt;
}

Annotation annotation_of(std::uint32_t note) {
  Annotation out;
  out.tag("note", std::to_string(note));
  if (const auto loss = annotated_loss(note)) {
    out.metric("loss", *loss);
  } else {
    out.remove_metric("loss");
  }
  return out;
}

Answer save(Store& store, const Operation& op, std::string* why) {
  SaveOptions options;
  options.replace = op.kind == Kind::Replace;
  if (op.alias != 0) {
    options.aliases = {alias_of(op.alias)};
  }
  const auto receipt = store.save(ref_text(op), make_draft(op.seed, op.note), options);
  return receipt ? Answer{.existed = receipt->existed, .keys = {receipt->key}}
                 : refusal(receipt.error(), why);
}

}  // namespace

Key Operation::key() const {
  return {name_of(name), {version, 0, 0}, epoch};
}

std::string name_of(std::uint8_t index) {
  static constexpr std::array<const char*, kNames> kText = {"m",  "m/x", "m-2", "m.x",
                                                            "m0", "n",   "n/a", "o"};
  return kText.at(index % kNames);
}

std::string alias_of(std::uint8_t index) {
  return "alias" + std::to_string(index);
}

std::string to_string(const Answer& answer) {
  if (answer.refused) {
    return std::string(to_string(*answer.refused));
  }
  std::string out = answer.existed ? "existed" : "OK";
  for (const auto& key : answer.keys) {
    out += " " + key.to_string();
  }
  return out;
}

Operation draw(Numbers& numbers, const Mix& mix) {
  Operation op;
  op.kind = draw_kind(numbers, mix.reads);
  op.select = static_cast<Select>(numbers.below(kSelects));
  op.name = static_cast<std::uint8_t>(mix.first_name + numbers.below(mix.names));
  op.version = static_cast<std::uint32_t>(1 + numbers.below(2));
  op.note = static_cast<std::uint32_t>(numbers.below(3) == 0 ? numbers.below(4) : 0);
  op.epoch = draw_epoch(numbers);
  op.last = op.epoch + numbers.below(4);
  op.seed = draw_seed(numbers, mix.large_percent);
  const bool saves = op.kind == Kind::Save || op.kind == Kind::Replace || op.kind == Kind::SaveNext;
  op.alias = static_cast<std::uint8_t>(1 + numbers.below(2));
  if (saves && numbers.below(4) != 0) {
    op.alias = 0;
  }
  return op;
}

std::optional<double> annotated_loss(std::uint32_t note) {
  return note % 2 == 0 ? std::nullopt : std::optional(0.5 * note);
}

std::string describe(const Operation& op) {
  std::string out = word_of(op.kind);
  if (op.kind == Kind::Reopen || op.kind == Kind::ReadOnly || op.kind == Kind::Refresh) {
    return out;
  }
  out += ref_text(op);
  if (op.kind == Kind::Save || op.kind == Kind::Replace || op.kind == Kind::SaveNext) {
    out += " " + to_string(Label{op.seed, op.note});
    out += op.alias != 0 ? " alias " + alias_of(op.alias) : "";
  }
  if (op.kind == Kind::Annotate || op.kind == Kind::AnnotateVersion) {
    out += " note " + std::to_string(op.note);
  }
  return op.kind == Kind::SetAlias ? out + " alias " + alias_of(op.alias) : out;
}

Answer run(Store& store, const Operation& op, std::string* why) {
  switch (op.kind) {
    case Kind::Save:
    case Kind::Replace:
    case Kind::SaveNext:
      return save(store, op, why);
    case Kind::RemoveKey:
    case Kind::RemoveRange:
    case Kind::RemoveVersion:
    case Kind::RemoveName:
    case Kind::RemoveAlias:
      return answer_of(store.remove(ref_text(op)), why);
    case Kind::Undelete:
    case Kind::UndeleteVersion:
      return answer_of(store.undelete(ref_text(op)), why);
    case Kind::UndeleteOldest:
      return answer_of(store.undelete(ref_text(op), {.at = oldest_in_trash(store, op.key())}), why);
    case Kind::Annotate:
    case Kind::AnnotateVersion:
      return answer_of(store.annotate(ref_text(op), annotation_of(op.note)), why);
    case Kind::SetAlias: {
      const auto set = store.set_alias(name_of(op.name), alias_of(op.alias), ref_text(op));
      return set ? Answer{} : refusal(set.error(), why);
    }
    case Kind::DropAlias: {
      const auto dropped = store.remove_alias(name_of(op.name), alias_of(op.alias));
      return dropped ? Answer{} : refusal(dropped.error(), why);
    }
    case Kind::Load: {
      const auto artifact = store.load(ref_text(op));
      return artifact ? Answer{.keys = {artifact->key()}} : refusal(artifact.error(), why);
    }
    case Kind::Reopen:
    case Kind::ReadOnly:
    case Kind::Refresh:
      break;
  }
  return {};
}

}  // namespace cairn::testing
