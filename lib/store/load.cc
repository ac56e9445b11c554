// Load: from a ref to an artifact. Its records are read now, its tensors when they are asked for
// (artifact.cc).
#include <utility>

#include "base/text.h"
#include "catalog/resolve.h"
#include "store/artifact_state.h"
#include "store/load_records.h"
#include "store/operations.h"

namespace cairn {

Result<Artifact> load_artifact(const std::shared_ptr<Session>& session, const Ref& ref,
                               const LoadOptions& options) {
  auto load = session->activity().begin_load();  // Before the state is chosen.
  const auto reader = session->database().snapshot();
  auto key = resolve_one(*reader, ref);
  if (!key) {
    return fail(std::move(key.error()));
  }
  auto records = load_records(*reader, *key);
  if (!records) {
    return fail(std::move(records.error()));
  }
  auto state = std::make_shared<Artifact::State>(session);
  state->key = std::move(*key);
  state->digest = records->metadata.artifact;
  state->metadata = std::move(records->metadata.metadata);
  state->model = std::move(records->model);
  state->config = std::move(records->config);
  state->control = options.control;
  state->threads = options.threads != 0 ? options.threads : session->threads();
  for (const auto& entry : state->model.tensors) {
    state->tensors.push_back(entry.info);
  }
  for (const auto& entry : state->model.files) {
    state->files.push_back(entry.info);
  }
  state->load = std::move(load);
  state->load->hold(state->model);
  return Artifact(std::move(state));
}

}  // namespace cairn
