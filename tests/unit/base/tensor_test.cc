// Tests of element types, shapes, and the traits of vectors, spans and views.
#include "cairn/tensor.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace cairn {
namespace {

TensorInfo info_of(DType dtype, const Shape& shape, std::uint64_t size_bytes) {
  TensorInfo info;
  info.name = "w";
  info.dtype = dtype;
  info.shape = shape;
  info.size_bytes = size_bytes;
  return info;
}

static_assert(ElementTraits<signed char>::dtype == DType::I8);
static_assert(ElementTraits<unsigned char>::dtype == DType::U8);
static_assert(ElementTraits<short>::dtype == DType::I16);
static_assert(ElementTraits<unsigned>::dtype == DType::U32);
static_assert(ElementTraits<long>::dtype == DType::I64);
static_assert(ElementTraits<long long>::dtype == DType::I64);
static_assert(ElementTraits<std::complex<double>>::dtype == DType::C128);
static_assert(!Element<char> && !Element<long double> && !Element<std::string>);

TEST_CASE("tensor: every dtype has a name that is read back, and a size") {
  std::set<std::string> names;
  for (int number = 1; number <= 17; ++number) {
    const auto dtype = static_cast<DType>(number);
    names.emplace(to_string(dtype));
    CHECK(parse_dtype(to_string(dtype)) == dtype);
    CHECK(element_bytes(dtype) >= 1);
  }
  CHECK(names.size() == 17);
  CHECK(element_bytes(DType::F8E4M3) == sizeof(F8E4M3));
  CHECK(element_bytes(DType::BF16) == sizeof(BF16));
  CHECK(element_bytes(DType::C128) == sizeof(std::complex<double>));
  CHECK(element_bytes(static_cast<DType>(0)) == 0);
  CHECK(to_string(static_cast<DType>(99)) == "unknown");
}

TEST_CASE("tensor: an unknown dtype is refused with those that exist") {
  const auto dtype = parse_dtype("float\n32");
  REQUIRE_FALSE(dtype);
  CHECK(dtype.error().code == Code::InvalidArgument);
  CHECK(dtype.error().message.starts_with("dtype \"float\\x0a32\": expected one of bool, i8, "));
}

TEST_CASE("tensor: shapes and layouts print as NumPy's") {
  CHECK(to_string(Shape{}) == "[]");
  CHECK(to_string(Shape{3}) == "[3]");
  CHECK(to_string(Shape{3, 0, 18446744073709551615U}) == "[3, 0, 18446744073709551615]");
  CHECK(to_string(Layout::C) == "C");
  CHECK(to_string(Layout::Fortran) == "Fortran");
}

TEST_CASE("tensor: the bytes of a shape are counted without overflow") {
  CHECK(shape_bytes(DType::F32, {}) == 4);
  CHECK(shape_bytes(DType::F32, {3, 4}) == 48);
  CHECK(shape_bytes(DType::C128, {1ULL << 59}) == 1ULL << 63);
  CHECK(shape_bytes(DType::F32, {1ULL << 63, 1ULL << 63, 0}) == 0);
  CHECK(shape_bytes(DType::U8, Shape(32, 1)) == 1);
  for (const auto& shape : {Shape{1ULL << 62}, Shape{1ULL << 32, 1ULL << 32}, Shape(33, 1)}) {
    const auto bytes = shape_bytes(DType::F32, shape);
    REQUIRE_FALSE(bytes);
    CHECK(bytes.error().code == Code::LimitExceeded);
  }
  CHECK_FALSE(shape_bytes(static_cast<DType>(77), {1}));
}

TEST_CASE("tensor: what a type cannot hold is refused with both sides") {
  const auto error = [](const TensorInfo& info, std::vector<DimensionRange> dimensions) {
    const auto result = check_holds(info, DType::F32, dimensions);
    return result ? std::string() : result.error().to_string();
  };
  const auto info = info_of(DType::F32, {3, 4}, 48);
  CHECK(error(info, {{}, {}}).empty());
  CHECK(error(info, {{3, 3}, {0, 4}}).empty());
  CHECK(error(info, {{}}) ==
        "TypeMismatch: tensor \"w\": expected rank 1, shape [any], found rank 2, shape [3, 4]");
  CHECK(error(info, {{3, 3}, {0, 3}}) ==
        "TypeMismatch: tensor \"w\": expected shape [3, at most 3], found [3, 4]");
  CHECK(error(info_of(DType::I8, {3, 4}, 12), {{}, {}}) ==
        "TypeMismatch: tensor \"w\": expected dtype f32, found i8");
  CHECK(error(info_of(DType::F32, {3, 4}, 47), {{}, {}}) ==
        "Corruption: tensor \"w\": expected the bytes of f32 [3, 4], found 47");
  CHECK(error(info_of(DType::F32, {1ULL << 63, 0}, 0), {{}, {}}).starts_with("TypeMismatch"));
}

TEST_CASE("tensor: vectors and spans are seen in place and loaded whole") {
  const std::vector<float> values = {1, 2, 3};
  const auto view = TensorTraits<std::vector<float>>::view(values);
  REQUIRE(view);
  CHECK(view->dtype == DType::F32);
  CHECK(view->shape == Shape{3});
  CHECK(static_cast<const void*>(view->bytes.data()) == values.data());
  const auto loaded = TensorTraits<std::vector<float>>::load(
      info_of(DType::F32, {3}, 12), [&](std::span<std::byte> out) -> Result<void> {
        std::copy(view->bytes.begin(), view->bytes.end(), out.begin());
        return {};
      });
  CHECK(loaded == values);
  const auto failed = TensorTraits<std::vector<float>>::load(
      info_of(DType::F32, {3}, 12), [](std::span<std::byte>) -> Result<void> {
        return tl::unexpected(Error{Code::Corruption, "damaged"});
      });
  CHECK(failed.error().code == Code::Corruption);
}

TEST_CASE("tensor: a size that no memory holds is an error, not an exception") {
  const auto read = [](std::span<std::byte>) -> Result<void> { return {}; };
  const auto loaded =
      TensorTraits<std::vector<float>>::load(info_of(DType::F32, {}, 1ULL << 63), read);
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().to_string() ==
        "LimitExceeded: tensor \"w\": no memory for 9223372036854775808 bytes");
}

template <class T>
concept ElementsOfTemporary = requires(T tensor) { std::move(tensor).template elements<float>(); };
template <class T>
concept ElementsOfNamed = requires(T tensor) { tensor.template elements<float>(); };
static_assert(ElementsOfNamed<Tensor> && !ElementsOfTemporary<Tensor>);

TEST_CASE("tensor: elements are typed, and another dtype is refused") {
  const std::vector<float> values = {1, 2};
  const Tensor tensor(info_of(DType::F32, {2}, 8), std::as_bytes(std::span(values)), nullptr);
  const auto elements = tensor.elements<float>();
  REQUIRE(elements);
  CHECK(elements->data() == values.data());
  CHECK(elements->size() == 2);
  CHECK(tensor.elements<double>().error().to_string() ==
        "TypeMismatch: tensor \"w\": expected dtype f64, found f32");
}

}  // namespace
}  // namespace cairn
