// One FlatBuffers table a value. Depth is bounded before anything here recurses: by check_value on
// the way out, by the Verifier on the way in.
#include "record/values.h"

#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "record/fields.h"
#include "record/flat.h"

namespace cairn {
namespace {

using FlatItems = flatbuffers::Vector<flatbuffers::Offset<fb::Value>>;
using Offsets = std::vector<flatbuffers::Offset<fb::Value>>;

// The parts of a value that stand beside its table, written before it.
struct Parts {
  flatbuffers::Offset<flatbuffers::String> key;
  flatbuffers::Offset<flatbuffers::String> text;
  flatbuffers::Offset<flatbuffers::Vector<std::uint8_t>> bytes;
  flatbuffers::Offset<FlatItems> items;
};

fb::ValueType type_of(const Value& value) {
  static_assert(std::variant_size_v<Value::Data> == static_cast<std::size_t>(fb::ValueType::Map));
  return static_cast<fb::ValueType>(value.data().index() + 1);
}

Parts write_parts(flatbuffers::FlatBufferBuilder& builder, const Value& value) {
  Parts parts;
  if (const auto* text = value.as_string()) {
    parts.text = flat_text(builder, *text);
  } else if (const auto* bytes = value.as_bytes()) {
    parts.bytes = flat_bytes(builder, *bytes);
  } else if (const auto* list = value.as_list()) {
    Offsets items;
    items.reserve(list->size());
    for (const Value& item : *list) {
      items.push_back(flat_value(builder, item));
    }
    parts.items = builder.CreateVector(items);
  } else if (const auto* map = value.as_map()) {
    Offsets items;
    items.reserve(map->size());
    for (const auto& [key, item] : *map) {
      const std::string_view item_key = key;
      items.push_back(flat_value(builder, item, &item_key));
    }
    parts.items = builder.CreateVector(items);
  }
  return parts;
}

tl::unexpected<Error> bad(const std::string& expected, const std::string& found) {
  return fail(Code::InvalidArgument, "value: expected " + expected + ", found " + found);
}

}  // namespace

std::uint64_t text_bytes(const Value& value) {
  std::uint64_t sum = 0;
  if (const auto* text = value.as_string()) {
    sum = text->size();
  } else if (const auto* bytes = value.as_bytes()) {
    sum = bytes->size();
  } else if (const auto* list = value.as_list()) {
    for (const Value& item : *list) {
      sum += text_bytes(item);
    }
  } else if (const auto* map = value.as_map()) {
    sum = text_bytes(*map);
  }
  return sum;
}

std::uint64_t text_bytes(const Value::Map& map) {
  std::uint64_t sum = 0;
  for (const auto& [key, item] : map) {
    sum += key.size() + text_bytes(item);
  }
  return sum;
}

flatbuffers::Offset<fb::Value> flat_value(flatbuffers::FlatBufferBuilder& builder,
                                          const Value& value, const std::string_view* key) {
  Parts parts = write_parts(builder, value);
  if (key != nullptr) {
    parts.key = flat_text(builder, *key);
  }
  fb::ValueBuilder table(builder);
  table.add_type(type_of(value));
  table.add_key(parts.key);
  if (const auto* boolean = value.as_bool()) {
    table.add_boolean(*boolean);
  } else if (const auto* number_i64 = value.as_i64()) {
    table.add_number_i64(*number_i64);
  } else if (const auto* number_u64 = value.as_u64()) {
    table.add_number_u64(*number_u64);
  } else if (const auto* number_f64 = value.as_f64()) {
    table.add_number_f64(*number_f64);
  }
  table.add_text(parts.text);
  table.add_bytes(parts.bytes);
  table.add_items(parts.items);
  return table.Finish();
}

Result<void> ValueReader::take(std::size_t bytes) {
  text_bytes_ += bytes;
  if (text_bytes_ > kMaxRecordBytes) {
    return bad("at most " + std::to_string(kMaxRecordBytes) + " bytes of text", "more");
  }
  return {};
}

Result<Value> ValueReader::read_list(const fb::Value& flat) {
  Value::List list;
  list.reserve(count_of(flat.items()));
  for (std::uint32_t i = 0; i < count_of(flat.items()); ++i) {
    auto item = read(*flat.items()->Get(i));
    if (!item) {
      return item;
    }
    list.push_back(std::move(*item));
  }
  return Value(std::move(list));
}

Result<Value> ValueReader::read_map(const fb::Value& flat) {
  Value::Map map;
  map.reserve(count_of(flat.items()));
  for (std::uint32_t i = 0; i < count_of(flat.items()); ++i) {
    const fb::Value& entry = *flat.items()->Get(i);
    const auto key = text_of(entry.key());
    if (auto good = take(key.size()); !good) {
      return fail(std::move(good.error()));
    }
    auto item = read(entry);
    if (!item) {
      return item;
    }
    map.emplace_back(key, std::move(*item));
  }
  return Value(std::move(map));
}

Result<Value> ValueReader::read(const fb::Value& flat) {
  if (!flat.type()) {
    return bad("a type", "none");
  }
  const std::size_t size = text_of(flat.text()).size() + bytes_of(flat.bytes()).size();
  if (auto good = take(size); !good) {
    return fail(std::move(good.error()));
  }
  switch (*flat.type()) {
    case fb::ValueType::Null:
      return Value();
    case fb::ValueType::Bool:
      return Value(flat.boolean());
    case fb::ValueType::I64:
      return Value(flat.number_i64());
    case fb::ValueType::U64:
      if (std::in_range<std::int64_t>(flat.number_u64())) {
        return bad("a u64 above the range of i64", std::to_string(flat.number_u64()));
      }
      return Value(flat.number_u64());
    case fb::ValueType::F64:
      if (!flat.number_f64()) {
        return bad("an f64", "none");
      }
      return Value(*flat.number_f64());
    case fb::ValueType::Text:
      return Value(text_of(flat.text()));
    case fb::ValueType::Bytes: {
      const auto bytes = bytes_of(flat.bytes());
      return Value(Value::Bytes(bytes.begin(), bytes.end()));
    }
    case fb::ValueType::List:
      return read_list(flat);
    case fb::ValueType::Map:
      return read_map(flat);
  }
  return bad("a type from 1 to 9", std::to_string(static_cast<unsigned>(*flat.type())));
}

}  // namespace cairn
