// Undelete: artifacts come back from the trash, all that a ref names in one commit, records and
// all: their contents and chunks never went.
#include <map>
#include <utility>

#include "base/text.h"
#include "catalog/artifacts.h"
#include "record/keys.h"
#include "store/operations.h"
#include "store/trash.h"

namespace cairn {

namespace {

using Versions = RefParts::Versions;
using Epochs = RefParts::Epochs;

// The rows that a full key or a set can mean: what they start with.
Result<std::string> prefix_of(const Ref& ref) {
  const auto& said = ref.parts();
  if (!said) {
    return fail(said.error());
  }
  const bool exact = said->versions == Versions::Exact;
  if (exact && said->epochs == Epochs::Exact) {
    return encode_artifact_key({said->name, said->version, said->epoch});
  }
  if (exact && (said->epochs == Epochs::All || said->epochs == Epochs::Range)) {
    return artifact_prefix(said->name, said->version);
  }
  if (said->versions == Versions::All &&
      (said->epochs == Epochs::Unsaid || said->epochs == Epochs::All)) {
    return artifact_prefix(said->name);
  }
  return fail(Code::InvalidArgument, "ref " + quoted(ref.text()) +
                                         ": undelete takes NAME:VERSION@EPOCH or a set such as "
                                         "NAME:VERSION@all or NAME:all");
}

// The commits that put them there.
Result<std::map<Key, std::uint64_t>> find_trashed(const Reader& reader, const Ref& ref,
                                                  const std::optional<std::uint64_t>& at) {
  auto prefix = prefix_of(ref);
  if (!prefix) {
    return fail(std::move(prefix.error()));
  }
  const auto& parts = *ref.parts();
  std::map<Key, std::uint64_t> out;
  auto walked = for_each_trashed(
      reader, *prefix,
      [&](const Key& key, std::uint64_t commit, const TrashRecord& record) -> Result<void> {
        const bool in =
            parts.epochs != Epochs::Range || (key.epoch >= parts.epoch && key.epoch <= parts.last);
        const bool whole = record.reason != TrashRecord::Reason::Annotated;
        if (in && whole && (!at || commit == *at)) {
          out[key] = commit;  // In the order of commits: the newest stays.
        }
        return {};
      });
  if (!walked) {
    return fail(std::move(walked.error()));
  }
  if (out.empty()) {
    return fail(Code::NotFound,
                "nothing in the trash is named so" +
                    (at ? " and was removed by commit " + std::to_string(*at) : std::string()));
  }
  return out;
}

Result<void> put_back(Batch& batch, const Key& key, std::uint64_t commit) {
  auto standing = find_metadata(batch, key);
  if (!standing) {
    return fail(std::move(standing.error()));
  }
  if (*standing) {
    return fail(Code::AlreadyExists, key.to_string() + " holds an artifact (" +
                                         (*standing)->artifact.to_string() +
                                         "): remove it first, then both are in the trash");
  }
  const auto trash_row = encode_trash_key(key, commit);
  auto trashed = batch.get(Family::Trash, trash_row);
  if (!trashed) {
    return fail(std::move(trashed.error()));
  }
  auto record = decode_trash(trashed->value_or(""));
  if (!record) {
    return fail(key.to_string() + ": trash", std::move(record.error()));
  }
  const auto row = encode_artifact_key(key);
  const std::pair<Family, const std::string&> parts[] = {{Family::Models, record->model},
                                                         {Family::Configs, record->config},
                                                         {Family::Metadata, record->metadata}};
  for (const auto& [family, bytes] : parts) {
    if (!bytes.empty()) {
      batch.put(family, row, bytes);
    }
  }
  batch.erase(Family::Trash, trash_row);
  return {};
}

}  // namespace

Result<std::vector<Key>> undelete_artifacts(Session& session, const Ref& ref,
                                            const UndeleteOptions& options) {
  std::vector<Key> restored;
  auto committed = session.commits().run([&](Batch& batch, std::uint64_t) -> Result<void> {
    auto found = find_trashed(batch, ref, options.at);
    if (!found) {
      return fail(std::move(found.error()));
    }
    restored.clear();
    for (const auto& [key, commit] : *found) {
      if (auto done = put_back(batch, key, commit); !done) {
        return done;
      }
      restored.push_back(key);
    }
    return {};
  });
  if (!committed) {
    return fail("undeleting " + ref.text(), std::move(committed.error()));
  }
  return restored;
}

}  // namespace cairn
