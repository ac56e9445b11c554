// ModelRecord to FlatBuffers and back, and what its fields must mean.
#include "record/model_record.h"

#include "base/checked.h"
#include "model_generated.h"
#include "record/fields.h"
#include "record/flat.h"

namespace cairn {
namespace {

constexpr FlatKind kModel{"model record", "CNMD"};

Result<void> check_content_size(std::string_view what, const std::string& name,
                                std::uint64_t size_bytes) {
  if (size_bytes > kMaxContentBytes) {
    return fail(Code::LimitExceeded, std::string(what) + " " + cairn::quoted(name) +
                                         ": expected at most " + std::to_string(kMaxContentBytes) +
                                         " bytes, found " + std::to_string(size_bytes));
  }
  return {};
}

bool is_complex(DType dtype) {
  return dtype == DType::C64 || dtype == DType::C128;
}

// No more odd elements than there are elements; a complex one counts as two.
Result<void> check_health(const TensorInfo& info) {
  const auto elements = info.size_bytes / element_bytes(info.dtype);
  const auto components = elements * (is_complex(info.dtype) ? 2 : 1);
  const Health& health = *info.health;
  const auto odd = checked_add(health.nans, health.infinities);
  const auto counted = odd ? checked_add(*odd, health.zeros) : std::nullopt;
  if (!counted || *counted > components) {
    return fail(Code::InvalidArgument,
                "tensor " + cairn::quoted(info.name) + ": health: expected at most " +
                    std::to_string(components) + " NaNs, infinities and zeros, found " +
                    std::to_string(health.nans) + ", " + std::to_string(health.infinities) +
                    " and " + std::to_string(health.zeros));
  }
  return {};
}

Result<void> check_tensor(const TensorInfo& info) {
  if (info.layout != Layout::C && info.layout != Layout::Fortran) {
    return fail(Code::InvalidArgument, "tensor " + cairn::quoted(info.name) +
                                           ": expected layout 0 or 1, found " +
                                           std::to_string(static_cast<unsigned>(info.layout)));
  }
  const auto size_bytes = shape_bytes(info.dtype, info.shape);
  if (!size_bytes) {
    return fail("tensor " + cairn::quoted(info.name), size_bytes.error());
  }
  if (*size_bytes != info.size_bytes) {
    return fail(Code::InvalidArgument,
                "tensor " + cairn::quoted(info.name) + ": expected " + std::to_string(*size_bytes) +
                    " bytes of " + std::string(to_string(info.dtype)) + " " +
                    to_string(info.shape) + ", found " + std::to_string(info.size_bytes));
  }
  if (auto good = check_content_size("tensor", info.name, info.size_bytes); !good) {
    return good;
  }
  return info.health ? check_health(info) : Result<void>();
}

Result<void> check_model(const ModelRecord& model) {
  if (auto good = check_count("tensors", model.tensors.size(), kMaxItems); !good) {
    return good;
  }
  if (auto good = check_count("files", model.files.size(), kMaxItems); !good) {
    return good;
  }
  const std::string* previous = nullptr;
  for (const auto& [info, slot] : model.tensors) {
    if (auto good = check_next_name("tensor", previous, info.name, kMaxItemNameBytes); !good) {
      return good;
    }
    if (auto good = check_tensor(info); !good) {
      return good;
    }
    previous = &info.name;
  }
  previous = nullptr;
  for (const auto& [info, slot] : model.files) {
    if (auto good = check_next_name("file", previous, info.name, kMaxItemNameBytes); !good) {
      return good;
    }
    if (auto good = check_content_size("file", info.name, info.size_bytes); !good) {
      return good;
    }
    previous = &info.name;
  }
  return {};
}

fb::Health flat_health(const Health& health) {
  return {health.min,  health.max,        health.mean, health.l2,
          health.nans, health.infinities, health.zeros};
}

Health health_of(const fb::Health& health) {
  return {health.min(),  health.max(),        health.mean(), health.l2(),
          health.nans(), health.infinities(), health.zeros()};
}

flatbuffers::Offset<fb::TensorEntry> flat_tensor(flatbuffers::FlatBufferBuilder& builder,
                                                 const TensorEntry& tensor) {
  const TensorInfo& info = tensor.info;
  const auto name = flat_text(builder, info.name);
  const auto shape = builder.CreateVector(info.shape);
  const auto content = flat_digest(info.content);
  const auto health = info.health ? flat_health(*info.health) : fb::Health();
  return fb::CreateTensorEntry(builder, name, static_cast<fb::DType>(info.dtype),
                               static_cast<fb::Layout>(info.layout), shape, info.size_bytes,
                               &content, tensor.slot, info.health ? &health : nullptr);
}

flatbuffers::Offset<fb::FileEntry> flat_file(flatbuffers::FlatBufferBuilder& builder,
                                             const FileEntry& file) {
  const auto name = flat_text(builder, file.info.name);
  const auto content = flat_digest(file.info.content);
  return fb::CreateFileEntry(builder, name, file.info.size_bytes, &content, file.slot);
}

// Takes care of what would cost memory or be no value of its type; check_model says the rest.
Result<TensorEntry> tensor_of(const fb::TensorEntry& flat) {
  const auto name = text_of(flat.name());
  if (auto good = check_item_name("tensor", name, kMaxItemNameBytes); !good) {
    return fail(std::move(good.error()));
  }
  if (count_of(flat.shape()) > kMaxRank) {
    return fail(Code::LimitExceeded, "tensor " + cairn::quoted(name) + ": expected at most " +
                                         std::to_string(kMaxRank) + " dimensions, found " +
                                         std::to_string(count_of(flat.shape())));
  }
  if (!is_aligned(flat.shape())) {
    return fail(Code::InvalidArgument,
                "tensor " + quoted(name) + ": expected a shape at a multiple of 8 bytes");
  }
  if (!flat.dtype()) {
    return fail(Code::InvalidArgument,
                "tensor " + cairn::quoted(name) + ": expected a dtype, found none");
  }
  TensorEntry out;
  out.info.name = name;
  out.info.dtype = static_cast<DType>(*flat.dtype());
  out.info.layout = static_cast<Layout>(flat.layout());
  for (std::uint32_t i = 0; i < count_of(flat.shape()); ++i) {
    out.info.shape.push_back(flat.shape()->Get(i));
  }
  out.info.size_bytes = flat.size_bytes();
  out.info.content = digest_of(*flat.content());
  if (flat.health() != nullptr) {
    out.info.health = health_of(*flat.health());
  }
  out.slot = flat.slot();
  return out;
}

Result<FileEntry> file_of(const fb::FileEntry& flat) {
  const auto name = text_of(flat.name());
  if (auto good = check_item_name("file", name, kMaxItemNameBytes); !good) {
    return fail(std::move(good.error()));
  }
  return FileEntry{{std::string(name), flat.size_bytes(), digest_of(*flat.content())}, flat.slot()};
}

Result<ModelRecord> model_of(const fb::ModelRecord& flat) {
  ModelRecord out;
  if (auto good = check_count("tensors", count_of(flat.tensors()), kMaxItems); !good) {
    return fail(std::move(good.error()));
  }
  if (auto good = check_count("files", count_of(flat.files()), kMaxItems); !good) {
    return fail(std::move(good.error()));
  }
  out.tensors.reserve(count_of(flat.tensors()));
  for (std::uint32_t i = 0; i < count_of(flat.tensors()); ++i) {
    auto tensor = tensor_of(*flat.tensors()->Get(i));
    if (!tensor) {
      return fail(std::move(tensor.error()));
    }
    out.tensors.push_back(std::move(*tensor));
  }
  out.files.reserve(count_of(flat.files()));
  for (std::uint32_t i = 0; i < count_of(flat.files()); ++i) {
    auto file = file_of(*flat.files()->Get(i));
    if (!file) {
      return fail(std::move(file.error()));
    }
    out.files.push_back(std::move(*file));
  }
  return out;
}

}  // namespace

Result<std::string> encode_model(const ModelRecord& model) {
  if (auto good = as_encode_error(kModel, check_model(model)); !good) {
    return fail(std::move(good.error()));
  }
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<fb::TensorEntry>> tensors;
  tensors.reserve(model.tensors.size());
  for (const TensorEntry& tensor : model.tensors) {
    tensors.push_back(flat_tensor(builder, tensor));
  }
  std::vector<flatbuffers::Offset<fb::FileEntry>> files;
  files.reserve(model.files.size());
  for (const FileEntry& file : model.files) {
    files.push_back(flat_file(builder, file));
  }
  const auto flat_tensors = builder.CreateVector(tensors);
  const auto flat_files = builder.CreateVector(files);
  return finish_flat(kModel, builder, fb::CreateModelRecord(builder, flat_tensors, flat_files));
}

Result<ModelRecord> decode_model(std::string_view bytes) {
  auto record = open_flat<fb::ModelRecord>(kModel, bytes);
  if (!record) {
    return fail(std::move(record.error()));
  }
  auto model = model_of(**record);
  if (!model) {
    return corrupt(kModel, model.error().message);
  }
  if (auto good = as_corruption(kModel, check_model(*model)); !good) {
    return fail(std::move(good.error()));
  }
  return model;
}

}  // namespace cairn
