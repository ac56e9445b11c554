// The worked example of schemas/FORMAT.md: its bytes are read as the artifact that it describes,
// and what has one encoding only is written as it stands there.
#include <array>
#include <span>

#include "base/bytes.h"
#include "base/text.h"
#include "base/time.h"
#include "content/frame.h"
#include "content/health.h"
#include "record/artifact_digest.h"
#include "record/chunk_location.h"
#include "record/content_record.h"
#include "record/keys.h"
#include "record/metadata_record.h"
#include "record/store_records.h"
#include "record_testing.h"

namespace {

constexpr std::string_view kContentHex =
    "1c000000434e43540000000000000e0020000c0007001400000008000e0000000000000118000000"
    "0c00000000000000010000000000000000000000"
    "0100000023a3010baa6a3cfb3bb07bd08be6d60401000000000000800000000000000000"
    "0c00000000000000";
constexpr std::string_view kModelHex =
    "14000000434e4d440000000008000c0004000800080000000c000000040000000000000001000000"
    "18000000140064000800070000000c005800100000002000140000000000000e6c00000058000000"
    "37110cf8468584103f257b449d5cdf0c000000000000f0bf0000000000000040000000000000e03f"
    "851e15b98e5402400000000000000000000000000000000000000000000000000c00000000000000"
    "0000000001000000030000000000000000000000040000006269617300000000";
constexpr std::string_view kConfigHex =
    "10000000434e434608000a0009000400080000001c000000000116000c000b000000000000000000"
    "000000000000040016000000080000000000000901000000140000001000140013000c0000000000"
    "0000040010000000000000000000e03f0800000000000005020000006c720000";
constexpr std::string_view kMetadataHex =
    "28000000434e4d54000000001c004800080028003000380000000700400018001c00200000002400"
    "1c0000000000000112bbdf38135dd758d0e777ac1987f3d348000000400000003800000024000000"
    "01000000000000000c0000000000000001000000000000000032961cf2ca86180b00000063616972"
    "6e20302e312e30000000000000000000010000000c00000008001400040008000800000010000000"
    "000000000000d03f00000000040000006c6f737300000000";
constexpr std::string_view kCanonicalHex =
    "636169726e2061727469666163742076310001000000000000000400000000000000626961730e00"
    "0103000000000000000c0000000000000037110cf8468584103f257b449d5cdf0c00000000000000"
    "000109010000000000000002000000000000006c7205000000000000e03f";
constexpr std::string_view kChunkDigest = "23a3010baa6a3cfb3bb07bd08be6d604";
constexpr std::string_view kContentDigest = "37110cf8468584103f257b449d5cdf0c";
constexpr std::string_view kArtifactDigest = "12bbdf38135dd758d0e777ac1987f3d3";
constexpr cairn::ChunkId kChunkId{cairn::ChunkId::kSmallBit | 1};
constexpr std::array kElements = {0.5F, -1.0F, 2.0F};

std::string from_hex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

std::span<const std::byte> chunk() {
  return std::as_bytes(std::span(kElements));
}

cairn::Digest parse(std::string_view hex) {
  return *cairn::Digest::parse(hex);
}

}  // namespace

TEST_CASE("format example: keys are those of FORMAT.md") {
  using cairn::to_hex;
  const cairn::Key key{"mnist/mlp", {1, 0, 0}, 7};
  CHECK(to_hex(cairn::encode_artifact_key(key)) ==
        "6d6e6973742f6d6c70000000000100000000000000000000000000000007");
  CHECK(to_hex(cairn::encode_chunk_key(kChunkId)) == "0000000000000001");
  CHECK(to_hex(cairn::encode_index_key(parse(kChunkDigest), 0)) ==
        std::string(kChunkDigest) + "00000000");
  CHECK(to_hex(cairn::encode_content_key({parse(kContentDigest), 0}, 0)) ==
        std::string(kContentDigest) + "0000000000000000");
}

TEST_CASE("format example: the chunk, its frame, its location and the counters are as written") {
  CHECK(cairn::chunk_digest(chunk()).to_string() == kChunkDigest);
  std::string frame(cairn::frame_header_bytes(chunk().size()), '\0');
  cairn::encode_frame_header({cairn::Codec::Raw, 4, chunk().size()},
                             std::as_writable_bytes(std::span(frame)));
  frame += cairn::as_text(chunk());
  CHECK(cairn::to_hex(frame) ==
        "2d0004000dfe89f40c00000000000000" + std::string(58, '0') + "0000003f000080bf00000040");
  CHECK(cairn::to_hex(cairn::encode_location({kChunkId, {}, 12, 57, cairn::Codec::Raw})) ==
        "010000000000008000000000000000000c000000390000000000000025f4264d");
  CHECK(cairn::to_hex(cairn::encode_counters({1, 2})) ==
        "0100000000000000020000000000000025d3e465");
}

TEST_CASE("format example: the content record is one chunk under the content's digest") {
  const auto page = cairn::decode_content_page(from_hex(kContentHex));
  REQUIRE_MESSAGE(page.has_value(), page.error().message);
  cairn::ContentRecord content;
  REQUIRE(cairn::append_page(content, *page));
  CHECK(cairn::check_content(content, parse(kContentDigest)).has_value());
  REQUIRE(content.chunks.size() == 1);
  CHECK(content.chunks[0] == cairn::ChunkRef{parse(kChunkDigest), kChunkId, {}, 12});
}

TEST_CASE("format example: model, config and metadata record describe the artifact") {
  const auto model = cairn::decode_model(from_hex(kModelHex));
  REQUIRE_MESSAGE(model.has_value(), model.error().message);
  REQUIRE(model->tensors.size() == 1);
  const auto& info = model->tensors[0].info;
  CHECK(info.name == "bias");
  CHECK(info.content == parse(kContentDigest));
  REQUIRE(info.health.has_value());
  const auto health = cairn::finish_health(cairn::measure_health(info.dtype, chunk()));
  CHECK(std::memcmp(&health, &*info.health, sizeof health) == 0);

  const auto config = cairn::decode_config(from_hex(kConfigHex));
  REQUIRE_MESSAGE(config.has_value(), config.error().message);
  CHECK(std::get<cairn::Value>(*config) == cairn::Value(cairn::Value::Map{{"lr", 0.5}}));

  CHECK(cairn::to_hex(cairn::canonical_string(*model, &*config)) == kCanonicalHex);
  CHECK(cairn::artifact_digest(*model, &*config).to_string() == kArtifactDigest);

  const auto record = cairn::decode_metadata(from_hex(kMetadataHex));
  REQUIRE_MESSAGE(record.has_value(), record.error().message);
  CHECK(record->artifact == parse(kArtifactDigest));
  CHECK(record->commit == 1);
  CHECK(record->tensors == 1);
  CHECK(record->has_config);
  REQUIRE(record->metadata.metrics.size() == 1);
  CHECK(record->metadata.metrics[0] == std::pair<std::string, double>("loss", 0.25));
  CHECK(cairn::format_time(record->metadata.created_at) == "2026-01-02T03:04:05Z");
}
