// What train_digits saves every epoch, and how it comes back: the network, the state of the
// optimiser, the configuration, the scores and the data that it was trained on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <cairn/cairn.h>
#include <cairn/eigen.h>
#include <cairn/json.h>

#include "mlp.h"

namespace checkpoint {

inline constexpr auto kDataFile = "digits.csv";

struct Config {
  std::vector<int> layers = {64, 64, 10};
  double learning_rate = 0.005;
  double beta1 = 0.9;
  double beta2 = 0.999;
  int batch = 32;
  int epochs = 30;
  std::uint64_t seed = 1;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Config, layers, learning_rate, beta1, beta2, batch, epochs, seed)

inline void put(cairn::Draft& draft, const std::string& prefix, const mlp::Layers& layers) {
  draft.tensor(prefix + "W1", layers.w1)
      .tensor(prefix + "b1", layers.b1)
      .tensor(prefix + "W2", layers.w2)
      .tensor(prefix + "b2", layers.b2);
}

inline cairn::Result<mlp::Layers> get(const cairn::Artifact& artifact, const std::string& prefix) {
  auto w1 = artifact.to<Eigen::MatrixXf>(prefix + "W1");
  auto b1 = artifact.to<Eigen::VectorXf>(prefix + "b1");
  auto w2 = artifact.to<Eigen::MatrixXf>(prefix + "W2");
  auto b2 = artifact.to<Eigen::VectorXf>(prefix + "b2");
  if (!w1) return tl::unexpected(w1.error());
  if (!b1) return tl::unexpected(b1.error());
  if (!w2) return tl::unexpected(w2.error());
  if (!b2) return tl::unexpected(b2.error());
  return mlp::Layers{std::move(*w1), std::move(*b1), std::move(*w2), std::move(*b2)};
}

// The draft borrows `state`: it must stay as it is until the draft is saved. The data is the same
// every epoch, and is stored once.
inline cairn::Draft draft(const mlp::State& state, const Config& config,
                          const std::filesystem::path& data) {
  cairn::Draft draft;
  put(draft, "", state.net);
  put(draft, "m/", state.m);
  put(draft, "v/", state.v);
  draft
      .tensor("step", std::span(&state.step, 1), {})  // A scalar.
      .file(kDataFile, data)
      .config(config)
      .tag("data", "digits")
      .producer("train_digits");
  return draft;
}

inline cairn::Result<mlp::State> state(const cairn::Artifact& artifact) {
  auto net = get(artifact, "");
  auto m = get(artifact, "m/");
  auto v = get(artifact, "v/");
  std::uint64_t step = 0;
  auto read = artifact.read_into("step", std::span(&step, 1));
  if (!net) return tl::unexpected(net.error());
  if (!m) return tl::unexpected(m.error());
  if (!v) return tl::unexpected(v.error());
  if (!read) return tl::unexpected(read.error());
  return mlp::State{std::move(*net), std::move(*m), std::move(*v), step};
}

}  // namespace checkpoint
