// ConfigRecord: a config, as a tree of typed values or as an app's own FlatBuffers table.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "cairn/draft.h"
#include "cairn/error.h"
#include "cairn/value.h"

namespace cairn {

using Config = std::variant<Value, ConfigTable>;

// InvalidArgument or LimitExceeded where the config is not what check_value and
// check_config_table want.
[[nodiscard]] Result<std::string> encode_config(const Config& config);
// Corruption; a table's schema is checked against its stored digest.
[[nodiscard]] Result<Config> decode_config(std::string_view bytes);

// The identifier is the one in the buffer, the schema is a well-formed .bfbs that declares the
// identifier and a root table, and the buffer verifies against it. InvalidArgument otherwise.
[[nodiscard]] Result<void> check_config_table(const ConfigTable& table);

}  // namespace cairn
