// NameRecord, AliasRecord and TrashRecord: round trips, damage, limits.
#include "record/catalog_records.h"

#include "alias_generated.h"
#include "base/text.h"
#include "name_generated.h"
#include "record_testing.h"
#include "trash_generated.h"

namespace fb = cairn::fb;
using cairn::AliasMove;
using cairn::AliasRecord;
using cairn::Code;
using cairn::NameRecord;
using cairn::TrashRecord;
using cairn_test::fails_with;
using cairn_test::Random;

namespace {

cairn::Time random_time(Random& random) {
  return cairn::Time(std::chrono::nanoseconds(static_cast<std::int64_t>(random.next())));
}

AliasMove random_move(Random& random) {
  return {
      random.one_in(4),
      {static_cast<std::uint32_t>(random.number()), 0, static_cast<std::uint32_t>(random.below(3))},
      random.number(),
      random_time(random)};
}

bool same(const AliasMove& a, const AliasMove& b) {
  return a.removed == b.removed && a.version == b.version && a.epoch == b.epoch &&
         a.moved_at == b.moved_at;
}

std::string text_of(const flatbuffers::FlatBufferBuilder& builder) {
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

const auto kNameEncodes = [](const NameRecord& record) {
  return cairn::encode_name(record).has_value();
};
const auto kAliasEncodes = [](const AliasRecord& record) {
  return cairn::encode_alias(record).has_value();
};
const auto kTrashEncodes = [](const TrashRecord& record) {
  return cairn::encode_trash(record).has_value();
};

}  // namespace

TEST_CASE("name record: random records are read as written") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  Random random(cairn_test::seed());
  for (int i = 0; i < 500; ++i) {
    NameRecord record{random_time(random), random.text(200), {}};
    for (auto& name : random.names(random.below(6))) {
      record.tags.emplace_back(std::move(name), random.text(50));
    }
    const auto back = cairn::decode_name(*cairn::encode_name(record));
    REQUIRE_MESSAGE(back.has_value(), back.error().message);
    REQUIRE(back->created_at == record.created_at);
    REQUIRE(back->description == record.description);
    REQUIRE(back->tags == record.tags);
  }
}

TEST_CASE("name record: damage is refused or leaves a record that could have been written") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  const auto bytes = *cairn::encode_name({{}, "digits", {{"owner", "me"}, {"stage", "dev"}}});
  cairn_test::check_header(bytes, cairn::decode_name);
  CHECK(cairn_test::check_damage(bytes, cairn::decode_name, kNameEncodes) > 0);
}

