// BulkWriter: builds one sorted file of chunks beside the database, and ingest() takes finished
// files in without copying them. No byte passes the log or a memtable; ids ascend within a file,
// ranges of files never overlap, so each lands at the bottom level and is not rewritten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cairn/error.h"
#include "cairn/key.h"
#include "content/frame.h"
#include "engine/database.h"
#include "record/ids.h"

namespace cairn {

// A finished, synced file in `incoming/`, and its checksum.
struct BuiltFile {
  std::filesystem::path path;
  std::string checksum;
};

// Used by one thread at a time. An unfinished file is removed by the destructor.
class BulkWriter {
 public:
  // `path` is in `incoming/` and does not exist.
  [[nodiscard]] static Result<std::unique_ptr<BulkWriter>> create(Database& database,
                                                                  std::filesystem::path path);
  ~BulkWriter();
  BulkWriter(const BulkWriter&) = delete;
  BulkWriter& operator=(const BulkWriter&) = delete;

  // Adds a raw chunk; its id is above all added before. Returns the stored bytes (the frame's).
  // InvalidArgument where the payload, as copied into the frame, has not the digest it should
  // have: its memory or file changed since it was hashed.
  [[nodiscard]] Result<std::uint32_t> add(ChunkId id, const FrameHeader& header,
                                          std::span<const std::byte> payload,
                                          const Digest& expected);
  [[nodiscard]] Result<BuiltFile> finish();

 private:
  struct State;
  explicit BulkWriter(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

// Takes all files in at once, durably. Afterwards, and on an error, none is left in `incoming/`.
[[nodiscard]] Result<void> ingest(Database& database, const std::vector<BuiltFile>& files);

// A raw frame in one piece: header and payload. InvalidArgument as for BulkWriter::add.
[[nodiscard]] Result<void> build_frame(const FrameHeader& header,
                                       std::span<const std::byte> payload, const Digest& expected,
                                       std::string& out);

}  // namespace cairn
