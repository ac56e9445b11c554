// Tensors through save and load: every dtype, shape, layout and name; sizes around chunk
// boundaries; the ways to read them back; and numeric health.
#include <array>
#include <complex>
#include <limits>
#include <memory>

#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

constexpr std::array kDTypes = {
    DType::Bool, DType::I8,  DType::I16, DType::I32,    DType::I64,    DType::U8,
    DType::U16,  DType::U32, DType::U64, DType::F8E4M3, DType::F8E5M2, DType::F16,
    DType::BF16, DType::F32, DType::F64, DType::C64,    DType::C128,
};

std::vector<std::byte> random_tensor(Random& random, DType dtype, std::uint64_t bytes) {
  auto out = random.bytes(bytes);
  if (dtype == DType::Bool) {
    for (auto& byte : out) {
      byte &= std::byte{1};
    }
  }
  return out;
}

void check_same(const Artifact& artifact, const std::string& name, const TensorView& saved) {
  CAPTURE(name);
  const auto info = must(artifact.info(name));
  CHECK(info.name == name);
  CHECK(info.dtype == saved.dtype);
  CHECK(info.shape == saved.shape);
  CHECK(info.layout == saved.layout);
  CHECK(info.size_bytes == saved.bytes.size());
  CHECK(same_bytes(bytes_of(artifact, name), saved.bytes));
  const auto tensor = must(artifact.tensor(name));
  CHECK(same_bytes(tensor.bytes(), saved.bytes));
  CHECK(tensor.info().shape == saved.shape);
  CHECK(reinterpret_cast<std::uintptr_t>(tensor.bytes().data()) % 16 == 0);
}

template <Element T>
void check_typed(Store& store, const std::string& name) {
  CAPTURE(name);
  const auto values = Random(sizeof(T)).elements<T>(1000);
  Draft draft;
  draft.tensor("t", values);
  must(store.save(name, draft));
  const auto artifact = must(store.load(name));
  CHECK(must(artifact.info("t")).dtype == ElementTraits<T>::dtype);
  CHECK(same_bytes(must(artifact.to<std::vector<T>>("t")), values));
  std::vector<T> out(values.size());
  CHECK(ok(artifact.read_into("t", std::span<T>(out))));
  CHECK(same_bytes(out, values));
  const auto tensor = must(artifact.tensor("t"));
  CHECK(same_bytes(must(tensor.elements<T>()), values));
}

}  // namespace

TEST_CASE("save: every dtype and layout comes back bit for bit") {
  TempStore temp;
  Random random;
  std::vector<std::vector<std::byte>> bytes;
  std::vector<TensorView> views;
  Draft draft;
  for (const DType dtype : kDTypes) {
    for (const Layout layout : {Layout::C, Layout::Fortran}) {
      const Shape shape = {7, 11, 3};
      bytes.push_back(random_tensor(random, dtype, must(shape_bytes(dtype, shape))));
      views.push_back({dtype, shape, layout, bytes.back()});
      draft.tensor(std::string(to_string(dtype)) + "/" + std::string(to_string(layout)),
                   views.back());
    }
  }
  {
    auto store = temp.open();
    CHECK(must(store.save("m", draft)).new_chunks == views.size());
  }
  const auto artifact = must(temp.open().load("m"));
  CHECK(artifact.tensors().size() == views.size());
  for (const auto& view : views) {
    check_same(artifact,
               std::string(to_string(view.dtype)) + "/" + std::string(to_string(view.layout)),
               view);
  }
  CHECK(ok(artifact.verify()));
}

TEST_CASE("save: every C++ element type has its dtype and is read back as itself") {
  TempStore temp;
  auto store = temp.open();
  check_typed<std::int8_t>(store, "i8");
  check_typed<std::int16_t>(store, "i16");
  check_typed<std::int32_t>(store, "i32");
  check_typed<std::int64_t>(store, "i64");
  check_typed<long long>(store, "long-long");
  check_typed<std::uint8_t>(store, "u8");
  check_typed<std::uint16_t>(store, "u16");
  check_typed<std::uint32_t>(store, "u32");
  check_typed<std::uint64_t>(store, "u64");
  check_typed<F8E4M3>(store, "e4m3");
  check_typed<F8E5M2>(store, "e5m2");
  check_typed<F16>(store, "f16");
  check_typed<BF16>(store, "bf16");
  check_typed<float>(store, "f32");
  check_typed<double>(store, "f64");
  check_typed<std::complex<float>>(store, "c64");
  check_typed<std::complex<double>>(store, "c128");
}

