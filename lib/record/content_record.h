// ContentRecord: the chunks of one content, in order, in pages of at most 65,536.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/error.h"
#include "cairn/key.h"
#include "content/digest.h"
#include "record/ids.h"

namespace cairn {

struct ChunkRef {
  Digest digest;
  ChunkId id;
  ChunkId base;  // 0: none; else the chunk that a delta is against.
  std::uint32_t plain_bytes = 0;

  friend bool operator==(const ChunkRef&, const ChunkRef&) = default;
};

struct ContentRecord {
  std::uint64_t size_bytes = 0;
  CutKind kind = CutKind::Fixed;
  std::vector<ChunkRef> chunks;
};

inline constexpr std::uint32_t kContentPageChunks = 65'536;

// What one page holds: the content's totals, and the chunks from page * kContentPageChunks on.
struct ContentPage {
  std::uint64_t size_bytes = 0;
  CutKind kind = CutKind::Fixed;
  std::uint64_t chunk_count = 0;  // Of the whole content.
  std::uint32_t page = 0;
  std::vector<ChunkRef> chunks;
};

// At least one page, also for an empty content. InvalidArgument where decode_content_page would not
// take one.
[[nodiscard]] Result<std::vector<std::string>> encode_content(const ContentRecord& content);
[[nodiscard]] Result<ContentPage> decode_content_page(std::string_view bytes);

// Adds the next page; Corruption where it does not continue what was gathered.
[[nodiscard]] Result<void> append_page(ContentRecord& content, const ContentPage& page);
// All pages are there: chunk lengths add up, and the digest of the chunks' digests is `expected`.
[[nodiscard]] Result<void> check_content(const ContentRecord& content, const Digest& expected);

}  // namespace cairn
