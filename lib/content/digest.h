// Digests: XXH3-128 of chunks, of contents, of canonical strings, and of whole files in passing.
//
// A content's digest is taken over the list of its chunks' digests, with a seed of its own, also
// where there is one chunk: a chunk and a content never share a digest by construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "cairn/key.h"

namespace cairn {

// How a content was cut into chunks. On disk: never renumber.
enum class CutKind : std::uint8_t { Fixed = 1, FastCdc = 2 };

[[nodiscard]] Digest chunk_digest(std::span<const std::byte> bytes) noexcept;

// Of one pass over `from` that also copies it to `to` (which does not overlap it).
[[nodiscard]] Digest copy_and_digest(std::byte* to, std::span<const std::byte> from) noexcept;

// Seed kContentSeed over {u8 kind, u64 size, u32 count, the chunks' digests in order}.
[[nodiscard]] Digest content_digest(CutKind kind, std::uint64_t size_bytes,
                                    std::span<const Digest> chunks);

// Of an artifact's canonical string (record/artifact_digest.h), with a seed of its own.
[[nodiscard]] Digest artifact_digest_of(std::string_view canonical) noexcept;

// Of a config table's schema.
[[nodiscard]] Digest schema_digest_of(std::span<const std::byte> schema) noexcept;

inline constexpr std::uint64_t kContentSeed = 0x6361'6972'6e2d'6374;   // "cairn-ct"
inline constexpr std::uint64_t kArtifactSeed = 0x6361'6972'6e2d'6172;  // "cairn-ar"

// XXH3-128 over bytes that come in pieces.
class StreamingDigest {
 public:
  StreamingDigest();
  ~StreamingDigest();
  StreamingDigest(const StreamingDigest&) = delete;
  StreamingDigest& operator=(const StreamingDigest&) = delete;

  void update(std::span<const std::byte> bytes) noexcept;
  [[nodiscard]] Digest digest() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cairn
