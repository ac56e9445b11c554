// What stands behind an Artifact handle: its records, and the session that reads its bytes.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "cairn/artifact.h"
#include "record/config_record.h"
#include "record/model_record.h"
#include "store/session.h"

namespace cairn {

// Never changes once it is loaded.
struct Artifact::State {
  explicit State(const std::shared_ptr<Session>& session) : lease(session) {}

  Lease lease;
  Key key;
  Digest digest;
  unsigned threads = 1;
  ModelRecord model;
  std::optional<Config> config;
  Metadata metadata;
  std::vector<TensorInfo> tensors;
  std::vector<FileInfo> files;
};

}  // namespace cairn
