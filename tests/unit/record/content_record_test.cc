// Pages of a content: encoding, gathering, and what the whole must add up to.
#include "record/content_record.h"

#include <span>

#include "base/text.h"
#include "content/chunker.h"
#include "content_generated.h"
#include "record_testing.h"

namespace fb = cairn::fb;
using cairn::ChunkRef;
using cairn::Code;
using cairn::ContentPage;
using cairn::ContentRecord;
using cairn::CutKind;
using cairn_test::fails_with;
using cairn_test::Random;

namespace {

ContentRecord random_content(Random& random, CutKind kind, std::size_t chunks) {
  ContentRecord content;
  content.kind = kind;
  const auto fixed = static_cast<std::uint32_t>(random.below(cairn::kMaxChunkBytes) + 1);
  for (std::size_t i = 0; i < chunks; ++i) {
    ChunkRef chunk{random.digest(), {random.next() | 1}, {random.below(2) * 2}, fixed};
    if (kind == CutKind::FastCdc || i + 1 == chunks) {
      chunk.plain_bytes = static_cast<std::uint32_t>(random.below(fixed) + 1);
    }
    content.size_bytes += chunk.plain_bytes;
    content.chunks.push_back(chunk);
  }
  return content;
}

cairn::Digest digest_of(const ContentRecord& content) {
  std::vector<cairn::Digest> digests;
  for (const auto& chunk : content.chunks) {
    digests.push_back(chunk.digest);
  }
  return cairn::content_digest(content.kind, content.size_bytes, digests);
}

bool same(const ContentRecord& a, const ContentRecord& b) {
  return a.size_bytes == b.size_bytes && a.kind == b.kind && a.chunks == b.chunks;
}

ContentRecord gather(const std::vector<std::string>& pages) {
  ContentRecord out;
  for (const auto& bytes : pages) {
    const auto page = cairn::decode_content_page(bytes);
    REQUIRE_MESSAGE(page.has_value(), page.error().message);
    const auto appended = cairn::append_page(out, *page);
    REQUIRE_MESSAGE(appended.has_value(), appended.error().message);
  }
  return out;
}

ContentRecord three_chunks() {
  return {25, CutKind::Fixed, {{{}, {1}, {}, 10}, {{}, {2}, {}, 10}, {{}, {3}, {}, 5}}};
}

// A page as no encoder writes it.
struct RawPage {
  std::uint64_t size_bytes = 25;
  std::uint8_t kind = 1;
  std::uint64_t chunk_count = 3;
  std::uint32_t page = 0;
  std::vector<std::uint64_t> ids = {1, 2, 3};
  std::vector<std::uint64_t> bases = {0, 0, 0};
  std::vector<std::uint32_t> plain_bytes = {10, 10, 5};
};

std::string raw_page(const RawPage& raw) {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<fb::ChunkRef> chunks;
  for (std::size_t i = 0; i < raw.ids.size(); ++i) {
    chunks.emplace_back(fb::Digest(), raw.ids[i], raw.bases[i], raw.plain_bytes[i], 0);
  }
  builder.Finish(
      fb::CreateContentRecordDirect(builder, raw.size_bytes, static_cast<fb::CutKind>(raw.kind),
                                    raw.chunk_count, raw.page, &chunks),
      "CNCT");
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

bool refuses(const RawPage& raw, std::string_view fragment) {
  return fails_with(cairn::decode_content_page(raw_page(raw)), Code::Corruption, fragment);
}

bool decodes_again(const ContentPage& page) {
  RawPage raw{page.size_bytes,
              static_cast<std::uint8_t>(page.kind),
              page.chunk_count,
              page.page,
              {},
              {},
              {}};
  for (const auto& chunk : page.chunks) {
    raw.ids.push_back(chunk.id.value);
    raw.bases.push_back(chunk.base.value);
    raw.plain_bytes.push_back(chunk.plain_bytes);
  }
  return cairn::decode_content_page(raw_page(raw)).has_value();
}

}  // namespace

TEST_CASE("content record: contents of one page and of several are read as written") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  Random random(cairn_test::seed());
  constexpr std::size_t kPage = cairn::kContentPageChunks;
  for (const auto kind : {CutKind::Fixed, CutKind::FastCdc}) {
    for (const std::size_t chunks : {0UL, 1UL, 2UL, 7UL, kPage - 1, kPage, kPage + 1}) {
      auto content = random_content(random, kind, chunks);
      if (content.size_bytes > cairn::kMaxContentBytes) {
        for (auto& chunk : content.chunks) {
          chunk.plain_bytes = 1'000;
        }
        content.size_bytes = 1'000 * chunks;
      }
      const auto pages = cairn::encode_content(content).value();
      CHECK(pages.size() == (chunks > kPage ? 2 : 1));
      const auto back = gather(pages);
      REQUIRE(same(content, back));
      const auto good = cairn::check_content(back, digest_of(content));
      REQUIRE_MESSAGE(good.has_value(), good.error().message);
    }
  }
}

