// Eigen matrices as tensors; opt-in, needs Eigen 3.4.
//
//   draft.tensor("weights", weights);              a matrix, an Eigen::Map: borrowed
//   draft.tensor("bias", Eigen::VectorXf(b * 2));  a temporary matrix: moved in
//   draft.tensor("scaled", weights * 0.5F);        an expression: evaluated
//   auto w = artifact.to<Eigen::MatrixXf>("weights");
//   auto t = artifact.tensor("weights");           and, without a copy,
//   auto m = t->map<Eigen::MatrixXf>();
//
// Matrices and arrays, dynamic or fixed, of any scalar with ElementTraits. A compile-time vector
// has rank 1 and Layout::C, whatever else has rank 2: column-major is Layout::Fortran, row-major
// Layout::C. Both are saved as they are, and either is loaded into either.
//
// Borrowed are named matrices, maps, blocks and Eigen::Refs that are dense, and unnamed maps. An
// unnamed block or Ref may point into a temporary, so it is copied; name it to save the copy.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include "cairn/error.h"
#include "cairn/tensor.h"

namespace cairn {

template <>
struct ElementTraits<Eigen::half> {
  static constexpr DType dtype = DType::F16;
};
template <>
struct ElementTraits<Eigen::bfloat16> {
  static constexpr DType dtype = DType::BF16;
};

namespace detail {

// The D of the DenseBase<D> that T derives from: T itself, but for Eigen::VectorBlock.
template <class D>
std::type_identity<D> eigen_dense(const Eigen::DenseBase<D>*);
template <class T>
using EigenDenseOf = typename decltype(detail::eigen_dense(static_cast<const T*>(nullptr)))::type;

template <class T>
concept EigenDense = requires { typename EigenDenseOf<T>; } && Element<typename T::Scalar>;

// Matrix and Array, which own their elements.
template <class T>
concept EigenOwner = EigenDense<T> && std::derived_from<T, Eigen::PlainObjectBase<EigenDenseOf<T>>>;

// Where the elements of an expression are. `in_memory`: it has data() and strides. `borrowed`:
// they belong neither to it nor to a matrix that may be a temporary.
template <class T>
struct EigenMemory {
  static constexpr bool in_memory =
      EigenOwner<T> ||
      std::derived_from<T, Eigen::MapBase<EigenDenseOf<T>, Eigen::ReadOnlyAccessors>>;
  static constexpr bool borrowed = false;
};
template <class T, int Options, class Stride>
struct EigenMemory<Eigen::Map<T, Options, Stride>> {
  static constexpr bool in_memory = true;
  static constexpr bool borrowed = true;
};
template <class T, int Rows, int Cols, bool InnerPanel>
struct EigenMemory<Eigen::Block<T, Rows, Cols, InnerPanel>> {
  static constexpr bool in_memory = EigenMemory<std::remove_const_t<T>>::in_memory;
  static constexpr bool borrowed = EigenMemory<std::remove_const_t<T>>::borrowed;
};
template <class T, int Size>
struct EigenMemory<Eigen::VectorBlock<T, Size>>
    : EigenMemory<EigenDenseOf<Eigen::VectorBlock<T, Size>>> {};
template <class T>
struct EigenMemory<Eigen::Transpose<T>> : EigenMemory<std::remove_const_t<T>> {};
template <class T>
struct EigenMemory<Eigen::ArrayWrapper<T>> : EigenMemory<std::remove_const_t<T>> {};
template <class T>
struct EigenMemory<Eigen::MatrixWrapper<T>> : EigenMemory<std::remove_const_t<T>> {};

template <class T>
inline constexpr bool kEigenVector = bool(T::IsVectorAtCompileTime);
template <class T>
inline constexpr Layout kEigenLayout =
    kEigenVector<T> || bool(T::IsRowMajor) ? Layout::C : Layout::Fortran;

consteval DimensionRange eigen_range(int fixed, int max) {
  if (fixed != Eigen::Dynamic) {
    return {static_cast<std::uint64_t>(fixed), static_cast<std::uint64_t>(fixed)};
  }
  return max == Eigen::Dynamic ? DimensionRange{}
                               : DimensionRange{0, static_cast<std::uint64_t>(max)};
}

// Rows and columns of a T that holds the tensor; TypeMismatch where none does.
struct EigenSize {
  Eigen::Index rows = 0;
  Eigen::Index cols = 0;
};
template <EigenOwner T>
[[nodiscard]] Result<EigenSize> eigen_size(const TensorInfo& info) {
  constexpr DType kDType = ElementTraits<typename T::Scalar>::dtype;
  if constexpr (kEigenVector<T>) {
    constexpr std::array kRange = {eigen_range(T::SizeAtCompileTime, T::MaxSizeAtCompileTime)};
    if (auto good = check_holds(info, kDType, kRange); !good) {
      return tl::unexpected(std::move(good.error()));
    }
    const auto size = static_cast<Eigen::Index>(info.shape[0]);
    const bool row = T::ColsAtCompileTime != 1 && T::MaxRowsAtCompileTime == 1;
    return row ? EigenSize{1, size} : EigenSize{size, 1};
  } else {
    constexpr std::array kRanges = {eigen_range(T::RowsAtCompileTime, T::MaxRowsAtCompileTime),
                                    eigen_range(T::ColsAtCompileTime, T::MaxColsAtCompileTime)};
    if (auto good = check_holds(info, kDType, kRanges); !good) {
      return tl::unexpected(std::move(good.error()));
    }
    return EigenSize{static_cast<Eigen::Index>(info.shape[0]),
                     static_cast<Eigen::Index>(info.shape[1])};
  }
}

// Calls `read` with the memory of `out`, which has its size already.
template <class Owner, class Read>
[[nodiscard]] Result<void> eigen_read(Owner& out, Read& read) {
  return read(std::as_writable_bytes(std::span(out.data(), static_cast<std::size_t>(out.size()))));
}

// The layout in which the elements lie without gaps; that of T's storage order where both do.
template <class T>
std::optional<Layout> eigen_layout(const T& value) {
  const Eigen::Index row_step = T::IsRowMajor ? value.outerStride() : value.innerStride();
  const Eigen::Index col_step = T::IsRowMajor ? value.innerStride() : value.outerStride();
  const Eigen::Index rows = value.rows();
  const Eigen::Index cols = value.cols();
  const bool empty = value.size() == 0;
  const bool c = empty || ((col_step == 1 || cols == 1) && (row_step == cols || rows == 1));
  const bool fortran = empty || ((row_step == 1 || rows == 1) && (col_step == rows || cols == 1));
  if (kEigenVector<T>) {
    return c || fortran ? std::optional(Layout::C) : std::nullopt;
  }
  if (c && fortran) {
    return kEigenLayout<T>;
  }
  return c ? std::optional(Layout::C) : fortran ? std::optional(Layout::Fortran) : std::nullopt;
}

}  // namespace detail

template <detail::EigenDense T>
struct TensorTraits<T> {
  using Dense = detail::EigenDenseOf<T>;
  using Scalar = typename Dense::Scalar;

