// Text rules shared by the API, the records and the edges: UTF-8, item names, quoting.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "cairn/error.h"

namespace cairn {

// Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

// A name of a tensor, a file, a metric, a tag or a field: 1 to `max_bytes` bytes of UTF-8 without
// NUL. `what` ("tensor", "metric") leads the message.
[[nodiscard]] Result<void> check_item_name(std::string_view what, std::string_view name,
                                           std::size_t max_bytes);

// quoted(text): in double quotes, control bytes and bytes that are no UTF-8 escaped as \xNN, quotes
// and backslashes by a backslash, cut after 200 bytes: for messages that quote what somebody sent.
// An object, so that std::quoted is not found through the argument's namespace.
struct Quoted {
  [[nodiscard]] std::string operator()(std::string_view text) const;
};
inline constexpr Quoted quoted;  // NOLINT(readability-identifier-naming): called as a function.

// Lower-case hexadecimal.
[[nodiscard]] std::string to_hex(std::string_view bytes);

// Add a step to the path of a value in a tree: `.key`, `["odd key"]` or `[2]`; no point at the
// start.
void append_path_key(std::string& path, std::string_view key);
void append_path_index(std::string& path, std::size_t index);

inline constexpr std::size_t kMaxItemNameBytes = 1024;
inline constexpr std::size_t kMaxLabelBytes = 255;
inline constexpr std::size_t kMaxTagValueBytes = 4096;
inline constexpr std::size_t kMaxProducerBytes = 1024;
inline constexpr std::size_t kMaxItems = 100'000;
inline constexpr std::size_t kMaxLabels = 10'000;  // Metrics, tags or fields of one artifact.
inline constexpr std::uint64_t kMaxContentBytes = std::uint64_t{128} << 30;

// Error makers for the codes used everywhere.
[[nodiscard]] inline tl::unexpected<Error> fail(Code code, std::string message) {
  return tl::unexpected(Error{code, std::move(message)});
}
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected(std::move(error));
}
// The same error with "<context>: " before its message.
[[nodiscard]] inline tl::unexpected<Error> fail(std::string_view context, Error error) {
  error.message = std::string(context) + ": " + error.message;
  return tl::unexpected(std::move(error));
}

}  // namespace cairn
