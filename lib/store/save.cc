// Save: from a draft to an artifact.
//
//   1 check the draft, cut its contents into pieces
//   2 where an artifact stands at the key: hash only, and say `existed` or AlreadyExists
//   3 take the pieces in: hashed, deduplicated, new chunks durable or ready for the batch
//   4 build the records, as far as they do not depend on the state
//   5 commit: check again, choose slots, write everything that names the chunks in one batch
#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/time.h"
#include "catalog/aliases.h"
#include "catalog/artifacts.h"
#include "catalog/resolve.h"
#include "record/artifact_digest.h"
#include "record/catalog_records.h"
#include "record/config_record.h"
#include "record/keys.h"
#include "record/metadata_record.h"
#include "record/model_record.h"
#include "store/contents.h"
#include "store/cutting.h"
#include "store/intake.h"
#include "store/operations.h"
#include "store/trash.h"

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
  const bool empty = parts.tensors.empty() && parts.files.empty() &&
                     parts.config.index() == 0 && parts.metrics.empty() && parts.tags.empty() &&
                     parts.fields.empty();
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

std::optional<Config> config_of(const Draft::Parts& parts) {
  if (const auto* value = std::get_if<Value>(&parts.config)) {
    return *value;
  }
  if (const auto* table = std::get_if<ConfigTable>(&parts.config)) {
    return *table;
  }
  return std::nullopt;
}

// Everything of the artifact that does not depend on where it will stand.
struct Prepared {
  ModelRecord model;                    // Slots are chosen in the commit.
  std::vector<EncodedContent> contents;  // Those of the model's tensors, then of its files.
  std::optional<Config> config;
  std::string config_bytes;
  Digest digest;
  std::uint64_t size_bytes = 0;
};

Digest digest_of_content(const CutContent& content, std::span<const Digest> pieces) {
  return content_digest(content.kind, content.source->size(),
                        pieces.subspan(content.first_piece, content.piece_count));
}

TensorEntry tensor_entry(const Draft::TensorPart& part, const Digest& content) {
  TensorEntry entry;
  entry.info.name = part.name;
  entry.info.dtype = part.view.dtype;
  entry.info.shape = part.view.shape;
  entry.info.layout = part.view.layout;
  entry.info.size_bytes = part.view.bytes.size();
  entry.info.content = content;
  return entry;
}

// The model record, in the draft's order, from the digests of the pieces.
ModelRecord model_of(const Draft::Parts& parts, const Cutting& cutting,
                     std::span<const Digest> pieces) {
  ModelRecord model;
  for (std::size_t i = 0; i < parts.tensors.size(); ++i) {
    model.tensors.push_back(
        tensor_entry(parts.tensors[i], digest_of_content(cutting.contents[i], pieces)));
  }
  for (std::size_t i = 0; i < parts.files.size(); ++i) {
    const auto& content = cutting.contents[parts.tensors.size() + i];
    FileEntry entry;
    entry.info.name = parts.files[i].name;
    entry.info.size_bytes = content.source->size();
    entry.info.content = digest_of_content(content, pieces);
    model.files.push_back(std::move(entry));
  }
  return model;
}

// Sorts the entries by name, and the contents along with them.
void sort_by_name(ModelRecord& model, std::vector<EncodedContent>& contents) {
  std::vector<EncodedContent> sorted;
  sorted.reserve(contents.size());
  const auto sort = [&](auto& entries, std::size_t first) {
    std::vector<std::size_t> order(entries.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      order[i] = i;
    }
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return entries[a].info.name < entries[b].info.name;
    });
    auto unsorted = std::exchange(entries, {});
    for (const auto i : order) {
      entries.push_back(std::move(unsorted[i]));
      if (!contents.empty()) {
        sorted.push_back(std::move(contents[first + i]));
      }
    }
  };
  const auto tensors = model.tensors.size();
  sort(model.tensors, 0);
  sort(model.files, tensors);
  contents = std::move(sorted);
}

Digest digest_of(ModelRecord model, const std::optional<Config>& config) {
  std::vector<EncodedContent> none;
  sort_by_name(model, none);
  return artifact_digest(model, config ? &*config : nullptr);
}

void add_health(Prepared& prepared, const Cutting& cutting, const Intake& intake) {
  for (std::size_t i = 0; i < prepared.model.tensors.size() && !intake.health.empty(); ++i) {
    const auto& content = cutting.contents[i];
    HealthPart sum;
    for (std::size_t piece = 0; piece < content.piece_count; ++piece) {
      cairn::add_health(sum, intake.health[content.first_piece + piece]);
    }
    prepared.model.tensors[i].info.health = finish_health(sum);
  }
}

Result<Prepared> prepare(const Draft::Parts& parts, const Cutting& cutting,
                         const Intake& intake) {
  Prepared out;
  std::vector<Digest> digests;
  digests.reserve(intake.refs.size());
  for (const auto& ref : intake.refs) {
    digests.push_back(ref.digest);
  }
  out.model = model_of(parts, cutting, digests);
  for (const auto& content : cutting.contents) {
    const auto first = intake.refs.begin() + static_cast<std::ptrdiff_t>(content.first_piece);
    ContentRecord record{content.source->size(), content.kind,
                         {first, first + static_cast<std::ptrdiff_t>(content.piece_count)}};
    out.contents.push_back(encode_content_pages(std::move(record)));
    out.size_bytes += content.source->size();
  }
  add_health(out, cutting, intake);
  sort_by_name(out.model, out.contents);
  out.config = config_of(parts);
  if (out.config) {
    auto bytes = encode_config(*out.config);
    if (!bytes) {
      return fail("config", std::move(bytes.error()));
    }
    out.config_bytes = std::move(*bytes);
  }
  out.digest = artifact_digest(out.model, out.config ? &*out.config : nullptr);
  return out;
}

