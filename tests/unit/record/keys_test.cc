// Ordered keys: their bytes, their order, and what is refused when they are read.
#include "record/keys.h"

#include <limits>
#include <map>

#include "record_testing.h"

using cairn::Code;
using cairn::Key;
using cairn_test::fails_with;
using std::string_literals::operator""s;

namespace {

Key random_key(cairn_test::Random& random) {
  Key key{random.key_name(), {}, random.number()};
  key.version = {static_cast<std::uint32_t>(random.below(3)),
                 static_cast<std::uint32_t>(random.number()),
                 static_cast<std::uint32_t>(random.number())};
  return key;
}

// Names as they sort: NUL ends them, and no byte of a name is below it.
bool in_order(const Key& a, const Key& b) {
  return a < b;
}

}  // namespace

TEST_CASE("keys: an artifact key is its name, NUL, version and epoch in big-endian order") {
  const Key key{"a/b", {1, 2, 0x01020304}, 0x0A};
  CHECK(cairn::encode_artifact_key(key) ==
        "a/b\0"s + "\0\0\0\1"s + "\0\0\0\2"s + "\1\2\3\4"s + "\0\0\0\0\0\0\0\x0A"s);
}

TEST_CASE("keys: artifact keys sort as the keys they name") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  cairn_test::Random random(cairn_test::seed());
  std::map<Key, std::string, decltype(&in_order)> by_key(&in_order);
  std::map<std::string, Key> by_bytes;
  for (int i = 0; i < 5'000; ++i) {
    const Key key = random_key(random);
    const auto bytes = cairn::encode_artifact_key(key);
    by_key[key] = bytes;
    by_bytes[bytes] = key;
    const auto back = cairn::decode_artifact_key(bytes);
    REQUIRE(back.has_value());
    REQUIRE(*back == key);
  }
  REQUIRE(by_key.size() == by_bytes.size());
  auto at = by_bytes.begin();
  for (const auto& [key, bytes] : by_key) {
    REQUIRE(at->first == bytes);
    ++at;
  }
}

TEST_CASE("keys: a prefix holds the keys of its name or version and no others") {
  const cairn::Version version{1, 0, 0};
  const std::string one = cairn::encode_artifact_key({"net", version, 7});
  const std::string longer = cairn::encode_artifact_key({"net-2", version, 7});
  const std::string below = cairn::encode_artifact_key({"net/x", version, 7});
  const std::string next = cairn::encode_artifact_key({"net", {1, 0, 1}, 0});
  const auto of_name = cairn::artifact_prefix("net");
  CHECK(one.starts_with(of_name));
  CHECK(next.starts_with(of_name));
  CHECK_FALSE(longer.starts_with(of_name));
  CHECK_FALSE(below.starts_with(of_name));
  const auto of_version = cairn::artifact_prefix("net", version);
  CHECK(one.starts_with(of_version));
  CHECK_FALSE(next.starts_with(of_version));
  CHECK(cairn::prefix_end(of_version) > one);
  CHECK(cairn::prefix_end(of_version) <= next);
}

TEST_CASE("keys: the end of a prefix is the next string that does not start with it") {
  CHECK(cairn::prefix_end("a") == "b");
  CHECK(cairn::prefix_end("a\0"s) == "a\1"s);
  CHECK(cairn::prefix_end("a\xFF\xFF") == "b");
  CHECK(cairn::prefix_end("\x7F") == "\x80");
  CHECK(cairn::prefix_end("\xFF\xFF").empty());
  CHECK(cairn::prefix_end("").empty());
}

TEST_CASE("keys: artifact keys that break the grammar are Corruption") {
  const auto good = cairn::encode_artifact_key({"net", {1, 0, 0}, 7});
  for (std::size_t length = 0; length < good.size(); ++length) {
    CHECK(fails_with(cairn::decode_artifact_key(good.substr(0, length)), Code::Corruption, "key"));
  }
  CHECK(fails_with(cairn::decode_artifact_key(good + "x"), Code::Corruption, "found 21"));
  CHECK(fails_with(cairn::decode_artifact_key("\0"s + good.substr(4)), Code::Corruption, "name"));
  CHECK(fails_with(cairn::decode_artifact_key("xxh3"s + good.substr(3)), Code::Corruption, "xxh3"));
  CHECK(fails_with(cairn::decode_artifact_key("n t"s + good.substr(3)), Code::Corruption, "n t"));
}

