// Checking an app's config table against its binary schema before it is saved.
//
// The reflecting verifier of FlatBuffers believes the schema: it asserts on types that it does not
// know, takes indices and sizes as they come, and reads a union's type before it has verified that
// field. So the schema's meaning is checked here first, and the table is verified in a copy with
// room behind it for every offset that a vtable can hold.
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <flatbuffers/reflection.h>

#include "base/bytes.h"
#include "base/text.h"
#include "record/config_record.h"
#include "record/config_table.h"
#include "record/flat.h"

namespace cairn {
namespace {

constexpr std::size_t kIdentifierBytes = 4;
constexpr std::size_t kMinTableBytes = 12;  // Root offset, identifier, one empty table.
constexpr std::uint32_t kMaxSchemaTables = 1'000'000;
constexpr std::int32_t kMaxStructAlign = 32;

tl::unexpected<Error> bad(const std::string& what, const std::string& expected,
                          const std::string& found) {
  return fail(Code::InvalidArgument,
              "config table: " + what + ": expected " + expected + ", found " + found);
}

std::string name_of(const flatbuffers::String* name) {
  return cairn::quoted(std::string_view(name->c_str(), name->size()));
}

// Walks a verified .bfbs and refuses what the reflecting verifier would take for granted.
class SchemaChecker {
 public:
  explicit SchemaChecker(const reflection::Schema& schema) : schema_(schema) {}

  [[nodiscard]] Result<void> check() const {
    for (const reflection::Enum* each : *schema_.enums()) {
      if (auto good = check_enum(*each); !good) {
        return good;
      }
    }
    for (const reflection::Object* object : *schema_.objects()) {
      if (auto good = check_object(*object); !good) {
        return good;
      }
    }
    return {};
  }

 private:
  using Type = reflection::Type;

  // The enumerators are read as bytes: a byte that is none of them is no value of its enum.
  static int base_type(const Type& type) { return raw(type, Type::VT_BASE_TYPE); }
  static int element(const Type& type) { return raw(type, Type::VT_ELEMENT); }
  static int raw(const Type& type, flatbuffers::voffset_t field) {
    return reinterpret_cast<const flatbuffers::Table&>(type).GetField<std::int8_t>(field, 0);
  }

  static bool is_scalar(int base) {
    return base >= reflection::UType && base <= reflection::Double;
  }

  [[nodiscard]] bool names_object(const Type& type) const {
    return type.index() >= 0 &&
           static_cast<std::uint32_t>(type.index()) < schema_.objects()->size();
  }

  [[nodiscard]] bool names_union(const Type& type) const {
    return type.index() >= 0 &&
           static_cast<std::uint32_t>(type.index()) < schema_.enums()->size() &&
           schema_.enums()->Get(static_cast<std::uint32_t>(type.index()))->is_union();
  }

  [[nodiscard]] Result<void> check_enum(const reflection::Enum& each) const {
    if (!each.is_union()) {
      return {};
    }
    for (const reflection::EnumVal* value : *each.values()) {
      const Type* type = value->union_type();
      const int base = type == nullptr ? -1 : base_type(*type);
      const bool known = base == reflection::None || base == reflection::String ||
                         (base == reflection::Obj && names_object(*type));
      if (!known) {
        return bad("schema: union " + name_of(each.name()), "tables, structs and strings",
                   "a type " + std::to_string(base));
      }
    }
    return {};
  }

  [[nodiscard]] Result<void> check_object(const reflection::Object& object) const {
    if (object.is_struct()) {
      const auto align = object.minalign();
      if (object.bytesize() < 1 || align < 1 || align > kMaxStructAlign ||
          (align & (align - 1)) != 0) {
        return bad("schema: struct " + name_of(object.name()), "a size and an alignment",
                   std::to_string(object.bytesize()) + " and " + std::to_string(align));
      }
      return {};
    }
    for (const reflection::Field* field : *object.fields()) {
      if (!knows_type(*field)) {
        return bad("schema: field " + name_of(field->name()) + " of " + name_of(object.name()),
                   "a type that can be verified",
                   "type " + std::to_string(base_type(*field->type())) + ", element " +
                       std::to_string(element(*field->type())));
      }
    }
    return {};
  }

