// RocksDB's own checksums are not asked: the digest of a chunk covers its bytes on the way from
// the disk to the caller.
#include "store/content_reader.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/buffer.h"
#include "base/parallel.h"
#include "base/text.h"
#include "content/digest.h"
#include "content/frame.h"
#include "engine/chunk_reader.h"

namespace cairn {

namespace {

constexpr std::uint64_t kWorthAThreadBytes = std::uint64_t{4} << 20;

// Where in a content a chunk starts: needed to split work and to name a damaged place.
std::vector<std::uint64_t> offsets_of(const ContentRecord& content) {
  std::vector<std::uint64_t> offsets;
  offsets.reserve(content.chunks.size());
  std::uint64_t at = 0;
  for (const auto& chunk : content.chunks) {
    offsets.push_back(at);
    at += chunk.plain_bytes;
  }
  return offsets;
}

std::string place(const ReadContext& context, std::size_t chunk, std::uint64_t offset) {
  return context.where + ": chunk " + std::to_string(chunk) + " at offset " +
         std::to_string(offset);
}

Error damaged(const Digest& expected, const Digest& found) {
  return {Code::Corruption,
          "damaged: its digest is " + found.to_string() + ", expected " + expected.to_string()};
}

// The raw payload of a stored chunk, as long as the record says.
Result<std::span<const std::byte>> payload_of(std::span<const std::byte> stored,
                                              const ChunkRef& ref) {
  auto frame = decode_frame(stored);
  if (!frame) {
    return fail(std::move(frame.error()));
  }
  if (frame->payload.size() != ref.plain_bytes) {
    return fail(Code::Corruption, "has " + std::to_string(frame->payload.size()) +
                                      " bytes, expected " + std::to_string(ref.plain_bytes));
  }
  return frame->payload;
}

Result<std::span<const std::byte>> read_payload(ChunkReader& reader, const ChunkRef& ref) {
  auto stored = reader.read(ref.id);
  if (!stored) {
    return fail(std::move(stored.error()));
  }
  return payload_of(*stored, ref);
}

Result<void> copy_chunk(ChunkReader& reader, const ChunkRef& ref, std::byte* to) {
  auto payload = read_payload(reader, ref);
  if (!payload) {
    return fail(std::move(payload.error()));
  }
  const auto found = copy_and_digest(to, *payload);
  if (found != ref.digest) {
    return fail(damaged(ref.digest, found));
  }
  return {};
}

}  // namespace

Result<void> read_content_into(const ReadContext& context, const ContentRecord& content,
                               std::span<std::byte> out) {
  const auto offsets = offsets_of(content);
  const auto threads = static_cast<unsigned>(
      std::clamp<std::uint64_t>(out.size() / kWorthAThreadBytes, 1, context.threads));
  return parallel_ranges(
      content.chunks.size(), threads, [&](std::size_t begin, std::size_t end) -> Result<void> {
        ChunkReader reader(context.database);
        for (auto i = begin; i < end; ++i) {
          auto copied = copy_chunk(reader, content.chunks[i], out.data() + offsets[i]);
          if (!copied) {
            return fail(place(context, i, offsets[i]), std::move(copied.error()));
          }
        }
        return {};
      });
}

Result<void> stream_content(const ReadContext& context, const ContentRecord& content,
                            const Artifact::Sink& sink) {
  ChunkReader reader(context.database);
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < content.chunks.size(); ++i) {
    const auto& ref = content.chunks[i];
    auto payload = read_payload(reader, ref);
    if (!payload) {
      return fail(place(context, i, offset), std::move(payload.error()));
    }
    if (const auto found = chunk_digest(*payload); found != ref.digest) {
      return fail(place(context, i, offset), damaged(ref.digest, found));
    }
    if (auto taken = sink(*payload); !taken) {
      return taken;
    }
    offset += ref.plain_bytes;
  }
  return {};
}

Result<PlacedBytes> place_content(const ReadContext& context, const ContentRecord& content) {
  if (content.chunks.size() == 1) {
    const auto& ref = content.chunks.front();
    auto frame = pin_frame(context.database, ref.id);
    if (!frame) {
      return fail(place(context, 0, 0), std::move(frame.error()));
    }
    auto payload = payload_of(frame->stored(), ref);
    if (!payload) {
      return fail(place(context, 0, 0), std::move(payload.error()));
    }
    if (reinterpret_cast<std::uintptr_t>(payload->data()) % 64 == 0) {
      if (const auto found = chunk_digest(*payload); found != ref.digest) {
        return fail(place(context, 0, 0), damaged(ref.digest, found));
      }
      return PlacedBytes{*payload, frame->pin()};
    }
  }
  auto buffer = std::make_shared<Buffer>(content.size_bytes);
  if (auto read = read_content_into(context, content, buffer->bytes()); !read) {
    return fail(std::move(read.error()));
  }
  const auto bytes = buffer->bytes();
  return PlacedBytes{bytes, std::move(buffer)};
}

}  // namespace cairn
