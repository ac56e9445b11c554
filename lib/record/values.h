// Trees of values to FlatBuffers and back: the body of a config, and the free fields of metadata.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <flatbuffers/flatbuffers.h>

#include "cairn/error.h"
#include "cairn/value.h"
#include "value_generated.h"

namespace cairn {

// Bytes of all strings, keys and bytes of a tree, to be bounded before a record is built of it.
[[nodiscard]] std::uint64_t text_bytes(const Value& value);
[[nodiscard]] std::uint64_t text_bytes(const Value::Map& map);

// `value` has passed check_value. `key` is its key in a map; null leaves it out.
[[nodiscard]] flatbuffers::Offset<fb::Value> flat_value(flatbuffers::FlatBufferBuilder& builder,
                                                        const Value& value,
                                                        const std::string_view* key = nullptr);

// Takes verified tables apart. Tables may share strings, so that a small record could stand for
// endless copies: all trees of one reader together hold at most kMaxRecordBytes of text.
class ValueReader {
 public:
  // Says what is no value of its type; check_value says the rest.
  [[nodiscard]] Result<Value> read(const fb::Value& flat);

 private:
  [[nodiscard]] Result<Value> read_list(const fb::Value& flat);
  [[nodiscard]] Result<Value> read_map(const fb::Value& flat);
  [[nodiscard]] Result<void> take(std::size_t bytes);

  std::uint64_t text_bytes_ = 0;
};

}  // namespace cairn
