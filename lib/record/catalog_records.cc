// NameRecord, AliasRecord and TrashRecord to FlatBuffers and back, and what their fields must mean.
#include "record/catalog_records.h"

#include <algorithm>

#include "alias_generated.h"
#include "name_generated.h"
#include "record/fields.h"
#include "record/flat.h"
#include "trash_generated.h"

namespace cairn {
namespace {

constexpr FlatKind kName{"name record", "CNNM"};
constexpr FlatKind kAlias{"alias record", "CNAL"};
// Three whole records, each of which may be as large as a record gets.
constexpr FlatKind kTrash{"trash record", "CNTR", kMaxTrashBytes};
static_assert(kMaxTrashBytes == 3 * kMaxRecordBytes + 4096);

Result<void> check_name_record(const NameRecord& record) {
  if (auto good = check_text("description", record.description, kMaxDescriptionBytes); !good) {
    return good;
  }
  return check_tags(record.tags);
}

Result<void> check_trash(const TrashRecord& record) {
  switch (record.reason) {
    case TrashRecord::Reason::Removed:
    case TrashRecord::Reason::Replaced:
    case TrashRecord::Reason::Annotated:
      break;
    default:
      return fail(Code::InvalidArgument, "reason: expected 1 to 3, found " +
                                             std::to_string(static_cast<unsigned>(record.reason)));
  }
  for (const std::string* part : {&record.model, &record.config, &record.metadata}) {
    if (part->size() > kMaxRecordBytes) {
      return fail(Code::LimitExceeded, "record in the trash: expected at most " +
                                           std::to_string(kMaxRecordBytes) + " bytes, found " +
                                           std::to_string(part->size()));
    }
  }
  return {};
}

std::string copy_of(const flatbuffers::Vector<std::uint8_t>* bytes) {
  return bytes == nullptr
             ? std::string()
             : std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

flatbuffers::Offset<flatbuffers::Vector<std::uint8_t>> flat_part(
    flatbuffers::FlatBufferBuilder& builder, std::string_view part) {
  if (part.empty()) {
    return {};
  }
  return builder.CreateVector(reinterpret_cast<const std::uint8_t*>(part.data()), part.size());
}

}  // namespace

Result<std::string> encode_name(const NameRecord& record) {
  if (auto good = as_encode_error(kName, check_name_record(record)); !good) {
    return fail(std::move(good.error()));
  }
  flatbuffers::FlatBufferBuilder builder;
  const auto description = flat_text(builder, record.description);
  const auto tags = flat_tags(builder, record.tags);
  return finish_flat(
      kName, builder,
      fb::CreateNameRecord(builder, nanoseconds(record.created_at), description, tags));
}

Result<NameRecord> decode_name(std::string_view bytes) {
  auto opened = open_flat<fb::NameRecord>(kName, bytes);
  if (!opened) {
    return fail(std::move(opened.error()));
  }
  const auto& flat = **opened;
  const auto description = text_of(flat.description());
  if (auto good = check_text("description", description, kMaxDescriptionBytes); !good) {
    return corrupt(kName, good.error().message);
  }
  auto tags = tags_of(flat.tags());
  if (!tags) {
    return corrupt(kName, tags.error().message);
  }
  return NameRecord{time_of(flat.created_at()), std::string(description), std::move(*tags)};
}

Result<std::string> encode_alias(const AliasRecord& record) {
  if (record.moves.empty()) {
    return fail(Code::InvalidArgument, "alias record: expected at least one move, found none");
  }
  const auto kept = std::min(record.moves.size(), kMaxAliasMoves);
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<fb::AliasMove>> moves;
  moves.reserve(kept);
  for (auto i = record.moves.size() - kept; i < record.moves.size(); ++i) {
    const AliasMove& move = record.moves[i];
    moves.push_back(fb::CreateAliasMove(builder, move.removed, move.version.major,
                                        move.version.minor, move.version.patch, move.epoch,
                                        nanoseconds(move.moved_at)));
  }
  const auto flat_moves = builder.CreateVector(moves);
  return finish_flat(kAlias, builder, fb::CreateAliasRecord(builder, flat_moves));
}

Result<AliasRecord> decode_alias(std::string_view bytes) {
  auto opened = open_flat<fb::AliasRecord>(kAlias, bytes);
  if (!opened) {
    return fail(std::move(opened.error()));
  }
  const auto* moves = (*opened)->moves();
  if (count_of(moves) == 0 || count_of(moves) > kMaxAliasMoves) {
    return corrupt(kAlias, "moves: expected 1 to " + std::to_string(kMaxAliasMoves) + ", found " +
                               std::to_string(count_of(moves)));
  }
  AliasRecord out;
  out.moves.reserve(count_of(moves));
  for (std::uint32_t i = 0; i < moves->size(); ++i) {
    const fb::AliasMove& move = *moves->Get(i);
    out.moves.push_back({move.removed(),
                         {move.major(), move.minor(), move.patch()},
                         move.epoch(),
                         time_of(move.moved_at())});
  }
  return out;
}

Result<std::string> encode_trash(const TrashRecord& record) {
  if (auto good = as_encode_error(kTrash, check_trash(record)); !good) {
    return fail(std::move(good.error()));
  }
  flatbuffers::FlatBufferBuilder builder;
  const auto model = flat_part(builder, record.model);
  const auto config = flat_part(builder, record.config);
  const auto metadata = flat_part(builder, record.metadata);
  return finish_flat(
      kTrash, builder,
      fb::CreateTrashRecord(builder, static_cast<fb::TrashReason>(record.reason),
                            nanoseconds(record.removed_at), model, config, metadata));
}

Result<TrashRecord> decode_trash(std::string_view bytes) {
  auto opened = open_flat<fb::TrashRecord>(kTrash, bytes);
  if (!opened) {
    return fail(std::move(opened.error()));
  }
  const auto& flat = **opened;
  if (!flat.reason()) {
    return corrupt(kTrash, "reason: expected 1 to 3, found none");
  }
  TrashRecord out{static_cast<TrashRecord::Reason>(*flat.reason()), time_of(flat.removed_at()),
                  copy_of(flat.model()), copy_of(flat.config()), copy_of(flat.metadata())};
  if (auto good = as_corruption(kTrash, check_trash(out)); !good) {
    return fail(std::move(good.error()));
  }
  return out;
}

}  // namespace cairn
