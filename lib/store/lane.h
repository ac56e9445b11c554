// Lane: one of the lines of work of an intake: a contiguous range of pieces, with a file and ids of
// its own, so that lanes share nothing but the twin index. intake.cc deals the pieces out.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/meter.h"
#include "cairn/error.h"
#include "cairn/options.h"
#include "engine/bulk_writer.h"
#include "store/cutting.h"
#include "store/dedup.h"
#include "store/intake.h"
#include "store/session.h"
#include "store/slab.h"

namespace cairn {

inline constexpr std::uint32_t kNoTwin = UINT32_MAX;

// What all lanes of one intake see; each writes only to the elements of its own pieces.
struct IntakeWork {
  Session& session;
  const Cutting& cutting;
  const SaveOptions& options;
  Meter& meter;
  Intake& out;
  std::vector<std::uint32_t> twins;  // kNoTwin, or the piece that has the same bytes.
  TwinIndex twin_index{};
  std::atomic<bool> stop{false};  // Set by a lane that failed.
};

// Used by one thread.
class Lane {
 public:
  struct Plan {
    std::size_t begin = 0;  // The range of pieces.
    std::size_t end = 0;
    unsigned threads = 1;            // That look at a slab.
    std::uint64_t slab_bytes = 0;    // Looked at, then written.
    std::uint64_t held_bytes = 0;    // Of which so many may have to be read into memory.
    std::uint64_t small_budget = 0;  // New bytes from which on a file is written.
  };
  // A new piece that waits for whether there will be a file.
  struct Kept {
    std::uint32_t piece = 0;
    std::string frame;
  };

  Lane(IntakeWork& work, const Plan& plan);

  [[nodiscard]] Result<void> run();

  // Afterwards: the file that was written, if any; else all new pieces were kept for the batch.
  std::optional<BuiltFile> built;
  std::vector<Kept> kept;
  std::vector<NewChunk> new_chunks;

 private:
  // What one thread looks at pieces with.
  struct Looker {
    StoredChunks stored;
    OpenFile file;
  };

  [[nodiscard]] std::size_t end_of_slab(std::size_t at) const;
  [[nodiscard]] Result<void> take_slab(std::size_t begin, std::size_t end);
  [[nodiscard]] Result<void> look_at_slab(std::size_t begin, std::size_t end);
  [[nodiscard]] Result<void> look(Looker& looker, std::size_t begin, std::size_t end);
  [[nodiscard]] Result<void> measure(std::size_t piece, OpenFile& file);
  [[nodiscard]] Result<void> look_up(StoredChunks& stored, std::size_t begin, std::size_t end);
  [[nodiscard]] Result<void> take_new(std::uint32_t piece, std::uint32_t slot);
  [[nodiscard]] Result<bool> same_bytes(std::uint32_t piece, std::uint32_t other);
  [[nodiscard]] Result<void> add(std::uint32_t piece, std::uint32_t slot);
  [[nodiscard]] Result<void> start_file();
  [[nodiscard]] Result<void> write(std::uint32_t piece, std::span<const std::byte> bytes);
  [[nodiscard]] Result<void> finish();

  IntakeWork& work_;
  Plan plan_;
  std::vector<Looker> lookers_;
  Slab slab_;
  // Of each piece of the slab: none where it is stored already, else the slot for it in the index.
  std::vector<std::optional<std::uint32_t>> slots_;
  std::unique_ptr<BulkWriter> writer_;
  std::uint64_t kept_bytes_ = 0;
  std::uint32_t other_ = kNoTwin;  // The piece that others were last compared with,
  std::span<const std::byte> other_bytes_;
  Scratch other_scratch_;
};

}  // namespace cairn