TEST_CASE("save: ranks from 0 to 32 keep their shape, 33 is LimitExceeded") {
  TempStore temp;
  auto store = temp.open();
  const auto bytes = Random().bytes(4 * 4096);
  Draft draft;
  for (std::size_t rank = 0; rank <= kMaxRank; ++rank) {
    Shape shape(rank, 1);
    for (std::size_t i = 0; i < rank; i += 5) {
      shape[i] = 3;
    }
    const auto size = must(shape_bytes(DType::F32, shape));
    draft.tensor("rank" + std::to_string(rank),
                 TensorView{DType::F32, shape, Layout::C, std::span(bytes).first(size)});
  }
  must(store.save("m", draft));
  const auto artifact = must(store.load("m"));
  for (const auto& part : draft.parts().tensors) {
    check_same(artifact, part.name, part.view);
  }
  CHECK(must(artifact.info("rank0")).size_bytes == 4);

  Draft deep;
  deep.tensor("t", TensorView{DType::U8, Shape(33, 1), Layout::C, std::span(bytes).first(1)});
  CHECK(fails(store.save("m", deep), Code::LimitExceeded, "rank", "33"));
}

TEST_CASE("save: a tensor with 0 in its shape is kept, and has no bytes") {
  TempStore temp;
  Draft draft;
  const std::vector<Shape> shapes = {{0}, {3, 0}, {0, 7, 0}, {std::uint64_t{1} << 40U, 0}};
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    draft.tensor("t" + std::to_string(i), TensorView{DType::F64, shapes[i], Layout::C, {}});
  }
  draft.tensor("vector", std::vector<float>());
  {
    auto store = temp.open();
    const auto receipt = must(store.save("m", draft));
    CHECK(receipt.chunks == 0);
    CHECK(receipt.size_bytes == 0);
  }
  const auto artifact = must(temp.open().load("m"));
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    check_same(artifact, "t" + std::to_string(i), {DType::F64, shapes[i], Layout::C, {}});
  }
  CHECK(must(artifact.to<std::vector<float>>("vector")).empty());
  CHECK(must(artifact.info("vector")).size_bytes == 0);
  CHECK(ok(artifact.verify()));
}

TEST_CASE("save: a view whose bytes and shape disagree is InvalidArgument") {
  TempStore temp;
  auto store = temp.open();
  const auto bytes = Random().bytes(100);
  Draft view;
  view.tensor("w", TensorView{DType::F32, {5, 5, 2}, Layout::C, bytes});
  CHECK(fails(store.save("m", view), Code::InvalidArgument, "\"w\"", "200", "100"));
  Draft shape;
  shape.tensor("w", std::vector<float>(10), {3, 4});
  CHECK(fails(store.save("m", shape), Code::InvalidArgument, "\"w\"", "[3, 4]"));
  Draft overflow;
  overflow.tensor("w", TensorView{DType::F64, Shape(4, 1U << 20U), Layout::C, bytes});
  CHECK(fails(store.save("m", overflow), Code::LimitExceeded, "2^64"));
  CHECK(must(store.list()).empty());
}

TEST_CASE("save: a span or vector takes the shape that is given with it") {
  TempStore temp;
  auto store = temp.open();
  const auto values = Random().floats(60);
  Draft draft;
  draft.tensor("lvalue", values, {3, 4, 5})
      .tensor("span", std::span(values), {60, 1})
      .tensor("moved", std::vector<float>(values), {6, 10});
  must(store.save("m", draft));
  const auto artifact = must(store.load("m"));
  CHECK(must(artifact.info("lvalue")).shape == Shape{3, 4, 5});
  CHECK(must(artifact.info("span")).shape == Shape{60, 1});
  CHECK(must(artifact.info("moved")).shape == Shape{6, 10});
  for (const char* name : {"lvalue", "span", "moved"}) {
    CHECK(same_bytes(bytes_of(artifact, name), values));
  }
}

