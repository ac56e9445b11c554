// From refs to keys: which artifact, or which artifacts, a ref names in a given state.
#pragma once

#include <vector>

#include "cairn/error.h"
#include "cairn/key.h"
#include "engine/reader.h"

namespace cairn {

// The one artifact that a ref names. NotFound says what exists; InvalidArgument for a set.
[[nodiscard]] Result<Key> resolve_one(const Reader& reader, const Ref& ref);

// The artifacts of a set, an alias or a full key, in order; NotFound where there are none. A ref
// that is shorter is refused with the number of artifacts that it might mean.
[[nodiscard]] Result<std::vector<Key>> resolve_all(const Reader& reader, const Ref& ref);

// Where a save goes: a full key, epoch 0 of a version, or the next major version of a name.
[[nodiscard]] Result<Key> resolve_for_save(const Reader& reader, const Ref& ref);
// What can be said of it before the state is looked at: InvalidArgument for aliases, selectors, and
// an epoch without its version.
[[nodiscard]] Result<void> check_save_ref(const Ref& ref);
// Whether that depends on the state, so that it is settled inside the commit.
[[nodiscard]] bool is_open_for_save(const RefParts& parts);

}  // namespace cairn
