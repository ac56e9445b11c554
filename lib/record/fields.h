// FlatBuffers fields as the project's types and back, and the rules that several records share.
//
// Readers here treat an absent string or vector as an empty one. The rules are run on decoded
// records and on records to be encoded alike, so that nothing is written that would be refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <flatbuffers/flatbuffers.h>

#include "base/text.h"
#include "cairn/draft.h"
#include "cairn/error.h"
#include "cairn/key.h"
#include "common_generated.h"
#include "record/flat.h"

namespace cairn {

using TextPairs = std::vector<std::pair<std::string, std::string>>;
using FlatTags = flatbuffers::Vector<flatbuffers::Offset<fb::Tag>>;

[[nodiscard]] inline std::string_view text_of(const flatbuffers::String* text) {
  return text == nullptr ? std::string_view() : std::string_view(text->c_str(), text->size());
}

[[nodiscard]] inline std::span<const std::byte> bytes_of(
    const flatbuffers::Vector<std::uint8_t>* bytes) {
  return bytes == nullptr ? std::span<const std::byte>()
                          : std::as_bytes(std::span(bytes->data(), bytes->size()));
}

template <class T>
[[nodiscard]] std::size_t count_of(const flatbuffers::Vector<T>* items) {
  return items == nullptr ? 0 : items->size();
}

// Whether structs or numbers may be read where they stand: the Verifier looks at the alignment of a
// vector's length only.
template <class T>
[[nodiscard]] bool is_aligned(const flatbuffers::Vector<T>* items) {
  constexpr auto kAlign = alignof(std::remove_pointer_t<T>);
  return count_of(items) == 0 || reinterpret_cast<std::uintptr_t>(items->Data()) % kAlign == 0;
}

[[nodiscard]] inline Digest digest_of(const fb::Digest& digest) {
  Digest out;
  std::memcpy(out.bytes.data(), digest.bytes()->data(), out.bytes.size());
  return out;
}

[[nodiscard]] inline fb::Digest flat_digest(const Digest& digest) {
  return fb::Digest(flatbuffers::span<const std::uint8_t, 16>(digest.bytes.data(), 16));
}

[[nodiscard]] inline flatbuffers::Offset<flatbuffers::String> flat_text(
    flatbuffers::FlatBufferBuilder& builder, std::string_view text) {
  return builder.CreateString(text.data(), text.size());
}

[[nodiscard]] inline flatbuffers::Offset<flatbuffers::Vector<std::uint8_t>> flat_bytes(
    flatbuffers::FlatBufferBuilder& builder, std::span<const std::byte> bytes) {
  return builder.CreateVector(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

[[nodiscard]] inline std::int64_t nanoseconds(Time time) {
  return time.time_since_epoch().count();
}
[[nodiscard]] inline Time time_of(std::int64_t nanoseconds) {
  return Time(std::chrono::nanoseconds(nanoseconds));
}

// `result` said with `kind` in front of it; as Corruption by what decodes.
[[nodiscard]] Result<void> as_encode_error(const FlatKind& kind, Result<void> result);
[[nodiscard]] Result<void> as_corruption(const FlatKind& kind, Result<void> result);

// At most `max` of them; LimitExceeded otherwise. `what` is a plural ("tensors").
[[nodiscard]] Result<void> check_count(std::string_view what, std::size_t count, std::size_t max);

// UTF-8 of at most `max_bytes`; InvalidArgument or LimitExceeded otherwise.
[[nodiscard]] Result<void> check_text(std::string_view what, std::string_view text,
                                      std::size_t max_bytes);

// `name` follows the rules of check_item_name and sorts after `previous`, which is null for the
// first one of a list.
[[nodiscard]] Result<void> check_next_name(std::string_view what, const std::string* previous,
                                           std::string_view name, std::size_t max_bytes);

// Sorted by name, names unique, every name and value within its cap.
[[nodiscard]] Result<void> check_tags(const TextPairs& tags);

[[nodiscard]] flatbuffers::Offset<FlatTags> flat_tags(flatbuffers::FlatBufferBuilder& builder,
                                                      const TextPairs& tags);
// Tags that check_tags has nothing against, or what it has.
[[nodiscard]] Result<TextPairs> tags_of(const FlatTags* tags);

}  // namespace cairn
