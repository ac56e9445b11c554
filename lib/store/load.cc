// Load: from a ref to an artifact. Reads the three records from one snapshot, and checks the
// artifact's digest over them; tensors are read when they are asked for (artifact.cc).
#include <optional>
#include <utility>

#include "base/text.h"
#include "catalog/artifacts.h"
#include "catalog/resolve.h"
#include "record/artifact_digest.h"
#include "record/keys.h"
#include "store/artifact_state.h"
#include "store/operations.h"

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

Result<void> read_records(const Reader& reader, Artifact::State& state) {
  auto metadata = find_metadata(reader, state.key);
  if (!metadata) {
    return fail(std::move(metadata.error()));
  }
  if (!*metadata) {
    return fail(Code::NotFound, "no artifact " + state.key.to_string());
  }
  state.digest = (*metadata)->artifact;
  state.metadata = std::move((*metadata)->metadata);
  const auto row = encode_artifact_key(state.key);
  if ((*metadata)->tensors + (*metadata)->files > 0) {
    auto model = read_model(reader, row);
    if (!model) {
      return fail(state.key.to_string() + ": model", std::move(model.error()));
    }
    state.model = std::move(*model);
  }
  if ((*metadata)->has_config) {
    auto config = read_config(reader, row);
    if (!config) {
      return fail(state.key.to_string() + ": config", std::move(config.error()));
    }
    state.config = std::move(*config);
  }
  const auto found = artifact_digest(state.model, state.config ? &*state.config : nullptr);
  if (found != state.digest) {
    return fail(Code::Corruption, state.key.to_string() + ": the digest of its records is " +
                                      found.to_string() + ", expected " + state.digest.to_string());
  }
  return {};
}

}  // namespace

Result<Artifact> load_artifact(const std::shared_ptr<Session>& session, const Ref& ref,
                               const LoadOptions& options) {
  const auto reader = session->database().snapshot();
  auto key = resolve_one(*reader, ref);
  if (!key) {
    return fail(std::move(key.error()));
  }
  auto state = std::make_shared<Artifact::State>(session);
  state->key = std::move(*key);
  state->threads = options.threads != 0 ? options.threads : session->threads();
  if (auto read = read_records(*reader, *state); !read) {
    return fail(std::move(read.error()));
  }
  for (auto& entry : state->model.tensors) {
    state->tensors.push_back(entry.info);
  }
  for (auto& entry : state->model.files) {
    state->files.push_back(entry.info);
  }
  return Artifact(std::move(state));
}

}  // namespace cairn
