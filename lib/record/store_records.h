// The store's own records, in `default`: the superblock, written once, and the counters.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "cairn/draft.h"
#include "cairn/error.h"

namespace cairn {

inline constexpr std::uint32_t kFormatVersion = 1;
inline constexpr std::string_view kSuperblockKey = "superblock";
inline constexpr std::string_view kCountersKey = "counters";

struct Superblock {
  std::uint32_t format_version = kFormatVersion;
  std::array<std::uint8_t, 16> store_uuid{};
  Time created_at{};
  std::uint64_t tensor_chunk_bytes = 0;  // What the writer of the store cut by, for inspection.
  std::string producer;                  // "cairn 0.1.0"
};

struct Counters {
  std::uint64_t commits = 0;  // Of the last commit.
  std::uint64_t next_id = 1;  // No chunk id at or above it was ever used, bit 63 aside.
};

[[nodiscard]] std::string encode_superblock(const Superblock& superblock);
// NewerFormat where the format is above kFormatVersion, Corruption for anything malformed.
[[nodiscard]] Result<Superblock> decode_superblock(std::string_view bytes);

[[nodiscard]] std::string encode_counters(const Counters& counters);
[[nodiscard]] Result<Counters> decode_counters(std::string_view bytes);

}  // namespace cairn
