// What stands behind an Artifact handle: its records, and the session that reads its bytes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/meter.h"
#include "base/text.h"
#include "cairn/artifact.h"
#include "cairn/options.h"
#include "engine/chunk_reader.h"
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
  Control control;
  ModelRecord model;
  std::optional<Config> config;
  Metadata metadata;
  std::vector<TensorInfo> tensors;
  std::vector<FileInfo> files;
  std::unique_ptr<Activity::Load> load;  // Holds the model's contents; goes before they do.
  mutable ChunkPins pins;  // Shared by the views of this artifact; of its own it holds nothing.
};

// What one call reads; `what` is "tensor", "file", or nothing for all of them.
struct ReadContext {
  const Artifact::State& state;
  std::string_view what;
  std::string_view name;
  Meter& meter;
  bool bools = false;  // Bytes that were not saved by cairn may be no bools at all.

  [[nodiscard]] const Database& database() const { return state.lease.session()->database(); }
  // For messages: `digits:1.0.0@3: tensor "w"`.
  [[nodiscard]] std::string where() const {
    const auto key = state.key.to_string();
    return what.empty() ? key : key + ": " + std::string(what) + " " + quoted(name);
  }
};

// Verified bytes, and what keeps them in place: to be dropped before the database is.
struct PlacedBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> pin;
};

// Keeps what a view's bytes need alive, and the session, which goes after them.
class ViewOwner {
 public:
  ViewOwner(const std::shared_ptr<Session>& session, std::shared_ptr<const void> pin)
      : lease_(session), pin_(std::move(pin)) {}

  ~ViewOwner() {
    if (!lease_.session()->database().same_process()) {
      // What pins the bytes is of RocksDB, which does not live in a forked child: left as it is.
      static_cast<void>(new std::shared_ptr<const void>(std::move(pin_)));  // NOLINT: no way out
    }
  }
  ViewOwner(const ViewOwner&) = delete;
  ViewOwner& operator=(const ViewOwner&) = delete;

 private:
  Lease lease_;
  std::shared_ptr<const void> pin_;
};

}  // namespace cairn
