// SaveCommit: the part of a save that runs inside the commit: everything that depends on the state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cairn/draft.h"
#include "cairn/error.h"
#include "cairn/key.h"
#include "cairn/options.h"
#include "engine/commit_queue.h"
#include "store/intake.h"
#include "store/prepared.h"

namespace cairn {

// Points each alias at the key; part of a commit.
[[nodiscard]] Result<void> put_aliases(Batch& batch, const std::vector<std::string>& aliases,
                                       const Key& key);

[[nodiscard]] Error already_exists(const Key& key, const Digest& stored, const Digest& ours);

// Settles the key, looks whether an artifact stands there, chooses the slots of contents, and puts
// everything that names the new chunks into the batch.
struct SaveCommit {
  struct Outcome {
    Key key;
    bool existed = false;    // The very same contents stand there: only with `replace`.
    bool turned_up = false;  // An artifact of the same digest stands there: not yet compared.
  };

  const Ref& ref;
  const Draft::Parts& parts;
  const SaveOptions& options;
  const Prepared& prepared;
  const Intake& intake;
  Outcome& outcome;

  [[nodiscard]] Result<void> operator()(Batch& batch, std::uint64_t commit) const;

 private:
  [[nodiscard]] Result<bool> same_as_standing(const Batch& batch, const Key& key,
                                              const ModelRecord& model) const;
  [[nodiscard]] Result<void> write(Batch& batch, const Key& key, const ModelRecord& model,
                                   std::uint64_t commit) const;
};

}  // namespace cairn
