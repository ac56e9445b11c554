// Pages of a content: encoding, decoding one, gathering them, and checking the whole.
#include "record/content_record.h"

#include <algorithm>
#include <limits>

#include "base/checked.h"
#include "base/text.h"
#include "content/chunker.h"
#include "content_generated.h"
#include "record/fields.h"
#include "record/flat.h"

namespace cairn {
namespace {

constexpr FlatKind kContent{"content record", "CNCT"};

// The digest of a content counts its chunks in 32 bits.
constexpr std::uint64_t kMaxChunks = std::numeric_limits<std::uint32_t>::max();

std::string chunk_at(std::uint64_t index) {
  return "chunk " + std::to_string(index);
}

tl::unexpected<Error> bad(std::string_view field, const std::string& expected,
                          std::uint64_t found) {
  return corrupt(
      kContent, std::string(field) + ": expected " + expected + ", found " + std::to_string(found));
}

Result<void> check_totals(const ContentPage& page) {
  if (page.kind != CutKind::Fixed && page.kind != CutKind::FastCdc) {
    return bad("kind of cut", "1 or 2", static_cast<std::uint64_t>(page.kind));
  }
  if (page.size_bytes > kMaxContentBytes) {
    return bad("size", "at most " + std::to_string(kMaxContentBytes) + " bytes", page.size_bytes);
  }
  // Every chunk but none holds a byte at least, and kMaxChunkBytes at most.
  const auto least =
      page.size_bytes / kMaxChunkBytes + (page.size_bytes % kMaxChunkBytes == 0 ? 0U : 1U);
  const auto most = std::min(page.size_bytes, kMaxChunks);
  if (page.chunk_count < least || page.chunk_count > most) {
    return bad("number of chunks of a content of " + std::to_string(page.size_bytes) + " bytes",
               std::to_string(least) + " to " + std::to_string(most), page.chunk_count);
  }
  const auto last_page = page.chunk_count == 0 ? 0 : (page.chunk_count - 1) / kContentPageChunks;
  if (page.page > last_page) {
    return bad("page", "at most " + std::to_string(last_page), page.page);
  }
  return {};
}

Result<void> check_page_length(const ContentPage& page, std::size_t found) {
  const std::uint64_t first = std::uint64_t{page.page} * kContentPageChunks;
  const auto expected = std::min<std::uint64_t>(kContentPageChunks, page.chunk_count - first);
  if (found != expected) {
    return bad("chunks of page " + std::to_string(page.page), std::to_string(expected), found);
  }
  return {};
}

// Chunk `index` of a content; `previous` is the one before it, null where that is not at hand.
Result<void> check_chunk(CutKind kind, std::uint64_t index, const ChunkRef& chunk,
                         const ChunkRef* previous, bool is_last) {
  if (chunk.id.number() == 0) {
    return bad(chunk_at(index) + ": id", "another than 0", chunk.id.value);
  }
  if (chunk.base == chunk.id) {
    return bad(chunk_at(index) + ": base id", "another than the chunk's own", chunk.base.value);
  }
  if (chunk.plain_bytes == 0 || chunk.plain_bytes > kMaxChunkBytes) {
    return bad(chunk_at(index) + ": size", "1 to " + std::to_string(kMaxChunkBytes),
               chunk.plain_bytes);
  }
  if (kind != CutKind::Fixed || previous == nullptr) {
    return {};
  }
  const bool fits = is_last ? chunk.plain_bytes <= previous->plain_bytes
                            : chunk.plain_bytes == previous->plain_bytes;
  if (!fits) {
    return bad(chunk_at(index) + " of a content cut in pieces of one size",
               (is_last ? "at most " : "") + std::to_string(previous->plain_bytes) + " bytes",
               chunk.plain_bytes);
  }
  return {};
}

Result<void> check_chunks(const ContentPage& page) {
  const std::uint64_t first = std::uint64_t{page.page} * kContentPageChunks;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < page.chunks.size(); ++i) {
    const ChunkRef* previous = i == 0 ? nullptr : &page.chunks[i - 1];
    const bool is_last = first + i + 1 == page.chunk_count;
    if (auto good = check_chunk(page.kind, first + i, page.chunks[i], previous, is_last); !good) {
      return good;
    }
    total += page.chunks[i].plain_bytes;  // At most 2^16 times 2^24.
  }
  if (total > page.size_bytes ||
      (page.chunks.size() == page.chunk_count && total != page.size_bytes)) {
    return bad("bytes of the chunks of page " + std::to_string(page.page),
               (total > page.size_bytes ? "at most " : "") + std::to_string(page.size_bytes),
               total);
  }
  return {};
}

ChunkRef chunk_of(const fb::ChunkRef& flat) {
  return {digest_of(flat.digest()), ChunkId{flat.id()}, ChunkId{flat.base()}, flat.plain_bytes()};
}

fb::ChunkRef flat_chunk(const ChunkRef& chunk) {
  return {flat_digest(chunk.digest), chunk.id.value, chunk.base.value, chunk.plain_bytes, 0};
}

std::string encode_page(const ContentRecord& content, std::uint32_t page) {
  const std::size_t first = std::size_t{page} * kContentPageChunks;
  const std::size_t count =
      std::min<std::size_t>(kContentPageChunks, content.chunks.size() - first);
  flatbuffers::FlatBufferBuilder builder;
  std::vector<fb::ChunkRef> flat;
  flat.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    flat.push_back(flat_chunk(content.chunks[first + i]));
  }
  const auto chunks = builder.CreateVectorOfStructs(flat);
  builder.Finish(
      fb::CreateContentRecord(builder, content.size_bytes, static_cast<fb::CutKind>(content.kind),
                              content.chunks.size(), page, chunks),
      kContent.identifier);
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

}  // namespace

