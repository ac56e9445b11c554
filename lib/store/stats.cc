// Counts what a store holds: artifacts by their metadata, chunks by the index.
#include <utility>

#include "base/text.h"
#include "catalog/artifacts.h"
#include "record/chunk_location.h"
#include "store/operations.h"

namespace cairn {

Result<StoreStats> count_store(Session& session) {
  StoreStats stats;
  const auto reader = session.database().snapshot();
  auto walked = for_each_artifact(*reader, "", std::nullopt,
                                  [&](const Key& key, std::string_view bytes) -> Result<bool> {
                                    auto record = decode_metadata_of(key, bytes);
                                    if (!record) {
                                      return fail(std::move(record.error()));
                                    }
                                    ++stats.artifacts;
                                    stats.logical_bytes += record->size_bytes;
                                    return true;
                                  });
  if (!walked) {
    return fail(std::move(walked.error()));
  }
  auto cursor = reader->cursor(Family::ChunkIndex);
  for (cursor.seek_to_first(); cursor.valid(); cursor.next()) {
    auto location = decode_location(cursor.value());
    if (!location) {
      return fail("chunk index", std::move(location.error()));
    }
    ++stats.chunks;
    stats.chunk_bytes += location->plain_bytes;
  }
  if (auto status = cursor.status(); !status) {
    return fail(std::move(status.error()));
  }
  auto disk = session.database().dir().disk_bytes();
  if (!disk) {
    return fail(std::move(disk.error()));
  }
  stats.disk_bytes = *disk;
  return stats;
}

}  // namespace cairn
