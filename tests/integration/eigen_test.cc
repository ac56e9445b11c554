// Eigen matrices through save and load: both storage orders, fixed and dynamic, views and
// expressions; (i, j) is the same element to everybody.
#include <complex>
#include <optional>

#include <doctest/doctest.h>

#include <cairn/eigen.h>

#include "support.h"

namespace cairn::testing {

namespace {

using Eigen::Dynamic;
using RowMatrixXf = Eigen::Matrix<float, Dynamic, Dynamic, Eigen::RowMajor>;
using RowMatrixXd = Eigen::Matrix<double, Dynamic, Dynamic, Eigen::RowMajor>;

// Element (i, j) says where it is.
template <class Matrix>
Matrix numbered(Eigen::Index rows, Eigen::Index cols) {
  Matrix out(rows, cols);
  for (Eigen::Index i = 0; i < rows; ++i) {
    for (Eigen::Index j = 0; j < cols; ++j) {
      out(i, j) = static_cast<typename Matrix::Scalar>(static_cast<float>(i * 10 + j));
    }
  }
  return out;
}

// A draft, saved and loaded.
class Saved {
 public:
  explicit Saved(const Draft& draft) : artifact_(save(draft)) {}
  const Artifact* operator->() const { return &artifact_; }

 private:
  static Artifact save(const Draft& draft) {
    const auto key = must(scratch_store().save(fresh_name(), draft)).key;
    return must(scratch_store().load(key));
  }

  Artifact artifact_;
};

// Saves a value, loads it as Out, and compares with what it should be.
template <class Out, class Value, class Expected>
void check_loads_as(Value& value, const Expected& expected) {
  Draft draft;
  draft.tensor("t", value);
  const Saved saved(draft);
  const auto loaded = saved->to<Out>("t");
  REQUIRE(ok(loaded));
  CHECK(loaded->rows() == expected.rows());
  CHECK(loaded->cols() == expected.cols());
  CHECK((loaded->array() == expected.array()).all());
  const auto tensor = must(saved->tensor("t"));
  const auto map = tensor.map<Out>();
  REQUIRE(ok(map));
  CHECK(map->rows() == expected.rows());
  CHECK((map->array() == expected.array()).all());
}

TensorInfo info_of(const Draft& draft) {
  return must(Saved(draft)->info("t"));
}

template <class Scalar>
void check_scalar(DType dtype) {
  using Matrix = Eigen::Matrix<Scalar, Dynamic, Dynamic>;
  using RowMatrix = Eigen::Matrix<Scalar, Dynamic, Dynamic, Eigen::RowMajor>;
  const auto matrix = numbered<Matrix>(5, 7);
  check_loads_as<Matrix>(matrix, matrix);
  check_loads_as<RowMatrix>(matrix, matrix);
  Draft draft;
  draft.tensor("t", matrix);
  CHECK(info_of(draft).dtype == dtype);
}

}  // namespace

TEST_CASE("eigen: a matrix of either order is loaded into either order") {
  const auto col = numbered<Eigen::MatrixXf>(6, 9);
  const auto row = numbered<RowMatrixXf>(6, 9);
  check_loads_as<Eigen::MatrixXf>(col, col);
  check_loads_as<RowMatrixXf>(col, col);
  check_loads_as<Eigen::MatrixXf>(row, col);
  check_loads_as<RowMatrixXf>(row, col);
  check_loads_as<Eigen::ArrayXXf>(col, col);
  check_loads_as<Eigen::Matrix<float, 6, 9>>(row, col);
  check_loads_as<Eigen::Matrix<float, 6, 9, Eigen::RowMajor>>(col, col);
  check_loads_as<Eigen::Matrix<float, Dynamic, 9>>(row, col);
  check_loads_as<Eigen::Matrix<float, 6, Dynamic, Eigen::RowMajor>>(col, col);
}

TEST_CASE("eigen: a column-major matrix is saved as it lies, in Fortran layout") {
  const auto col = numbered<Eigen::MatrixXf>(2, 3);
  Draft draft;
  draft.tensor("col", col).tensor("row", numbered<RowMatrixXf>(2, 3));
  const Saved saved(draft);
  const auto col_info = must(saved->info("col"));
  CHECK(col_info.shape == Shape{2, 3});
  CHECK(col_info.layout == Layout::Fortran);
  const auto row_info = must(saved->info("row"));
  CHECK(row_info.shape == Shape{2, 3});
  CHECK(row_info.layout == Layout::C);
  CHECK(must(saved->to<std::vector<float>>("col")) == std::vector<float>{0, 10, 1, 11, 2, 12});
  CHECK(must(saved->to<std::vector<float>>("row")) == std::vector<float>{0, 1, 2, 10, 11, 12});
}

TEST_CASE("eigen: what was saved as a plain vector in C order is a matrix, too") {
  std::vector<double> values(12);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<double>(i);
  }
  Draft draft;
  draft.tensor("t", values, {3, 4});
  const Saved saved(draft);
  const auto matrix = must(saved->to<Eigen::MatrixXd>("t"));
  CHECK(matrix(0, 1) == 1);
  CHECK(matrix(2, 3) == 11);
  CHECK(must(saved->to<RowMatrixXd>("t")) == matrix);
}

