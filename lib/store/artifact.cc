// Artifact: what its records say, without a read.
#include "cairn/artifact.h"

#include "base/text.h"
#include "store/artifact_state.h"

namespace cairn {

std::optional<double> Metadata::metric(std::string_view name) const {
  for (const auto& [known, value] : metrics) {
    if (known == name) {
      return value;
    }
  }
  return std::nullopt;
}

std::optional<std::string> Metadata::tag(std::string_view name) const {
  for (const auto& [known, value] : tags) {
    if (known == name) {
      return value;
    }
  }
  return std::nullopt;
}

const Key& Artifact::key() const noexcept {
  return state_->key;
}
const Digest& Artifact::digest() const noexcept {
  return state_->digest;
}
const Metadata& Artifact::metadata() const noexcept {
  return state_->metadata;
}
const std::vector<TensorInfo>& Artifact::tensors() const noexcept {
  return state_->tensors;
}
const std::vector<FileInfo>& Artifact::files() const noexcept {
  return state_->files;
}

Result<Value> Artifact::config() const {
  if (!state_->config) {
    return fail(Code::NotFound, state_->key.to_string() + " has no config");
  }
  if (const auto* value = std::get_if<Value>(&*state_->config)) {
    return *value;
  }
  return fail(Code::TypeMismatch,
              state_->key.to_string() + ": its config is a FlatBuffers table (" +
                  quoted(std::get<ConfigTable>(*state_->config).identifier) + "), not a tree");
}

Result<ConfigTable> Artifact::config_table() const {
  if (!state_->config) {
    return fail(Code::NotFound, state_->key.to_string() + " has no config");
  }
  if (const auto* table = std::get_if<ConfigTable>(&*state_->config)) {
    return *table;
  }
  return fail(Code::TypeMismatch,
              state_->key.to_string() + ": its config is a tree, not a FlatBuffers table");
}

}  // namespace cairn
