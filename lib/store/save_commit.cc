// Runs in the one critical section of the store: what it finds cannot change before it is written.
#include "store/save_commit.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/time.h"
#include "catalog/aliases.h"
#include "catalog/artifacts.h"
#include "catalog/resolve.h"
#include "record/artifact_digest.h"
#include "record/catalog_records.h"
#include "record/keys.h"
#include "record/metadata_record.h"
#include "store/load_records.h"
#include "store/trash.h"

namespace cairn {

namespace {

template <class List>
List sorted(List list) {
  std::sort(list.begin(), list.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return list;
}

Result<std::string> metadata_bytes(const Batch& batch, const Draft::Parts& parts,
                                   const Prepared& prepared, const Key& key, std::uint64_t commit) {
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

// The model record with the slots of its contents, which are put where they are missing.
Result<ModelRecord> settle_contents(Batch& batch, const Prepared& prepared) {
  ModelRecord model = prepared.model;
  const auto tensors = model.tensors.size();
  for (std::size_t i = 0; i < prepared.contents.size(); ++i) {
    const bool is_tensor = i < tensors;
    const auto& digest =
        is_tensor ? model.tensors[i].info.content : model.files[i - tensors].info.content;
    auto chosen = put_content(batch, digest, prepared.contents[i]);
    if (!chosen) {
      return fail(std::move(chosen.error()));
    }
    (is_tensor ? model.tensors[i].slot : model.files[i - tensors].slot) = *chosen;
  }
  return model;
}

// What the draft says of the artifact, against what is said of the one that stands there.
bool same_metadata(const Draft::Parts& parts, const Metadata& standing) {
  const auto metrics = sorted(parts.metrics);
  const auto same_metric = [](const auto& a, const auto& b) {
    return a.first == b.first &&
           std::bit_cast<std::uint64_t>(a.second) == std::bit_cast<std::uint64_t>(b.second);
  };
  return std::equal(metrics.begin(), metrics.end(), standing.metrics.begin(),
                    standing.metrics.end(), same_metric) &&
         sorted(parts.tags) == standing.tags && sorted(parts.fields) == standing.fields &&
         parts.producer == standing.producer &&
         (!parts.parent || parts.parent == standing.parent) &&
         (!parts.created_at || *parts.created_at == standing.created_at);
}

bool same_slots(const ModelRecord& a, const ModelRecord& b) {
  const auto same = [](const auto& x, const auto& y) { return x.slot == y.slot; };
  return std::equal(a.tensors.begin(), a.tensors.end(), b.tensors.begin(), b.tensors.end(), same) &&
         std::equal(a.files.begin(), a.files.end(), b.files.begin(), b.files.end(), same);
}

}  // namespace

Result<void> put_aliases(Batch& batch, const std::vector<std::string>& aliases, const Key& key) {
  for (const auto& alias : aliases) {
    if (auto moved = put_alias(batch, alias, key, now()); !moved) {
      return moved;
    }
  }
  return {};
}

Error already_exists(const Key& key, const Digest& stored, const Digest& ours) {
  return {Code::AlreadyExists, key.to_string() + " holds another artifact (" + stored.to_string() +
                                   ", this one is " + ours.to_string() +
                                   "): choose another key, or replace it"};
}

Result<void> SaveCommit::operator()(Batch& batch, std::uint64_t commit) const {
  auto key = resolve_for_save(batch, ref);
  if (!key) {
    return fail(std::move(key.error()));
  }
  outcome.key = *key;
  auto standing = find_metadata(batch, *key);
  if (!standing) {
    return fail(std::move(standing.error()));
  }
  if (*standing && !options.replace) {
    outcome.turned_up = (*standing)->artifact == prepared.digest;
    return outcome.turned_up ? Result<void>()
                             : fail(already_exists(*key, (*standing)->artifact, prepared.digest));
  }
  auto model = settle_contents(batch, prepared);
  if (!model) {
    return fail(std::move(model.error()));
  }
  if (*standing) {
    // Whatever is new cannot be what stands there, but for what mends it.
    const bool maybe = (*standing)->artifact == prepared.digest && intake.new_chunks.empty() &&
                       same_metadata(parts, (*standing)->metadata);
    auto same = maybe ? same_as_standing(batch, *key, *model) : Result<bool>(false);
    if (!same) {
      return fail(std::move(same.error()));
    }
    if (*same) {
      outcome.existed = true;
      return put_aliases(batch, options.aliases, *key);
    }
    if (auto moved = move_to_trash(batch, *key, commit, TrashRecord::Reason::Replaced); !moved) {
      return moved;
    }
  }
  return write(batch, *key, *model, commit);
}

// By the ids of their chunks; damaged records are not the same as anything.
Result<bool> SaveCommit::same_as_standing(const Batch& batch, const Key& key,
                                          const ModelRecord& model) const {
  auto records = load_records(batch, key);
  if (!records) {
    return records.error().code == Code::Corruption ? Result<bool>(false)
                                                    : fail(std::move(records.error()));
  }
  const auto string_of = [](const ModelRecord& m, const std::optional<Config>& c) {
    return canonical_string(m, c ? &*c : nullptr);
  };
  return string_of(records->model, records->config) == string_of(model, prepared.config) &&
         same_slots(records->model, model);
}

Result<void> SaveCommit::write(Batch& batch, const Key& key, const ModelRecord& model,
                               std::uint64_t commit) const {
  const auto row = encode_artifact_key(key);
  put_chunks(batch, intake);
  if (!prepared.contents.empty()) {
    auto bytes = encode_model(model);
    if (!bytes) {
      return fail("model record", std::move(bytes.error()));
    }
    batch.put(Family::Models, row, *bytes);
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

}  // namespace cairn
