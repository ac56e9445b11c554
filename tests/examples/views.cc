// Reads a large model without reading all of it, without copying it, and without new memory for
// every checkpoint: slices, segments and a buffer that is used again. Every byte is verified.
#include <cstddef>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include <cairn/cairn.h>
#include <cairn/eigen.h>

#include "example.h"

using example::check;
using example::or_exit;

namespace {

using Table = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// A row a word, as an embedding has them.
Table make_table(std::uint64_t epoch) {
  return Table::NullaryExpr(20'000, 64, [epoch](Eigen::Index word, Eigen::Index i) {
    return static_cast<float>(word * 64 + i) + static_cast<float>(epoch) / 4;
  });
}

double sum_of(const cairn::Segment& segment) {
  const auto* values = reinterpret_cast<const float*>(segment.bytes().data());
  const auto count = static_cast<Eigen::Index>(segment.bytes().size() / sizeof(float));
  return Eigen::Map<const Eigen::ArrayXf>(values, count).cast<double>().sum();
}

double sum_of(const cairn::Artifact& artifact) {
  double sum = 0;
  const auto segments = or_exit(artifact.segments("embedding"));
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto segment = or_exit(segments.at(i));
    sum += sum_of(segment);
  }
  return sum;
}

}  // namespace

int main() {
  const example::TemporaryDirectory directory;
  auto store = or_exit(cairn::Store::open(directory.path()));
  for (const std::uint64_t epoch : {1, 2, 3}) {
    cairn::Draft draft;
    draft.tensor("embedding", make_table(epoch));
    or_exit(store.save({"words", "1", epoch}, draft));
  }

  const auto artifact = or_exit(store.load("words:1@2"));
  const auto words = or_exit(artifact.slice("embedding", 12'000, 12'016));
  const auto rows = or_exit(words.map<Table>());
  check(rows == make_table(2).middleRows(12'000, 16), "sixteen rows, and only their chunks read");

  check(sum_of(artifact) == make_table(2).cast<double>().sum(), "summed where the bytes lie");

  cairn::Buffer buffer;
  for (const std::uint64_t epoch : {1, 2, 3}) {
    const auto checkpoint = or_exit(store.load({"words", "1", epoch}));
    or_exit(buffer.resize(or_exit(checkpoint.info("embedding")).size_bytes));
    or_exit(checkpoint.read_into("embedding", buffer.elements<float>()));
    const Eigen::Map<const Table> table(buffer.elements<float>().data(), 20'000, 64);
    check(table == make_table(epoch), "a checkpoint, in the memory of the one before");
  }
  return 0;
}
