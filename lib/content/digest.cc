// Digests: the choice of the XXH3-128 kernel for this machine, the canonical byte order, and the
// byte strings that digests other than a chunk's are taken over.
#include "content/digest.h"

#include <cstring>
#include <string>

#include "base/bytes.h"
#include "content/cpu.h"
#include "content/xxh3_kernel.h"

namespace cairn {

namespace {

const Xxh3Kernel& kernel_for(SimdLevel level) noexcept {
#if defined(__x86_64__)
  switch (level) {
    case SimdLevel::Avx512:
      return kXxh3Avx512;
    case SimdLevel::Avx2:
      return kXxh3Avx2;
    case SimdLevel::Baseline:
      break;
  }
#endif
  static_cast<void>(level);
  return kXxh3Baseline;
}

// XXH128's canonical form: the high half first, big-endian.
Digest canonical_digest(Xxh3Value value) noexcept {
  const std::uint64_t words[2] = {byte_swapped(value.high), byte_swapped(value.low)};
  Digest out;
  static_assert(sizeof words == sizeof out.bytes);
  std::memcpy(out.bytes.data(), words, sizeof words);
  return out;
}

Digest digest_of(std::span<const std::byte> bytes, std::uint64_t seed) noexcept {
  return canonical_digest(xxh3_kernel().digest(bytes.data(), bytes.size(), seed));
}

}  // namespace

const Xxh3Kernel& xxh3_kernel() noexcept {
  static const Xxh3Kernel& chosen = kernel_for(simd_level());
  return chosen;
}

Digest chunk_digest(std::span<const std::byte> bytes) noexcept {
  return digest_of(bytes, 0);
}

Digest copy_and_digest(std::byte* to, std::span<const std::byte> from) noexcept {
  return canonical_digest(xxh3_kernel().copy_and_digest(to, from.data(), from.size()));
}

Digest content_digest(CutKind kind, std::uint64_t size_bytes, std::span<const Digest> chunks) {
  std::string text;
  text.reserve(13 + chunks.size() * sizeof(Digest::bytes));
  append_le(text, static_cast<std::uint8_t>(kind));
  append_le(text, size_bytes);
  append_le(text, static_cast<std::uint32_t>(chunks.size()));
  for (const Digest& chunk : chunks) {
    text.append(reinterpret_cast<const char*>(chunk.bytes.data()), chunk.bytes.size());
  }
  return digest_of(as_byte_span(text), kContentSeed);
}

Digest artifact_digest_of(std::string_view canonical) noexcept {
  return digest_of(as_byte_span(canonical), kArtifactSeed);
}

Digest schema_digest_of(std::span<const std::byte> schema) noexcept {
  return digest_of(schema, 0);
}

struct StreamingDigest::State {
  Xxh3State state;
};

StreamingDigest::StreamingDigest() : state_(std::make_unique<State>()) {
  xxh3_kernel().reset(&state_->state);
}

StreamingDigest::~StreamingDigest() = default;

void StreamingDigest::update(std::span<const std::byte> bytes) noexcept {
  xxh3_kernel().update(&state_->state, bytes.data(), bytes.size());
}

Digest StreamingDigest::digest() const noexcept {
  return canonical_digest(xxh3_kernel().finish(&state_->state));
}

}  // namespace cairn