TEST_CASE("eigen: compile-time vectors have rank 1, and rows and columns read each other") {
  const Eigen::VectorXf column = Eigen::VectorXf::LinSpaced(5, 0, 4);
  const Eigen::RowVectorXf row = column.transpose();
  check_loads_as<Eigen::VectorXf>(column, column);
  check_loads_as<Eigen::RowVectorXf>(column, row);
  check_loads_as<Eigen::VectorXf>(row, column);
  check_loads_as<Eigen::Matrix<float, 5, 1>>(column, column);
  check_loads_as<Eigen::ArrayXf>(row, column);
  Draft draft;
  draft.tensor("t", row);
  CHECK(info_of(draft).shape == Shape{5});
  CHECK(info_of(draft).layout == Layout::C);
  const Eigen::Vector3d fixed(1, 2, 3);
  check_loads_as<Eigen::Vector3d>(fixed, fixed);
  std::vector<float> plain = {0, 1, 2, 3, 4};
  Draft vector;
  vector.tensor("t", plain);
  CHECK(must(Saved(vector)->to<Eigen::VectorXf>("t")) == column);
}

TEST_CASE("eigen: fixed sizes, one element, and no elements") {
  const Eigen::Matrix3d fixed = numbered<Eigen::Matrix3d>(3, 3);
  check_loads_as<Eigen::Matrix3d>(fixed, fixed);
  check_loads_as<RowMatrixXd>(fixed, fixed);
  const Eigen::Matrix<float, 1, 1> single(7);
  Draft scalar;
  scalar.tensor("t", single);
  CHECK(info_of(scalar).size_bytes == 4);
  const Eigen::MatrixXf one_by_one = Eigen::MatrixXf::Constant(1, 1, 3);
  check_loads_as<RowMatrixXf>(one_by_one, one_by_one);
  const Eigen::MatrixXf row_like = numbered<Eigen::MatrixXf>(1, 6);
  check_loads_as<RowMatrixXf>(row_like, row_like);
  const Eigen::MatrixXf column_like = numbered<Eigen::MatrixXf>(6, 1);
  check_loads_as<RowMatrixXf>(column_like, column_like);
  const Eigen::MatrixXf empty(0, 5);
  check_loads_as<Eigen::MatrixXf>(empty, empty);
  check_loads_as<RowMatrixXf>(empty, empty);
  const Eigen::VectorXd nothing(0);
  check_loads_as<Eigen::VectorXd>(nothing, nothing);
}

TEST_CASE("eigen: every scalar type") {
  check_scalar<float>(DType::F32);
  check_scalar<double>(DType::F64);
  check_scalar<Eigen::half>(DType::F16);
  check_scalar<Eigen::bfloat16>(DType::BF16);
  check_scalar<std::complex<float>>(DType::C64);
  check_scalar<std::complex<double>>(DType::C128);
  check_scalar<std::int8_t>(DType::I8);
  check_scalar<std::uint8_t>(DType::U8);
  check_scalar<std::int16_t>(DType::I16);
  check_scalar<std::int32_t>(DType::I32);
  check_scalar<std::int64_t>(DType::I64);
  check_scalar<std::uint64_t>(DType::U64);
  check_scalar<bool>(DType::Bool);
}

TEST_CASE("eigen: maps of foreign memory, dense and with strides") {
  std::vector<float> memory(100);
  for (std::size_t i = 0; i < memory.size(); ++i) {
    memory[i] = static_cast<float>(i);
  }
  const Eigen::Map<const Eigen::MatrixXf> dense(memory.data(), 4, 5);
  check_loads_as<Eigen::MatrixXf>(dense, dense);
  check_loads_as<RowMatrixXf>(dense, dense);
  const Eigen::Map<const RowMatrixXf> rows(memory.data(), 4, 5);
  check_loads_as<Eigen::MatrixXf>(rows, rows);
  const Eigen::Map<const Eigen::MatrixXf, 0, Eigen::OuterStride<>> outer(memory.data(), 4, 5,
                                                                         Eigen::OuterStride<>(7));
  check_loads_as<Eigen::MatrixXf>(outer, outer);
  const Eigen::Map<const Eigen::MatrixXf, 0, Eigen::Stride<Dynamic, Dynamic>> both(
      memory.data(), 4, 5, Eigen::Stride<Dynamic, Dynamic>(15, 3));
  check_loads_as<RowMatrixXf>(both, both);
  const Eigen::Map<const Eigen::VectorXf, 0, Eigen::InnerStride<>> inner(memory.data(), 9,
                                                                         Eigen::InnerStride<>(10));
  check_loads_as<Eigen::VectorXf>(inner, inner);
  // Column-major memory seen through row strides: dense, in the other order.
  const Eigen::Map<const Eigen::MatrixXf, 0, Eigen::Stride<Dynamic, Dynamic>> swapped(
      memory.data(), 4, 5, Eigen::Stride<Dynamic, Dynamic>(1, 5));
  check_loads_as<Eigen::MatrixXf>(swapped, swapped);
}

