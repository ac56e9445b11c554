// Saves a model, opens the store again, loads it, and shows that it predicts the same, bit for bit.
#include <cstddef>
#include <cstring>
#include <utility>

#include <Eigen/Core>

#include <cairn/cairn.h>
#include <cairn/eigen.h>

#include "example.h"

using example::check;
using example::or_exit;

namespace {

struct LinearModel {
  Eigen::MatrixXf weights;  // inputs x outputs
  Eigen::RowVectorXf bias;

  Eigen::MatrixXf predict(const Eigen::MatrixXf& x) const { return (x * weights).rowwise() + bias; }
};

cairn::Result<cairn::Receipt> save(cairn::Store& store, const cairn::Ref& ref,
                                   const LinearModel& model) {
  cairn::Draft draft;
  draft.tensor("weights", model.weights).tensor("bias", model.bias);
  return store.save(ref, draft);
}

cairn::Result<LinearModel> load(const cairn::Store& store, const cairn::Ref& ref) {
  auto artifact = store.load(ref);
  if (!artifact) return tl::unexpected(artifact.error());
  auto weights = artifact->to<Eigen::MatrixXf>("weights");
  if (!weights) return tl::unexpected(weights.error());
  auto bias = artifact->to<Eigen::RowVectorXf>("bias");
  if (!bias) return tl::unexpected(bias.error());
  return LinearModel{std::move(*weights), std::move(*bias)};
}

bool same_bits(const Eigen::MatrixXf& a, const Eigen::MatrixXf& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(float)) == 0;
}

}  // namespace

int main() {
  const example::TemporaryDirectory directory;
  const LinearModel trained{Eigen::MatrixXf::Random(100, 10), Eigen::RowVectorXf::Random(10)};
  const Eigen::MatrixXf input = Eigen::MatrixXf::Random(5, 100);
  {
    auto store = or_exit(cairn::Store::open(directory.path()));
    const auto receipt = or_exit(save(store, "linear", trained));
    check(receipt.key.to_string() == "linear:1.0.0@0", "a new name starts at version 1");
    or_exit(store.close());
  }

  const auto store = or_exit(cairn::Store::open(directory.path()));
  const auto loaded = or_exit(load(store, "linear"));
  check(same_bits(loaded.predict(input), trained.predict(input)), "the predictions are the same");

  // Without a copy: a map of the stored bytes, valid while the tensor lives.
  const auto artifact = or_exit(store.load("linear"));
  const auto tensor = or_exit(artifact.tensor("weights"));
  const auto weights = or_exit(tensor.map<Eigen::MatrixXf>());
  check(same_bits(weights, trained.weights), "the mapped weights are the same");
  return 0;
}
