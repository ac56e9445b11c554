// The column families, in the order in which they are opened. FORMAT.md lists what each holds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cairn {

enum class Family : std::uint8_t {
  Default,
  Models,
  Configs,
  Metadata,
  Names,
  Aliases,
  Contents,
  ChunkIndex,
  Chunks,
  ChunksSmall,
  Trash,
};

inline constexpr std::array<std::string_view, 11> kFamilyNames = {
    "default",  "models",      "configs", "metadata",     "names", "aliases",
    "contents", "chunk_index", "chunks",  "chunks_small", "trash"};

inline constexpr std::size_t kFamilyCount = kFamilyNames.size();

constexpr std::string_view name_of(Family family) {
  return kFamilyNames[static_cast<std::size_t>(family)];
}

}  // namespace cairn