TEST_CASE("names: a tensor's is any UTF-8 of 1 to 1,024 bytes without NUL") {
  TempStore temp;
  auto store = temp.open();
  std::string clefs;
  for (int i = 0; i < 256; ++i) {
    clefs += "\xf0\x9d\x84\x9e";
  }
  const std::vector<std::string> good = {
      "w",   "../../etc/passwd",    "layers.0/weight:0 @x", "\x01", "\xc3\xa9", "\xef\xbf\xbd",
      clefs, std::string(1024, 'x')};
  Draft draft;
  for (std::uint32_t i = 0; i < good.size(); ++i) {
    draft.tensor(good[i], std::vector<std::uint32_t>{i});
  }
  must(store.save("m", draft));
  const auto artifact = must(store.load("m"));
  for (std::uint32_t i = 0; i < good.size(); ++i) {
    CHECK(must(artifact.to<std::vector<std::uint32_t>>(good[i])).front() == i);
  }

  const std::vector<std::pair<std::string, std::string>> bad = {
      {"", "none"},
      {std::string(1025, 'x'), "1025"},
      {std::string("a\0b", 3), "NUL"},
      {"\xff", "UTF-8"},
      {"a\xc0\xaf", "UTF-8"},         // Overlong.
      {"\xed\xa0\x80", "UTF-8"},      // A surrogate.
      {"\xf4\x90\x80\x80", "UTF-8"},  // Above U+10FFFF.
      {"\xf0\x9d\x84", "UTF-8"},      // Cut.
  };
  for (const auto& [name, why] : bad) {
    Draft wrong;
    wrong.tensor(name, std::vector<float>{1});
    CHECK(fails(store.save("m", wrong), Code::InvalidArgument, "tensor", why));
  }
  CHECK(must(store.list()).size() == 1);
}

TEST_CASE("save: two names for one content are stored once") {
  TempStore temp;
  auto store = temp.open();
  const auto values = Random().floats(kMiB);  // 4 MiB.
  const auto copy = values;
  Draft draft;
  draft.tensor("a", values).tensor("b", copy).tensor("c", copy, {1024, 1024});
  const auto receipt = must(store.save("m", draft));
  CHECK(receipt.chunks == 12);
  CHECK(receipt.new_chunks == 4);
  CHECK(receipt.new_bytes == 4 * kMiB);
  CHECK(receipt.size_bytes == 12 * kMiB);
  const auto artifact = must(store.load("m"));
  CHECK(must(artifact.info("a")).content == must(artifact.info("c")).content);
  for (const char* name : {"a", "b", "c"}) {
    CHECK(same_bytes(bytes_of(artifact, name), values));
  }
}