TEST_CASE("content record: a chunk reference takes 40 bytes") {
  CHECK(sizeof(fb::ChunkRef) == 40);
  auto content = three_chunks();
  const auto three = cairn::encode_content(content).value()[0].size();
  content.chunks.insert(content.chunks.begin(), 2, content.chunks[0]);
  content.size_bytes += 20;
  CHECK(cairn::encode_content(content).value()[0].size() == three + 80);
}

TEST_CASE("content record: damage is refused or leaves a page that could have been written") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  const auto bytes = cairn::encode_content(three_chunks()).value()[0];
  cairn_test::check_header(bytes, cairn::decode_content_page);
  CHECK(cairn_test::check_damage(bytes, cairn::decode_content_page, decodes_again) > bytes.size());
}

TEST_CASE("content record: well-formed buffers without meaning are Corruption") {
  constexpr auto kMax = cairn::kMaxContentBytes;
  const auto too_large = static_cast<std::uint32_t>(cairn::kMaxChunkBytes + 1);
  CHECK(cairn::decode_content_page(raw_page({})).has_value());
  CHECK(refuses({.kind = 0}, "kind of cut"));
  CHECK(refuses({.kind = 3}, "kind of cut"));
  CHECK(refuses({.size_bytes = kMax + 1}, "size: expected at most"));
  CHECK(refuses({.size_bytes = 2}, "number of chunks"));
  CHECK(refuses({.size_bytes = 0}, "number of chunks"));
  CHECK(refuses({.size_bytes = kMax, .chunk_count = 3}, "number of chunks"));
  CHECK(refuses({.chunk_count = 4}, "chunks of page 0: expected 4, found 3"));
  CHECK(refuses({.chunk_count = 2}, "chunks of page 0: expected 2, found 3"));
  CHECK(refuses({.page = 1}, "page: expected at most 0, found 1"));
  CHECK(refuses({.page = ~0U}, "page"));
  CHECK(refuses({.ids = {1, 0, 3}}, "chunk 1: id"));
  CHECK(refuses({.ids = {1, 2, 1ULL << 63}}, "chunk 2: id"));
  CHECK(refuses({.bases = {1, 0, 0}}, "chunk 0: base"));
  CHECK(refuses({.plain_bytes = {10, 0, 15}}, "chunk 1: size"));
  CHECK(
      refuses({.size_bytes = 2UL + too_large, .plain_bytes = {too_large, 1, 1}}, "chunk 0: size"));
  CHECK(refuses({.plain_bytes = {10, 9, 6}}, "chunk 1 of a content cut in pieces of one size"));
  CHECK(refuses({.size_bytes = 31, .plain_bytes = {10, 10, 11}}, "chunk 2 of a content"));
  CHECK(refuses({.size_bytes = 26}, "bytes of the chunks"));
  CHECK(refuses({.size_bytes = 24}, "bytes of the chunks"));
  CHECK(cairn::decode_content_page(raw_page({.kind = 2, .plain_bytes = {1, 20, 4}})).has_value());
}

