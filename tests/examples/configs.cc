// Saves each model together with the configuration that it was made from, and makes the model
// again from what is stored.
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>
#include <nlohmann/json.hpp>

#include <cairn/cairn.h>
#include <cairn/eigen.h>
#include <cairn/json.h>

#include "example.h"

using example::check;
using example::or_exit;

namespace {

struct ModelConfig {
  int input_size = 0;
  int hidden_size = 0;
  int output_size = 0;
  double learning_rate = 0;
  int epochs = 0;

  bool operator==(const ModelConfig&) const = default;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ModelConfig, input_size, hidden_size, output_size, learning_rate,
                                   epochs)

cairn::Receipt train_and_save(cairn::Store& store, const std::string& name,
                              const ModelConfig& config) {
  const Eigen::MatrixXf w1 = Eigen::MatrixXf::Random(config.hidden_size, config.input_size);
  const Eigen::MatrixXf w2 = Eigen::MatrixXf::Random(config.output_size, config.hidden_size);
  cairn::Draft draft;
  draft.tensor("w1", w1).tensor("w2", w2).config(config);
  return or_exit(store.save(name, draft));
}

}  // namespace

int main() {
  const example::TemporaryDirectory directory;
  auto store = or_exit(cairn::Store::open(directory.path()));
  const std::vector<std::pair<std::string, ModelConfig>> configs = {
      {"mlp/large", {100, 50, 10, 0.001, 5}},
      {"mlp/small", {50, 25, 5, 0.01, 3}},
  };
  for (const auto& [name, config] : configs) {
    train_and_save(store, name, config);
  }

  for (const auto& [name, config] : configs) {
    const auto artifact = or_exit(store.load(name));
    const auto loaded = or_exit(artifact.config<ModelConfig>());
    const auto w1 = or_exit(artifact.to<Eigen::MatrixXf>("w1"));
    check(loaded == config, name + ": the configuration is the one that was saved");
    check(w1.rows() == loaded.hidden_size && w1.cols() == loaded.input_size,
          name + ": the weights have the shape that it says");
  }

  // As JSON, for people and for other programs. A document can be a configuration too.
  const auto small = or_exit(or_exit(store.load("mlp/small")).config());
  std::cout << or_exit(cairn::to_json(small, 2)) << '\n';
  cairn::Draft draft;
  draft.config(or_exit(cairn::parse_json(R"({"optimizer": {"name": "adam", "beta1": 0.9}})")));
  or_exit(store.save("optimizers/adam", draft));
  const auto adam = or_exit(or_exit(store.load("optimizers/adam")).config<nlohmann::json>());
  check(adam["optimizer"]["beta1"] == 0.9, "a configuration can be saved alone");

  const auto wrong = or_exit(store.load("optimizers/adam")).config<ModelConfig>();
  check(example::fails_with(cairn::Code::InvalidArgument, wrong),
        "a configuration of another kind is an error");
  return 0;
}
