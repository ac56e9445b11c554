// Element types, layouts and shapes: their sizes, their names and back.
#include "cairn/tensor.h"

#include <algorithm>
#include <array>

#include "base/checked.h"
#include "base/text.h"

namespace cairn {
namespace {

constexpr std::array kDTypes = {
    DType::Bool, DType::I8,  DType::I16, DType::I32,    DType::I64,    DType::U8,
    DType::U16,  DType::U32, DType::U64, DType::F8E4M3, DType::F8E5M2, DType::F16,
    DType::BF16, DType::F32, DType::F64, DType::C64,    DType::C128,
};

std::string to_string(std::span<const DimensionRange> dimensions) {
  std::string out = "[";
  for (const auto& [min, max] : dimensions) {
    out += out.size() > 1 ? ", " : "";
    if (min == max) {
      out += std::to_string(min);
    } else {
      out += max < PTRDIFF_MAX ? "at most " + std::to_string(max) : "any";
    }
  }
  return out + "]";
}

Error mismatch(const TensorInfo& info, const std::string& expected, const std::string& found) {
  return {Code::TypeMismatch,
          "tensor " + quoted(info.name) + ": expected " + expected + ", found " + found};
}

Error dtype_mismatch_of(const TensorInfo& info, DType wanted) {
  return mismatch(info, "dtype " + std::string(to_string(wanted)),
                  std::string(to_string(info.dtype)));
}

}  // namespace

std::size_t element_bytes(DType dtype) noexcept {
  switch (dtype) {
    case DType::Bool:
    case DType::I8:
    case DType::U8:
    case DType::F8E4M3:
    case DType::F8E5M2:
      return 1;
    case DType::I16:
    case DType::U16:
    case DType::F16:
    case DType::BF16:
      return 2;
    case DType::I32:
    case DType::U32:
    case DType::F32:
      return 4;
    case DType::I64:
    case DType::U64:
    case DType::F64:
    case DType::C64:
      return 8;
    case DType::C128:
      return 16;
  }
  return 0;
}

std::string_view to_string(DType dtype) noexcept {
  switch (dtype) {
    case DType::Bool:
      return "bool";
    case DType::I8:
      return "i8";
    case DType::I16:
      return "i16";
    case DType::I32:
      return "i32";
    case DType::I64:
      return "i64";
    case DType::U8:
      return "u8";
    case DType::U16:
      return "u16";
    case DType::U32:
      return "u32";
    case DType::U64:
      return "u64";
    case DType::F8E4M3:
      return "f8_e4m3";
    case DType::F8E5M2:
      return "f8_e5m2";
    case DType::F16:
      return "f16";
    case DType::BF16:
      return "bf16";
    case DType::F32:
      return "f32";
    case DType::F64:
      return "f64";
    case DType::C64:
      return "c64";
    case DType::C128:
      return "c128";
  }
  return "unknown";
}

Result<DType> parse_dtype(std::string_view text) {
  const auto* found =
      std::ranges::find(kDTypes, text, [](DType dtype) { return to_string(dtype); });
  if (found != kDTypes.end()) {
    return *found;
  }
  std::string names;
  for (const DType dtype : kDTypes) {
    names += names.empty() ? "" : ", ";
    names += to_string(dtype);
  }
  return fail(Code::InvalidArgument,
              "dtype " + quoted(text) + ": expected one of " + names + ", found another word");
}

std::string_view to_string(Layout layout) noexcept {
  switch (layout) {
    case Layout::C:
      return "C";
    case Layout::Fortran:
      return "Fortran";
  }
  return "unknown";
}

std::string to_string(const Shape& shape) {
  std::string out = "[";
  for (const std::uint64_t dimension : shape) {
    out += out.size() > 1 ? ", " : "";
    out += std::to_string(dimension);
  }
  out += ']';
  return out;
}

Result<std::uint64_t> shape_bytes(DType dtype, const Shape& shape) {
  if (element_bytes(dtype) == 0) {
    return fail(Code::InvalidArgument,
                "dtype " + std::to_string(static_cast<unsigned>(dtype)) + ": no such dtype");
  }
  if (shape.size() > kMaxRank) {
    return fail(Code::LimitExceeded, "shape of rank " + std::to_string(shape.size()) +
                                         ": expected at most " + std::to_string(kMaxRank) +
                                         " dimensions");
  }
  if (std::ranges::count(shape, 0U) > 0) {
    return 0;
  }
  std::uint64_t bytes = element_bytes(dtype);
  for (const std::uint64_t dimension : shape) {
    const auto product = checked_mul(bytes, dimension);
    if (!product) {
      return fail(Code::LimitExceeded, "shape " + to_string(shape) + " of " +
                                           std::string(to_string(dtype)) +
                                           ": expected fewer than 2^64 bytes, found more");
    }
    bytes = *product;
  }
  return bytes;
}

Result<void> check_holds(const TensorInfo& info, DType dtype,
                         std::span<const DimensionRange> dimensions) {
  if (info.dtype != dtype) {
    return fail(dtype_mismatch_of(info, dtype));
  }
  const std::string wanted = to_string(dimensions);
  if (info.shape.size() != dimensions.size()) {
    return fail(
        mismatch(info, "rank " + std::to_string(dimensions.size()) + ", shape " + wanted,
                 "rank " + std::to_string(info.shape.size()) + ", shape " + to_string(info.shape)));
  }
  for (std::size_t i = 0; i < dimensions.size(); ++i) {
    if (info.shape[i] < dimensions[i].min || info.shape[i] > dimensions[i].max) {
      return fail(mismatch(info, "shape " + wanted, to_string(info.shape)));
    }
  }
  const auto bytes = shape_bytes(info.dtype, info.shape);
  if (!bytes || *bytes != info.size_bytes) {
    return fail(Code::Corruption, "tensor " + quoted(info.name) + ": expected the bytes of " +
                                      std::string(to_string(info.dtype)) + " " +
                                      to_string(info.shape) + ", found " +
                                      std::to_string(info.size_bytes));
  }
  return {};
}

Error detail::no_memory(const TensorInfo& info) {
  return {Code::LimitExceeded, "tensor " + quoted(info.name) + ": no memory for " +
                                   std::to_string(info.size_bytes) + " bytes"};
}

Error Tensor::dtype_mismatch(DType wanted) const {
  return dtype_mismatch_of(info_, wanted);
}

}  // namespace cairn
