// Comparing before believing.
#include "store/dedup.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/text.h"
#include "content/digest.h"
#include "content/frame.h"
#include "record/keys.h"

namespace cairn {

std::size_t TwinIndex::HashDigest::operator()(const Digest& digest) const noexcept {
  std::size_t out = 0;
  std::memcpy(&out, digest.bytes.data(), sizeof out);
  return out;
}

Result<TwinIndex::Claim> TwinIndex::claim(std::uint32_t piece, const Digest& digest,
                                          const SameAs& same_as) {
  std::size_t compared = 0;
  for (;;) {
    std::uint32_t candidate = 0;
    {
      const std::lock_guard guard(mutex_);
      auto& owners = owners_[digest].pieces;
      if (compared == owners.size()) {
        owners.push_back(piece);
        return Claim{};
      }
      candidate = owners[compared];
    }
    auto same = same_as(candidate);
    if (!same) {
      return fail(std::move(same.error()));
    }
    if (*same) {
      return Claim{candidate};
    }
    ++compared;
  }
}

std::uint32_t TwinIndex::count_new(const Digest& digest) {
  const std::lock_guard guard(mutex_);
  return owners_[digest].new_ones++;
}

StoredChunks::StoredChunks(const Database& database, Activity::Save& save, Dedup dedup)
    : database_(database), save_(save), dedup_(dedup), reader_(database) {}

Result<std::vector<std::optional<std::string>>> StoredChunks::look_up(
    const std::vector<std::string>& keys) {
  std::vector<std::optional<std::string>> rows;
  auto found = save_.find([&]() -> Result<void> {
    auto got = database_.get_many(Family::ChunkIndex, keys);
    if (!got) {
      return fail(std::move(got.error()));
    }
    rows = std::move(*got);
    for (const auto& row : rows) {
      const auto location = row ? decode_location(*row) : fail(Code::NotFound, "");
      if (location) {
        save_.pin(location->id);
        save_.pin(location->base);
      }
    }
    return {};
  });
  return found ? Result<std::vector<std::optional<std::string>>>(std::move(rows))
               : fail(std::move(found.error()));
}

Result<std::vector<StoredChunks::Found>> StoredChunks::find(const std::vector<Wanted>& wanted,
                                                            const BytesOf& bytes_of) {
  std::vector<std::string> keys;
  keys.reserve(wanted.size());
  for (const auto& piece : wanted) {
    keys.push_back(encode_index_key(piece.digest, 0));
  }
  auto rows = look_up(keys);
  if (!rows) {
    return fail(std::move(rows.error()));
  }
  std::vector<Found> out(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!(*rows)[i]) {
      continue;
    }
    auto found = settle(wanted[i], *(*rows)[i], [&] { return bytes_of(i); });
    if (!found) {
      return fail(std::move(found.error()));
    }
    out[i] = *found;
  }
  return out;
}

Result<StoredChunks::Found> StoredChunks::settle(
    const Wanted& wanted, std::string_view first_row,
    const std::function<Result<std::span<const std::byte>>()>& bytes) {
  std::string row(first_row);
  for (std::uint32_t slot = 0;; ++slot) {
    const auto location = decode_location(row);
    if (!location) {
      return Found{std::nullopt, slot};  // A damaged row: the new chunk's takes its place.
    }
    auto match = compare(*location, wanted, bytes);
    if (!match) {
      return fail(std::move(match.error()));
    }
    switch (*match) {
      case Match::Same:
        return Found{*location, slot};
      case Match::Damaged:
        return Found{std::nullopt, slot};
      case Match::Different:
        break;
    }
    auto next = look_up({encode_index_key(wanted.digest, slot + 1)});
    if (!next) {
      return fail(std::move(next.error()));
    }
    if (!next->front()) {
      return Found{std::nullopt, slot + 1};
    }
    row = std::move(*next->front());
  }
}

Result<StoredChunks::Match> StoredChunks::compare(
    const ChunkLocation& location, const Wanted& wanted,
    const std::function<Result<std::span<const std::byte>>()>& bytes) {
  if (location.plain_bytes != wanted.bytes) {
    return Match::Different;
  }
  if (dedup_ == Dedup::Trust) {
    return Match::Same;
  }
  auto stored = reader_.read(location.id);
  if (!stored) {
    if (stored.error().code == Code::Corruption) {
      return Match::Damaged;
    }
    return fail(std::move(stored.error()));
  }
  const auto frame = decode_frame(*stored);
  if (!frame || frame->payload.size() != wanted.bytes) {
    return Match::Damaged;
  }
  auto ours = bytes();
  if (!ours) {
    return fail(std::move(ours.error()));
  }
  if (std::memcmp(ours->data(), frame->payload.data(), wanted.bytes) == 0) {
    return Match::Same;
  }
  return chunk_digest(frame->payload) == wanted.digest ? Match::Different : Match::Damaged;
}

}  // namespace cairn
