// Dedup: whether the bytes of a hashed piece are known already, in the same draft or in the store.
// A digest only nominates: bytes are compared before two things count as one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "cairn/error.h"
#include "cairn/options.h"
#include "engine/chunk_reader.h"
#include "engine/database.h"
#include "record/chunk_location.h"
#include "store/activity.h"

namespace cairn {

// The pieces of one draft by digest. Thread-safe: whoever comes first owns the bytes.
class TwinIndex {
 public:
  struct Claim {
    std::optional<std::uint32_t> twin;  // An earlier piece with the same bytes.
  };
  // Tells whether another piece has the same bytes as the one that claims.
  using SameAs = std::function<Result<bool>(std::uint32_t other)>;

  [[nodiscard]] Result<Claim> claim(std::uint32_t piece, const Digest& digest,
                                    const SameAs& same_as);

  // How many owners of the digest were counted as new to the store before this one.
  [[nodiscard]] std::uint32_t count_new(const Digest& digest);

 private:
  struct HashDigest {
    std::size_t operator()(const Digest& digest) const noexcept;
  };
  struct Owners {
    std::vector<std::uint32_t> pieces;
    std::uint32_t new_ones = 0;
  };

  std::mutex mutex_;
  std::unordered_map<Digest, Owners, HashDigest> owners_;  // By mutex_.
};

// Looks pieces up in the chunk index. Used by one thread.
class StoredChunks {
 public:
  // What is found stays until `save` ends.
  StoredChunks(const Database& database, Activity::Save& save, Dedup dedup);

  struct Wanted {
    Digest digest;
    std::uint32_t bytes = 0;
  };
  struct Found {
    std::optional<ChunkLocation> same;  // Where these bytes are stored.
    std::uint32_t slot = 0;             // Else: the index slot for them.
  };
  // The bytes of the i-th wanted piece.
  using BytesOf = std::function<Result<std::span<const std::byte>>(std::size_t i)>;

  // One batched look-up for all; where the index has the digest, the stored bytes are compared.
  // A stored chunk that turns out to be damaged or missing is not `same`, and its slot is given
  // to the new one.
  [[nodiscard]] Result<std::vector<Found>> find(const std::vector<Wanted>& wanted,
                                                const BytesOf& bytes_of);

 private:
  enum class Match : std::uint8_t { Same, Different, Damaged };

  [[nodiscard]] Result<Found> settle(const Wanted& wanted, std::string_view first_row,
                                     const std::function<Result<std::span<const std::byte>>()>&);
  [[nodiscard]] Result<Match> compare(const ChunkLocation& location, const Wanted& wanted,
                                      const std::function<Result<std::span<const std::byte>>()>&);

  // The index rows of the keys; the chunks that they name are pinned.
  [[nodiscard]] Result<std::vector<std::optional<std::string>>> look_up(
      const std::vector<std::string>& keys);

  const Database& database_;
  Activity::Save& save_;
  Dedup dedup_;
  ChunkReader reader_;
};

}  // namespace cairn
