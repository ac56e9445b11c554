// The superblock: what it holds, and how newer and damaged ones are told apart.
#include "record/store_records.h"

#include "record_testing.h"
#include "superblock_generated.h"

using cairn::Code;
using cairn_test::fails_with;

namespace {

cairn::Superblock superblock() {
  cairn::Superblock out;
  for (std::size_t i = 0; i < out.store_uuid.size(); ++i) {
    out.store_uuid[i] = static_cast<std::uint8_t>(0xF0 + i);
  }
  out.created_at = cairn::Time(std::chrono::nanoseconds(1'730'810'096'789'000'000));
  out.tensor_chunk_bytes = 1'048'576;
  out.producer = "cairn 0.1.0";
  return out;
}

bool encodes(const cairn::Superblock& record) {
  return cairn::decode_superblock(cairn::encode_superblock(record)).has_value();
}

}  // namespace

TEST_CASE("superblock: it is read as written") {
  const auto bytes = cairn::encode_superblock(superblock());
  const auto back = cairn::decode_superblock(bytes);
  REQUIRE(back.has_value());
  CHECK(back->format_version == 1);
  CHECK(back->store_uuid == superblock().store_uuid);
  CHECK(back->created_at == superblock().created_at);
  CHECK(back->tensor_chunk_bytes == superblock().tensor_chunk_bytes);
  CHECK(back->producer == superblock().producer);
  CHECK(bytes.substr(4, 4) == "CNSB");
}

TEST_CASE("superblock: damage is refused or leaves a superblock") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  const auto bytes = cairn::encode_superblock(superblock());
  cairn_test::check_header(bytes, cairn::decode_superblock);
  CHECK(cairn_test::check_damage(bytes, cairn::decode_superblock, encodes) > 0);
}

TEST_CASE("superblock: a newer format is NewerFormat and says both versions") {
  auto newer = superblock();
  newer.format_version = cairn::kFormatVersion + 41;
  const auto bytes = cairn::encode_superblock(newer);
  CHECK(fails_with(cairn::decode_superblock(bytes), Code::NewerFormat, "found 42"));
  CHECK(fails_with(cairn::decode_superblock(bytes), Code::NewerFormat, "format 1 or older"));
  newer.format_version = 0;
  CHECK(fails_with(cairn::decode_superblock(cairn::encode_superblock(newer)), Code::Corruption,
                   "found 0"));
}

TEST_CASE("superblock: a producer that could not be read back is not written") {
  auto record = superblock();
  record.producer = "\xFF";
  auto back = cairn::decode_superblock(cairn::encode_superblock(record));
  REQUIRE(back.has_value());
  CHECK(back->producer.empty());
  record.producer.assign(2'000, 'x');
  back = cairn::decode_superblock(cairn::encode_superblock(record));
  REQUIRE(back.has_value());
  CHECK(back->producer.empty());
}

TEST_CASE("superblock: a producer that is not UTF-8 is Corruption") {
  flatbuffers::FlatBufferBuilder builder;
  const auto producer = builder.CreateString("\xC3\x28");
  const cairn::fb::Uuid uuid;
  builder.Finish(cairn::fb::CreateSuperblockRecord(builder, 1, &uuid, 0, 0, producer), "CNSB");
  const std::string bytes(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                          builder.GetSize());
  CHECK(fails_with(cairn::decode_superblock(bytes), Code::Corruption, "producer"));
}
