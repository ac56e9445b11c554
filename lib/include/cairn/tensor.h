// Tensors as they go in and come out: element types, shapes, layouts, numeric health, views.
//
// A shape is in elements, outermost dimension first, as NumPy prints it. Bytes are little-endian
// and dense: no padding between elements. Layout C means that the last index runs fastest,
// Fortran that the first one does; `(i, j)` names the same element in both.
#pragma once

#include <bit>
#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "cairn/error.h"
#include "cairn/key.h"

namespace cairn {

// Element types; the numbers are those of the format.
enum class DType : std::uint8_t {
  Bool = 1,  // One byte, 0 or 1.
  I8 = 2,
  I16 = 3,
  I32 = 4,
  I64 = 5,
  U8 = 6,
  U16 = 7,
  U32 = 8,
  U64 = 9,
  F8E4M3 = 10,  // OCP 8-bit floating point, E4M3 (no infinity).
  F8E5M2 = 11,  // OCP 8-bit floating point, E5M2.
  F16 = 12,     // IEEE 754 binary16.
  BF16 = 13,    // The upper half of an IEEE 754 binary32.
  F32 = 14,
  F64 = 15,
  C64 = 16,   // Two F32: real, imaginary.
  C128 = 17,  // Two F64: real, imaginary.
};

// Bytes of one element: 1, 2, 4, 8 or 16.
[[nodiscard]] CAIRN_API std::size_t element_bytes(DType dtype) noexcept;
// "bool", "i8" .. "u64", "f8_e4m3", "f8_e5m2", "f16", "bf16", "f32", "f64", "c64", "c128".
[[nodiscard]] CAIRN_API std::string_view to_string(DType dtype) noexcept;
// The reverse of to_string; InvalidArgument names the types that exist.
[[nodiscard]] CAIRN_API Result<DType> parse_dtype(std::string_view text);

enum class Layout : std::uint8_t { C = 0, Fortran = 1 };
// "C" or "Fortran".
[[nodiscard]] CAIRN_API std::string_view to_string(Layout layout) noexcept;

using Shape = std::vector<std::uint64_t>;
// "[3, 4]"; "[]" for a scalar.
[[nodiscard]] CAIRN_API std::string to_string(const Shape& shape);

inline constexpr std::size_t kMaxRank = 32;

// Elements times element size. LimitExceeded where the rank is over kMaxRank or the product does
// not fit; a dimension of 0 makes it 0, an empty shape (a scalar) makes it one element.
[[nodiscard]] CAIRN_API Result<std::uint64_t> shape_bytes(DType dtype, const Shape& shape);

// Bit patterns of the types that C++20 does not have.
struct F8E4M3 {
  std::uint8_t bits;
};
struct F8E5M2 {
  std::uint8_t bits;
};
struct F16 {
  std::uint16_t bits;
};
struct BF16 {
  std::uint16_t bits;
};

// ElementTraits<T>::dtype says which DType a C++ type is. Defined for bool, the integer types,
// float, double, std::complex of both, the four structs above; eigen.h adds Eigen's scalars.
template <class T>
struct ElementTraits;

namespace detail {
template <class T>
concept PlainInteger = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
                       !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
                       !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

template <PlainInteger T>
consteval DType integer_dtype() {
  constexpr auto kFirst = std::is_signed_v<T> ? DType::I8 : DType::U8;
  return static_cast<DType>(static_cast<int>(kFirst) + std::countr_zero(sizeof(T)));
}
}  // namespace detail

template <detail::PlainInteger T>
struct ElementTraits<T> {
  static constexpr DType dtype = detail::integer_dtype<T>();
};
template <>
struct ElementTraits<bool> {
  static constexpr DType dtype = DType::Bool;
};
template <>
struct ElementTraits<float> {
  static constexpr DType dtype = DType::F32;
};
template <>
struct ElementTraits<double> {
  static constexpr DType dtype = DType::F64;
};
template <>
struct ElementTraits<std::complex<float>> {
  static constexpr DType dtype = DType::C64;
};
template <>
struct ElementTraits<std::complex<double>> {
  static constexpr DType dtype = DType::C128;
};
template <>
struct ElementTraits<F8E4M3> {
  static constexpr DType dtype = DType::F8E4M3;
};
template <>
struct ElementTraits<F8E5M2> {
  static constexpr DType dtype = DType::F8E5M2;
};
template <>
struct ElementTraits<F16> {
  static constexpr DType dtype = DType::F16;
};
template <>
struct ElementTraits<BF16> {
  static constexpr DType dtype = DType::BF16;
};

template <class T>
concept Element = std::is_trivially_copyable_v<T> && requires {
  { ElementTraits<T>::dtype } -> std::convertible_to<DType>;
};

// What a tensor looks like, and where its bytes are. Borrows the bytes: they must stay alive and
// unchanged for as long as the view is used.
struct TensorView {
  DType dtype = DType::U8;
  Shape shape;
  Layout layout = Layout::C;
  std::span<const std::byte> bytes;
};

// Numeric health, over the finite elements; a complex number counts as two. All in f64.
struct Health {
  double min = 0;  // NaN where no element is finite, as for max and mean.
  double max = 0;
  double mean = 0;
  double l2 = 0;  // Square root of the sum of squares.
  std::uint64_t nans = 0;
  std::uint64_t infinities = 0;
  std::uint64_t zeros = 0;  // Of either sign.
};

// A tensor of a saved artifact.
struct TensorInfo {
  std::string name;
  DType dtype = DType::U8;
  Shape shape;
  Layout layout = Layout::C;
  std::uint64_t size_bytes = 0;
  Digest content;                // Of the bytes alone: equal bytes have equal digests.
  std::optional<Health> health;  // Absent where the save left it out.
};

// How many elements a type can hold in one dimension: exactly `min` where both are the same.
struct DimensionRange {
  std::uint64_t min = 0;
  std::uint64_t max = PTRDIFF_MAX;
};
// For TensorTraits: whether a type of that dtype and those dimensions can hold the tensor.
// TypeMismatch says both dtypes, ranks or shapes; Corruption where shape and size disagree.
[[nodiscard]] CAIRN_API Result<void> check_holds(const TensorInfo& info, DType dtype,
                                                 std::span<const DimensionRange> dimensions);

namespace detail {
// LimitExceeded: there is no memory for the tensor.
[[nodiscard]] CAIRN_API Error no_memory(const TensorInfo& info);

// Makes the memory of a tensor; `make` may throw as std::vector and Eigen do.
template <class Make>
[[nodiscard]] Result<void> allocate(const TensorInfo& info, Make&& make) {
  try {
    make();
    return {};
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {
  }
  return tl::unexpected(no_memory(info));
}
}  // namespace detail

// How a type of an app is saved and loaded; the one customisation point. A specialisation has
//   static constexpr bool owns;                                  an rvalue is moved into the draft
//   static constexpr bool transient;                             (may be left out) an rvalue is
//                                                                evaluated: it may point into a
//                                                                temporary
//   static std::optional<TensorView> view(const T&);             nullopt where it is not dense
//   static auto evaluate(const T&);                              an owner of a dense copy (where
//                                                                view may give nullopt)
//   static Result<T> load(const TensorInfo&, Read&& read);       where the type can be loaded into;
//       `read` is called once with the std::span<std::byte> that takes info.size_bytes bytes, and
//       returns Result<void>
// cairn has them for std::vector and std::span of elements and for TensorView; eigen.h for Eigen.
template <class T>
struct TensorTraits;

template <>
struct TensorTraits<TensorView> {
  static constexpr bool owns = false;
  static std::optional<TensorView> view(const TensorView& v) { return v; }
};

template <class T, std::size_t N>
  requires Element<std::remove_cv_t<T>>
struct TensorTraits<std::span<T, N>> {
  static constexpr bool owns = false;
  static std::optional<TensorView> view(std::span<T, N> v) {
    return TensorView{
        ElementTraits<std::remove_cv_t<T>>::dtype, {v.size()}, Layout::C, std::as_bytes(v)};
  }
};

template <Element T>
  requires(!std::same_as<T, bool>)
struct TensorTraits<std::vector<T>> {
  static constexpr bool owns = true;
  static std::optional<TensorView> view(const std::vector<T>& v) {
    return TensorTraits<std::span<const T>>::view(v);
  }
  // Any rank: the elements in the stored order.
  template <class Read>
  [[nodiscard]] static Result<std::vector<T>> load(const TensorInfo& info, Read&& read) {
    std::vector<T> out;
    if (auto done = detail::allocate(info, [&] { out.resize(info.size_bytes / sizeof(T)); });
        !done) {
      return tl::unexpected(std::move(done.error()));
    }
    if (auto done = read(std::as_writable_bytes(std::span(out))); !done) {
      return tl::unexpected(done.error());
    }
    return out;
  }
};

// A loaded tensor: dense, verified bytes. Owns what it needs to stay valid, so it may outlive the
// artifact and the store; copies share the bytes. Safe to read from several threads.
class Tensor {
 public:
  Tensor(TensorInfo info, std::span<const std::byte> bytes, std::shared_ptr<const void> owner)
      : info_(std::move(info)), bytes_(bytes), owner_(std::move(owner)) {}

