// MetadataRecord to FlatBuffers and back, and what its fields must mean.
#include "record/metadata_record.h"

#include "metadata_generated.h"
#include "record/fields.h"
#include "record/flat.h"
#include "record/values.h"

namespace cairn {
namespace {

constexpr FlatKind kMetadata{"metadata record", "CNMT"};

using Metrics = std::vector<std::pair<std::string, double>>;

Result<void> check_metrics(const Metrics& metrics) {
  if (auto good = check_count("metrics", metrics.size(), kMaxLabels); !good) {
    return good;
  }
  const std::string* previous = nullptr;
  for (const auto& [name, value] : metrics) {
    if (auto good = check_next_name("metric", previous, name, kMaxLabelBytes); !good) {
      return good;
    }
    previous = &name;
  }
  return {};
}

Result<void> check_fields(const Value::Map& fields) {
  if (auto good = check_count("fields", fields.size(), kMaxLabels); !good) {
    return good;
  }
  const std::string* previous = nullptr;
  for (const auto& [name, value] : fields) {
    if (auto good = check_next_name("field", previous, name, kMaxLabelBytes); !good) {
      return good;
    }
    if (auto good = check_value(value); !good) {
      return fail("field " + cairn::quoted(name), std::move(good.error()));
    }
    previous = &name;
  }
  return {};
}

Result<void> check_metadata(const MetadataRecord& record) {
  const Metadata& metadata = record.metadata;
  if (auto good = check_count("tensors", record.tensors, kMaxItems); !good) {
    return good;
  }
  if (auto good = check_count("files", record.files, kMaxItems); !good) {
    return good;
  }
  if (auto good = check_metrics(metadata.metrics); !good) {
    return good;
  }
  if (auto good = check_tags(metadata.tags); !good) {
    return good;
  }
  if (auto good = check_fields(metadata.fields); !good) {
    return good;
  }
  if (metadata.parent) {
    if (auto good = check_name(metadata.parent->name); !good) {
      return fail("parent", std::move(good.error()));
    }
  }
  return check_text("producer", metadata.producer, kMaxProducerBytes);
}

// --- Encoding.

using FlatMetrics = flatbuffers::Vector<flatbuffers::Offset<fb::Metric>>;
using FlatFields = flatbuffers::Vector<flatbuffers::Offset<fb::Value>>;

flatbuffers::Offset<FlatMetrics> flat_metrics(flatbuffers::FlatBufferBuilder& builder,
                                              const Metrics& metrics) {
  std::vector<flatbuffers::Offset<fb::Metric>> offsets;
  offsets.reserve(metrics.size());
  for (const auto& [name, value] : metrics) {
    offsets.push_back(fb::CreateMetric(builder, flat_text(builder, name), value));
  }
  return builder.CreateVector(offsets);
}

flatbuffers::Offset<FlatFields> flat_fields(flatbuffers::FlatBufferBuilder& builder,
                                            const Value::Map& fields) {
  std::vector<flatbuffers::Offset<fb::Value>> offsets;
  offsets.reserve(fields.size());
  for (const auto& [name, value] : fields) {
    const std::string_view key = name;
    offsets.push_back(flat_value(builder, value, &key));
  }
  return builder.CreateVector(offsets);
}

flatbuffers::Offset<fb::KeyRef> flat_key(flatbuffers::FlatBufferBuilder& builder, const Key& key) {
  return fb::CreateKeyRef(builder, flat_text(builder, key.name), key.version.major,
                          key.version.minor, key.version.patch, key.epoch);
}

// --- Decoding.

Result<Metrics> metrics_of(const FlatMetrics* flat) {
  Metrics out;
  if (auto good = check_count("metrics", count_of(flat), kMaxLabels); !good) {
    return fail(std::move(good.error()));
  }
  for (std::uint32_t i = 0; i < count_of(flat); ++i) {
    const fb::Metric& metric = *flat->Get(i);
    const auto name = text_of(metric.name());
    if (auto good = check_item_name("metric", name, kMaxLabelBytes); !good) {
      return fail(std::move(good.error()));
    }
    if (!metric.value()) {
      return fail(Code::InvalidArgument,
                  "metric " + quoted(name) + ": expected a value, found none");
    }
    out.emplace_back(name, *metric.value());
  }
  return out;
}

Result<Value::Map> fields_of(const FlatFields* flat) {
  Value::Map out;
  if (auto good = check_count("fields", count_of(flat), kMaxLabels); !good) {
    return fail(std::move(good.error()));
  }
  ValueReader reader;
  for (std::uint32_t i = 0; i < count_of(flat); ++i) {
    const fb::Value& field = *flat->Get(i);
    const auto name = text_of(field.key());
    if (auto good = check_item_name("field", name, kMaxLabelBytes); !good) {
      return fail(std::move(good.error()));
    }
    auto value = reader.read(field);
    if (!value) {
      return fail("field " + quoted(name), std::move(value.error()));
    }
    out.emplace_back(name, std::move(*value));
  }
  return out;
}

Result<std::optional<Key>> parent_of(const fb::KeyRef* flat) {
  if (flat == nullptr) {
    return std::optional<Key>();
  }
  const auto name = text_of(flat->name());
  if (auto good = check_name(name); !good) {
    return fail("parent", std::move(good.error()));
  }
  return Key{std::string(name), {flat->major(), flat->minor(), flat->patch()}, flat->epoch()};
}

Result<Metadata> metadata_of(const fb::MetadataRecord& flat) {
  auto metrics = metrics_of(flat.metrics());
  if (!metrics) {
    return fail(std::move(metrics.error()));
  }
  auto tags = tags_of(flat.tags());
  if (!tags) {
    return fail(std::move(tags.error()));
  }
  auto fields = fields_of(flat.fields());
  if (!fields) {
    return fail(std::move(fields.error()));
  }
  auto parent = parent_of(flat.parent());
  if (!parent) {
    return fail(std::move(parent.error()));
  }
  const auto producer = text_of(flat.producer());
  if (auto good = check_text("producer", producer, kMaxProducerBytes); !good) {
    return fail(std::move(good.error()));
  }
  return Metadata{time_of(flat.created_at()), std::move(*metrics), std::move(*tags),
                  std::move(*fields),         std::move(*parent),  std::string(producer)};
}

}  // namespace

Result<std::string> encode_metadata(const MetadataRecord& record) {
  if (auto good = as_encode_error(kMetadata, check_metadata(record)); !good) {
    return fail(std::move(good.error()));
  }
  const Metadata& metadata = record.metadata;
  if (text_bytes(metadata.fields) > kMaxRecordBytes) {
    return fail(Code::LimitExceeded, "metadata record: expected fields of at most " +
                                         std::to_string(kMaxRecordBytes) + " bytes, found more");
  }
  flatbuffers::FlatBufferBuilder builder;
  const auto metrics = flat_metrics(builder, metadata.metrics);
  const auto tags = flat_tags(builder, metadata.tags);
  const auto fields = flat_fields(builder, metadata.fields);
  flatbuffers::Offset<fb::KeyRef> parent;
  if (metadata.parent) {
    parent = flat_key(builder, *metadata.parent);
  }
  const auto producer = flat_text(builder, metadata.producer);
  const auto artifact = flat_digest(record.artifact);
  return finish_flat(
      kMetadata, builder,
      fb::CreateMetadataRecord(builder, &artifact, record.commit, record.size_bytes, record.tensors,
                               record.files, record.has_config, nanoseconds(metadata.created_at),
                               metrics, tags, fields, parent, producer));
}

Result<MetadataRecord> decode_metadata(std::string_view bytes) {
  auto opened = open_flat<fb::MetadataRecord>(kMetadata, bytes);
  if (!opened) {
    return fail(std::move(opened.error()));
  }
  const auto& flat = **opened;
  auto metadata = metadata_of(flat);
  if (!metadata) {
    return corrupt(kMetadata, metadata.error().message);
  }
  MetadataRecord record{digest_of(*flat.artifact()),
                        flat.commit(),
                        flat.size_bytes(),
                        flat.tensors(),
                        flat.files(),
                        flat.has_config(),
                        std::move(*metadata)};
  if (auto good = as_corruption(kMetadata, check_metadata(record)); !good) {
    return fail(std::move(good.error()));
  }
  return record;
}

}  // namespace cairn