  [[nodiscard]] bool knows_type(const reflection::Field& field) const {
    const Type& type = *field.type();
    const int base = base_type(type);
    // The first field of a table stands behind two sizes; a union's type one field before it.
    if (field.offset() < (base == reflection::Union ? 6 : 4) || field.offset() % 2 != 0) {
      return false;
    }
    switch (base) {
      case reflection::Obj:
        return names_object(type);
      case reflection::Union:
        return names_union(type);
      case reflection::Vector:
        // Not vectors of unions: where their types are absent the verifier reads through null.
        return is_scalar(element(type)) || element(type) == reflection::String ||
               (element(type) == reflection::Obj && names_object(type));
      default:
        return is_scalar(base) || base == reflection::String;
    }
  }

  const reflection::Schema& schema_;
};

Result<void> check_schema(const ConfigTable& table, const AlignedBytes& schema) {
  flatbuffers::Verifier::Options options;
  options.max_tables = kMaxSchemaTables;
  flatbuffers::Verifier verifier(schema.data(), schema.size(), options);
  if (!reflection::VerifySchemaBuffer(verifier)) {
    return bad("schema", "a binary schema (flatc -b --schema)",
               std::to_string(schema.size()) + " bytes that are none");
  }
  const reflection::Schema& root = *reflection::GetSchema(schema.data());
  if (root.root_table() == nullptr || root.root_table()->is_struct()) {
    return bad("schema", "a root_type that is a table", "none");
  }
  const auto* identifier = root.file_ident();
  if (identifier == nullptr || identifier->str() != table.identifier) {
    return bad("schema", "the file_identifier " + cairn::quoted(table.identifier),
               identifier == nullptr ? "none" : name_of(identifier));
  }
  return SchemaChecker(root).check();
}

// A copy with zeros behind it, as far as an unverified offset into a table can reach.
class PaddedBytes {
 public:
  explicit PaddedBytes(std::span<const std::byte> bytes)
      : copy_(std::make_unique<std::uint64_t[]>((bytes.size() + kPadding) / sizeof(std::uint64_t))),
        size_(bytes.size()) {
    std::memcpy(copy_.get(), bytes.data(), bytes.size());
  }

  [[nodiscard]] const std::uint8_t* data() const {
    return reinterpret_cast<const std::uint8_t*>(copy_.get());
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t kPadding =
      std::size_t{std::numeric_limits<flatbuffers::voffset_t>::max()} + 64;

  std::unique_ptr<std::uint64_t[]> copy_;
  std::size_t size_;
};

}  // namespace

Result<void> check_table_frame(const ConfigTable& table) {
  if (table.identifier.size() != kIdentifierBytes) {
    return bad("identifier", "4 bytes", cairn::quoted(table.identifier));
  }
  if (table.data.size() < kMinTableBytes) {
    return bad("data", "at least " + std::to_string(kMinTableBytes) + " bytes",
               std::to_string(table.data.size()));
  }
  const auto found = as_text(table.data).substr(kIdentifierBytes, kIdentifierBytes);
  if (found != table.identifier) {
    return bad("data", "the identifier " + cairn::quoted(table.identifier) + " at byte 4",
               quoted(found));
  }
  if (table.data.size() > kMaxRecordBytes || table.schema.size() > kMaxSchemaBytes) {
    return fail(Code::LimitExceeded, "config table: expected at most " +
                                         std::to_string(kMaxRecordBytes) + " bytes of data and " +
                                         std::to_string(kMaxSchemaBytes) + " of schema, found " +
                                         std::to_string(table.data.size()) + " and " +
                                         std::to_string(table.schema.size()));
  }
  if (table.schema.size() < kMinRecordBytes) {
    return bad("schema", "at least " + std::to_string(kMinRecordBytes) + " bytes",
               std::to_string(table.schema.size()));
  }
  return {};
}

Result<void> check_config_table(const ConfigTable& table) {
  if (auto good = check_table_frame(table); !good) {
    return good;
  }
  const AlignedBytes schema(as_text(table.schema));
  if (auto good = check_schema(table, schema); !good) {
    return good;
  }
  const PaddedBytes data(table.data);
  const reflection::Schema& root = *reflection::GetSchema(schema.data());
  if (!flatbuffers::Verify(root, *root.root_table(), data.data(), data.size(), kMaxAppTableDepth,
                           kMaxTables)) {
    return bad("data", "a buffer that verifies against its schema", "one that does not");
  }
  return {};
}

}  // namespace cairn
