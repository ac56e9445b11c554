// SaveCommit: the part of a save that runs inside the commit: everything that depends on the state.
#pragma once

#include <cstdint>

#include "cairn/draft.h"
#include "cairn/error.h"
#include "cairn/key.h"
#include "cairn/options.h"
#include "cairn/store.h"
#include "engine/commit_queue.h"
#include "store/intake.h"
#include "store/prepared.h"

namespace cairn {

[[nodiscard]] Error already_exists(const Key& key, const Digest& stored, const Digest& ours);

// Settles the key, looks whether an artifact stands there, chooses the slots of contents, and puts
// everything that names the new chunks into the batch. Fills in the receipt's key and `existed`.
struct SaveCommit {
  const Ref& ref;
  const Draft::Parts& parts;
  const SaveOptions& options;
  const Prepared& prepared;
  const Intake& intake;
  Receipt& receipt;

  [[nodiscard]] Result<void> operator()(Batch& batch, std::uint64_t commit) const;

 private:
  [[nodiscard]] Result<void> write(Batch& batch, const Key& key, std::uint64_t commit) const;
};

}  // namespace cairn
