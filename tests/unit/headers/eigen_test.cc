// Tests of Eigen's matrices as tensors: what is borrowed, moved or evaluated, and what is loaded
// into what. Without a store: a tensor is saved by its view and loaded by a reader of that view.
#include "cairn/eigen.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <complex>
#include <cstring>
#include <string>
#include <vector>

#include "cairn/draft.h"

namespace cairn {
namespace {

using RowMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Eigen::MatrixXf;
using Eigen::VectorXf;

// What a draft makes of a tensor: a copy or the temporary itself, or a pointer to what is there.
enum class Fate { Owned, Borrowed };
struct Saved {
  Fate fate;
  TensorInfo info;
  std::vector<std::byte> bytes;
};

Saved saved_as(const Draft& draft) {
  if (draft.error()) {
    FAIL(draft.error()->to_string());
  }
  const auto& [name, view, owner, source] = draft.parts().tensors.at(0);
  Saved saved{owner ? Fate::Owned : Fate::Borrowed, {}, {view.bytes.begin(), view.bytes.end()}};
  saved.info.name = name;
  saved.info.dtype = view.dtype;
  saved.info.shape = view.shape;
  saved.info.layout = view.layout;
  saved.info.size_bytes = view.bytes.size();
  CHECK(shape_bytes(view.dtype, view.shape) == view.bytes.size());
  return saved;
}

template <class T>
Saved save(T&& value) {
  Draft draft;
  draft.tensor("w", std::forward<T>(value));
  return saved_as(draft);
}

template <class T>
Result<T> load(const Saved& saved) {
  return TensorTraits<T>::load(saved.info, [&](std::span<std::byte> out) -> Result<void> {
    REQUIRE(out.size() == saved.bytes.size());
    std::copy(saved.bytes.begin(), saved.bytes.end(), out.begin());
    return {};
  });
}

template <class T>
std::string load_error(const Saved& saved) {
  const auto result = load<T>(saved);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Code::TypeMismatch);
  return result.error().message;
}

// Elements that say where they are.
template <class T>
T numbered(Eigen::Index rows, Eigen::Index cols) {
  T out(rows, cols);
  for (Eigen::Index i = 0; i < rows; ++i) {
    for (Eigen::Index j = 0; j < cols; ++j) {
      out(i, j) = static_cast<typename T::Scalar>(static_cast<float>(10 * i + j));
    }
  }
  return out;
}

// Saved as `Owner`, the matrix is the same when loaded as `Other` of either order.
template <class Scalar>
void check_scalar(DType dtype) {
  using Eigen::Dynamic;
  using Column = Eigen::Matrix<Scalar, Dynamic, Dynamic>;
  using Row = Eigen::Array<Scalar, Dynamic, Dynamic, Eigen::RowMajor>;
  const Column matrix = numbered<Column>(3, 5);
  const auto fortran = save(matrix);
  const auto c = save(Row(matrix));
  CHECK(fortran.info.dtype == dtype);
  CHECK(fortran.info.layout == Layout::Fortran);
  CHECK(c.info.layout == Layout::C);
  CHECK(fortran.info.shape == Shape{3, 5});
  for (const Saved* saved : {&fortran, &c}) {
    CHECK(save(*load<Column>(*saved)).bytes == fortran.bytes);
    CHECK(save(*load<Row>(*saved)).bytes == c.bytes);
  }
}

TEST_CASE("eigen: every scalar is saved in its layout and loaded into either order") {
  check_scalar<bool>(DType::Bool);
  check_scalar<std::int8_t>(DType::I8);
  check_scalar<std::int16_t>(DType::I16);
  check_scalar<std::int32_t>(DType::I32);
  check_scalar<std::int64_t>(DType::I64);
  check_scalar<std::uint8_t>(DType::U8);
  check_scalar<std::uint16_t>(DType::U16);
  check_scalar<std::uint32_t>(DType::U32);
  check_scalar<std::uint64_t>(DType::U64);
  check_scalar<Eigen::half>(DType::F16);
  check_scalar<Eigen::bfloat16>(DType::BF16);
  check_scalar<float>(DType::F32);
  check_scalar<double>(DType::F64);
  check_scalar<std::complex<float>>(DType::C64);
  check_scalar<std::complex<double>>(DType::C128);
  static_assert(!detail::EigenDense<Eigen::Matrix<long double, 2, 2>>);
}

TEST_CASE("eigen: the bytes are those of the stored layout") {
  const MatrixXf matrix = numbered<MatrixXf>(2, 2);
  const std::array<float, 4> fortran = {0, 10, 1, 11};
  const std::array<float, 4> c = {0, 1, 10, 11};
  CHECK(std::memcmp(save(matrix).bytes.data(), fortran.data(), 16) == 0);
  CHECK(std::memcmp(save(RowMatrix(matrix)).bytes.data(), c.data(), 16) == 0);
}

TEST_CASE("eigen: named owners are borrowed and temporaries moved") {
  MatrixXf matrix = numbered<MatrixXf>(3, 4);
  const auto view = TensorTraits<MatrixXf>::view(matrix);
  CHECK(static_cast<const void*>(view->bytes.data()) == matrix.data());
  CHECK(save(matrix).fate == Fate::Borrowed);
  CHECK(save(std::as_const(matrix)).fate == Fate::Borrowed);
  CHECK(save(MatrixXf(matrix)).fate == Fate::Owned);
  const auto* elements = reinterpret_cast<const std::byte*>(matrix.data());
  Draft draft;
  draft.tensor("moved", std::move(matrix));
  CHECK(draft.parts().tensors.at(0).view.bytes.data() == elements);
  CHECK(save(Eigen::Matrix3d::Identity().eval()).fate == Fate::Owned);
}

TEST_CASE("eigen: compile-time vectors have rank 1 and layout C") {
  const VectorXf column = VectorXf::LinSpaced(5, 0, 4);
  const Eigen::RowVectorXf row = column.transpose();
  const MatrixXf one_column = column;
  for (const auto& saved : {save(column), save(row), save(Eigen::ArrayXf(column))}) {
    CHECK(saved.info.shape == Shape{5});
    CHECK(saved.info.layout == Layout::C);
    CHECK(*load<VectorXf>(saved) == column);
    CHECK(*load<Eigen::RowVectorXf>(saved) == row);
    CHECK(*load<Eigen::Matrix<float, 5, 1>>(saved) == column);
    CHECK(*load<Eigen::Matrix<float, 1, Eigen::Dynamic, Eigen::RowMajor, 1, 7>>(saved) == row);
  }
  CHECK(save(one_column).info.shape == Shape{5, 1});
  CHECK(save(one_column).info.layout == Layout::Fortran);
  CHECK(save(Eigen::Matrix<float, 1, 1>(3.0F)).info.shape == Shape{1});
  CHECK((*load<Eigen::Matrix<float, 1, 1>>(save(Eigen::Matrix<float, 1, 1>(3.0F))))(0) == 3);
}

TEST_CASE("eigen: maps are borrowed where they are dense, named or not") {
  std::vector<float> memory(24);
  for (std::size_t i = 0; i < memory.size(); ++i) {
    memory[i] = static_cast<float>(i);
  }
  using Stride = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
  using Strided = Eigen::Map<const MatrixXf, Eigen::Unaligned, Stride>;
  const auto plain = save(Eigen::Map<MatrixXf>(memory.data(), 4, 6));
  CHECK(plain.fate == Fate::Borrowed);
  CHECK(plain.info.layout == Layout::Fortran);
  CHECK(save(Eigen::Map<const RowMatrix>(memory.data(), 4, 6)).info.layout == Layout::C);
  CHECK(save(Strided(memory.data(), 4, 6, Stride(4, 1))).fate == Fate::Borrowed);
  const Strided gaps(memory.data(), 3, 6, Stride(4, 1));
  const auto evaluated = save(gaps);
  CHECK(evaluated.fate == Fate::Owned);
  CHECK(evaluated.info.layout == Layout::Fortran);
  CHECK(*load<MatrixXf>(evaluated) == MatrixXf(gaps));
  CHECK(save(Strided(memory.data(), 3, 1, Stride(99, 1))).fate == Fate::Borrowed);
  const Strided crossed(memory.data(), 4, 6, Stride(1, 6));  // Row-major in memory.
  const auto as_c = save(crossed);
  CHECK(as_c.fate == Fate::Borrowed);
  CHECK(as_c.info.layout == Layout::C);
  CHECK(*load<MatrixXf>(as_c) == MatrixXf(crossed));
  const Eigen::Map<const VectorXf, 0, Eigen::InnerStride<>> every_third(memory.data(), 8,
                                                                        Eigen::InnerStride<>(3));
  CHECK(save(every_third).fate == Fate::Owned);
  CHECK(*load<VectorXf>(save(every_third)) == VectorXf(every_third));
  CHECK(save(Eigen::Map<VectorXf>(nullptr, 0)).info.shape == Shape{0});
}

TEST_CASE("eigen: named blocks are borrowed where they are dense") {
  const MatrixXf matrix = numbered<MatrixXf>(4, 6);
  const auto columns = matrix.middleCols(1, 3);
  const auto saved = save(columns);
  CHECK(saved.fate == Fate::Borrowed);
  CHECK(TensorTraits<std::remove_const_t<decltype(columns)>>::view(columns)->bytes.data() ==
        reinterpret_cast<const std::byte*>(&matrix(0, 1)));
  CHECK(*load<MatrixXf>(saved) == MatrixXf(columns));
  const auto rows = matrix.topRows(2);
  CHECK(save(rows).fate == Fate::Owned);
  CHECK(*load<MatrixXf>(save(rows)) == MatrixXf(rows));
  const auto column = matrix.col(2);
  CHECK(save(column).fate == Fate::Borrowed);
  CHECK(save(column).info.shape == Shape{4});
  const auto row = matrix.row(2);
  CHECK(save(row).fate == Fate::Owned);
  CHECK(*load<Eigen::RowVectorXf>(save(row)) == Eigen::RowVectorXf(row));
  const auto part = matrix.block(1, 2, 2, 1);
  CHECK(save(part).fate == Fate::Borrowed);
  CHECK(save(part).info.shape == Shape{2, 1});
  VectorXf vector = VectorXf::LinSpaced(5, 0, 4);
  auto head = vector.head(3);  // A VectorBlock, which derives from another DenseBase.
  CHECK(save(head).fate == Fate::Borrowed);
  CHECK(*load<VectorXf>(save(head)) == VectorXf(head));
  const auto transposed = matrix.transpose();
  CHECK(save(transposed).fate == Fate::Borrowed);
  CHECK(save(transposed).info.layout == Layout::C);
  CHECK(save(transposed).info.shape == Shape{6, 4});
  CHECK(*load<MatrixXf>(save(transposed)) == MatrixXf(transposed));
  const auto array = matrix.array();
  CHECK(save(array).fate == Fate::Borrowed);
}

TEST_CASE("eigen: unnamed blocks are copied, unless they are of a map") {
  MatrixXf matrix = numbered<MatrixXf>(4, 6);
  CHECK(save(matrix.leftCols(2)).fate == Fate::Owned);
  CHECK(save(MatrixXf(matrix).leftCols(2)).fate == Fate::Owned);
  CHECK(*load<MatrixXf>(save(MatrixXf(matrix).leftCols(2))) == MatrixXf(matrix.leftCols(2)));
  CHECK(save(matrix.transpose()).fate == Fate::Owned);
  CHECK(save(matrix.array()).fate == Fate::Owned);
  const Eigen::Map<MatrixXf> map(matrix.data(), 4, 6);
  CHECK(save(map.leftCols(2)).fate == Fate::Borrowed);
  CHECK(save(map.transpose()).fate == Fate::Borrowed);
  CHECK(save(map.transpose().bottomRows(2)).fate == Fate::Borrowed);
  CHECK(save(map.col(1).head(3)).fate == Fate::Borrowed);
  CHECK(save(map.topRows(2)).fate == Fate::Owned);
}

TEST_CASE("eigen: a Ref is borrowed where it is named, never as a temporary") {
  using ConstRef = Eigen::Ref<const MatrixXf>;
  MatrixXf matrix = numbered<MatrixXf>(4, 6);
  const ConstRef whole(matrix);
  CHECK(save(whole).fate == Fate::Borrowed);
  const ConstRef strided(matrix.topRows(2));
  CHECK(save(strided).fate == Fate::Owned);
  CHECK(*load<MatrixXf>(save(strided)) == MatrixXf(strided));
  CHECK(save(ConstRef(matrix)).fate == Fate::Owned);
  CHECK(save(ConstRef(matrix * 2)).fate == Fate::Owned);
  CHECK(save(Eigen::Ref<MatrixXf>(matrix)).fate == Fate::Owned);
  CHECK(save(ConstRef(matrix).leftCols(1)).fate == Fate::Owned);
}

TEST_CASE("eigen: whatever else is an expression is evaluated in its storage order") {
  const MatrixXf a = numbered<MatrixXf>(3, 3);
  const auto check = [](const auto& expression) {
    const auto saved = save(expression);
    CHECK(saved.fate == Fate::Owned);
    using Plain = typename std::remove_cvref_t<decltype(expression)>::PlainObject;
    CHECK((load<Plain>(saved)->array() == Plain(expression).array()).all());
  };
  check(a + a);
  check(a * a);
  check(a.array() > 4);
  check(a.cast<double>());
  check(a.diagonal());
  check(a.colwise().sum());
  check(a.transpose() * 2);
  check((a * 2).leftCols(2));
  check((a + a).transpose());
  check(a(Eigen::seq(0, 2, 2), Eigen::all));
  check((a + a).array());
  check(a.cast<std::complex<float>>().eval().real());
  check(MatrixXf::Random(3, 2).eval() + MatrixXf::Ones(3, 2));
  check(a.reverse());
  const auto sum = RowMatrix(a) + RowMatrix(a);
  CHECK(save(RowMatrix(a) + RowMatrix(a)).info.layout == Layout::C);
  CHECK(std::is_same_v<decltype(sum)::PlainObject, RowMatrix>);
  CHECK(save(MatrixXf::Identity(2, 3)).info.layout == Layout::Fortran);
}

TEST_CASE("eigen: fixed and bounded sizes take what fits") {
  const Eigen::Matrix<float, 2, 3> fixed = numbered<MatrixXf>(2, 3);
  const auto saved = save(fixed);
  CHECK(saved.info.shape == Shape{2, 3});
  CHECK(saved.info.layout == Layout::Fortran);
  CHECK(*load<MatrixXf>(saved) == fixed);
  CHECK(*load<Eigen::Matrix<float, 2, 3>>(saved) == fixed);
  CHECK(*load<Eigen::Matrix<float, 2, 3, Eigen::RowMajor>>(saved) == fixed);
  CHECK(*load<Eigen::Matrix<float, 2, Eigen::Dynamic>>(saved) == fixed);
  using Bounded = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, 0, 4, 4>;
  CHECK(*load<Bounded>(saved) == fixed);
  CHECK(save(*load<Bounded>(saved)).info.shape == Shape{2, 3});
}

TEST_CASE("eigen: what does not fit is a TypeMismatch that says both sides") {
  const auto saved = save(numbered<MatrixXf>(2, 3));
  CHECK(load_error<Eigen::MatrixXd>(saved) == "tensor \"w\": expected dtype f64, found f32");
  CHECK(load_error<VectorXf>(saved) ==
        "tensor \"w\": expected rank 1, shape [any], found rank 2, shape [2, 3]");
  CHECK(load_error<Eigen::Matrix3f>(saved) == "tensor \"w\": expected shape [3, 3], found [2, 3]");
  CHECK(load_error<Eigen::Matrix<float, Eigen::Dynamic, 2>>(saved) ==
        "tensor \"w\": expected shape [any, 2], found [2, 3]");
  CHECK(load_error<Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, 0, 2, 2>>(saved) ==
        "tensor \"w\": expected shape [at most 2, at most 2], found [2, 3]");
  const auto vector = save(VectorXf(4));
  CHECK(load_error<MatrixXf>(vector) ==
        "tensor \"w\": expected rank 2, shape [any, any], found rank 1, shape [4]");
  CHECK(load_error<Eigen::Vector3f>(vector) == "tensor \"w\": expected shape [3], found [4]");
}

TEST_CASE("eigen: matrices without elements come back with their shape") {
  for (const auto& [rows, cols] : {std::pair(0, 0), std::pair(0, 3), std::pair(3, 0)}) {
    const auto column = save(MatrixXf(rows, cols));
    const auto row = save(RowMatrix(rows, cols));
    CHECK(column.info.layout == Layout::Fortran);
    CHECK(row.info.layout == Layout::C);
    for (const Saved* saved : {&column, &row}) {
      const auto loaded = load<MatrixXf>(*saved);
      REQUIRE(loaded);
      CHECK(loaded->rows() == rows);
      CHECK(loaded->cols() == cols);
      CHECK(load<RowMatrix>(*saved)->cols() == cols);
    }
  }
  CHECK(load<VectorXf>(save(VectorXf()))->size() == 0);
  CHECK(save(numbered<MatrixXf>(3, 3).eval().leftCols(0)).info.shape == Shape{3, 0});
}

TEST_CASE("eigen: an error of the reader is passed on") {
  const auto saved = save(numbered<MatrixXf>(2, 3));
  const auto fail = [](std::span<std::byte>) -> Result<void> {
    return tl::unexpected(Error{Code::Corruption, "damaged"});
  };
  CHECK(TensorTraits<MatrixXf>::load(saved.info, fail).error().code == Code::Corruption);
  CHECK(TensorTraits<RowMatrix>::load(saved.info, fail).error().code == Code::Corruption);
}

TEST_CASE("eigen: a size that no memory holds is an error, not an exception") {
  using Bytes = Eigen::Matrix<std::uint8_t, Eigen::Dynamic, Eigen::Dynamic>;
  Saved saved = save(Bytes());
  saved.info.shape = {1ULL << 32, 1ULL << 31};
  saved.info.size_bytes = 1ULL << 63;
  const auto loaded = TensorTraits<Bytes>::load(
      saved.info, [](std::span<std::byte>) -> Result<void> { return {}; });
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().code == Code::LimitExceeded);
}