TEST_CASE("keys: trash keys sort by key and then by commit") {
  const Key key{"net", {1, 0, 0}, 7};
  const auto bytes = cairn::encode_trash_key(key, 258);
  CHECK(bytes == cairn::encode_artifact_key(key) + "\0\0\0\0\0\0\1\2"s);
  CHECK(bytes < cairn::encode_trash_key(key, 1'000));
  const auto back = cairn::decode_trash_key(bytes);
  REQUIRE(back.has_value());
  CHECK(back->first == key);
  CHECK(back->second == 258);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CHECK(fails_with(cairn::decode_trash_key(bytes.substr(0, length)), Code::Corruption, "trash"));
  }
}

TEST_CASE("keys: alias keys keep name and alias apart") {
  const auto bytes = cairn::encode_alias_key("a/b", "prod");
  CHECK(bytes == "a/b\0prod"s);
  const auto back = cairn::decode_alias_key(bytes);
  REQUIRE(back.has_value());
  CHECK(back->first == "a/b");
  CHECK(back->second == "prod");
  CHECK(fails_with(cairn::decode_alias_key("a/b"), Code::Corruption, "NUL"));
  CHECK(fails_with(cairn::decode_alias_key("a/b\0"s), Code::Corruption, "alias"));
  CHECK(fails_with(cairn::decode_alias_key("a/b\0latest"s), Code::Corruption, "latest"));
  CHECK(fails_with(cairn::decode_alias_key("a/b\0x\0y"s), Code::Corruption, "alias"));
}

TEST_CASE("keys: content keys are digest, slot and page") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  cairn_test::Random random(cairn_test::seed());
  std::map<std::pair<cairn::ContentId, std::uint32_t>, std::string> by_id;
  std::map<std::string, int> by_bytes;
  for (int i = 0; i < 1'000; ++i) {
    const cairn::ContentId id{random.digest(), static_cast<std::uint32_t>(random.number())};
    const auto page = static_cast<std::uint32_t>(random.number());
    const auto bytes = cairn::encode_content_key(id, page);
    REQUIRE(bytes.size() == 24);
    REQUIRE(bytes.starts_with(cairn::encode_index_key(id.digest, id.slot)));
    const auto back = cairn::decode_content_key(bytes);
    REQUIRE(back.has_value());
    REQUIRE(back->first == id);
    REQUIRE(back->second == page);
    by_id[{id, page}] = bytes;
    by_bytes[bytes] = i;
  }
  auto at = by_bytes.begin();
  for (const auto& [id, bytes] : by_id) {
    REQUIRE((at++)->first == bytes);
  }
  CHECK(fails_with(cairn::decode_content_key(std::string(23, 'x')), Code::Corruption, "found 23"));
  CHECK(fails_with(cairn::decode_content_key(std::string(25, 'x')), Code::Corruption, "found 25"));
}

TEST_CASE("keys: a chunk key is the id without the bit of its column family") {
  const cairn::ChunkId large{0x0102030405060708};
  const cairn::ChunkId small{large.value | cairn::ChunkId::kSmallBit};
  CHECK(cairn::encode_chunk_key(large) == "\1\2\3\4\5\6\7\x08");
  CHECK(cairn::encode_chunk_key(small) == cairn::encode_chunk_key(large));
  CHECK(cairn::decode_chunk_key(cairn::encode_chunk_key(large), false) == large);
  CHECK(cairn::decode_chunk_key(cairn::encode_chunk_key(small), true) == small);
  CHECK(fails_with(cairn::decode_chunk_key(std::string(8, '\0'), false), Code::Corruption, "0"));
  CHECK(fails_with(cairn::decode_chunk_key(std::string(8, '\xFF'), true), Code::Corruption, "id"));
  CHECK(fails_with(cairn::decode_chunk_key("1234567", false), Code::Corruption, "found 7"));
}
