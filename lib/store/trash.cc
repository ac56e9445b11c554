// Names go first: contents and chunks stay until they are collected.
#include "store/trash.h"

#include <string>
#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "catalog/artifacts.h"
#include "record/keys.h"

namespace cairn {

namespace {

Result<void> put_trash(Batch& batch, const Key& key, std::uint64_t commit, TrashRecord record) {
  record.removed_at = now();
  auto encoded = encode_trash(record);
  if (!encoded) {
    return fail(key.to_string() + ": trash", std::move(encoded.error()));
  }
  batch.put(Family::Trash, encode_trash_key(key, commit), *encoded);
  return {};
}

}  // namespace

Result<void> move_to_trash(Batch& batch, const Key& key, std::uint64_t commit,
                           TrashRecord::Reason reason) {
  const auto row = encode_artifact_key(key);
  TrashRecord record;
  record.reason = reason;
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
  return put_trash(batch, key, commit, std::move(record));
}

Result<void> keep_metadata(Batch& batch, const Key& key, std::uint64_t commit) {
  auto stored = batch.get(Family::Metadata, encode_artifact_key(key));
  if (!stored) {
    return fail(std::move(stored.error()));
  }
  if (!*stored) {
    return fail(Code::NotFound, "no artifact " + key.to_string());
  }
  TrashRecord record;
  record.reason = TrashRecord::Reason::Annotated;
  record.metadata = std::move(**stored);
  return put_trash(batch, key, commit, std::move(record));
}

Result<void> for_each_trashed(const Reader& reader, std::string_view prefix,
                              const VisitTrash& visit) {
  auto cursor = reader.cursor(Family::Trash);
  for (cursor.seek(prefix); cursor.at_prefix(prefix); cursor.next()) {
    auto key = decode_trash_key(cursor.key());
    if (!key) {
      return fail(std::move(key.error()));
    }
    auto record = decode_trash(cursor.value());
    if (!record) {
      return fail(key->first.to_string() + ": trash of commit " + std::to_string(key->second),
                  std::move(record.error()));
    }
    if (auto visited = visit(key->first, key->second, *record); !visited) {
      return visited;
    }
  }
  return cursor.status();
}

Result<std::vector<TrashInfo>> list_trash(const Reader& reader, std::string_view name) {
  std::vector<TrashInfo> out;
  auto walked = for_each_trashed(
      reader, name.empty() ? std::string() : artifact_prefix(name),
      [&](const Key& key, std::uint64_t commit, const TrashRecord& record) -> Result<void> {
        if (record.reason == TrashRecord::Reason::Annotated) {
          return {};
        }
        auto metadata = decode_metadata_of(key, record.metadata);
        if (!metadata) {
          return fail("trash", std::move(metadata.error()));
        }
        out.push_back({key, commit, record.removed_at,
                       record.reason == TrashRecord::Reason::Replaced, metadata->artifact,
                       metadata->size_bytes});
        return {};
      });
  if (!walked) {
    return fail(std::move(walked.error()));
  }
  return out;
}

}  // namespace cairn
