// Annotate: labels saved artifacts, all that a ref names in one commit. What was said before moves
// to the trash family, where history() finds it as long as the artifact stands.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "catalog/artifacts.h"
#include "catalog/resolve.h"
#include "record/keys.h"
#include "store/operations.h"
#include "store/trash.h"

namespace cairn {

namespace {

// Both sorted by name, as metadata keeps them.
template <class List>
void set_labels(List& labels, const List& changes, const std::vector<std::string>& removals) {
  for (const auto& change : changes) {
    const auto at = std::lower_bound(
        labels.begin(), labels.end(), change.first,
        [](const auto& label, const std::string& name) { return label.first < name; });
    if (at != labels.end() && at->first == change.first) {
      at->second = change.second;
    } else {
      labels.insert(at, change);
    }
  }
  std::erase_if(labels, [&](const auto& label) {
    return std::find(removals.begin(), removals.end(), label.first) != removals.end();
  });
}

Result<void> annotate_one(Batch& batch, const Key& key, const Annotation& annotation,
                          std::uint64_t commit) {
  auto record = find_metadata(batch, key);
  if (!record) {
    return fail(std::move(record.error()));
  }
  if (!*record) {
    return fail(Code::NotFound, "no artifact " + key.to_string());
  }
  auto before = encode_metadata(**record);
  if (!before) {
    return fail(key.to_string(), std::move(before.error()));
  }
  auto& metadata = (*record)->metadata;
  const auto& changes = annotation.changes();
  const auto& removals = annotation.removals();
  set_labels(metadata.metrics, changes.metrics, removals.metrics);
  set_labels(metadata.tags, changes.tags, removals.tags);
  set_labels(metadata.fields, changes.fields, removals.fields);
  auto after = encode_metadata(**record);
  if (!after || *after == *before) {
    return after ? Result<void>() : fail(key.to_string(), std::move(after.error()));
  }
  if (auto kept = keep_metadata(batch, key, commit); !kept) {
    return kept;
  }
  (*record)->commit = commit;
  auto bytes = encode_metadata(**record);
  if (!bytes) {
    return fail(key.to_string(), std::move(bytes.error()));
  }
  batch.put(Family::Metadata, encode_artifact_key(key), *bytes);
  return {};
}

}  // namespace

Result<std::vector<Key>> annotate_artifacts(Session& session, const Ref& ref,
                                            const Annotation& annotation) {
  if (annotation.error()) {
    return fail(*annotation.error());
  }
  std::vector<Key> labelled;
  auto committed = session.commits().run([&](Batch& batch, std::uint64_t commit) -> Result<void> {
    auto keys = resolve_all(batch, ref);
    if (!keys) {
      return fail(std::move(keys.error()));
    }
    for (const auto& key : *keys) {
      if (auto done = annotate_one(batch, key, annotation, commit); !done) {
        return done;
      }
    }
    labelled = std::move(*keys);
    return {};
  });
  if (!committed) {
    return fail("annotating " + ref.text(), std::move(committed.error()));
  }
  return labelled;
}

Result<std::vector<PastMetadata>> read_history(const Reader& reader, const Ref& ref) {
  auto key = resolve_one(reader, ref);
  if (!key) {
    return fail(std::move(key.error()));
  }
  auto standing = find_metadata(reader, *key);
  if (!standing) {
    return fail(std::move(standing.error()));
  }
  if (!*standing) {
    return fail(Code::NotFound, "no artifact " + key->to_string());
  }
  std::vector<PastMetadata> out;
  auto walked =
      for_each_trashed(reader, encode_artifact_key(*key),
                       [&](const Key&, std::uint64_t, const TrashRecord& record) -> Result<void> {
                         if (record.reason != TrashRecord::Reason::Annotated) {
                           return {};
                         }
                         auto past = decode_metadata_of(*key, record.metadata);
                         if (!past) {
                           return fail(std::move(past.error()));
                         }
                         // Another artifact may have stood at the key before this one, also one
                         // with the same bytes.
                         if (past->artifact == (*standing)->artifact &&
                             past->metadata.created_at == (*standing)->metadata.created_at) {
                           out.push_back({std::move(past->metadata), record.removed_at});
                         }
                         return {};
                       });
  if (!walked) {
    return fail(std::move(walked.error()));
  }
  std::reverse(out.begin(), out.end());  // Newest first.
  return out;
}

}  // namespace cairn
