// Names go first: contents and chunks stay until they are collected.
#include "store/trash.h"

#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "record/keys.h"

namespace cairn {

Result<void> move_to_trash(Batch& batch, const Key& key, std::uint64_t commit,
                           TrashRecord::Reason reason) {
  const auto row = encode_artifact_key(key);
  TrashRecord record;
  record.reason = reason;
  record.removed_at = now();
  const std::pair<Family, std::string*> parts[] = {{Family::Models, &record.model},
                                                   {Family::Configs, &record.config},
                                                   {Family::Metadata, &record.metadata}};
  for (const auto& [family, bytes] : parts) {
    auto stored = batch.get(family, row);
    if (!stored) {
      return fail(std::move(stored.error()));
    }
    if (*stored) {
      *bytes = std::move(**stored);
      batch.erase(family, row);
    }
  }
  auto encoded = encode_trash(record);
  if (!encoded) {
    return fail(key.to_string() + ": trash", std::move(encoded.error()));
  }
  batch.put(Family::Trash, encode_trash_key(key, commit), *encoded);
  return {};
}

}  // namespace cairn