  static constexpr bool owns = detail::EigenOwner<T>;
  static constexpr bool transient = !owns && !detail::EigenMemory<T>::borrowed;

  // nullopt for expressions that are not in memory, and for strides with gaps.
  static std::optional<TensorView> view(const T& value) {
    if constexpr (detail::EigenMemory<T>::in_memory) {
      const Dense& dense = value;
      const auto layout = detail::eigen_layout(dense);
      if (!layout) {
        return std::nullopt;
      }
      const auto size = static_cast<std::size_t>(dense.size());
      return TensorView{ElementTraits<Scalar>::dtype, shape(dense), *layout,
                        std::as_bytes(std::span<const Scalar>(dense.data(), size))};
    } else {
      return std::nullopt;
    }
  }

  // A matrix or array of the same storage order.
  static typename Dense::PlainObject evaluate(const T& value) {
    return typename Dense::PlainObject(value);
  }

  template <class Read>
    requires(detail::EigenOwner<T> && std::same_as<T, Dense>)
  [[nodiscard]] static Result<T> load(const TensorInfo& info, Read&& read) {
    const auto size = detail::eigen_size<T>(info);
    if (!size) {
      return tl::unexpected(size.error());
    }
    T out;
    auto done = detail::allocate(info, [&] { out.resize(size->rows, size->cols); });
    if (done && (detail::kEigenVector<T> || info.layout == detail::kEigenLayout<T>)) {
      done = detail::eigen_read(out, read);
    } else if (done) {
      done = load_transposed(info, out, read);
    }
    return done ? Result<T>(std::move(out)) : tl::unexpected(std::move(done.error()));
  }

 private:
  static Shape shape(const Dense& value) {
    if constexpr (detail::kEigenVector<Dense>) {
      return {static_cast<std::uint64_t>(value.size())};
    } else {
      return {static_cast<std::uint64_t>(value.rows()), static_cast<std::uint64_t>(value.cols())};
    }
  }

  template <class Read>
  [[nodiscard]] static Result<void> load_transposed(const TensorInfo& info, T& out, Read& read) {
    constexpr int kOther = T::IsRowMajor ? Eigen::ColMajor : Eigen::RowMajor;
    Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, kOther> stored;
    auto done = detail::allocate(info, [&] { stored.resize(out.rows(), out.cols()); });
    if (done) {
      done = detail::eigen_read(stored, read);
    }
    if (done) {
      out.array() = stored;
    }
    return done;
  }
};

namespace detail {

template <class Matrix>
using EigenTensorMap =
    Eigen::Map<const Matrix, Eigen::Unaligned, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;

template <EigenOwner Matrix>
[[nodiscard]] Result<EigenTensorMap<Matrix>> eigen_map(const TensorInfo& info,
                                                       std::span<const std::byte> bytes) {
  const auto size = eigen_size<Matrix>(info);
  if (!size) {
    return tl::unexpected(size.error());
  }
  if (bytes.size() != info.size_bytes) {
    return tl::unexpected(Error{Code::Corruption, "tensor \"" + info.name + "\": expected " +
                                                      std::to_string(info.size_bytes) +
                                                      " bytes, found " +
                                                      std::to_string(bytes.size())});
  }
  const bool same_order = kEigenVector<Matrix> || info.layout == kEigenLayout<Matrix>;
  const Eigen::Index inner_size = Matrix::IsRowMajor ? size->cols : size->rows;
  const Eigen::Index outer_size = Matrix::IsRowMajor ? size->rows : size->cols;
  using Stride = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;  // Outer, inner.
  const Stride stride = same_order ? Stride(inner_size, 1) : Stride(1, outer_size);
  const auto* data = reinterpret_cast<const typename Matrix::Scalar*>(bytes.data());
  return EigenTensorMap<Matrix>(data, size->rows, size->cols, stride);
}

}  // namespace detail

template <class Matrix>
auto Tensor::map() const& {
  static_assert(detail::EigenOwner<Matrix>, "expected an Eigen::Matrix or Eigen::Array");
  return detail::eigen_map<Matrix>(info_, bytes_);
}

}  // namespace cairn
