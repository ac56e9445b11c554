// A slot of HEAD: its bytes as FORMAT.md has them, and that nothing but a whole slot is read as
// one.
#include "record/head_record.h"

#include "base/bytes.h"
#include "record/sealed.h"
#include "record_testing.h"

using cairn::Code;
using cairn::decode_head;
using cairn::encode_head;
using cairn::HeadState;
using cairn_test::fails_with;
using std::string_literals::operator""s;

namespace {

HeadState state() {
  HeadState out;
  for (std::size_t i = 0; i < out.store_uuid.size(); ++i) {
    out.store_uuid[i] = static_cast<std::uint8_t>(0xA0 + i);
    out.manifest.digest.bytes[i] = static_cast<std::uint8_t>(0xD0 + i);
  }
  out.serial = 0x1122334455667788;
  out.commits = 7;
  out.manifest.number = 258;
  out.manifest.bytes = 65'536;
  return out;
}

bool same(const HeadState& a, const HeadState& b) {
  return a.store_uuid == b.store_uuid && a.serial == b.serial && a.commits == b.commits &&
         a.manifest == b.manifest;
}

// With these bytes at `offset`, and a check that holds.
std::string with_bytes(std::string bytes, std::size_t offset, std::string_view other) {
  bytes.replace(offset, other.size(), other);
  bytes.resize(bytes.size() - cairn::kSealBytes);
  cairn::seal(bytes);
  return bytes;
}

}  // namespace

TEST_CASE("head record: 76 bytes, each where FORMAT.md says") {
  const auto bytes = encode_head(state());
  REQUIRE(bytes.size() == cairn::kHeadStateBytes);
  REQUIRE(bytes.size() == 76);
  CHECK(bytes.substr(0, 4) == "CNHD");
  CHECK(bytes.substr(4, 4) == "\1\0\0\0"s);
  CHECK(bytes.substr(8, 16) == "\xA0\xA1\xA2\xA3\xA4\xA5\xA6\xA7\xA8\xA9\xAA\xAB\xAC\xAD\xAE\xAF");
  CHECK(bytes.substr(24, 8) == "\x88\x77\x66\x55\x44\x33\x22\x11");
  CHECK(bytes.substr(32, 8) == "\7\0\0\0\0\0\0\0"s);
  CHECK(bytes.substr(40, 8) == "\2\1\0\0\0\0\0\0"s);
  CHECK(bytes.substr(48, 8) == "\0\0\1\0\0\0\0\0"s);
  CHECK(bytes.substr(56, 16) == "\xD0\xD1\xD2\xD3\xD4\xD5\xD6\xD7\xD8\xD9\xDA\xDB\xDC\xDD\xDE\xDF");
  auto sealed = bytes.substr(0, 72);
  cairn::seal(sealed);
  CHECK(sealed == bytes);
}

TEST_CASE("head record: it is read as written, whatever the numbers are") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  cairn_test::Random random(cairn_test::seed());
  for (int round = 0; round < 2'000; ++round) {
    HeadState written = round == 0 ? HeadState{} : state();
    if (round > 1) {
      written.store_uuid = random.digest().bytes;
      written.serial = random.number();
      written.commits = random.number();
      written.manifest = {random.number(), random.number(), random.digest()};
    }
    const auto back = decode_head(encode_head(written));
    REQUIRE(back.has_value());
    CHECK(same(*back, written));
  }
}

TEST_CASE("head record: every cut and every flipped bit is Corruption") {
  const auto bytes = encode_head(state());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CHECK(fails_with(cairn_test::decode_copy(bytes.substr(0, length), decode_head),
                     Code::Corruption, "found " + std::to_string(length)));
  }
  CHECK(fails_with(decode_head(bytes + "x"), Code::Corruption, "found 77"));
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    CHECK(fails_with(decode_head(damaged), Code::Corruption, "check"));
  }
}

TEST_CASE("head record: two slots mixed at any byte are read as one of them or not at all") {
  const auto old_bytes = encode_head(state());
  auto newer = state();
  newer.serial += 1;
  newer.commits += 1;
  newer.manifest.bytes += 100;
  newer.manifest.digest.bytes[3] ^= 0xFF;
  const auto new_bytes = encode_head(newer);
  for (std::size_t torn = 0; torn <= new_bytes.size(); ++torn) {
    const auto mixed = new_bytes.substr(0, torn) + old_bytes.substr(torn);
    const auto back = decode_head(mixed);
    CHECK(back.has_value() == (mixed == old_bytes || mixed == new_bytes));
  }
}

TEST_CASE("head record: zeros, as in a slot that was never written, are Corruption") {
  CHECK(fails_with(decode_head(std::string(76, '\0')), Code::Corruption, "check"));
  CHECK(fails_with(decode_head(std::string(76, '\xFF')), Code::Corruption, "check"));
}

TEST_CASE("head record: a newer layout is NewerFormat, and other letters are damage") {
  const auto good = encode_head(state());
  CHECK(fails_with(decode_head(with_bytes(good, 4, "\2\0\0\0"s)), Code::NewerFormat, "found 2"));
  CHECK(fails_with(decode_head(with_bytes(good, 0, "CNHX")), Code::Corruption, "CNHX"));
}
