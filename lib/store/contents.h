// Contents: the lists of chunks behind tensors and files, written in a commit and read for a load.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cairn/error.h"
#include "engine/commit_queue.h"
#include "engine/reader.h"
#include "record/content_record.h"
#include "record/ids.h"

namespace cairn {

struct EncodedContent {
  ContentRecord record;
  std::vector<std::string> pages;
};

[[nodiscard]] Result<EncodedContent> encode_content_pages(ContentRecord record);

// Puts the content into the first slot of its digest that holds the very same chunks or nothing,
// and returns the slot: two contents are one only where size and chunk ids are equal.
[[nodiscard]] Result<std::uint32_t> put_content(Batch& batch, const Digest& digest,
                                                const EncodedContent& content);

// All pages, checked against the digest. Corruption where one is missing or wrong.
[[nodiscard]] Result<ContentRecord> read_content(const Reader& reader, const ContentId& id);

}  // namespace cairn
