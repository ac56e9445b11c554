// RocksDB's own checksums are not asked: the digest of a chunk covers its bytes on the way from
// the disk to the caller.
#include "store/verified_chunks.h"

#include <string>
#include <utility>

#include "base/text.h"
#include "content/digest.h"
#include "content/frame.h"
#include "content/health.h"

namespace cairn {

namespace {

constexpr std::uint64_t kWorthADescriptorBytes = std::uint64_t{4} << 20;

tl::unexpected<Error> damaged(const Digest& expected, const Digest& found) {
  return fail(Code::Corruption,
              "damaged: its digest is " + found.to_string() + ", expected " + expected.to_string());
}

// What the bytes mean, once they are known to be those that were saved.
Result<void> check_values(const ReadContext& context, std::span<const std::byte> bytes) {
  if (context.bools && !all_bools(bytes)) {
    return fail(Code::Corruption, "a bool is 0 or 1, found another byte");
  }
  return {};
}

Result<void> check_payload(const WantedChunk& chunk, std::span<const std::byte> payload) {
  if (const auto found = chunk_digest(payload); found != chunk.ref().digest) {
    return damaged(chunk.ref().digest, found);
  }
  return check_values(*chunk.context, payload);
}

std::uint64_t bytes_of(std::span<const WantedChunk> chunks) {
  std::uint64_t bytes = 0;
  for (const auto& chunk : chunks) {
    bytes += chunk.ref().plain_bytes;
  }
  return bytes;
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

Result<std::optional<PlacedBytes>> pin_payload(const WantedChunk& chunk) {
  auto frame = chunk.context->state.pins.pin(chunk.context->database(), chunk.ref().id);
  if (!frame) {
    return fail(std::move(frame.error()));
  }
  auto payload = payload_of(frame->stored(), chunk.ref());
  if (!payload) {
    return fail(std::move(payload.error()));
  }
  if (reinterpret_cast<std::uintptr_t>(payload->data()) % 64 != 0) {
    return std::nullopt;
  }
  if (auto good = check_payload(chunk, *payload); !good) {
    return fail(std::move(good.error()));
  }
  return PlacedBytes{*payload, frame->pin()};
}

}  // namespace

tl::unexpected<Error> WantedChunk::failed(Error error) const {
  return fail(context->where() + ": chunk " + std::to_string(at.index) + " at offset " +
                  std::to_string(at.offset),
              std::move(error));
}

std::optional<BlockList> cold_blocks(const Database& database, std::span<const WantedChunk> chunks,
                                     ColdReader::Pattern pattern) {
  if (pattern == ColdReader::Pattern::Stream && bytes_of(chunks) < kWorthADescriptorBytes) {
    return std::nullopt;
  }
  BlockList blocks(database);
  for (const auto& chunk : chunks) {
    blocks.add(chunk.ref());
  }
  return blocks.is_cold() ? std::optional(std::move(blocks)) : std::nullopt;
}

ReadPlan::ReadPlan(const Database& database, std::vector<WantedChunk> chunks,
                   ColdReader::Pattern pattern)
    : database_(database),
      chunks_(std::move(chunks)),
      bytes_(bytes_of(chunks_)),
      pattern_(pattern),
      cold_(cold_blocks(database, chunks_, pattern)) {}

std::vector<WantedChunk> chunks_of(const ReadContext& context, const ContentRecord& content) {
  std::vector<WantedChunk> out;
  out.reserve(content.chunks.size());
  ChunkAt at;
  for (const auto& ref : content.chunks) {
    out.push_back({&context, &content, at});
    at = {at.index + 1, at.offset + ref.plain_bytes};
  }
  return out;
}

VerifiedChunks::VerifiedChunks(const ReadPlan& plan) : plan_(plan), reader_(plan.database_) {
  if (plan.cold_) {
    cold_.emplace(*plan.cold_, plan.pattern_);
  }
}

// True where the chunk came past the mapping, and is good; one that is not is read again.
Result<bool> VerifiedChunks::copy_cold(std::size_t i, std::byte* to) {
  if (!cold_) {
    return false;
  }
  const auto& ref = plan_[i].ref();
  const std::span<std::byte> out(to, ref.plain_bytes);
  auto read = cold_->read(i, out);
  if (!read || !*read) {
    return read;
  }
  return chunk_digest(out) == ref.digest;
}

Result<void> VerifiedChunks::copy_of(std::size_t i, std::byte* to) {
  const auto& ref = plan_[i].ref();
  auto cold = copy_cold(i, to);
  if (!cold) {
    return fail(std::move(cold.error()));
  }
  if (!*cold) {
    auto payload = read_payload(reader_, ref);
    if (!payload) {
      return fail(std::move(payload.error()));
    }
    if (const auto found = copy_and_digest(to, *payload); found != ref.digest) {
      return damaged(ref.digest, found);
    }
  }
  return check_values(*plan_[i].context, {to, ref.plain_bytes});
}

Result<void> VerifiedChunks::copy(std::size_t i, std::byte* to) {
  auto copied = copy_of(i, to);
  return copied ? copied : plan_[i].failed(std::move(copied.error()));
}

Result<std::span<const std::byte>> VerifiedChunks::view_of(std::size_t i) {
  const auto& ref = plan_[i].ref();
  if (cold_) {
    if (auto room = scratch_.resize(ref.plain_bytes); !room) {
      return fail(std::move(room.error()));
    }
    auto copied = copy_of(i, scratch_.bytes().data());
    return copied ? Result<std::span<const std::byte>>(scratch_.bytes())
                  : fail(std::move(copied.error()));
  }
  auto payload = read_payload(reader_, ref);
  if (!payload) {
    return fail(std::move(payload.error()));
  }
  auto good = check_payload(plan_[i], *payload);
  return good ? payload : fail(std::move(good.error()));
}

Result<std::span<const std::byte>> VerifiedChunks::view(std::size_t i) {
  auto bytes = view_of(i);
  return bytes ? bytes : plan_[i].failed(std::move(bytes.error()));
}

Result<std::optional<PlacedBytes>> pin_verified(const WantedChunk& chunk) {
  if (!chunk.context->database().mapped() || chunk.ref().id.is_small()) {
    return std::nullopt;  // A copy on the heap, and aligned there by chance only.
  }
  auto placed = pin_payload(chunk);
  return placed ? std::move(placed) : chunk.failed(std::move(placed.error()));
}

}  // namespace cairn
