// Saves a model with its configuration and metadata, and checks that it can be loaded before it is
// called good. What fails leaves nothing behind, and nothing that stands is overwritten.
#include <filesystem>
#include <fstream>
#include <string>

#include <Eigen/Core>
#include <nlohmann/json.hpp>

#include <cairn/cairn.h>
#include <cairn/eigen.h>
#include <cairn/json.h>

#include "example.h"

using cairn::Code;
using example::check;
using example::fails_with;
using example::or_exit;

namespace {

struct Model {
  Eigen::MatrixXf weights;
  std::filesystem::path vocabulary;
};

// Saves, reads every byte back, and says what was saved.
cairn::Result<cairn::Receipt> save_with_validation(cairn::Store& store, const cairn::Ref& ref,
                                                   const Model& model,
                                                   const nlohmann::json& config) {
  cairn::Draft draft;
  draft.tensor("weights", model.weights)
      .file("vocabulary.txt", model.vocabulary)
      .config(config)
      .tag("model_type", "neural_network")
      .producer("save_with_validation");
  auto receipt = store.save(ref, draft);
  if (!receipt) return tl::unexpected(receipt.error());
  auto saved = store.load(receipt->key);
  if (!saved) return tl::unexpected(saved.error());
  if (auto good = saved->verify(); !good) return tl::unexpected(good.error());
  return receipt;
}

}  // namespace

int main() {
  const example::TemporaryDirectory directory;
  const auto vocabulary = directory.path() / "vocabulary.txt";
  std::ofstream(vocabulary) << "cairn\nstone\npath\n";
  auto store = or_exit(cairn::Store::open(directory.path() / "store"));
  const nlohmann::json config = {{"input_size", 3}, {"output_size", 4}};

  Model model{Eigen::MatrixXf::Random(3, 4), directory.path() / "missing.txt"};
  const auto nothing = or_exit(store.stats());
  check(fails_with(Code::NotFound, save_with_validation(store, "words:1", model, config)),
        "a file that cannot be read is an error");
  const auto after = or_exit(store.stats());
  check(or_exit(store.names()).empty(), "and the store knows nothing of the model");
  check(after.artifacts == nothing.artifacts && after.chunks == nothing.chunks,
        "not even a piece of it");

  model.vocabulary = vocabulary;
  const auto receipt = or_exit(save_with_validation(store, "words:1", model, config));
  check(receipt.new_bytes == receipt.size_bytes, "a model is saved, and can be loaded");
  check(or_exit(save_with_validation(store, "words:1", model, config)).existed,
        "saving the same again is no error, and writes nothing");

  Model other = model;
  other.weights(0, 0) += 1.0F;
  check(fails_with(Code::AlreadyExists, save_with_validation(store, "words:1", other, config)),
        "another model does not take its place");
  const auto kept = or_exit(store.load("words:1"));
  check(kept.digest() == receipt.digest, "the first one stands");
  check(or_exit(kept.to<Eigen::MatrixXf>("weights")) == model.weights, "with its weights");
  return 0;
}
