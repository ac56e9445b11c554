// Slots are chosen inside the commit, so two saves cannot choose the same one.
#include "store/contents.h"

#include <utility>

#include "base/text.h"
#include "record/keys.h"

namespace cairn {

namespace {

std::string place(const ContentId& id, std::uint32_t page) {
  return "content " + id.digest.to_string() + " slot " + std::to_string(id.slot) + " page " +
         std::to_string(page);
}

// What stands in a slot, or nothing; without the check of the digest.
Result<std::optional<ContentRecord>> read_pages(const Reader& reader, const ContentId& id) {
  ContentRecord content;
  for (std::uint32_t page = 0;; ++page) {
    auto bytes = reader.get(Family::Contents, encode_content_key(id, page));
    if (!bytes) {
      return fail(std::move(bytes.error()));
    }
    if (!*bytes) {
      if (page == 0) {
        return std::nullopt;
      }
      return fail(Code::Corruption, place(id, page) + " is missing");
    }
    auto decoded = decode_content_page(**bytes);
    if (!decoded) {
      return fail(place(id, page), std::move(decoded.error()));
    }
    if (auto appended = append_page(content, *decoded); !appended) {
      return fail(place(id, page), std::move(appended.error()));
    }
    if (content.chunks.size() >= decoded->chunk_count) {
      return content;
    }
  }
}

bool same_chunks(const ContentRecord& a, const ContentRecord& b) {
  return a.size_bytes == b.size_bytes && a.kind == b.kind && a.chunks == b.chunks;
}

}  // namespace

Result<EncodedContent> encode_content_pages(ContentRecord record) {
  auto pages = encode_content(record);
  if (!pages) {
    return fail(std::move(pages.error()));
  }
  return EncodedContent{std::move(record), std::move(*pages)};
}

Result<std::uint32_t> put_content(Batch& batch, const Digest& digest,
                                  const EncodedContent& content) {
  for (std::uint32_t slot = 0;; ++slot) {
    const ContentId id{digest, slot};
    auto standing = read_pages(batch, id);
    if (!standing && standing.error().code != Code::Corruption) {
      return fail(std::move(standing.error()));
    }
    if (!standing) {
      continue;  // Damaged: left as it is for those who check the store; the next slot will do.
    }
    if (!*standing) {
      for (std::uint32_t page = 0; page < content.pages.size(); ++page) {
        batch.put(Family::Contents, encode_content_key(id, page), content.pages[page]);
      }
      return slot;
    }
    if (same_chunks(**standing, content.record)) {
      return slot;
    }
  }
}

Result<ContentRecord> read_content(const Reader& reader, const ContentId& id) {
  auto content = read_pages(reader, id);
  if (!content) {
    return fail(std::move(content.error()));
  }
  if (!*content) {
    return fail(Code::Corruption, place(id, 0) + " is missing");
  }
  if (auto checked = check_content(**content, id.digest); !checked) {
    return fail("content " + id.digest.to_string() + " slot " + std::to_string(id.slot),
                std::move(checked.error()));
  }
  return std::move(**content);
}

}  // namespace cairn
