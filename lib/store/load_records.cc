// Metadata first: it says which other records there are.
#include "store/load_records.h"

#include <string>
#include <utility>

#include "base/text.h"
#include "catalog/artifacts.h"
#include "record/artifact_digest.h"
#include "record/keys.h"

namespace cairn {

namespace {

Result<ModelRecord> read_model(const Reader& reader, const std::string& row) {
  auto bytes = reader.get(Family::Models, row);
  if (!bytes) {
    return fail(std::move(bytes.error()));
  }
  if (!*bytes) {
    return fail(Code::Corruption, "the record is missing");
  }
  return decode_model(**bytes);
}

Result<Config> read_config(const Reader& reader, const std::string& row) {
  auto bytes = reader.get(Family::Configs, row);
  if (!bytes) {
    return fail(std::move(bytes.error()));
  }
  if (!*bytes) {
    return fail(Code::Corruption, "the record is missing");
  }
  return decode_config(**bytes);
}

}  // namespace

Result<ArtifactRecords> load_records(const Reader& reader, const Key& key) {
  auto metadata = find_metadata(reader, key);
  if (!metadata) {
    return fail(std::move(metadata.error()));
  }
  if (!*metadata) {
    return fail(Code::NotFound, "no artifact " + key.to_string());
  }
  ArtifactRecords out;
  out.metadata = std::move(**metadata);
  const auto row = encode_artifact_key(key);
  if (out.metadata.tensors + out.metadata.files > 0) {
    auto model = read_model(reader, row);
    if (!model) {
      return fail(key.to_string() + ": model", std::move(model.error()));
    }
    out.model = std::move(*model);
  }
  if (out.metadata.has_config) {
    auto config = read_config(reader, row);
    if (!config) {
      return fail(key.to_string() + ": config", std::move(config.error()));
    }
    out.config = std::move(*config);
  }
  const auto found = artifact_digest(out.model, out.config ? &*out.config : nullptr);
  if (found != out.metadata.artifact) {
    return fail(Code::Corruption, key.to_string() + ": the digest of its records is " +
                                      found.to_string() + ", expected " +
                                      out.metadata.artifact.to_string());
  }
  return out;
}

}  // namespace cairn
