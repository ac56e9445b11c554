// The operations behind Store's calls, one file each.
#pragma once

#include <memory>
#include <vector>

#include "cairn/artifact.h"
#include "cairn/draft.h"
#include "cairn/error.h"
#include "cairn/key.h"
#include "cairn/options.h"
#include "cairn/query.h"
#include "cairn/store.h"
#include "store/session.h"

namespace cairn {

[[nodiscard]] Result<Receipt> save_artifact(Session& session, const Ref& ref, const Draft& draft,
                                            const SaveOptions& options);
[[nodiscard]] Result<Artifact> load_artifact(const std::shared_ptr<Session>& session,
                                             const Ref& ref, const LoadOptions& options);
[[nodiscard]] Result<std::vector<Key>> remove_artifacts(Session& session, const Ref& ref);
[[nodiscard]] Result<std::vector<Key>> undelete_artifacts(Session& session, const Ref& ref,
                                                          const UndeleteOptions& options);
[[nodiscard]] Result<std::vector<Key>> annotate_artifacts(Session& session, const Ref& ref,
                                                          const Annotation& annotation);
[[nodiscard]] Result<std::vector<PastMetadata>> read_history(const Reader& reader, const Ref& ref);
[[nodiscard]] Result<StoreStats> count_store(Session& session);

}  // namespace cairn