TEST_CASE("eigen: blocks, contiguous and with gaps") {
  const auto matrix = numbered<Eigen::MatrixXf>(8, 10);
  const auto row_matrix = numbered<RowMatrixXf>(8, 10);
  const auto left = matrix.leftCols(4);
  check_loads_as<Eigen::MatrixXf>(left, left);
  const auto inner = matrix.block(2, 3, 4, 5);
  check_loads_as<RowMatrixXf>(inner, inner);
  const auto top = row_matrix.topRows(3);
  check_loads_as<Eigen::MatrixXf>(top, top);
  const auto column = matrix.col(3);
  check_loads_as<Eigen::VectorXf>(column, column);
  const auto row = matrix.row(5);
  check_loads_as<Eigen::RowVectorXf>(row, row);
  const auto segment = column.segment(2, 3);
  check_loads_as<Eigen::VectorXf>(segment, segment);
  const auto diagonal = matrix.diagonal();
  check_loads_as<Eigen::VectorXf>(diagonal, diagonal);
  const auto transposed = matrix.transpose();
  check_loads_as<Eigen::MatrixXf>(transposed, transposed);
  const auto corner = row_matrix.bottomRightCorner(3, 3);
  check_loads_as<Eigen::MatrixXf>(corner, corner);
}

TEST_CASE("eigen: expressions are evaluated, also those that point into temporaries") {
  const auto a = numbered<Eigen::MatrixXf>(6, 6);
  const Eigen::VectorXf v = Eigen::VectorXf::LinSpaced(6, 1, 6);
  Draft draft;
  draft.tensor("scaled", a * 2)
      .tensor("sum", a + a.transpose())
      .tensor("product", a * v)
      .tensor("square", a.array().square())
      .tensor("identity", Eigen::MatrixXf::Identity(3, 3))
      .tensor("cast", a.cast<double>())
      .tensor("block", Eigen::MatrixXf(a * 3).leftCols(2))
      .tensor("gaps", Eigen::MatrixXf(a * 3).topRows(2))
      .tensor("segment", Eigen::VectorXf(v * 2).head(3))
      .tensor("transposed", Eigen::MatrixXf(a * 3).transpose())
      .tensor("reshaped", a.reshaped(9, 4))
      .tensor("owner", Eigen::MatrixXf(a * 5));
  // Memory that the temporaries had is written to.
  const std::vector<Eigen::MatrixXf> noise(50, Eigen::MatrixXf::Constant(6, 6, -1));
  const Saved saved(draft);
  CHECK(must(saved->to<Eigen::MatrixXf>("scaled")) == a * 2);
  CHECK(must(saved->to<Eigen::MatrixXf>("sum")) == a + a.transpose());
  CHECK(must(saved->to<Eigen::VectorXf>("product")) == a * v);
  CHECK((must(saved->to<Eigen::ArrayXXf>("square")) == a.array().square()).all());
  CHECK(must(saved->to<Eigen::MatrixXf>("identity")) == Eigen::MatrixXf::Identity(3, 3));
  CHECK(must(saved->to<Eigen::MatrixXd>("cast")) == a.cast<double>());
  CHECK(must(saved->to<Eigen::MatrixXf>("block")) == 3 * a.leftCols(2));
  CHECK(must(saved->to<Eigen::MatrixXf>("gaps")) == 3 * a.topRows(2));
  CHECK(must(saved->to<Eigen::VectorXf>("segment")) == 2 * v.head(3));
  CHECK(must(saved->to<Eigen::MatrixXf>("transposed")) == 3 * a.transpose());
  CHECK(must(saved->to<Eigen::MatrixXf>("reshaped")) == a.reshaped(9, 4));
  CHECK(must(saved->to<Eigen::MatrixXf>("owner")) == 5 * a);
}

