// Records of fixed layout: the counters and the rows of the chunk index.
#include "record/sealed.h"

#include "content/chunker.h"
#include "record/chunk_location.h"
#include "record/store_records.h"
#include "record_testing.h"

using cairn::ChunkLocation;
using cairn::Code;
using cairn_test::fails_with;
using std::string_literals::operator""s;

namespace {

ChunkLocation location() {
  return {cairn::ChunkId{0x1122334455667788}, cairn::ChunkId{}, 65'536, 65'582, cairn::Codec::Raw};
}

std::string with_byte(std::string bytes, std::size_t at, char byte) {
  bytes[at] = byte;
  bytes.resize(bytes.size() - cairn::kSealBytes);
  cairn::seal(bytes);
  return bytes;
}

}  // namespace

TEST_CASE("sealed: a location is 32 bytes, little-endian, and ends in its check") {
  const auto bytes = cairn::encode_location(location());
  REQUIRE(bytes.size() == 32);
  CHECK(bytes.substr(0, 28) == "\x88\x77\x66\x55\x44\x33\x22\x11"s + "\0\0\0\0\0\0\0\0"s +
                                   "\0\0\1\0"s + "\x2E\0\1\0"s + "\0\0\0\0"s);
  const auto back = cairn::decode_location(bytes);
  REQUIRE(back.has_value());
  CHECK(back->id == location().id);
  CHECK(back->base == location().base);
  CHECK(back->plain_bytes == location().plain_bytes);
  CHECK(back->stored_bytes == location().stored_bytes);
  CHECK(back->codec == location().codec);
}

TEST_CASE("sealed: every cut and every flipped bit of a location is Corruption") {
  const auto bytes = cairn::encode_location(location());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CHECK(fails_with(cairn::decode_location(bytes.substr(0, length)), Code::Corruption,
                     "found " + std::to_string(length)));
  }
  CHECK(fails_with(cairn::decode_location(bytes + "x"), Code::Corruption, "found 33"));
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    CHECK(fails_with(cairn::decode_location(damaged), Code::Corruption, "check"));
  }
}

TEST_CASE("sealed: a location with a sound check is still refused where it makes no sense") {
  const auto good = cairn::encode_location(location());
  CHECK(fails_with(cairn::decode_location(with_byte(good, 24, 1)), Code::NewerFormat, "codec"));
  CHECK(fails_with(cairn::decode_location(with_byte(good, 25, 1)), Code::Corruption, "byte 25"));
  CHECK(fails_with(cairn::decode_location(with_byte(good, 27, 1)), Code::Corruption, "byte 27"));
  CHECK(fails_with(cairn::decode_location(with_byte(good, 20, 0)), Code::Corruption, "stored"));
  CHECK(fails_with(cairn::decode_location(with_byte(good, 22, 2)), Code::Corruption, "stored"));
  auto bad = location();
  bad.id = {};
  CHECK(fails_with(cairn::decode_location(cairn::encode_location(bad)), Code::Corruption, "id"));
  bad.id = cairn::ChunkId{cairn::ChunkId::kSmallBit};
  CHECK(fails_with(cairn::decode_location(cairn::encode_location(bad)), Code::Corruption, "id"));
  bad = location();
  bad.base = bad.id;
  CHECK(fails_with(cairn::decode_location(cairn::encode_location(bad)), Code::Corruption, "base"));
  bad = location();
  bad.plain_bytes = 0;
  CHECK(fails_with(cairn::decode_location(cairn::encode_location(bad)), Code::Corruption, "plain"));
  bad.plain_bytes = cairn::kMaxChunkBytes + 1;
  CHECK(fails_with(cairn::decode_location(cairn::encode_location(bad)), Code::Corruption, "plain"));
}

TEST_CASE("sealed: counters are read as written") {
  for (const cairn::Counters counters :
       {cairn::Counters{}, cairn::Counters{7, 1'000}, cairn::Counters{~0ULL, 1ULL << 63}}) {
    const auto bytes = cairn::encode_counters(counters);
    CHECK(bytes.size() == 20);
    const auto back = cairn::decode_counters(bytes);
    REQUIRE(back.has_value());
    CHECK(back->commits == counters.commits);
    CHECK(back->next_id == counters.next_id);
  }
}

TEST_CASE("sealed: every cut and every flipped bit of the counters is Corruption") {
  const auto bytes = cairn::encode_counters({7, 1'000});
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CHECK(
        fails_with(cairn::decode_counters(bytes.substr(0, length)), Code::Corruption, "expected"));
  }
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    CHECK(fails_with(cairn::decode_counters(damaged), Code::Corruption, "check"));
  }
}

TEST_CASE("sealed: a next id that no chunk could have is Corruption") {
  CHECK(fails_with(cairn::decode_counters(cairn::encode_counters({1, 0})), Code::Corruption,
                   "next id"));
  CHECK(fails_with(cairn::decode_counters(cairn::encode_counters({1, (1ULL << 63) + 1})),
                   Code::Corruption, "next id"));
}
