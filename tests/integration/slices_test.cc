// Slices beside a plain model: rows of tensors of any dtype, shape and layout, whole chunks or
// parts of them, damaged outside and inside of what is asked for.
#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include <doctest/doctest.h>

#include <cairn/eigen.h>

#include "support.h"

namespace cairn::testing {

namespace {

constexpr std::array kDTypes = {
    DType::Bool, DType::I8,  DType::I16, DType::I32,    DType::I64,    DType::U8,
    DType::U16,  DType::U32, DType::U64, DType::F8E4M3, DType::F8E5M2, DType::F16,
    DType::BF16, DType::F32, DType::F64, DType::C64,    DType::C128,
};

struct Plain {
  std::string name;
  DType dtype = DType::U8;
  Shape shape;
  Layout layout = Layout::C;
  std::vector<std::byte> bytes;

  [[nodiscard]] TensorView view() const { return {dtype, shape, layout, bytes}; }
};

Plain plain(Random& random, std::string name, DType dtype, Shape shape, Layout layout) {
  Plain out{std::move(name), dtype, std::move(shape), layout, {}};
  out.bytes = random.bytes(must(shape_bytes(out.dtype, out.shape)));
  if (dtype == DType::Bool) {
    for (auto& byte : out.bytes) {
      byte &= std::byte{1};
    }
  }
  return out;
}

// The rows, element by element, by the definition of both layouts: in C the last index runs
// fastest, so rows lie one after another; in Fortran the first one does.
std::vector<std::byte> rows_of(const Plain& tensor, std::uint64_t begin, std::uint64_t end) {
  const auto element = element_bytes(tensor.dtype);
  const auto rows = tensor.shape[0];
  const auto kept = end - begin;
  const auto inner = rows == 0 ? 0 : tensor.bytes.size() / element / rows;
  std::vector<std::byte> out(kept * inner * element);
  for (std::uint64_t row = 0; row < kept; ++row) {
    for (std::uint64_t i = 0; i < inner; ++i) {
      const bool c = tensor.layout == Layout::C;
      const auto from = c ? (begin + row) * inner + i : i * rows + begin + row;
      const auto to = c ? row * inner + i : i * kept + row;
      std::memcpy(&out[to * element], &tensor.bytes[from * element], element);
    }
  }
  return out;
}

void check_slice(const Artifact& artifact, const Plain& tensor, std::uint64_t begin,
                 std::uint64_t end) {
  CAPTURE(tensor.name);
  CAPTURE(begin);
  CAPTURE(end);
  const auto expected = rows_of(tensor, begin, end);
  const auto slice = must(artifact.slice(tensor.name, begin, end));
  auto shape = tensor.shape;
  shape[0] = end - begin;
  CHECK(slice.info().name == tensor.name);
  CHECK(slice.info().shape == shape);
  CHECK(slice.info().dtype == tensor.dtype);
  CHECK(slice.info().layout == tensor.layout);
  CHECK(slice.info().size_bytes == expected.size());
  CHECK(!slice.info().health);
  CHECK(same_bytes(slice.bytes(), expected));
  const auto address = reinterpret_cast<std::uintptr_t>(slice.bytes().data());
  CHECK(address % (expected.size() > 64 ? 64 : 16) == 0);
  std::vector<std::byte> out(expected.size());
  CHECK(ok(artifact.read_slice_into(tensor.name, begin, end, std::span(out))));
  CHECK(out == expected);
}

// Shapes that are small, shapes whose rows or columns are longer than a chunk, and odd ones.
std::vector<Plain> many_tensors(Random& random) {
  std::vector<Plain> out;
  const std::vector<std::pair<DType, Shape>> large = {
      {DType::F32, {1200, 1000}}, {DType::U8, {1'500'000, 3}}, {DType::C128, {50'001, 3}},
      {DType::F16, {1'300'007}},  {DType::F32, {5, 301, 800}}, {DType::Bool, {1000, 2001}},
      {DType::F64, {3, 250'000}}, {DType::I16, {2, 1'200'001}}};
  for (const auto& [dtype, shape] : large) {
    for (const auto layout : {Layout::C, Layout::Fortran}) {
      out.push_back(plain(random, "", dtype, shape, layout));
    }
  }
  for (std::uint64_t i = 0; i < scaled(60, 600); ++i) {
    Shape shape(1 + random.below(5));
    for (auto& dimension : shape) {
      dimension = random.below(10) == 0 ? 0 : 1 + random.below(12);
    }
    out.push_back(plain(random, "", kDTypes.at(i % kDTypes.size()), shape,
                        random.below(2) == 0 ? Layout::C : Layout::Fortran));
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].name = std::to_string(i) + " " + std::string(to_string(out[i].dtype)) + " " +
                  to_string(out[i].shape) + " " + std::string(to_string(out[i].layout));
  }
  return out;
}

void save_all(const TempStore& temp, const std::vector<Plain>& tensors) {
  auto store = temp.open();
  Draft draft;
  for (const auto& tensor : tensors) {
    draft.tensor(tensor.name, tensor.view());
  }
  must(store.save("m", draft));
}

// Flips a bit of the chunk that holds the byte.
void damage(const TempStore& temp, const Plain& tensor, std::size_t offset) {
  const auto place = find_stored(temp, std::span(tensor.bytes).subspan(offset, 64));
  REQUIRE(place.has_value());
  flip_bit(place->file, place->offset, 5);
}

}  // namespace

TEST_CASE("slice: any rows of any tensor are those of the plain one, with mmap and without") {
  Random random;
  TempStore temp;
  const auto tensors = many_tensors(random);
  save_all(temp, tensors);
  for (const bool mmap : {true, false}) {
    const auto store = temp.open({.mmap = mmap});
    for (const auto& tensor : tensors) {
      const auto threads = 1 + static_cast<unsigned>(random.below(4));
      const auto artifact = must(store.load("m", {.threads = threads}));
      const auto rows = tensor.shape[0];
      check_slice(artifact, tensor, 0, rows);
      check_slice(artifact, tensor, rows, rows);
      for (std::uint64_t i = 0; i < scaled(3, 20); ++i) {
        const auto begin = random.below(rows + 1);
        const auto most =
            random.below(2) == 0 ? rows - begin : std::min<std::uint64_t>(rows - begin, 3);
        check_slice(artifact, tensor, begin, begin + random.below(most + 1));
      }
    }
  }
}

TEST_CASE("slice: rows that the tensor does not have are InvalidArgument, with its shape") {
  auto& store = scratch_store();
  const auto name = fresh_name();
  Draft draft;
  draft.tensor("w", Random().floats(12), {3, 4})
      .tensor("none", std::vector<float>(), {0, 4})
      .tensor("scalar", TensorView{DType::U8, {}, Layout::C, std::as_bytes(std::span("x", 1))});
  must(store.save(name, draft));
  const auto artifact = must(store.load(name));
  std::vector<std::byte> out(16);
  for (const auto& [begin, end] : {std::pair{2U, 1U}, {0U, 4U}, {4U, 4U}, {~0U, 1U}}) {
    CHECK(fails(artifact.slice("w", begin, end), Code::InvalidArgument, "\"w\"", "[3, 4]",
                std::to_string(begin)));
    CHECK(fails(artifact.read_slice_into("w", begin, end, std::span(out)), Code::InvalidArgument,
                "[3, 4]"));
  }
  CHECK(fails(artifact.slice("none", 0, 1), Code::InvalidArgument, "[0, 4]"));
  CHECK(must(artifact.slice("none", 0, 0)).info().shape == Shape{0, 4});
  CHECK(fails(artifact.slice("scalar", 0, 0), Code::InvalidArgument, "\"scalar\"", "[]"));
  CHECK(fails(artifact.slice("v", 0, 0), Code::NotFound, "\"w\""));
}

TEST_CASE("slice: a buffer of another size or type is TypeMismatch, and says both") {
  auto& store = scratch_store();
  const auto name = fresh_name();
  const auto values = Random().floats(12);
  Draft draft;
  draft.tensor("w", values, {3, 4});
  must(store.save(name, draft));
  const auto artifact = must(store.load(name));
  std::vector<float> floats(8);
  CHECK(ok(artifact.read_slice_into("w", 1, 3, std::span(floats))));
  CHECK(same_bytes(floats, std::span(values).subspan(4, 8)));
  CHECK(fails(artifact.read_slice_into("w", 1, 2, std::span(floats)), Code::TypeMismatch, "16",
              "32", "[1, 4]"));
  std::vector<std::int32_t> ints(8);
  CHECK(fails(artifact.read_slice_into("w", 1, 3, std::span(ints)), Code::TypeMismatch, "i32",
              "f32"));
}

TEST_CASE("slice: of a column-major matrix it is the block of its rows") {
  auto& store = scratch_store();
  const auto name = fresh_name();
  const Eigen::MatrixXf matrix = Eigen::MatrixXf::Random(700, 900);
  Draft draft;
  draft.tensor("w", matrix);
  must(store.save(name, draft));
  const auto slice = must(must(store.load(name)).slice("w", 100, 350));
  CHECK(must(slice.map<Eigen::MatrixXf>()) == matrix.middleRows(100, 250));
}

TEST_CASE("slice: aligned rows of one chunk are in place, others are copied") {
  TempStore temp;
  Random random;
  const std::vector<Plain> tensors = {
      plain(random, "w", DType::F32, {4096, 256}, Layout::C)};  // Rows of 1 KiB.
  save_all(temp, tensors);
  const auto same_place = [](const Artifact& artifact, std::uint64_t begin, std::uint64_t end) {
    const auto one = must(artifact.slice("w", begin, end));
    const auto other = must(artifact.slice("w", begin, end));
    return one.bytes().data() == other.bytes().data();
  };
  const auto artifact = must(temp.open().load("m"));
  CHECK(same_place(artifact, 0, 1024));
  CHECK(same_place(artifact, 2000, 2048));
  CHECK(same_place(artifact, 4095, 4096));
  CHECK(!same_place(artifact, 1000, 1025));  // Two chunks.
  CHECK(!same_place(artifact, 0, 4096));
}

TEST_CASE("slice: damage in a chunk outside of the rows is not met, inside it is Corruption") {
  Random random;
  const std::vector<Plain> tensors = {
      plain(random, "c", DType::F32, {4096, 256}, Layout::C),  // 4 chunks of 1024 rows.
      plain(random, "fortran", DType::U8, {2 * kMiB, 3}, Layout::Fortran)};  // 2 chunks a column.
  TempStore temp;
  save_all(temp, tensors);
  damage(temp, tensors[0], kMiB + 5000);
  damage(temp, tensors[1], 3 * kMiB + 70);
  const auto where = std::array{"chunk 1", "offset 1048576"};
  for (const bool mmap : {true, false}) {
    const auto artifact = must(temp.open({.mmap = mmap}).load("m"));
    check_slice(artifact, tensors[0], 0, 1024);
    check_slice(artifact, tensors[0], 2048, 4096);
    check_slice(artifact, tensors[1], 0, kMiB);
    std::vector<std::byte> out(2 * tensors[0].bytes.size() / 4096);
    CHECK(fails(artifact.slice("c", 1023, 1025), Code::Corruption, "m:1.0.0@0", "\"c\"", where[0],
                where[1]));
    CHECK(fails(artifact.read_slice_into("c", 1024, 1026, std::span(out)), Code::Corruption,
                where[0], where[1]));
    CHECK(fails(artifact.slice("c", 2000, 2001), Code::Corruption, where[0]));
    CHECK(fails(artifact.slice("fortran", kMiB, kMiB + 1), Code::Corruption, "\"fortran\"",
                "chunk 3", "offset 3145728"));
  }
}

TEST_CASE("slice: it outlives artifact, store and files, and holds the lock until it goes") {
  Random random;
  const std::vector<Plain> tensors = {plain(random, "w", DType::F32, {4096, 256}, Layout::C)};
  TempStore temp;
  save_all(temp, tensors);
  std::vector<Tensor> slices;
  {
    const auto artifact = must(temp.open().load("m"));
    slices = {must(artifact.slice("w", 64, 128)), must(artifact.slice("w", 1000, 3000))};
  }
  CHECK(fails(Store::open(temp.path()), Code::Locked));
  remove_tables(temp);
  CHECK(same_bytes(slices[0].bytes(), rows_of(tensors[0], 64, 128)));
  CHECK(same_bytes(slices[1].bytes(), rows_of(tensors[0], 1000, 3000)));
}

TEST_CASE("slice: many threads may slice one artifact") {
  Random random;
  const std::vector<Plain> tensors = {
      plain(random, "c", DType::F32, {4096, 256}, Layout::C),
      plain(random, "fortran", DType::F32, {4096, 256}, Layout::Fortran)};
  TempStore temp;
  save_all(temp, tensors);
  const auto artifact = must(temp.open().load("m", {.threads = 2}));
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        Random own(t);
        for (std::uint64_t i = 0; i < scaled(30, 1000); ++i) {
          const auto& tensor = tensors[i % 2];
          const auto begin = own.below(4096);
          const auto end = std::min<std::uint64_t>(begin + own.below(64), 4096);
          const auto slice = artifact.slice(tensor.name, begin, end);
          wrong += slice && same_bytes(slice->bytes(), rows_of(tensor, begin, end)) ? 0 : 1;
        }
      });
    }
  }
  CHECK(wrong == 0);
}

}  // namespace cairn::testing
