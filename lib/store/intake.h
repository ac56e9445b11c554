// Intake: takes the pieces of a cutting into the store: hashes them, finds those that are stored
// already, writes the new ones. When it is done, every piece has a ChunkRef, and all new chunks are
// either durable in `chunks` or ready to go into the commit batch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cairn/error.h"
#include "cairn/options.h"
#include "content/health.h"
#include "engine/bulk_writer.h"
#include "record/chunk_location.h"
#include "record/content_record.h"
#include "store/cutting.h"
#include "store/session.h"

namespace cairn {

// A chunk that this save adds, for the index.
struct NewChunk {
  Digest digest;
  std::uint32_t slot = 0;
  ChunkLocation location;
};

struct SmallFrame {
  ChunkId id;
  std::string frame;
};

struct Intake {
  std::vector<ChunkRef> refs;      // One a piece.
  std::vector<HealthPart> health;  // One a piece; empty where it was not wanted.
  std::vector<NewChunk> new_chunks;
  std::vector<SmallFrame> small;  // New chunks that go into the commit batch.
  std::uint64_t new_bytes = 0;    // Plain bytes of new_chunks.
  bool wrote_files = false;       // Some of them went into files, and are durable already.
  // Keeps what was found, and the new ids, until the commit has returned.
  std::unique_ptr<Activity::Save> save;
};

// InvalidArgument where bytes change while they are being saved; Cancelled where a stop was
// requested, which is heard until the new chunks are ingested. On an error nothing is left in
// `incoming/`, and nothing was ingested unless that failed.
[[nodiscard]] Result<Intake> take_in(Session& session, const Cutting& cutting,
                                     const SaveOptions& options);

}  // namespace cairn
