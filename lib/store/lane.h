// Lane: one of the lines of work of an intake: a contiguous range of pieces, with a file and ids of
// its own, so that lanes share nothing but the twin index. intake.cc deals the pieces out.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "cairn/error.h"
#include "cairn/options.h"
#include "engine/bulk_writer.h"
#include "store/cutting.h"
#include "store/dedup.h"
#include "store/intake.h"
#include "store/session.h"

namespace cairn {

inline constexpr std::uint32_t kNoTwin = UINT32_MAX;

// What all lanes of one intake see; each writes only to the elements of its own pieces.
struct IntakeWork {
  Session& session;
  const Cutting& cutting;
  const SaveOptions& options;
  Intake& out;
  std::vector<std::uint32_t> twins;  // kNoTwin, or the piece that has the same bytes.
  TwinIndex twin_index{};
  std::atomic<bool> stop{false};  // Set by a lane that failed.

  [[nodiscard]] Result<std::span<const std::byte>> bytes_of(std::uint32_t piece,
                                                            std::vector<std::byte>& scratch) const;
};

// Digests, and health where it is wanted, of the pieces in [begin, end).
[[nodiscard]] Result<void> hash_range(IntakeWork& work, std::size_t begin, std::size_t end);

[[nodiscard]] FrameHeader frame_header_of(const CutContent& content, const ChunkRef& ref);

// Used by one thread.
class Lane {
 public:
  struct Plan {
    std::size_t begin = 0;  // The range of pieces.
    std::size_t end = 0;
    unsigned threads = 1;            // That hash a slab.
    std::uint64_t slab_bytes = 0;    // Looked up in one batch.
    std::uint64_t small_budget = 0;  // New bytes from which on a file is written.
  };
  Lane(IntakeWork& work, const Plan& plan);

  [[nodiscard]] Result<void> run();

  // Afterwards: the file that was written, if any; else all new pieces were kept for the batch.
  std::optional<BuiltFile> built;
  std::vector<std::uint32_t> kept;
  std::vector<NewChunk> new_chunks;

 private:
  [[nodiscard]] std::size_t end_of_slab(std::size_t at) const;
  [[nodiscard]] Result<void> take_slab(std::size_t begin, std::size_t end);
  [[nodiscard]] Result<void> hash_slab(std::size_t begin, std::size_t end);
  [[nodiscard]] Result<bool> same_bytes(std::uint32_t a, std::uint32_t b);
  [[nodiscard]] Result<void> store_owners(const std::vector<std::uint32_t>& owners);
  [[nodiscard]] Result<void> add(std::uint32_t piece, std::uint32_t slot);
  [[nodiscard]] Result<void> start_file();
  [[nodiscard]] Result<void> write(std::uint32_t piece);
  [[nodiscard]] Result<void> finish();

  IntakeWork& work_;
  Plan plan_;
  StoredChunks stored_;
  std::unique_ptr<BulkWriter> writer_;
  std::uint64_t kept_bytes_ = 0;
  std::vector<std::byte> scratch_;
  std::vector<std::byte> other_scratch_;
};

}  // namespace cairn