  [[nodiscard]] const TensorInfo& info() const noexcept { return info_; }
  // At least 16-byte aligned, 64 where the tensor is larger than a cache line.
  [[nodiscard]] std::span<const std::byte> bytes() const& noexcept { return bytes_; }
  std::span<const std::byte> bytes() const&& = delete;

  // The elements in stored order; TypeMismatch where the dtype is another.
  template <Element T>
  [[nodiscard]] Result<std::span<const T>> elements() const& {
    if (ElementTraits<T>::dtype != info_.dtype) {
      return tl::unexpected(dtype_mismatch(ElementTraits<T>::dtype));
    }
    return std::span<const T>(reinterpret_cast<const T*>(bytes_.data()), bytes_.size() / sizeof(T));
  }
  template <Element T>
  void elements() const&& = delete;

  // An Eigen::Map of these bytes with run-time strides, valid while this Tensor or a copy lives
  // (so give the Result<Tensor> a name: through `->` of a temporary the map would dangle);
  // declared here, defined in eigen.h. TypeMismatch says both dtypes, ranks or shapes.
  template <class Matrix>
  [[nodiscard]] auto map() const&;
  template <class Matrix>
  void map() const&& = delete;

 private:
  [[nodiscard]] CAIRN_API Error dtype_mismatch(DType wanted) const;

  TensorInfo info_;
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
};

}  // namespace cairn
