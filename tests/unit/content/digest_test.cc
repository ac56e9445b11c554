// Digests against values that plain libxxhash gave, and every kernel against every other.
#include "content/digest.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/bytes.h"
#include "base/text.h"
#include "content/cpu.h"
#include "content/xxh3_kernel.h"
#include "random_bytes.h"

namespace cairn {

namespace {

using cairn_test::Random;

std::string hex(const Digest& digest) {
  return to_hex({reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()});
}

struct Golden {
  std::size_t size;  // Of the bytes, which are Random(size).bytes(size).
  std::uint64_t seed;
  const char* digest;
};

// XXH3_128bits_withSeed of libxxhash 0.8.1, canonical.
constexpr Golden kGolden[] = {
    {0, 0, "99aa06d3014798d86001c324468d497f"},
    {1, 0, "5f326d1fe62e1fb91c6b2e7f38e96bbc"},
    {3, 0, "22051a2345e48a0c662085cc1174284b"},
    {4, 0, "999ddf025bd4de8a3bcce5116fbaa888"},
    {8, 0, "0d0bf3b75431db4d29674877362c37ae"},
    {9, 0, "e2ddd1348d4e6630c515780a3a22a3e9"},
    {16, 0, "00aeed947a0a39e934d233f795248df1"},
    {17, 0, "9d3d47744bd9f3b9a5eb03b60e13e83e"},
    {128, 0, "e005bf6e8ce7246c0f6ee69331c15df5"},
    {129, 0, "1741af33990f4e559dc23b5a422420ed"},
    {240, 0, "1ff55428271ff165a4cc58759a0779e7"},
    {241, 0, "2ec11e798aa9a1fd82f566697eb1004e"},
    {1000, 0, "89d53173c4d66b471799f413418eb964"},
    {4096, 0, "906af835165984d52e90c0a3e8183f35"},
    {65537, 0, "d0bfddb39687ab6365f4687a6786300e"},
    {262144, 0, "a3f1d8e7e0867fa991d612441d0df131"},
    {300001, 0, "66b05e6111e463b3e1f0da85a708cd60"},
    {1048576, 0, "6949417ceef6277d7de32a4a3b431042"},
    {0, kContentSeed, "eb6b76c215f89e7627a47899dd67735b"},
    {1, kContentSeed, "01ee6be7fb6fa2e22596334d5b8b5235"},
    {3, kContentSeed, "8e9e2bbf12bf0a6c224646f36d1f7119"},
    {4, kContentSeed, "546ebc8667f744ab5b7042344aa0c080"},
    {8, kContentSeed, "87a1e3a029145b496053c1f7f8225076"},
    {9, kContentSeed, "88894410a42fec6c9de5e2577687b7a4"},
    {16, kContentSeed, "961e95b01a2d628e87dd5efb4a65b720"},
    {17, kContentSeed, "5e63f6eb1b3100b0c2902ef251330bdb"},
    {128, kContentSeed, "0a561be8a790deafc739490f9883aab5"},
    {129, kContentSeed, "099eeb6c4f6d6b7440fb36ce80f4f9ad"},
    {240, kContentSeed, "ebe73dea819100a4e8aff89443d88565"},
    {241, kContentSeed, "5e2d2c2f72739f5d4db6ae04d76fd36a"},
    {1000, kContentSeed, "3788ca7e2941ac4ad6292c36add04911"},
    {4096, kContentSeed, "c172468429fb30b58b00ee41aa6bc211"},
    {65537, kContentSeed, "f0699ea8b4eee1bfeda9c2847ae77fb4"},
    {262144, kContentSeed, "23aa1d6e8b6df569dc9c1a7d91c0203d"},
    {300001, kContentSeed, "c297f5ee355bc22a035d6746bc1c76c3"},
    {1048576, kContentSeed, "e5e05bdb835db01100062e1daa929787"},
    {0, kArtifactSeed, "0228ffd2d359f78e08e091dcad903bbc"},
    {1, kArtifactSeed, "1532ca9b681dcf147554098bd2cd1651"},
    {3, kArtifactSeed, "1f31d7562732bb97e28134ead394faec"},
    {4, kArtifactSeed, "ad37e1f9da58f92e4d60a5cb53ecddbe"},
    {8, kArtifactSeed, "a1a8077264656f33f50dc034f864b3ca"},
    {9, kArtifactSeed, "d00dfd1fb03d555dcfc216824d317776"},
    {16, kArtifactSeed, "3ab624cdb3c08bc00ba91c3be74c816b"},
    {17, kArtifactSeed, "3ac7e4bd25c0b927dacbd3951cb3c60d"},
    {128, kArtifactSeed, "312aa9e92dd696bff59290dd6f0816f4"},
    {129, kArtifactSeed, "6066f0150391a4eb1339f479cf3254a0"},
    {240, kArtifactSeed, "995388bcb1152a63c59f1f670a2a58e1"},
    {241, kArtifactSeed, "65f037bb88ecd9b334de4cde5b18acfe"},
    {1000, kArtifactSeed, "dd431cc34bd17727bf809742c165be98"},
    {4096, kArtifactSeed, "414f46fd5eb6e1a085431ae87e32ea54"},
    {65537, kArtifactSeed, "eba11dfac77a7f387af8db30d48dda60"},
    {262144, kArtifactSeed, "2e7b47ea510fc0513ccb960af5103dff"},
    {300001, kArtifactSeed, "98a23e2b4232239114fb462c8fc203e8"},
    {1048576, kArtifactSeed, "04f836a54101adcd90c2880fd6e76414"},
};

std::vector<const Xxh3Kernel*> kernels() {
  std::vector<const Xxh3Kernel*> out = {&kXxh3Baseline};
#if defined(__x86_64__)
  if (simd_level() >= SimdLevel::Avx2) {
    out.push_back(&kXxh3Avx2);
  }
  if (simd_level() >= SimdLevel::Avx512) {
    out.push_back(&kXxh3Avx512);
  }
#endif
  return out;
}

std::string hex(Xxh3Value value) {
  std::string bytes;
  append_be(bytes, value.high);
  append_be(bytes, value.low);
  return to_hex(bytes);
}

Digest streamed(std::span<const std::byte> bytes, Random& random, std::size_t longest_piece) {
  StreamingDigest stream;
  while (!bytes.empty()) {
    const std::size_t piece = std::min<std::size_t>(bytes.size(), random.below(longest_piece + 1));
    stream.update(bytes.first(piece));
    bytes = bytes.subspan(piece);
  }
  return stream.digest();
}

}  // namespace

TEST_CASE("digest: a chunk's digest is the canonical XXH3-128 of its bytes") {
  for (const Golden& golden : kGolden) {
    const auto bytes = Random(golden.size).bytes(golden.size);
    if (golden.seed == 0) {
      CHECK(hex(chunk_digest(bytes)) == golden.digest);
      CHECK(schema_digest_of(bytes) == chunk_digest(bytes));
    } else if (golden.seed == kArtifactSeed) {
      CHECK(hex(artifact_digest_of(as_text(bytes))) == golden.digest);
    }
  }
}

TEST_CASE("digest: every kernel that this machine runs gives what plain libxxhash gives") {
  MESSAGE("kernels: " << kernels().size());
  for (const Xxh3Kernel* kernel : kernels()) {
    for (const Golden& golden : kGolden) {
      const auto bytes = Random(golden.size).bytes(golden.size);
      CHECK(hex(kernel->digest(bytes.data(), bytes.size(), golden.seed)) == golden.digest);
    }
  }
}

TEST_CASE("digest: all kernels agree on random bytes of any size and alignment") {
  MESSAGE("CAIRN_TEST_SEED=" << cairn_test::seed());
  Random random(cairn_test::seed());
  const auto bytes = random.bytes(std::size_t{1} << 20);
  std::vector<std::byte> copy(bytes.size() + 192);
  for (int round = 0; round < 200; ++round) {
    const std::size_t longest = round % 2 == 0 ? 3000 : bytes.size() - 64;
    const std::size_t from = random.below(64);
    const std::size_t to = 64 + random.below(64);
    const std::size_t size = random.below(longest);
    const auto part = std::span(bytes).subspan(from, size);
    const std::string expected = hex(chunk_digest(part));
    for (const Xxh3Kernel* kernel : kernels()) {
      CHECK(hex(kernel->digest(part.data(), size, 0)) == expected);
      std::ranges::fill(copy, std::byte{0xa5});
      CHECK(hex(kernel->copy_and_digest(copy.data() + to, part.data(), size)) == expected);
      CHECK(std::ranges::equal(part, std::span(copy).subspan(to, size)));
      CHECK(copy[to - 1] == std::byte{0xa5});
      CHECK(copy[to + size] == std::byte{0xa5});
    }
  }
}

TEST_CASE("digest: a copy in passing is whole on both sides of where it starts to stream") {
  const auto bytes = Random(7).bytes((std::size_t{256} << 10) + 130);
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{63}, std::size_t{16384}, std::size_t{262143},
        std::size_t{262144}, bytes.size()}) {
    const auto part = std::span(bytes).first(size);
    std::vector<std::byte> copy(size);
    CHECK(copy_and_digest(copy.data(), part) == chunk_digest(part));
    CHECK(std::ranges::equal(copy, part));
  }
  CHECK(copy_and_digest(nullptr, {}) == chunk_digest({}));
}

