// HeadState: a slot of the file HEAD: how far the store has come, said outside of the database, so
// that a database that has lost its end is not taken for a whole one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cairn/error.h"
#include "cairn/key.h"

namespace cairn {

// A manifest of the database up to some length, and the XXH3-128 of those bytes.
struct ManifestState {
  std::uint64_t number = 0;  // As in its file's name; 0: not known.
  std::uint64_t bytes = 0;
  Digest digest;

  friend bool operator==(const ManifestState&, const ManifestState&) = default;
};

struct HeadState {
  std::array<std::uint8_t, 16> store_uuid{};
  std::uint64_t serial = 0;   // Grows with every slot that is written: the highest one counts.
  std::uint64_t commits = 0;  // All commits up to this one are on disk.
  ManifestState manifest;     // All of it is on disk.
};

// 76 bytes, sealed; FORMAT.md has the table.
inline constexpr std::size_t kHeadStateBytes = 76;
[[nodiscard]] std::string encode_head(const HeadState& state);
[[nodiscard]] Result<HeadState> decode_head(std::string_view bytes);

}  // namespace cairn
