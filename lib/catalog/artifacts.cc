// Metadata records are the anchor of an artifact: listing walks them and nothing else.
#include "catalog/artifacts.h"

#include <utility>

#include "base/text.h"
#include "record/keys.h"

namespace cairn {

namespace {

// The last artifact before `end` whose key starts with `prefix`.
Result<std::optional<Key>> last_before(const Reader& reader, const std::string& prefix,
                                       const std::string& end) {
  auto cursor = reader.cursor(Family::Metadata);
  cursor.seek_before(end);
  if (!cursor.at_prefix(prefix)) {
    if (auto status = cursor.status(); !status) {
      return fail(std::move(status.error()));
    }
    return std::nullopt;
  }
  auto key = decode_artifact_key(cursor.key());
  if (!key) {
    return fail(std::move(key.error()));
  }
  return std::move(*key);
}

Result<ArtifactInfo> info_of(const Key& key, std::string_view bytes) {
  auto record = decode_metadata_of(key, bytes);
  if (!record) {
    return fail(std::move(record.error()));
  }
  ArtifactInfo info;
  info.key = key;
  info.digest = record->artifact;
  info.metadata = std::move(record->metadata);
  info.size_bytes = record->size_bytes;
  info.tensors = record->tensors;
  info.files = record->files;
  info.has_config = record->has_config;
  return info;
}

}  // namespace

Result<MetadataRecord> decode_metadata_of(const Key& key, std::string_view bytes) {
  auto record = decode_metadata(bytes);
  if (!record) {
    return fail(key.to_string() + ": metadata", std::move(record.error()));
  }
  return record;
}

Result<std::optional<MetadataRecord>> find_metadata(const Reader& reader, const Key& key) {
  auto bytes = reader.get(Family::Metadata, encode_artifact_key(key));
  if (!bytes) {
    return fail(std::move(bytes.error()));
  }
  if (!*bytes) {
    return std::nullopt;
  }
  auto record = decode_metadata_of(key, **bytes);
  if (!record) {
    return fail(std::move(record.error()));
  }
  return std::move(*record);
}

Result<std::optional<Version>> last_version(const Reader& reader, std::string_view name) {
  const auto prefix = artifact_prefix(name);
  auto key = last_before(reader, prefix, prefix_end(prefix));
  if (!key) {
    return fail(std::move(key.error()));
  }
  return *key ? std::optional((*key)->version) : std::nullopt;
}

Result<std::optional<Key>> last_epoch(const Reader& reader, std::string_view name,
                                      const Version& version) {
  const auto prefix = artifact_prefix(name, version);
  return last_before(reader, prefix, prefix_end(prefix));
}

Result<std::optional<Key>> previous_epoch(const Reader& reader, const Key& key) {
  return last_before(reader, artifact_prefix(key.name, key.version), encode_artifact_key(key));
}

Result<void> for_each_artifact(const Reader& reader, std::string_view prefix,
                               const std::optional<Key>& after, const Visit& visit) {
  auto cursor = reader.cursor(Family::Metadata);
  if (after) {
    // No key lies between this one and the same with a zero byte more.
    const auto start = encode_artifact_key(*after) + '\0';
    cursor.seek(std::max<std::string_view>(start, prefix));
  } else {
    cursor.seek(prefix);
  }
  for (; cursor.at_prefix(prefix); cursor.next()) {
    auto key = decode_artifact_key(cursor.key());
    if (!key) {
      return fail(std::move(key.error()));
    }
    auto more = visit(*key, cursor.value());
    if (!more) {
      return fail(std::move(more.error()));
    }
    if (!*more) {
      return {};
    }
  }
  return cursor.status();
}

Result<std::vector<std::string>> list_names(const Reader& reader) {
  std::vector<std::string> names;
  auto cursor = reader.cursor(Family::Metadata);
  for (cursor.seek_to_first(); cursor.valid();
       cursor.seek(prefix_end(artifact_prefix(names.back())))) {
    auto key = decode_artifact_key(cursor.key());
    if (!key) {
      return fail(std::move(key.error()));
    }
    names.push_back(std::move(key->name));
  }
  if (auto status = cursor.status(); !status) {
    return fail(std::move(status.error()));
  }
  return names;
}

Result<std::vector<Version>> list_versions(const Reader& reader, std::string_view name) {
  std::vector<Version> versions;
  const auto prefix = artifact_prefix(name);
  auto cursor = reader.cursor(Family::Metadata);
  for (cursor.seek(prefix); cursor.at_prefix(prefix);
       cursor.seek(prefix_end(artifact_prefix(name, versions.back())))) {
    auto key = decode_artifact_key(cursor.key());
    if (!key) {
      return fail(std::move(key.error()));
    }
    versions.push_back(key->version);
  }
  if (auto status = cursor.status(); !status) {
    return fail(std::move(status.error()));
  }
  return versions;
}

Result<std::vector<ArtifactInfo>> list_artifacts(const Reader& reader, const ListOptions& options) {
  const bool below = options.name.ends_with('/');
  if (!options.name.empty()) {
    const auto name = std::string_view(options.name).substr(0, options.name.size() - below);
    if (auto valid = check_name(name); !valid) {
      return fail(std::move(valid.error()));
    }
  }
  std::string prefix = options.name;
  if (!prefix.empty() && !below) {
    prefix = options.version ? artifact_prefix(options.name, *options.version)
                             : artifact_prefix(options.name);
  }
  std::vector<ArtifactInfo> out;
  if (options.limit == 0) {
    return out;
  }
  auto done = for_each_artifact(reader, prefix, options.after,
                                [&](const Key& key, std::string_view bytes) -> Result<bool> {
                                  if (options.version && key.version != *options.version) {
                                    return true;
                                  }
                                  auto info = info_of(key, bytes);
                                  if (!info) {
                                    return fail(std::move(info.error()));
                                  }
                                  out.push_back(std::move(*info));
                                  return out.size() < options.limit;
                                });
  if (!done) {
    return fail(std::move(done.error()));
  }
  return out;
}

}  // namespace cairn
