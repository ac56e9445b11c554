// The superblock, a FlatBuffers record, and the counters, a sealed value of three numbers.
#include "record/store_records.h"

#include <cstring>

#include "base/bytes.h"
#include "base/text.h"
#include "record/fields.h"
#include "record/flat.h"
#include "record/ids.h"
#include "record/sealed.h"
#include "superblock_generated.h"

namespace cairn {
namespace {

constexpr FlatKind kSuperblock{"superblock", "CNSB"};
constexpr std::string_view kCounters = "counters";
constexpr std::size_t kCountersBytes = 16 + kSealBytes;

}  // namespace

std::string encode_superblock(const Superblock& superblock) {
  flatbuffers::FlatBufferBuilder builder;
  // A producer that could not be read back is left out: it is there for people only.
  const bool readable = check_text("producer", superblock.producer, kMaxProducerBytes).has_value();
  const auto producer = flat_text(builder, readable ? superblock.producer : std::string_view());
  const fb::Uuid uuid(flatbuffers::span<const std::uint8_t, 16>(superblock.store_uuid.data(), 16));
  const auto root = fb::CreateSuperblockRecord(builder, superblock.format_version, &uuid,
                                               nanoseconds(superblock.created_at),
                                               superblock.tensor_chunk_bytes, producer);
  builder.Finish(root, kSuperblock.identifier);
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

Result<Superblock> decode_superblock(std::string_view bytes) {
  auto record = open_flat<fb::SuperblockRecord>(kSuperblock, bytes);
  if (!record) {
    return fail(std::move(record.error()));
  }
  const auto& flat = **record;
  if (flat.format_version() > kFormatVersion) {
    return fail(Code::NewerFormat, "superblock: expected format " + std::to_string(kFormatVersion) +
                                       " or older, found " + std::to_string(flat.format_version()) +
                                       "; this store needs a newer cairn");
  }
  if (flat.format_version() == 0) {
    return corrupt(kSuperblock, "expected a format from 1 on, found 0");
  }
  const auto producer = text_of(flat.producer());
  auto good = as_corruption(kSuperblock, check_text("producer", producer, kMaxProducerBytes));
  if (!good) {
    return fail(std::move(good.error()));
  }
  Superblock out;
  out.format_version = flat.format_version();
  std::memcpy(out.store_uuid.data(), flat.store_uuid()->bytes()->data(), out.store_uuid.size());
  out.created_at = time_of(flat.created_at());
  out.tensor_chunk_bytes = flat.tensor_chunk_bytes();
  out.producer = producer;
  return out;
}

std::string encode_counters(const Counters& counters) {
  std::string out;
  out.reserve(kCountersBytes);
  append_le(out, counters.commits);
  append_le(out, counters.next_id);
  seal(out);
  return out;
}

Result<Counters> decode_counters(std::string_view bytes) {
  if (auto good = check_seal(kCounters, bytes, kCountersBytes); !good) {
    return fail(std::move(good.error()));
  }
  const Counters out{load_le<std::uint64_t>(bytes, 0), load_le<std::uint64_t>(bytes, 8)};
  if (out.next_id == 0 || out.next_id > ChunkId::kSmallBit) {
    return fail(Code::Corruption, "counters: expected a next id from 1 to 2^63, found " +
                                      std::to_string(out.next_id));
  }
  return out;
}

}  // namespace cairn
