// Reading contents: from a content's record to verified bytes, in the caller's memory, in place,
// or piece by piece.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cairn/artifact.h"
#include "cairn/error.h"
#include "engine/database.h"
#include "record/content_record.h"

namespace cairn {

// What is read, for messages: `digits:1.0.0@3: tensor "w"`.
struct ReadContext {
  const Database& database;
  std::string where;
  unsigned threads = 1;
};

// Copies the content into `out`, which has its size; every chunk's digest is checked on the way.
[[nodiscard]] Result<void> read_content_into(const ReadContext& context,
                                             const ContentRecord& content,
                                             std::span<std::byte> out);

// Passes the chunks on in order, each verified first.
[[nodiscard]] Result<void> stream_content(const ReadContext& context, const ContentRecord& content,
                                          const Artifact::Sink& sink);

struct PlacedBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;  // To be dropped before the database.
};

// The content as contiguous, 64-byte aligned, verified bytes: in place where it is one aligned
// chunk, else in a buffer.
[[nodiscard]] Result<PlacedBytes> place_content(const ReadContext& context,
                                                const ContentRecord& content);

}  // namespace cairn