Tensor tensor_of(const Saved& saved) {
  const auto owner = std::make_shared<std::vector<std::byte>>(saved.bytes);
  return {saved.info, *owner, owner};
}

template <class T>
void check_map(const Saved& saved, const auto& expected) {
  const Tensor tensor = tensor_of(saved);
  const auto map = tensor.map<T>();
  REQUIRE(map);
  CHECK(static_cast<const void*>(map->data()) == tensor.bytes().data());
  CHECK((map->array() == expected.array()).all());
  CHECK(map->rows() == expected.rows());
  CHECK(map->cols() == expected.cols());
}

TEST_CASE("eigen: a tensor is mapped in place, whatever its layout and the matrix's order") {
  const MatrixXf matrix = numbered<MatrixXf>(3, 5);
  for (const auto& saved : {save(matrix), save(RowMatrix(matrix))}) {
    check_map<MatrixXf>(saved, matrix);
    check_map<RowMatrix>(saved, matrix);
    check_map<Eigen::ArrayXXf>(saved, matrix);
    check_map<Eigen::Matrix<float, 3, 5>>(saved, matrix);
    check_map<Eigen::Matrix<float, 3, Eigen::Dynamic, Eigen::RowMajor>>(saved, matrix);
  }
  const VectorXf vector = VectorXf::LinSpaced(7, 0, 6);
  check_map<VectorXf>(save(vector), vector);
  check_map<Eigen::RowVectorXf>(save(vector), vector.transpose());
  check_map<MatrixXf>(save(MatrixXf(0, 3)), MatrixXf(0, 3));
  check_map<RowMatrix>(save(MatrixXf(3, 0)), MatrixXf(3, 0));
}

