// Remove: artifacts go to the trash, all that a ref names in one commit.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "catalog/aliases.h"
#include "catalog/resolve.h"
#include "store/operations.h"
#include "store/trash.h"

namespace cairn {

namespace {

// `named` is the alias by which the ref names its one artifact, if it does: that one goes with it.
Result<void> check_unaliased(const Batch& batch, const std::vector<Key>& keys,
                             std::string_view named) {
  auto aliases = list_aliases(batch, keys.front().name);
  if (!aliases) {
    return fail(std::move(aliases.error()));
  }
  for (const auto& info : *aliases) {
    if (info.alias != named && std::binary_search(keys.begin(), keys.end(), info.target)) {
      return fail(Code::Busy, info.target.to_string() + " is what the alias " + info.target.name +
                                  ":" + info.alias + " points at: move or remove the alias first");
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Key>> remove_artifacts(Session& session, const Ref& ref) {
  std::vector<Key> removed;
  auto committed = session.commit_removal([&](Batch& batch, std::uint64_t commit) -> Result<void> {
    auto keys = resolve_all(batch, ref);
    if (!keys) {
      return fail(std::move(keys.error()));
    }
    const auto& parts = *ref.parts();
    const bool by_alias =
        parts.versions == RefParts::Versions::Alias && parts.epochs == RefParts::Epochs::Unsaid;
    const auto named = by_alias ? parts.alias : std::string();
    if (auto free = check_unaliased(batch, *keys, named); !free) {
      return free;
    }
    if (by_alias) {
      if (auto dropped = drop_alias(batch, parts.name, named, now()); !dropped) {
        return dropped;
      }
    }
    for (const auto& key : *keys) {
      if (auto moved = move_to_trash(batch, key, commit, TrashRecord::Reason::Removed); !moved) {
        return moved;
      }
    }
    removed = std::move(*keys);
    return {};
  });
  if (!committed) {
    return fail("removing " + ref.text(), std::move(committed.error()));
  }
  return removed;
}

}  // namespace cairn