TEST_CASE("digest: bytes in pieces have the digest of the whole") {
  MESSAGE("CAIRN_TEST_SEED=" << cairn_test::seed());
  Random random(cairn_test::seed());
  for (const std::size_t longest_piece : {1U, 100U, 256U, 5000U, 100'000U}) {
    const auto bytes = random.bytes(random.below(longest_piece * 20));
    CHECK(streamed(bytes, random, longest_piece) == chunk_digest(bytes));
  }
  CHECK(StreamingDigest().digest() == chunk_digest({}));
}

TEST_CASE("digest: a streaming digest may be asked in between") {
  const auto bytes = Random(3).bytes(10'000);
  StreamingDigest stream;
  for (std::size_t at = 0; at < bytes.size(); at += 1000) {
    CHECK(stream.digest() == chunk_digest(std::span(bytes).first(at)));
    stream.update(std::span(bytes).subspan(at, 1000));
  }
}

TEST_CASE("digest: all kernels stream alike") {
  const auto bytes = Random(4).bytes(300'000);
  for (const Xxh3Kernel* kernel : kernels()) {
    Xxh3State state;
    kernel->reset(&state);
    for (std::size_t at = 0; at < bytes.size(); at += 1000) {
      kernel->update(&state, bytes.data() + at, 1000);
    }
    CHECK(hex(kernel->finish(&state)) == hex(chunk_digest(bytes)));
  }
}

TEST_CASE("digest: a content's digest covers the kind of cut, the size and the chunks in order") {
  std::array<Digest, 2> chunks;
  for (std::uint8_t i = 0; i < 16; ++i) {
    chunks[0].bytes[i] = i;
    chunks[1].bytes[i] = static_cast<std::uint8_t>(0xf0 + i);
  }
  const Digest whole = content_digest(CutKind::Fixed, 1'048'577, chunks);
  CHECK(hex(whole) == "2d068d3f6dc669159deb52ec98ab09a0");
  CHECK(content_digest(CutKind::FastCdc, 1'048'577, chunks) != whole);
  CHECK(content_digest(CutKind::Fixed, 1'048'578, chunks) != whole);
  CHECK(content_digest(CutKind::Fixed, 1'048'577, std::span(chunks).first(1)) != whole);
  std::ranges::reverse(chunks);
  CHECK(content_digest(CutKind::Fixed, 1'048'577, chunks) != whole);
}

TEST_CASE("digest: a content of one chunk and its chunk have different digests") {
  const auto bytes = Random(5).bytes(1000);
  const Digest chunk = chunk_digest(bytes);
  CHECK(content_digest(CutKind::Fixed, bytes.size(), std::span(&chunk, 1)) != chunk);
  CHECK(content_digest(CutKind::Fixed, 0, {}) != chunk_digest({}));
}

}  // namespace cairn