TEST_CASE("eigen: a map of another dtype, rank or shape is refused") {
  const Tensor tensor = tensor_of(save(numbered<MatrixXf>(3, 5)));
  CHECK(tensor.map<Eigen::MatrixXd>().error().code == Code::TypeMismatch);
  CHECK(tensor.map<VectorXf>().error().message ==
        "tensor \"w\": expected rank 1, shape [any], found rank 2, shape [3, 5]");
  CHECK(tensor.map<Eigen::Matrix3f>().error().message ==
        "tensor \"w\": expected shape [3, 3], found [3, 5]");
  const Tensor cut(tensor.info(), tensor.bytes().first(4), nullptr);
  CHECK(cut.map<MatrixXf>().error().code == Code::Corruption);
}

TEST_CASE("eigen: what was mapped can be saved again without a copy") {
  const Tensor tensor = tensor_of(save(numbered<RowMatrix>(3, 5)));
  const auto map = tensor.map<MatrixXf>();
  REQUIRE(map);
  const auto saved = save(*map);
  CHECK(saved.fate == Fate::Borrowed);
  CHECK(saved.info.layout == Layout::C);
  CHECK(*load<MatrixXf>(saved) == numbered<MatrixXf>(3, 5));
}

template <class T>
concept MapsWhenNamed = requires(T tensor) { tensor.template map<MatrixXf>(); };
template <class T>
concept MapsAsTemporary = requires(T tensor) { std::move(tensor).template map<MatrixXf>(); };
static_assert(MapsWhenNamed<Tensor> && MapsWhenNamed<const Tensor>);
static_assert(!MapsAsTemporary<Tensor> && !MapsAsTemporary<const Tensor>);

struct Weights : MatrixXf {
  using MatrixXf::MatrixXf;
};

TEST_CASE("eigen: a class that derives from a matrix is saved as one") {
  Weights weights(2, 3);
  weights.setOnes();
  CHECK(save(weights).fate == Fate::Borrowed);
  CHECK(save(Weights(weights)).fate == Fate::Owned);
  CHECK(*load<MatrixXf>(save(weights)) == MatrixXf::Ones(2, 3));
}

}  // namespace
}  // namespace cairn