Result<std::vector<std::string>> encode_content(const ContentRecord& content) {
  std::vector<std::string> pages;
  do {
    pages.push_back(encode_page(content, static_cast<std::uint32_t>(pages.size())));
    if (auto readable = decode_content_page(pages.back()); !readable) {
      return fail(Code::InvalidArgument, "no reader would take it: " + readable.error().message);
    }
  } while (pages.size() * kContentPageChunks < content.chunks.size());
  return pages;
}

Result<ContentPage> decode_content_page(std::string_view bytes) {
  auto record = open_flat<fb::ContentRecord>(kContent, bytes);
  if (!record) {
    return fail(std::move(record.error()));
  }
  const auto& flat = **record;
  if (!flat.kind()) {
    return corrupt(kContent, "kind of cut: expected 1 or 2, found none");
  }
  ContentPage out{
      flat.size_bytes(), static_cast<CutKind>(*flat.kind()), flat.chunk_count(), flat.page(), {}};
  if (auto good = check_totals(out); !good) {
    return fail(std::move(good.error()));
  }
  if (auto good = check_page_length(out, count_of(flat.chunks())); !good) {
    return fail(std::move(good.error()));
  }
  if (!is_aligned(flat.chunks())) {
    return corrupt(kContent, "chunks: expected them at a multiple of 8 bytes");
  }
  out.chunks.reserve(count_of(flat.chunks()));
  for (std::uint32_t i = 0; i < count_of(flat.chunks()); ++i) {
    out.chunks.push_back(chunk_of(*flat.chunks()->Get(i)));
  }
  if (auto good = check_chunks(out); !good) {
    return fail(std::move(good.error()));
  }
  return out;
}

Result<void> append_page(ContentRecord& content, const ContentPage& page) {
  const auto next = content.chunks.size() / kContentPageChunks;
  if (page.page != next || content.chunks.size() % kContentPageChunks != 0) {
    return bad("page after " + std::to_string(content.chunks.size()) + " chunks",
               std::to_string(next), page.page);
  }
  if (page.page == 0) {
    content = {page.size_bytes, page.kind, page.chunks};
    return {};
  }
  if (page.size_bytes != content.size_bytes) {
    return bad("size of page " + std::to_string(page.page), std::to_string(content.size_bytes),
               page.size_bytes);
  }
  if (page.kind != content.kind) {
    return bad("kind of cut of page " + std::to_string(page.page),
               std::to_string(static_cast<unsigned>(content.kind)),
               static_cast<std::uint64_t>(page.kind));
  }
  content.chunks.insert(content.chunks.end(), page.chunks.begin(), page.chunks.end());
  return {};
}

Result<void> check_content(const ContentRecord& content, const Digest& expected) {
  if (content.size_bytes > kMaxContentBytes || content.chunks.size() > kMaxChunks) {
    return bad("size", "at most " + std::to_string(kMaxContentBytes) + " bytes",
               content.size_bytes);
  }
  std::vector<Digest> digests;
  digests.reserve(content.chunks.size());
  std::uint64_t total = 0;
  const ChunkRef* previous = nullptr;
  for (const ChunkRef& chunk : content.chunks) {
    const bool is_last = digests.size() + 1 == content.chunks.size();
    auto good = check_chunk(content.kind, digests.size(), chunk, previous, is_last);
    if (!good) {
      return good;
    }
    total += chunk.plain_bytes;  // At most 2^32 times 2^24.
    digests.push_back(chunk.digest);
    previous = &chunk;
  }
  if (total != content.size_bytes) {
    return bad("bytes of all chunks", std::to_string(content.size_bytes), total);
  }
  const auto found = content_digest(content.kind, content.size_bytes, digests);
  if (found != expected) {
    return corrupt(kContent, "digest over the chunks' digests: expected " + expected.to_string() +
                                 ", found " + found.to_string());
  }
  return {};
}

}  // namespace cairn
