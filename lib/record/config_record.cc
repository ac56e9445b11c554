// ConfigRecord to FlatBuffers and back. The schema of an app's table is stored beside it and only
// its digest is checked here on the way in: nothing parses it before somebody trusts the store.
#include "record/config_record.h"

#include "config_generated.h"
#include "content/digest.h"
#include "record/config_table.h"
#include "record/fields.h"
#include "record/flat.h"
#include "record/values.h"

namespace cairn {
namespace {

constexpr FlatKind kConfig{"config record", "CNCF"};

Result<std::string> encode_tree(const Value& tree) {
  if (auto good = as_encode_error(kConfig, check_value(tree)); !good) {
    return fail(std::move(good.error()));
  }
  if (text_bytes(tree) > kMaxRecordBytes) {
    return fail(Code::LimitExceeded, "config record: expected text of at most " +
                                         std::to_string(kMaxRecordBytes) + " bytes, found more");
  }
  flatbuffers::FlatBufferBuilder builder;
  const auto flat = flat_value(builder, tree);
  fb::ConfigRecordBuilder root(builder);
  root.add_kind(fb::ConfigKind::Tree);
  root.add_tree(flat);
  return finish_flat(kConfig, builder, root.Finish());
}

Result<std::string> encode_table(const ConfigTable& table) {
  if (auto good = as_encode_error(kConfig, check_config_table(table)); !good) {
    return fail(std::move(good.error()));
  }
  flatbuffers::FlatBufferBuilder builder;
  const auto identifier = flat_text(builder, table.identifier);
  const auto data = flat_bytes(builder, table.data);
  const auto schema = flat_bytes(builder, table.schema);
  const auto schema_digest = flat_digest(schema_digest_of(table.schema));
  fb::ConfigRecordBuilder root(builder);
  root.add_kind(fb::ConfigKind::Table);
  root.add_identifier(identifier);
  root.add_data(data);
  root.add_schema(schema);
  root.add_schema_digest(&schema_digest);
  return finish_flat(kConfig, builder, root.Finish());
}

Result<Config> decode_tree(const fb::ConfigRecord& flat) {
  if (flat.tree() == nullptr) {
    return corrupt(kConfig, "tree: expected one, found none");
  }
  auto tree = ValueReader().read(*flat.tree());
  if (!tree) {
    return corrupt(kConfig, tree.error().message);
  }
  if (auto good = as_corruption(kConfig, check_value(*tree)); !good) {
    return fail(std::move(good.error()));
  }
  return Config(std::move(*tree));
}

Result<Config> decode_table(const fb::ConfigRecord& flat) {
  const auto data = bytes_of(flat.data());
  const auto schema = bytes_of(flat.schema());
  ConfigTable out{std::string(text_of(flat.identifier()).substr(0, kMaxLabelBytes)),
                  {data.begin(), data.end()},
                  {schema.begin(), schema.end()}};
  if (auto good = as_corruption(kConfig, check_table_frame(out)); !good) {
    return fail(std::move(good.error()));
  }
  if (flat.schema_digest() == nullptr) {
    return corrupt(kConfig, "digest of the schema: expected one, found none");
  }
  const auto expected = digest_of(*flat.schema_digest());
  const auto found = schema_digest_of(schema);
  if (found != expected) {
    return corrupt(kConfig, "digest of the schema: expected " + expected.to_string() + ", found " +
                                found.to_string());
  }
  return Config(std::move(out));
}

}  // namespace

Result<std::string> encode_config(const Config& config) {
  const auto* tree = std::get_if<Value>(&config);
  return tree != nullptr ? encode_tree(*tree) : encode_table(std::get<ConfigTable>(config));
}

Result<Config> decode_config(std::string_view bytes) {
  auto opened = open_flat<fb::ConfigRecord>(kConfig, bytes);
  if (!opened) {
    return fail(std::move(opened.error()));
  }
  const auto& flat = **opened;
  if (!flat.kind()) {
    return corrupt(kConfig, "kind: expected 1 or 2, found none");
  }
  switch (*flat.kind()) {
    case fb::ConfigKind::Tree:
      return decode_tree(flat);
    case fb::ConfigKind::Table:
      return decode_table(flat);
  }
  return corrupt(kConfig, "kind: expected 1 or 2, found " +
                              std::to_string(static_cast<unsigned>(*flat.kind())));
}

}  // namespace cairn
