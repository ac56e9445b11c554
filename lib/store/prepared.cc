// From a draft and the places of its pieces to records.
#include "store/prepared.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "record/artifact_digest.h"

namespace cairn {

namespace {

std::optional<Config> config_of(const Draft::Parts& parts) {
  if (const auto* value = std::get_if<Value>(&parts.config)) {
    return *value;
  }
  if (const auto* table = std::get_if<ConfigTable>(&parts.config)) {
    return *table;
  }
  return std::nullopt;
}

Digest digest_of_content(const CutContent& content, std::span<const Digest> pieces) {
  return content_digest(content.kind, content.source->size(),
                        pieces.subspan(content.first_piece, content.piece_count));
}

TensorEntry tensor_entry(const Draft::TensorPart& part, const CutContent& cut,
                         const Digest& content) {
  TensorEntry entry;
  entry.info.name = part.name;
  entry.info.dtype = part.view.dtype;
  entry.info.shape = part.view.shape;
  entry.info.layout = part.view.layout;
  entry.info.size_bytes = cut.source->size();
  entry.info.content = content;
  return entry;
}

// The model record, in the draft's order, from the digests of the pieces.
ModelRecord model_of(const Draft::Parts& parts, const Cutting& cutting,
                     std::span<const Digest> pieces) {
  ModelRecord model;
  for (std::size_t i = 0; i < parts.tensors.size(); ++i) {
    const auto& content = cutting.contents[i];
    model.tensors.push_back(
        tensor_entry(parts.tensors[i], content, digest_of_content(content, pieces)));
  }
  for (std::size_t i = 0; i < parts.files.size(); ++i) {
    const auto& content = cutting.contents[parts.tensors.size() + i];
    FileEntry entry;
    entry.info.name = parts.files[i].name;
    entry.info.size_bytes = content.source->size();
    entry.info.content = digest_of_content(content, pieces);
    model.files.push_back(std::move(entry));
  }
  return model;
}

// Sorts the entries by name, and the contents along with them.
void sort_by_name(ModelRecord& model, std::vector<EncodedContent>& contents) {
  std::vector<EncodedContent> sorted;
  sorted.reserve(contents.size());
  const auto sort = [&](auto& entries, std::size_t first) {
    std::vector<std::size_t> order(entries.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      order[i] = i;
    }
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return entries[a].info.name < entries[b].info.name;
    });
    auto unsorted = std::exchange(entries, {});
    for (const auto i : order) {
      entries.push_back(std::move(unsorted[i]));
      if (!contents.empty()) {
        sorted.push_back(std::move(contents[first + i]));
      }
    }
  };
  const auto tensors = model.tensors.size();
  sort(model.tensors, 0);
  sort(model.files, tensors);
  contents = std::move(sorted);
}

void add_health(Prepared& prepared, const Cutting& cutting, const Intake& intake) {
  for (std::size_t i = 0; i < prepared.model.tensors.size(); ++i) {
    const auto& content = cutting.contents[i];
    HealthPart sum;
    for (std::size_t piece = 0; piece < content.piece_count; ++piece) {
      cairn::add_health(sum, intake.health[content.first_piece + piece]);
    }
    prepared.model.tensors[i].info.health = finish_health(sum);
  }
}

}  // namespace

Result<Prepared> prepare(const Draft::Parts& parts, const Cutting& cutting, const Intake& intake,
                         const SaveOptions& options) {
  Prepared out;
  std::vector<Digest> digests;
  digests.reserve(intake.refs.size());
  for (const auto& ref : intake.refs) {
    digests.push_back(ref.digest);
  }
  out.model = model_of(parts, cutting, digests);
  for (const auto& content : cutting.contents) {
    const auto first = intake.refs.begin() + static_cast<std::ptrdiff_t>(content.first_piece);
    ContentRecord record{content.source->size(),
                         content.kind,
                         {first, first + static_cast<std::ptrdiff_t>(content.piece_count)}};
    auto encoded = encode_content_pages(std::move(record));
    if (!encoded) {
      return fail(content.label, std::move(encoded.error()));
    }
    out.contents.push_back(std::move(*encoded));
    out.size_bytes += content.source->size();
  }
  if (options.health) {
    add_health(out, cutting, intake);
  }
  sort_by_name(out.model, out.contents);
  out.config = config_of(parts);
  if (out.config) {
    auto bytes = encode_config(*out.config);
    if (!bytes) {
      return fail("config", std::move(bytes.error()));
    }
    out.config_bytes = std::move(*bytes);
  }
  out.digest = artifact_digest(out.model, out.config ? &*out.config : nullptr);
  return out;
}

std::string canonical_of(const Draft::Parts& parts, const Cutting& cutting,
                         std::span<const Digest> pieces) {
  auto model = model_of(parts, cutting, pieces);
  std::vector<EncodedContent> none;
  sort_by_name(model, none);
  const auto config = config_of(parts);
  return canonical_string(model, config ? &*config : nullptr);
}

}  // namespace cairn
