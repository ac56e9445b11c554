// Behind Segments: a content, and the artifact that it is of.
#pragma once

#include <cstddef>
#include <memory>

#include "cairn/error.h"
#include "cairn/segments.h"
#include "record/content_record.h"
#include "store/artifact_state.h"

namespace cairn {

// Corruption where a cut goes through an element.
[[nodiscard]] Result<Segments> open_segments(std::shared_ptr<const Artifact::State> artifact,
                                             const ReadContext& context, ContentRecord content,
                                             std::size_t element_bytes);

}  // namespace cairn
