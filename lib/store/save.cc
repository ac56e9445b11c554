// Save: from a draft to an artifact.
//
//   1 check the draft, cut its contents into pieces
//   2 where an artifact stands at the key: compare with it, and say `existed` or AlreadyExists
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
#include "record/config_record.h"
#include "record/flat.h"
#include "store/cutting.h"
#include "store/intake.h"
#include "store/operations.h"
#include "store/prepared.h"
#include "store/save_commit.h"
#include "store/standing.h"

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

// What would be too large to be read back is refused before anything is written.
Result<void> check_record_sizes(const Draft::Parts& parts) {
  constexpr std::size_t kEntryBytes = 192;  // Of a tensor or file in the model record, generously.
  std::size_t model = 0;
  for (const auto& tensor : parts.tensors) {
    model += tensor.name.size() + kEntryBytes + sizeof(std::uint64_t) * tensor.view.shape.size();
  }
  for (const auto& file : parts.files) {
    model += file.name.size() + kEntryBytes;
  }
  if (model > kMaxRecordBytes) {
    return fail(Code::LimitExceeded, "the names and shapes of the tensors and files take about " +
                                         std::to_string(model) + " bytes, at most " +
                                         std::to_string(kMaxRecordBytes));
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
  if (auto fits = check_record_sizes(parts); !fits) {
    return fits;
  }
  const auto* table = std::get_if<ConfigTable>(&parts.config);
  return table != nullptr ? check_config_table(*table) : Result<void>();
}

// Step 2. The receipt, where the same artifact stands at the key; nothing was written so far.
Result<std::optional<Receipt>> find_existing(Session& session, const Ref& ref, const Draft& draft,
                                             const Cutting& cutting, const SaveOptions& options) {
  if (options.replace || is_open_for_save(*ref.parts())) {
    return std::nullopt;
  }
  auto key = resolve_for_save(*session.database().snapshot(), ref);
  if (!key) {
    return fail(std::move(key.error()));
  }
  auto standing = find_standing(session, *key, draft.parts(), cutting, options);
  if (!standing) {
    return fail(std::move(standing.error()));
  }
  switch (standing->kind) {
    case Standing::Kind::None:
      return std::nullopt;
    case Standing::Kind::Other:
      return fail(already_exists(*key, standing->stored, standing->ours));
    case Standing::Kind::Same:
      break;
  }
  Receipt receipt;
  receipt.key = std::move(*key);
  receipt.digest = standing->ours;
  receipt.existed = true;
  receipt.size_bytes = cutting.total_bytes;
  receipt.chunks = cutting.pieces.size();
  return receipt;
}

// Aliases for an artifact that existed; nullopt where it was removed or replaced meanwhile.
Result<std::optional<Receipt>> point_aliases(Session& session, Receipt receipt,
                                             const std::vector<std::string>& aliases) {
  if (aliases.empty()) {
    return receipt;
  }
  bool stands = false;
  auto committed = session.commits().run([&](Batch& batch, std::uint64_t) -> Result<void> {
    auto standing = find_metadata(batch, receipt.key);
    if (!standing) {
      return fail(std::move(standing.error()));
    }
    stands = *standing && (*standing)->artifact == receipt.digest;
    return stands ? put_aliases(batch, aliases, receipt.key) : Result<void>();
  });
  if (!committed) {
    return fail(std::move(committed.error()));
  }
  return stands ? std::optional(std::move(receipt)) : std::nullopt;
}

// Steps 3 to 5; nullopt where an artifact with the same digest turned up at the key meanwhile.
Result<std::optional<Receipt>> save_new(Session& session, const Ref& ref, const Draft& draft,
                                        const Cutting& cutting, const SaveOptions& options) {
  auto intake = take_in(session, cutting, options);  // 3
  if (!intake) {
    return fail(std::move(intake.error()));
  }
  auto prepared = prepare(draft.parts(), cutting, *intake, options);  // 4
  if (!prepared) {
    return fail(std::move(prepared.error()));
  }
  SaveCommit::Outcome outcome;
  const SaveCommit commit{ref, draft.parts(), options, *prepared, *intake, outcome};
  auto committed = session.commits().run(  // 5
      [&](Batch& batch, std::uint64_t number) { return commit(batch, number); });
  if (!committed) {
    return fail(std::move(committed.error()));
  }
  if (intake->wrote_files) {
    if (auto settled = session.database().settle_head(); !settled) {
      return fail(std::move(settled.error()));
    }
  }
  if (outcome.turned_up) {
    return std::nullopt;
  }
  Receipt receipt;
  receipt.key = std::move(outcome.key);
  receipt.digest = prepared->digest;
  receipt.existed = outcome.existed;
  receipt.size_bytes = cutting.total_bytes;
  receipt.chunks = cutting.pieces.size();
  receipt.new_chunks = outcome.existed ? 0 : intake->new_chunks.size();
  receipt.new_bytes = outcome.existed ? 0 : intake->new_bytes;
  return receipt;
}

Result<Receipt> save_checked(Session& session, const Ref& ref, const Draft& draft,
                             const SaveOptions& options) {
  if (auto valid = check_draft(draft, options); !valid) {
    return fail(std::move(valid.error()));
  }
  auto cutting = cut(draft.parts(), session.tensor_chunk_bytes(), options.control);  // 1
  if (!cutting) {
    return fail(std::move(cutting.error()));
  }
  for (;;) {  // Again only where another save or a removal came between.
    auto existing = find_existing(session, ref, draft, *cutting, options);  // 2
    if (!existing) {
      return fail(std::move(existing.error()));
    }
    auto receipt = *existing ? point_aliases(session, std::move(**existing), options.aliases)
                             : save_new(session, ref, draft, *cutting, options);
    if (!receipt) {
      return fail(std::move(receipt.error()));
    }
    if (*receipt) {
      return std::move(**receipt);
    }
  }
}

}  // namespace

Result<Receipt> save_artifact(Session& session, const Ref& ref, const Draft& draft,
                              const SaveOptions& options) {
  if (auto fits = check_save_ref(ref); !fits) {
    return fail(std::move(fits.error()));
  }
  if (auto writable = session.database().check_writable(); !writable) {
    return fail(std::move(writable.error()));
  }
  auto receipt = save_checked(session, ref, draft, options);
  if (!receipt) {
    return fail("saving " + ref.text(), std::move(receipt.error()));
  }
  return receipt;
}

}  // namespace cairn