template <class List>
List sorted(List list) {
  std::sort(list.begin(), list.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return list;
}

Result<std::string> metadata_bytes(const Batch& batch, const Draft::Parts& parts,
                                   const Prepared& prepared, const Key& key,
                                   std::uint64_t commit) {
  MetadataRecord record;
  record.artifact = prepared.digest;
  record.commit = commit;
  record.size_bytes = prepared.size_bytes;
  record.tensors = prepared.model.tensors.size();
  record.files = prepared.model.files.size();
  record.has_config = prepared.config.has_value();
  record.metadata.created_at = parts.created_at.value_or(now());
  record.metadata.metrics = sorted(parts.metrics);
  record.metadata.tags = sorted(parts.tags);
  record.metadata.fields = sorted(parts.fields);
  record.metadata.producer = parts.producer;
  record.metadata.parent = parts.parent;
  if (!parts.parent) {
    auto previous = previous_epoch(batch, key);
    if (!previous) {
      return fail(std::move(previous.error()));
    }
    record.metadata.parent = std::move(*previous);
  }
  return encode_metadata(record);
}

Result<void> put_name(Batch& batch, const std::string& name) {
  auto known = batch.get(Family::Names, name);
  if (!known) {
    return fail(std::move(known.error()));
  }
  if (*known) {
    return {};
  }
  NameRecord record;
  record.created_at = now();
  auto bytes = encode_name(record);
  if (!bytes) {
    return fail(std::move(bytes.error()));
  }
  batch.put(Family::Names, name, *bytes);
  return {};
}

void put_chunks(Batch& batch, const Intake& intake) {
  for (const auto& small : intake.small) {
    batch.put(Family::ChunksSmall, encode_chunk_key(small.id), small.frame);
  }
  for (const auto& chunk : intake.new_chunks) {
    batch.put(Family::ChunkIndex, encode_index_key(chunk.digest, chunk.slot),
              encode_location(chunk.location));
  }
}

Result<void> put_model(Batch& batch, const Prepared& prepared, const std::string& key) {
  ModelRecord model = prepared.model;
  for (std::size_t i = 0; i < prepared.contents.size(); ++i) {
    const bool is_tensor = i < model.tensors.size();
    auto& slot = is_tensor ? model.tensors[i].slot : model.files[i - model.tensors.size()].slot;
    const auto& digest = is_tensor ? model.tensors[i].info.content
                                   : model.files[i - model.tensors.size()].info.content;
    auto chosen = put_content(batch, digest, prepared.contents[i]);
    if (!chosen) {
      return fail(std::move(chosen.error()));
    }
    slot = *chosen;
  }
  auto bytes = encode_model(model);
  if (!bytes) {
    return fail("model record", std::move(bytes.error()));
  }
  batch.put(Family::Models, key, *bytes);
  return {};
}

Result<void> put_aliases(Batch& batch, const std::vector<std::string>& aliases, const Key& key) {
  for (const auto& alias : aliases) {
    if (auto moved = put_alias(batch, alias, key, now()); !moved) {
      return moved;
    }
  }
  return {};
}

Error already_exists(const Key& key, const Digest& stored, const Digest& ours) {
  return {Code::AlreadyExists, key.to_string() + " holds another artifact (" +
                                   stored.to_string() + ", this one is " + ours.to_string() +
                                   "): choose another key, or replace it"};
}

// One save's commit.
struct SaveCommit {
  const Ref& ref;
  const Draft::Parts& parts;
  const SaveOptions& options;
  const Prepared& prepared;
  const Intake& intake;
  Receipt& receipt;

  [[nodiscard]] Result<void> operator()(Batch& batch, std::uint64_t commit) const {
    auto key = resolve_for_save(batch, ref);
    if (!key) {
      return fail(std::move(key.error()));
    }
    receipt.key = *key;
    auto standing = find_metadata(batch, *key);
    if (!standing) {
      return fail(std::move(standing.error()));
    }
    if (*standing && (*standing)->artifact == prepared.digest) {
      receipt.existed = true;
      return put_aliases(batch, options.aliases, *key);
    }
    if (*standing) {
      if (!options.replace) {
        return fail(already_exists(*key, (*standing)->artifact, prepared.digest));
      }
      if (auto moved = move_to_trash(batch, *key, commit, TrashRecord::Reason::Replaced); !moved) {
        return moved;
      }
    }
    return write(batch, *key, commit);
  }

 private:
  [[nodiscard]] Result<void> write(Batch& batch, const Key& key, std::uint64_t commit) const {
    const auto row = encode_artifact_key(key);
    put_chunks(batch, intake);
    if (!prepared.contents.empty()) {
      if (auto put = put_model(batch, prepared, row); !put) {
        return put;
      }
    }
    if (prepared.config) {
      batch.put(Family::Configs, row, prepared.config_bytes);
    }
    auto metadata = metadata_bytes(batch, parts, prepared, key, commit);
    if (!metadata) {
      return fail("metadata", std::move(metadata.error()));
    }
    batch.put(Family::Metadata, row, *metadata);
    if (auto named = put_name(batch, key.name); !named) {
      return named;
    }
    return put_aliases(batch, options.aliases, key);
  }
};

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
  receipt.digest = digest_of(model_of(parts, cutting, *digests), config_of(parts));
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
  auto prepared = prepare(draft.parts(), *cutting, *intake);  // 4
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