TEST_CASE("content record: chunks that do not stand at a multiple of 8 bytes are Corruption") {
  // The vector's length at a multiple of 8: the Verifier lets it through, a reader must not.
  auto bytes = cairn::encode_content(three_chunks()).value()[0];
  const auto* root = flatbuffers::GetRoot<fb::ContentRecord>(bytes.data());
  const auto vector_at =
      static_cast<std::size_t>(reinterpret_cast<const char*>(root->chunks()) - bytes.data());
  const auto field_at = static_cast<std::size_t>(
      reinterpret_cast<const char*>(reinterpret_cast<const flatbuffers::Table*>(root)->GetAddressOf(
          fb::ContentRecord::VT_CHUNKS)) -
      bytes.data());
  const auto vector = bytes.substr(vector_at, 4 + 120);
  bytes.resize((bytes.size() + 7) / 8 * 8);
  const auto moved = static_cast<std::uint32_t>(bytes.size() - field_at);
  std::memcpy(bytes.data() + field_at, &moved, sizeof moved);
  bytes += vector;
  CHECK(fails_with(cairn::decode_content_page(bytes), Code::Corruption, "multiple of 8"));
}

TEST_CASE("content record: a page is appended only where it continues what was gathered") {
  constexpr std::uint32_t kPage = cairn::kContentPageChunks;
  const std::vector<ChunkRef> full(kPage, {{}, {1}, {}, 10});
  const ContentPage first{10 * kPage + 5, CutKind::Fixed, kPage + 1, 0, full};
  const ContentPage second{10 * kPage + 5, CutKind::Fixed, kPage + 1, 1, {{{}, {2}, {}, 5}}};
  ContentRecord content;
  CHECK(fails_with(cairn::append_page(content, second), Code::Corruption, "expected 0, found 1"));
  REQUIRE(cairn::append_page(content, first));
  CHECK(fails_with(cairn::append_page(content, first), Code::Corruption, "expected 1, found 0"));
  auto other = second;
  other.size_bytes += 1;
  CHECK(fails_with(cairn::append_page(content, other), Code::Corruption, "size of page 1"));
  other = second;
  other.kind = CutKind::FastCdc;
  CHECK(fails_with(cairn::append_page(content, other), Code::Corruption, "kind of cut of page 1"));
  CHECK(content.chunks.size() == kPage);
  REQUIRE(cairn::append_page(content, second));
  CHECK(content.chunks.size() == kPage + 1);
  CHECK(cairn::check_content(content, digest_of(content)).has_value());
  CHECK(fails_with(cairn::append_page(content, second), Code::Corruption, "page after 65537"));
}

TEST_CASE("content record: a content with a missing page, chunk or byte does not check") {
  const auto good = three_chunks();
  const auto digest = digest_of(good);
  const auto refused = [&](auto change, std::string_view fragment) {
    auto content = good;
    change(content);
    return fails_with(cairn::check_content(content, digest), Code::Corruption, fragment);
  };
  CHECK(cairn::check_content(good, digest).has_value());
  CHECK(refused([](auto& c) { c.chunks.pop_back(); }, "bytes of all chunks"));
  CHECK(refused([](auto& c) { c.chunks[0].plain_bytes = 11; }, "chunk 1 of a content"));
  CHECK(refused([](auto& c) { c.chunks[2].id = {}; }, "chunk 2: id"));
  CHECK(refused([](auto& c) { c.chunks[2].plain_bytes = 6; }, "bytes of all chunks"));
  CHECK(refused([](auto& c) { c.chunks[1].digest.bytes[15] ^= 1; }, "digest"));
  CHECK(refused([](auto& c) { c.kind = CutKind::FastCdc; }, "digest"));
  CHECK(refused([](auto& c) { c.size_bytes = cairn::kMaxContentBytes + 1; }, "size"));
}