TEST_CASE("save: a second identical tensor writes no chunk, whatever its name, dtype and shape") {
  TempStore temp;
  auto store = temp.open();
  const auto values = Random().floats(700'000);
  Draft first;
  first.tensor("w", values);
  CHECK(must(store.save("a", first)).new_bytes == 2'800'000);
  Draft second;
  second.tensor(
      "other",
      TensorView{DType::U16, {2, 700'000}, Layout::Fortran, std::as_bytes(std::span(values))});
  const auto receipt = must(store.save("b", second));
  CHECK(receipt.chunks == 3);
  CHECK(receipt.new_chunks == 0);
  CHECK(receipt.new_bytes == 0);
  CHECK(same_bytes(bytes_of(must(store.load("b")), "other"), values));
}

TEST_CASE("save: an epoch that changes one chunk of many stores that one") {
  TempStore temp;
  auto store = temp.open();
  auto values = Random().elements<std::uint8_t>(6 * kMiB);
  Draft first;
  first.tensor("w", values);
  must(store.save("m:1@1", first));
  const auto before = values;
  values[3 * kMiB + 17] ^= 1U;
  const auto receipt = must(store.save("m:1@2", first));
  CHECK(receipt.new_chunks == 1);
  CHECK(receipt.new_bytes == kMiB);
  CHECK(same_bytes(bytes_of(must(store.load("m@1")), "w"), before));
  CHECK(same_bytes(bytes_of(must(store.load("m@2")), "w"), values));
}

TEST_CASE("save: sizes around the chunk boundaries come back bit for bit") {
  TempStore temp;
  const auto bytes = Random().bytes(80 * kMiB);
  const std::vector<std::size_t> sizes = {
      1, 15, 64, kMiB - 1, kMiB, kMiB + 1, 2 * kMiB - 1, 7 * kMiB / 2, 40 * kMiB, 80 * kMiB};
  {
    auto store = temp.open();
    for (const auto size : sizes) {
      Draft draft;
      const auto part = std::span(bytes).subspan((80 * kMiB - size) / 3, size);
      draft.tensor("t", TensorView{DType::U8, {size}, Layout::C, part});
      const auto receipt = must(store.save("size" + std::to_string(size), draft));
      CHECK(receipt.chunks == (size + kMiB - 1) / kMiB);
      CHECK(receipt.size_bytes == size);
      CHECK(files_in(temp.incoming()) == 0);
    }
    must(store.close());
  }
  const auto store = temp.open();
  for (const auto size : sizes) {
    const auto part = std::span(bytes).subspan((80 * kMiB - size) / 3, size);
    check_same(must(store.load("size" + std::to_string(size))), "t",
               {DType::U8, {size}, Layout::C, part});
  }
}

TEST_CASE("save: new chunks beyond 64 MiB come back, with any number of threads") {
  const auto values = Random().floats(20 * kMiB);  // 80 MiB.
  for (const unsigned threads : {1U, 2U, 5U}) {
    CAPTURE(threads);
    TempStore temp;
    auto store = temp.open({.threads = threads});
    Draft draft;
    draft.tensor("w", values)
        .tensor("tail", std::vector<float>(values.begin(), values.begin() + 7));
    CHECK(must(store.save("m", draft)).new_chunks == 81);
    const auto artifact = must(store.load("m", {.threads = threads}));
    CHECK(same_bytes(bytes_of(artifact, "w"), values));
    CHECK(same_bytes(bytes_of(artifact, "tail"), std::span(values).first(7)));
  }
}

TEST_CASE("tensor: a large one starts at a multiple of 64 bytes, in one chunk and in several") {
  TempStore temp;
  auto store = temp.open();
  Random random;
  Draft draft;
  for (const std::size_t size : {64UL, 100UL, 5000UL, kMiB, kMiB + 12, 3 * kMiB}) {
    draft.tensor(std::to_string(size), random.elements<std::uint8_t>(size));
  }
  must(store.save("m", draft));
  const auto artifact = must(store.load("m"));
  for (const auto& info : artifact.tensors()) {
    CAPTURE(info.name);
    const auto tensor = must(artifact.tensor(info.name));
    const auto address = reinterpret_cast<std::uintptr_t>(tensor.bytes().data());
    CHECK(address % (info.size_bytes > 64 ? 64 : 16) == 0);
  }
}

TEST_CASE("tensor: it outlives the artifact and the store, and holds the lock until it goes") {
  TempStore temp;
  const auto values = Random().floats(3 * kMiB / 4);
  std::optional<Tensor> small;
  std::optional<Tensor> large;
  {
    auto store = temp.open();
    Draft draft;
    draft.tensor("large", values)
        .tensor("small", std::vector<float>(values.begin(), values.begin() + 100));
    must(store.save("m", draft));
    const auto artifact = must(store.load("m"));
    small = must(artifact.tensor("small"));
    large = must(artifact.tensor("large"));
  }
  CHECK(same_bytes(small->bytes(), std::span(values).first(100)));
  CHECK(same_bytes(large->bytes(), values));
  CHECK(fails(Store::open(temp.path()), Code::Locked, "this process"));
  std::optional<Tensor> copy = *large;
  small.reset();
  large.reset();
  CHECK(same_bytes(copy->bytes(), values));
  CHECK(fails(Store::open(temp.path()), Code::Locked));
  copy.reset();
  CHECK(ok(Store::open(temp.path())));
}

TEST_CASE("artifact: it outlives the store, and reads on") {
  TempStore temp;
  const auto values = Random().floats(kMiB);
  std::optional<Artifact> artifact;
  {
    auto store = temp.open();
    Draft draft;
    draft.tensor("w", values);
    must(store.save("m", draft));
    artifact = must(store.load("m"));
  }
  CHECK(same_bytes(bytes_of(*artifact, "w"), values));
  CHECK(ok(artifact->verify()));
  artifact.reset();
  CHECK(ok(Store::open(temp.path())));
}

TEST_CASE("load: another dtype, rank or size is TypeMismatch and says both") {
  TempStore temp;
  auto store = temp.open();
  Draft draft;
  draft.tensor("w", Random().floats(12), {3, 4});
  must(store.save("m", draft));
  const auto artifact = must(store.load("m"));
  CHECK(fails(artifact.to<std::vector<double>>("w"), Code::TypeMismatch, "\"w\"", "f64", "f32"));
  const auto tensor = must(artifact.tensor("w"));
  CHECK(fails(tensor.elements<std::int32_t>(), Code::TypeMismatch, "\"w\"", "i32", "f32"));
  std::vector<double> doubles(6);
  CHECK(
      fails(artifact.read_into("w", std::span<double>(doubles)), Code::TypeMismatch, "f64", "f32"));
  for (const std::size_t count : {0UL, 47UL, 49UL, 96UL}) {
    std::vector<std::byte> out(count);
    CHECK(fails(artifact.read_into("w", std::span(out)), Code::TypeMismatch, "\"w\"",
                std::to_string(count), "48"));
  }
}

TEST_CASE("load: an unknown tensor is NotFound and names those that exist") {
  TempStore temp;
  auto store = temp.open();
  Draft draft;
  draft.tensor("encoder.w", std::vector<float>(1)).tensor("decoder.w", std::vector<float>(2));
  must(store.save("m", draft));
  const auto artifact = must(store.load("m"));
  std::vector<std::byte> out(4);
  CHECK(fails(artifact.info("w"), Code::NotFound, "\"w\"", "encoder.w", "decoder.w"));
  CHECK(fails(artifact.tensor("w"), Code::NotFound, "encoder.w"));
  CHECK(fails(artifact.read_into("w", std::span(out)), Code::NotFound, "encoder.w"));
  CHECK(fails(artifact.to<std::vector<float>>("w"), Code::NotFound, "encoder.w"));
  CHECK(artifact.tensors().at(0).name == "decoder.w");
}

TEST_CASE("save: ten thousand small tensors make one artifact") {
  TempStore temp;
  auto store = temp.open();
  Draft draft;
  const auto count = static_cast<std::uint32_t>(scaled(10'000, 100'000));
  for (std::uint32_t i = 0; i < count; ++i) {
    draft.tensor("layer." + std::to_string(i), std::vector<std::uint32_t>{i, i + 1});
  }
  CHECK(must(store.save("m", draft)).chunks == count);
  const auto artifact = must(store.load("m"));
  CHECK(artifact.tensors().size() == count);
  for (std::uint32_t i = 0; i < count; i += 997) {
    const auto values = must(artifact.to<std::vector<std::uint32_t>>("layer." + std::to_string(i)));
    CHECK(values == std::vector<std::uint32_t>{i, i + 1});
  }
}

TEST_CASE("save: more than 100,000 tensors are LimitExceeded") {
  TempStore temp;
  auto store = temp.open();
  const std::vector<float> value(1);
  Draft draft;
  for (int i = 0; i <= 100'000; ++i) {
    draft.tensor(std::to_string(i), value);
  }
  CHECK(fails(store.save("m", draft), Code::LimitExceeded, "100000"));
}

}  // namespace cairn::testing
