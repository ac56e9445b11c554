// The rules that several records share: counts, text, sorted names, tags.
#include "record/fields.h"

namespace cairn {
namespace {

Result<void> check_tag(const std::string* previous, std::string_view name, std::string_view value) {
  if (auto good = check_next_name("tag", previous, name, kMaxLabelBytes); !good) {
    return good;
  }
  return check_text("tag " + cairn::quoted(name), value, kMaxTagValueBytes);
}

}  // namespace

Result<void> as_encode_error(const FlatKind& kind, Result<void> result) {
  if (!result) {
    return fail(kind.what, std::move(result.error()));
  }
  return {};
}

Result<void> as_corruption(const FlatKind& kind, Result<void> result) {
  if (!result) {
    return corrupt(kind, result.error().message);
  }
  return {};
}

Result<void> check_count(std::string_view what, std::size_t count, std::size_t max) {
  if (count > max) {
    return fail(Code::LimitExceeded, std::string(what) + ": expected at most " +
                                         std::to_string(max) + ", found " + std::to_string(count));
  }
  return {};
}

Result<void> check_text(std::string_view what, std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return fail(Code::LimitExceeded, std::string(what) + ": expected at most " +
                                         std::to_string(max_bytes) + " bytes, found " +
                                         std::to_string(text.size()));
  }
  if (!is_utf8(text)) {
    return fail(Code::InvalidArgument,
                std::string(what) + ": expected UTF-8, found " + quoted(text));
  }
  return {};
}

Result<void> check_next_name(std::string_view what, const std::string* previous,
                             std::string_view name, std::size_t max_bytes) {
  if (auto good = check_item_name(what, name, max_bytes); !good) {
    return good;
  }
  if (previous != nullptr && *previous >= name) {
    return fail(Code::InvalidArgument,
                std::string(what) + " names: expected sorted and unique, found " +
                    cairn::quoted(name) + " after " + cairn::quoted(*previous));
  }
  return {};
}

Result<void> check_tags(const TextPairs& tags) {
  if (auto good = check_count("tags", tags.size(), kMaxLabels); !good) {
    return good;
  }
  const std::string* previous = nullptr;
  for (const auto& [name, value] : tags) {
    if (auto good = check_tag(previous, name, value); !good) {
      return good;
    }
    previous = &name;
  }
  return {};
}

flatbuffers::Offset<FlatTags> flat_tags(flatbuffers::FlatBufferBuilder& builder,
                                        const TextPairs& tags) {
  std::vector<flatbuffers::Offset<fb::Tag>> offsets;
  offsets.reserve(tags.size());
  for (const auto& [name, value] : tags) {
    const auto flat_name = flat_text(builder, name);
    offsets.push_back(fb::CreateTag(builder, flat_name, flat_text(builder, value)));
  }
  return builder.CreateVector(offsets);
}

Result<TextPairs> tags_of(const FlatTags* tags) {
  TextPairs out;
  if (auto good = check_count("tags", count_of(tags), kMaxLabels); !good) {
    return fail(std::move(good.error()));
  }
  for (std::uint32_t i = 0; i < count_of(tags); ++i) {
    const auto name = text_of(tags->Get(i)->name());
    const auto value = text_of(tags->Get(i)->value());
    const std::string* previous = out.empty() ? nullptr : &out.back().first;
    if (auto good = check_tag(previous, name, value); !good) {
      return fail(std::move(good.error()));
    }
    out.emplace_back(name, value);
  }
  return out;
}

}  // namespace cairn
