// Verification of a whole artifact: every byte of it is read.
#pragma once

#include "cairn/error.h"
#include "store/artifact_state.h"

namespace cairn {

// The first damage, in the order of tensors and then files, is returned. Memory does not grow with
// the artifact but for the lists of chunks of 64 GiB at a time.
[[nodiscard]] Result<void> verify_artifact(const Artifact::State& state);

}  // namespace cairn
