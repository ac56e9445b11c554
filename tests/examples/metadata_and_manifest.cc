// Saves metadata with a model. What was a manifest is the artifact itself: it lists every tensor
// and file with the digest of its bytes, and its own digest covers them all.
#include <chrono>
#include <iostream>
#include <string>

#include <Eigen/Core>
#include <nlohmann/json.hpp>

#include <cairn/cairn.h>
#include <cairn/eigen.h>
#include <cairn/json.h>

#include "example.h"

using example::check;
using example::or_exit;

namespace {

cairn::Draft draft_of(const Eigen::MatrixXf& weights, const Eigen::VectorXf& bias) {
  cairn::Draft draft;
  draft.tensor("weights", weights)
      .tensor("bias", bias)
      .config(nlohmann::json{{"input_size", 100}, {"output_size", 10}})
      .metric("final_loss", 0.0031)
      .tag("model_type", "neural_network")
      .field("training", cairn::Value::Map{{"epochs", 5}, {"shuffled", true}})
      .producer("metadata_and_manifest");
  return draft;
}

void print_manifest(const cairn::Artifact& artifact) {
  std::cout << artifact.key().to_string() << "  " << artifact.digest().to_string() << '\n';
  for (const auto& tensor : artifact.tensors()) {
    std::cout << "  " << tensor.name << ' ' << cairn::to_string(tensor.dtype) << ' '
              << cairn::to_string(tensor.shape) << ' ' << tensor.size_bytes << " bytes  "
              << tensor.content.to_string() << '\n';
  }
}

}  // namespace

int main() {
  const example::TemporaryDirectory directory;
  auto store = or_exit(cairn::Store::open(directory.path()));
  Eigen::MatrixXf weights = Eigen::MatrixXf::Random(100, 10);
  const Eigen::VectorXf bias = Eigen::VectorXf::Random(10);
  or_exit(store.save("advanced:1", draft_of(weights, bias)));
  weights(99, 9) += 0.001F;  // One weight, in the last row.
  or_exit(store.save("advanced:2", draft_of(weights, bias)));

  const auto first = or_exit(store.load("advanced:1"));
  const auto second = or_exit(store.load("advanced:2"));
  print_manifest(first);
  print_manifest(second);
  check(first.digest() != second.digest(), "one changed weight changes the artifact's digest");
  check(or_exit(first.info("weights")).content != or_exit(second.info("weights")).content,
        "and the digest of the weights");
  check(or_exit(first.info("bias")).content == or_exit(second.info("bias")).content,
        "the bias is the same, and is stored once");

  const auto& metadata = first.metadata();
  check(metadata.metric("final_loss") == 0.0031, "metrics are kept");
  check(metadata.tag("model_type") == "neural_network", "tags are kept");
  check(metadata.fields.size() == 1 && metadata.fields[0].first == "training", "fields are kept");
  check(metadata.created_at <= std::chrono::system_clock::now(), "the time is filled in");

  check(first.verify() && second.verify(), "every byte is what was saved");
  return 0;
}
