// A network of two layers and the Adam optimiser, in plain Eigen. A column is a sample.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <Eigen/Core>

namespace mlp {

struct Layers {
  Eigen::MatrixXf w1;  // hidden x inputs
  Eigen::VectorXf b1;
  Eigen::MatrixXf w2;  // outputs x hidden
  Eigen::VectorXf b2;
};

struct AdamOptions {
  double learning_rate = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
};

// Everything that training needs to go on: the network, and Adam's two moments and step.
struct State {
  Layers net;
  Layers m;
  Layers v;
  std::uint64_t step = 0;
};

inline Layers zeros(Eigen::Index inputs, Eigen::Index hidden, Eigen::Index outputs) {
  return {Eigen::MatrixXf::Zero(hidden, inputs), Eigen::VectorXf::Zero(hidden),
          Eigen::MatrixXf::Zero(outputs, hidden), Eigen::VectorXf::Zero(outputs)};
}

// Uniform within sqrt(6 / inputs), after He et al., arXiv:1502.01852.
inline void randomise(Eigen::MatrixXf& weights, std::mt19937_64& random) {
  const float limit = std::sqrt(6.0F / static_cast<float>(weights.cols()));
  for (float& weight : weights.reshaped()) {
    const float unit = static_cast<float>(random() >> 40) * 0x1p-24F;  // [0, 1)
    weight = limit * (2.0F * unit - 1.0F);
  }
}

inline State start(Eigen::Index inputs, Eigen::Index hidden, Eigen::Index outputs,
                   std::mt19937_64& random) {
  const Layers zero = zeros(inputs, hidden, outputs);
  State state{zero, zero, zero};
  randomise(state.net.w1, random);
  randomise(state.net.w2, random);
  return state;
}

inline Eigen::MatrixXf hidden(const Layers& net, const Eigen::MatrixXf& x) {
  return ((net.w1 * x).colwise() + net.b1).cwiseMax(0.0F);
}

inline Eigen::MatrixXf logits(const Layers& net, const Eigen::MatrixXf& x) {
  return (net.w2 * hidden(net, x)).colwise() + net.b2;
}

inline Eigen::MatrixXf log_softmax(const Eigen::MatrixXf& logits) {
  const Eigen::MatrixXf shifted = logits.rowwise() - logits.colwise().maxCoeff();
  const Eigen::RowVectorXf sums = shifted.array().exp().colwise().sum();
  return shifted.rowwise() - sums.array().log().matrix();
}

// Mean cross-entropy, and the share of samples whose label has the highest logit.
struct Scores {
  double loss = 0;
  double accuracy = 0;
};

inline Scores score(const Eigen::MatrixXf& logits, const std::vector<int>& labels) {
  const Eigen::MatrixXf log_probability = log_softmax(logits);
  Scores sum;
  for (Eigen::Index i = 0; i < logits.cols(); ++i) {
    const int label = labels[static_cast<std::size_t>(i)];
    Eigen::Index guess = 0;
    logits.col(i).maxCoeff(&guess);
    sum.loss -= static_cast<double>(log_probability(label, i));
    sum.accuracy += guess == label ? 1 : 0;
  }
  const auto count = static_cast<double>(labels.size());
  return {sum.loss / count, sum.accuracy / count};
}

inline Layers gradient(const Layers& net, const Eigen::MatrixXf& x,
                       const std::vector<int>& labels) {
  const Eigen::MatrixXf h = hidden(net, x);
  const Eigen::MatrixXf out = (net.w2 * h).colwise() + net.b2;
  Eigen::MatrixXf d_out = log_softmax(out).array().exp();
  for (Eigen::Index i = 0; i < d_out.cols(); ++i) {
    d_out(labels[static_cast<std::size_t>(i)], i) -= 1.0F;
  }
  d_out /= static_cast<float>(labels.size());
  const Eigen::MatrixXf d_hidden =
      (net.w2.transpose() * d_out).cwiseProduct((h.array() > 0.0F).cast<float>().matrix());
  return {d_hidden * x.transpose(), d_hidden.rowwise().sum(), d_out * h.transpose(),
          d_out.rowwise().sum()};
}

// One step of Adam, Kingma and Ba, arXiv:1412.6980, algorithm 1.
inline void adam_step(State& state, const Layers& gradient, const AdamOptions& options) {
  ++state.step;
  const auto step = static_cast<double>(state.step);
  const auto beta1 = static_cast<float>(options.beta1);
  const auto beta2 = static_cast<float>(options.beta2);
  const auto rate =
      static_cast<float>(options.learning_rate * std::sqrt(1 - std::pow(options.beta2, step)) /
                         (1 - std::pow(options.beta1, step)));
  const auto update = [&](auto& weight, auto& m, auto& v, const auto& g) {
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g.cwiseAbs2();
    weight.array() -= rate * m.array() / (v.array().sqrt() + 1e-8F);
  };
  update(state.net.w1, state.m.w1, state.v.w1, gradient.w1);
  update(state.net.b1, state.m.b1, state.v.b1, gradient.b1);
  update(state.net.w2, state.m.w2, state.v.w2, gradient.w2);
  update(state.net.b2, state.m.b2, state.v.b2, gradient.b2);
}

}  // namespace mlp
