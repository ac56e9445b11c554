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
  ~State() {
    if (!lease.session()->database().same_process()) {
      static_cast<void>(load.release());  // Its mutex may be held by a thread that is not here.
    }
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Lease lease;
  Key key;
  Digest digest;
  unsigned threads = 1;
  ModelRecord model;
  std::optional<Config> config;
  Metadata metadata;
  std::vector<TensorInfo> tensors;
  std::vector<FileInfo> files;
  std::unique_ptr<Activity::Load> load;  // Holds the model's contents; goes before they do.
};

}  // namespace cairn
