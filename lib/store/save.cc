// Save: from a draft to an artifact.
//
//   1 check the draft, cut its contents into pieces
//   2 where an artifact stands at the key: hash only, and say `existed` or AlreadyExists
//   3 take the pieces in: hashed, deduplicated, new chunks durable or ready for the batch
//   4 build the records, as far as they do not depend on the state
//   5 commit: check again, choose slots, write everything that names the chunks in one batch
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "catalog/artifacts.h"
#include "catalog/resolve.h"
#include "store/cutting.h"
#include "store/intake.h"
#include "store/operations.h"
#include "store/prepared.h"
#include "store/save_commit.h"

namespace cairn {

namespace {

template <class List>
Result<void> check_unique(std::string_view what, const List& items) {
  std::vector<std::string_view> names;
  names.reserve(items.size());
  for (const auto& item : items) {
    names.push_back(item.name);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    return fail(Code::InvalidArgument,
                "the draft has two " + std::string(what) + "s named " + quoted(*twice));
  }
  return {};
}

Result<void> check_draft(const Draft& draft, const SaveOptions& options) {
  if (draft.error()) {
    return fail(*draft.error());
  }
  const auto& parts = draft.parts();
  const bool empty = parts.tensors.empty() && parts.files.empty() && parts.config.index() == 0 &&
                     parts.metrics.empty() && parts.tags.empty() && parts.fields.empty();
  if (empty) {
    return fail(Code::InvalidArgument,
                "the draft is empty: no tensor, file, config, metric, tag or field");
  }
  if (auto unique = check_unique("tensor", parts.tensors); !unique) {
    return unique;
  }
  if (auto unique = check_unique("file", parts.files); !unique) {
    return unique;
  }
  for (const auto& alias : options.aliases) {
    if (auto valid = check_alias(alias); !valid) {
      return valid;
    }
  }
  return {};
}

// Step 2. True where the same artifact stands at the key; nothing was written so far.
Result<std::optional<Receipt>> find_existing(Session& session, const Ref& ref,
                                             const Draft::Parts& parts, const Cutting& cutting) {
  if (is_open_for_save(*ref.parts())) {
    return std::nullopt;
  }
  std::optional<MetadataRecord> standing;
  Receipt receipt;
  {
    const auto reader = session.database().snapshot();
    auto key = resolve_for_save(*reader, ref);
    if (!key) {
      return fail(std::move(key.error()));
    }
    receipt.key = *key;
    auto found = find_metadata(*reader, *key);
    if (!found) {
      return fail(std::move(found.error()));
    }
    standing = std::move(*found);
  }
  if (!standing) {
    return std::nullopt;
  }
  auto digests = hash_pieces(session, cutting);
  if (!digests) {
    return fail(std::move(digests.error()));
  }
  receipt.digest = digest_of(parts, cutting, *digests);
  if (receipt.digest != standing->artifact) {
    return fail(already_exists(receipt.key, standing->artifact, receipt.digest));
  }
  receipt.existed = true;
  receipt.size_bytes = cutting.total_bytes;
  receipt.chunks = cutting.pieces.size();
  return receipt;
}

}  // namespace

Result<Receipt> save_artifact(Session& session, const Ref& ref, const Draft& draft,
                              const SaveOptions& options) {
  if (!ref.parts()) {
    return fail(ref.parts().error());
  }
  if (auto writable = session.database().check_writable(); !writable) {
    return fail(std::move(writable.error()));
  }
  if (auto valid = check_draft(draft, options); !valid) {
    return fail("saving " + ref.text(), std::move(valid.error()));
  }
  auto cutting = cut(draft.parts());  // 1
  if (!cutting) {
    return fail("saving " + ref.text(), std::move(cutting.error()));
  }
  if (!options.replace) {  // 2
    auto existing = find_existing(session, ref, draft.parts(), *cutting);
    if (!existing) {
      return fail("saving " + ref.text(), std::move(existing.error()));
    }
    if (*existing && options.aliases.empty()) {
      return std::move(**existing);
    }
  }
  auto intake = take_in(session, *cutting, options);  // 3
  if (!intake) {
    return fail("saving " + ref.text(), std::move(intake.error()));
  }
  auto prepared = prepare(draft.parts(), *cutting, *intake, options);  // 4
  if (!prepared) {
    return fail("saving " + ref.text(), std::move(prepared.error()));
  }
  Receipt receipt;
  receipt.digest = prepared->digest;
  receipt.size_bytes = cutting->total_bytes;
  receipt.chunks = cutting->pieces.size();
  receipt.new_chunks = intake->new_chunks.size();
  receipt.new_bytes = intake->new_bytes;
  const SaveCommit commit{ref, draft.parts(), options, *prepared, *intake, receipt};
  auto committed = session.commits().run(  // 5
      [&](Batch& batch, std::uint64_t number) { return commit(batch, number); });
  if (!committed) {
    return fail("saving " + ref.text(), std::move(committed.error()));
  }
  if (receipt.existed) {
    receipt.new_chunks = 0;
    receipt.new_bytes = 0;
  }
  return receipt;
}

}  // namespace cairn
