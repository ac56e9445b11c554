// NameRecord, AliasRecord, TrashRecord: what the catalog keeps beside the artifacts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cairn/draft.h"
#include "cairn/error.h"
#include "cairn/key.h"

namespace cairn {

inline constexpr std::size_t kMaxDescriptionBytes = 65'536;
inline constexpr std::size_t kMaxAliasMoves = 1'000;
// The one record that may be larger than others: it holds three of them.
inline constexpr std::size_t kMaxTrashBytes = (std::size_t{192} << 20) + 4096;

struct NameRecord {
  Time created_at{};
  std::string description;
  std::vector<std::pair<std::string, std::string>> tags;  // Sorted by name.
};

// One position of an alias; a removal is a position too.
struct AliasMove {
  bool removed = false;
  Version version;
  std::uint64_t epoch = 0;
  Time moved_at{};
};

// The last move is where the alias stands now; a removed alias keeps its record.
struct AliasRecord {
  // Oldest first, at least one; encode_alias keeps the last kMaxAliasMoves.
  std::vector<AliasMove> moves;
};

// Annotated: the artifact stands, this is what its metadata was; the metadata record alone.
struct TrashRecord {
  enum class Reason : std::uint8_t {
    Removed = 1,
    Replaced = 2,
    Annotated = 3
  };  // On disk: never renumber.
  Reason reason = Reason::Removed;
  Time removed_at{};
  std::string model;  // The records as they stood; empty where there was none.
  std::string config;
  std::string metadata;
};

[[nodiscard]] Result<std::string> encode_name(const NameRecord& record);
[[nodiscard]] Result<NameRecord> decode_name(std::string_view bytes);

[[nodiscard]] Result<std::string> encode_alias(const AliasRecord& record);
[[nodiscard]] Result<AliasRecord> decode_alias(std::string_view bytes);

[[nodiscard]] Result<std::string> encode_trash(const TrashRecord& record);
[[nodiscard]] Result<TrashRecord> decode_trash(std::string_view bytes);

}  // namespace cairn