TEST_CASE("eigen: a Ref is saved like what it refers to") {
  auto matrix = numbered<Eigen::MatrixXf>(6, 8);
  const Eigen::Ref<const Eigen::MatrixXf> whole(matrix);
  check_loads_as<RowMatrixXf>(whole, matrix);
  const Eigen::Ref<Eigen::MatrixXf> part(matrix.middleRows(1, 3));
  check_loads_as<Eigen::MatrixXf>(part, matrix.middleRows(1, 3));
  const Eigen::Ref<Eigen::VectorXf> column(matrix.col(2));
  check_loads_as<Eigen::VectorXf>(column, matrix.col(2));
  const Eigen::Ref<const Eigen::MatrixXf> evaluated(matrix * 2);
  check_loads_as<Eigen::MatrixXf>(evaluated, Eigen::MatrixXf(matrix * 2));
}

TEST_CASE("eigen: a matrix over many chunks is loaded into the other order") {
  const Eigen::MatrixXf matrix = Eigen::MatrixXf::Random(1111, 1234);  // 5.2 MiB.
  check_loads_as<RowMatrixXf>(matrix, matrix);
  check_loads_as<Eigen::MatrixXf>(matrix, matrix);
}

TEST_CASE("eigen: the same matrix in another order is another artifact with the same elements") {
  TempStore temp;
  auto store = temp.open();
  Draft col;
  col.tensor("t", numbered<Eigen::MatrixXf>(3, 4));
  Draft row;
  row.tensor("t", numbered<RowMatrixXf>(3, 4));
  CHECK(must(store.save("col", col)).digest != must(store.save("row", row)).digest);
  CHECK(must(must(store.load("col")).to<Eigen::MatrixXf>("t")) ==
        must(must(store.load("row")).to<Eigen::MatrixXf>("t")));
}

TEST_CASE("eigen: map is a view of the tensor's bytes, and lives as long as the tensor") {
  const auto matrix = numbered<Eigen::MatrixXd>(30, 40);
  Draft draft;
  draft.tensor("t", matrix);
  std::optional<Tensor> tensor;
  {
    const Saved saved(draft);
    tensor = must(saved->tensor("t"));
  }
  const Tensor copy = *tensor;
  tensor.reset();
  const auto map = must(copy.map<Eigen::MatrixXd>());
  CHECK(static_cast<const void*>(map.data()) == static_cast<const void*>(copy.bytes().data()));
  CHECK(map == matrix);
  const auto row_map = must(copy.map<RowMatrixXd>());
  CHECK(static_cast<const void*>(row_map.data()) == static_cast<const void*>(copy.bytes().data()));
  CHECK(row_map == matrix);
}

TEST_CASE("eigen: another dtype, rank or shape is TypeMismatch and says both") {
  Draft draft;
  draft.tensor("matrix", numbered<Eigen::MatrixXf>(3, 4));
  draft.tensor("vector", std::vector<float>(5));
  draft.tensor("cube", std::vector<float>(8), {2, 2, 2});
  const Saved saved(draft);
  const auto wrong = Code::TypeMismatch;
  CHECK(fails(saved->to<Eigen::MatrixXd>("matrix"), wrong, "\"matrix\"", "f64", "f32"));
  CHECK(fails(saved->to<Eigen::VectorXf>("matrix"), wrong, "rank 1", "rank 2", "[3, 4]"));
  CHECK(fails(saved->to<Eigen::MatrixXf>("vector"), wrong, "rank 2", "rank 1", "[5]"));
  CHECK(fails(saved->to<Eigen::MatrixXf>("cube"), wrong, "rank 2", "rank 3", "[2, 2, 2]"));
  CHECK(fails(saved->to<Eigen::Matrix<float, 4, 3>>("matrix"), wrong, "[4, 3]", "[3, 4]"));
  CHECK(fails(saved->to<Eigen::Matrix<float, Dynamic, 3>>("matrix"), wrong, "3]", "[3, 4]"));
  CHECK(fails(saved->to<Eigen::Vector4f>("vector"), wrong, "[4]", "[5]"));
  using Small = Eigen::Matrix<float, Dynamic, Dynamic, Eigen::ColMajor, 3, 3>;
  CHECK(fails(saved->to<Small>("matrix"), wrong, "at most 3", "[3, 4]"));
  CHECK(fails(saved->to<Eigen::MatrixXf>("none"), Code::NotFound, "matrix"));
  const auto tensor = must(saved->tensor("matrix"));
  CHECK(fails(tensor.map<Eigen::MatrixXi>(), wrong, "i32", "f32"));
  CHECK(fails(tensor.map<Eigen::VectorXf>(), wrong, "rank 1", "rank 2"));
  CHECK(fails(tensor.map<Eigen::Matrix4f>(), wrong, "[4, 4]", "[3, 4]"));
}

}  // namespace cairn::testing
