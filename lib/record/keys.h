// Ordered keys: byte strings whose order is the order of what they name.
//
//   artifact   name 0x00 version (3 x u32 BE) epoch (u64 BE)     models, configs, metadata
//   trash      artifact key, commit number (u64 BE)              trash
//   name       name                                              names
//   alias      name 0x00 alias                                   aliases
//   content    digest (16) slot (u32 BE) page (u32 BE)           contents
//   index      digest (16) slot (u32 BE)                         chunk_index
//   chunk      id without bit 63 (u64 BE)                        chunks, chunks_small
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "cairn/error.h"
#include "cairn/key.h"
#include "record/ids.h"

namespace cairn {

[[nodiscard]] std::string encode_artifact_key(const Key& key);
// Corruption where the bytes are no artifact key or break the grammar of names.
[[nodiscard]] Result<Key> decode_artifact_key(std::string_view bytes);

// What all artifact (or alias) keys of a name, or of one version of it, start with.
[[nodiscard]] std::string artifact_prefix(std::string_view name);
[[nodiscard]] std::string artifact_prefix(std::string_view name, const Version& version);
// The smallest string that sorts after everything with this prefix; empty where there is none.
[[nodiscard]] std::string prefix_end(std::string_view prefix);

[[nodiscard]] std::string encode_trash_key(const Key& key, std::uint64_t commit);
[[nodiscard]] Result<std::pair<Key, std::uint64_t>> decode_trash_key(std::string_view bytes);

[[nodiscard]] std::string encode_alias_key(std::string_view name, std::string_view alias);
[[nodiscard]] Result<std::pair<std::string, std::string>> decode_alias_key(std::string_view bytes);

[[nodiscard]] std::string encode_content_key(const ContentId& id, std::uint32_t page);
[[nodiscard]] Result<std::pair<ContentId, std::uint32_t>> decode_content_key(
    std::string_view bytes);

[[nodiscard]] std::string encode_index_key(const Digest& digest, std::uint32_t slot);
[[nodiscard]] std::string encode_chunk_key(ChunkId id);
// `small` says which column family the key came from, and so bit 63.
[[nodiscard]] Result<ChunkId> decode_chunk_key(std::string_view bytes, bool small);

}  // namespace cairn