TEST_CASE("name record: what could not be read back is not written") {
  const auto encode = [](std::string description,
                         std::vector<std::pair<std::string, std::string>> tags) {
    return cairn::encode_name({{}, std::move(description), std::move(tags)});
  };
  CHECK(fails_with(encode("\xFF", {}), Code::InvalidArgument, "description"));
  CHECK(fails_with(encode(std::string(65'537, 'x'), {}), Code::LimitExceeded, "65536"));
  CHECK(fails_with(encode("", {{"b", ""}, {"a", ""}}), Code::InvalidArgument, "sorted"));
  CHECK(fails_with(encode("", {{"a", ""}, {"a", ""}}), Code::InvalidArgument, "unique"));
}

TEST_CASE("name record: well-formed buffers without meaning are Corruption") {
  const auto raw = [](const char* description, const std::vector<const char*>& names) {
    flatbuffers::FlatBufferBuilder builder;
    std::vector<flatbuffers::Offset<fb::Tag>> tags;
    for (const char* name : names) {
      tags.push_back(fb::CreateTagDirect(builder, name, "x"));
    }
    builder.Finish(fb::CreateNameRecordDirect(builder, 0, description, &tags), "CNNM");
    return cairn::decode_name(text_of(builder));
  };
  CHECK(raw("", {"a", "b"}).has_value());
  CHECK(raw(nullptr, {}).has_value());
  CHECK(fails_with(raw("\xFF", {}), Code::Corruption, "description"));
  CHECK(fails_with(raw(std::string(65'537, 'x').c_str(), {}), Code::Corruption, "65536"));
  CHECK(fails_with(raw("", {"b", "a"}), Code::Corruption, "sorted"));
  CHECK(fails_with(raw("", {""}), Code::Corruption, "tag"));
}

TEST_CASE("name record: a field that a later writer appended is passed over") {
  flatbuffers::FlatBufferBuilder builder;
  const auto description = builder.CreateString("digits");
  const auto start = builder.StartTable();
  builder.AddOffset(fb::NameRecord::VT_DESCRIPTION, description);
  builder.AddElement<std::uint64_t>(fb::NameRecord::VT_TAGS + 2, 7, 0);
  builder.Finish(flatbuffers::Offset<fb::NameRecord>(builder.EndTable(start)), "CNNM");
  const auto back = cairn::decode_name(text_of(builder));
  REQUIRE_MESSAGE(back.has_value(), back.error().message);
  CHECK(back->description == "digits");
}

TEST_CASE("alias record: random histories are read as written") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  Random random(cairn_test::seed());
  for (int i = 0; i < 300; ++i) {
    AliasRecord record;
    for (auto left = random.below(20) + 1; left > 0; --left) {
      record.moves.push_back(random_move(random));
    }
    const auto back = cairn::decode_alias(*cairn::encode_alias(record));
    REQUIRE_MESSAGE(back.has_value(), back.error().message);
    REQUIRE(std::ranges::equal(record.moves, back->moves,
                               [](const auto& a, const auto& b) { return same(a, b); }));
  }
}

TEST_CASE("alias record: of a long history the last thousand moves are kept") {
  AliasRecord record;
  for (std::uint64_t epoch = 0; epoch < 1'234; ++epoch) {
    record.moves.push_back({false, {1, 0, 0}, epoch, {}});
  }
  const auto back = cairn::decode_alias(*cairn::encode_alias(record));
  REQUIRE(back.has_value());
  REQUIRE(back->moves.size() == cairn::kMaxAliasMoves);
  CHECK(back->moves.front().epoch == 234);
  CHECK(back->moves.back().epoch == 1'233);
}

TEST_CASE("alias record: damage is refused or leaves a record that could have been written") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  const auto bytes = *cairn::encode_alias({{{false, {1, 2, 3}, 4, {}}, {true, {}, 0, {}}}});
  cairn_test::check_header(bytes, cairn::decode_alias);
  CHECK(cairn_test::check_damage(bytes, cairn::decode_alias, kAliasEncodes) > 0);
}

TEST_CASE("alias record: none or more than a thousand moves are refused") {
  const auto raw = [](std::size_t moves) {
    flatbuffers::FlatBufferBuilder builder;
    std::vector<flatbuffers::Offset<fb::AliasMove>> flat;
    for (std::size_t i = 0; i < moves; ++i) {
      flat.push_back(fb::CreateAliasMove(builder));
    }
    builder.Finish(fb::CreateAliasRecordDirect(builder, &flat), "CNAL");
    return cairn::decode_alias(text_of(builder));
  };
  CHECK(raw(1'000).has_value());
  CHECK(fails_with(raw(1'001), Code::Corruption, "found 1001"));
  CHECK(fails_with(raw(0), Code::Corruption, "found 0"));
  CHECK(fails_with(cairn::encode_alias({}), Code::InvalidArgument, "at least one"));
}

TEST_CASE("trash record: what was removed is kept byte for byte") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  Random random(cairn_test::seed());
  for (int i = 0; i < 300; ++i) {
    const TrashRecord record{
        random.one_in(2) ? TrashRecord::Reason::Removed : TrashRecord::Reason::Replaced,
        random_time(random), random.text(100), random.one_in(2) ? "" : random.text(100),
        random.text(100)};
    const auto back = cairn::decode_trash(*cairn::encode_trash(record));
    REQUIRE_MESSAGE(back.has_value(), back.error().message);
    REQUIRE(back->reason == record.reason);
    REQUIRE(back->removed_at == record.removed_at);
    REQUIRE(back->model == record.model);
    REQUIRE(back->config == record.config);
    REQUIRE(back->metadata == record.metadata);
  }
}

TEST_CASE("trash record: damage is refused or leaves a record that could have been written") {
  MESSAGE("CAIRN_TEST_SEED=", cairn_test::seed());
  const TrashRecord record{TrashRecord::Reason::Removed, {}, "model", "", "metadata"};
  const auto bytes = *cairn::encode_trash(record);
  cairn_test::check_header(bytes, cairn::decode_trash, cairn::kMaxTrashBytes);
  CHECK(cairn_test::check_damage(bytes, cairn::decode_trash, kTrashEncodes) > 0);
}

TEST_CASE("trash record: three records as large as they get fit in") {
  const std::string large(cairn::kMaxRecordBytes, 'x');
  const auto bytes = cairn::encode_trash({TrashRecord::Reason::Replaced, {}, large, large, large});
  REQUIRE_MESSAGE(bytes.has_value(), bytes.error().message);
  const auto back = cairn::decode_trash(*bytes);
  REQUIRE_MESSAGE(back.has_value(), back.error().message);
  CHECK(back->metadata == large);
  CHECK(fails_with(cairn::encode_trash({TrashRecord::Reason::Removed, {}, large + "x", "", ""}),
                   Code::LimitExceeded, "67108865"));
}

TEST_CASE("trash record: an unknown or missing reason is refused") {
  TrashRecord record;
  record.reason = static_cast<TrashRecord::Reason>(4);
  CHECK(fails_with(cairn::encode_trash(record), Code::InvalidArgument, "found 4"));
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(fb::CreateTrashRecord(builder, static_cast<fb::TrashReason>(4)), "CNTR");
  CHECK(fails_with(cairn::decode_trash(text_of(builder)), Code::Corruption, "found 4"));
  builder.Clear();
  builder.Finish(fb::CreateTrashRecord(builder), "CNTR");
  CHECK(fails_with(cairn::decode_trash(text_of(builder)), Code::Corruption, "reason"));
}
