// Saves a checkpoint every second epoch, resumes from the last one after a stop, and loads any of
// them: by epoch, the last, the best.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include <Eigen/Core>

#include <cairn/cairn.h>
#include <cairn/eigen.h>

#include "example.h"

using example::check;
using example::or_exit;

namespace {

struct Training {
  Eigen::VectorXf weights = Eigen::VectorXf::Zero(8);
  double best_loss = std::numeric_limits<double>::infinity();
  std::uint64_t epoch = 0;
};

// One step of gradient descent towards 1, 2, 3, ...; returns the loss before the step. The rate
// grows, as it should not: the loss falls at first, then rises.
double train_epoch(Training& training) {
  const auto size = training.weights.size();
  const Eigen::VectorXf wanted = Eigen::VectorXf::LinSpaced(size, 1.0F, static_cast<float>(size));
  const Eigen::VectorXf error = training.weights - wanted;
  ++training.epoch;
  training.weights -= 0.3F * static_cast<float>(training.epoch) * error;
  return static_cast<double>(error.squaredNorm());
}

void save_checkpoint(cairn::Store& store, const std::string& version, const Training& training,
                     double loss) {
  cairn::Draft draft;
  draft.tensor("weights", training.weights)
      .metric("loss", loss)
      .metric("best_loss", training.best_loss);
  or_exit(store.save({"descent", version, training.epoch}, draft));
}

Training load_checkpoint(const cairn::Store& store, const cairn::Ref& ref) {
  const auto artifact = or_exit(store.load(ref));
  const auto best_loss = artifact.metadata().metric("best_loss");
  return {or_exit(artifact.to<Eigen::VectorXf>("weights")),
          best_loss.value_or(std::numeric_limits<double>::infinity()), artifact.key().epoch};
}

// Goes on from `training` to the last epoch.
Training train(cairn::Store& store, const std::string& version, Training training,
               std::uint64_t last) {
  while (training.epoch < last) {
    const double loss = train_epoch(training);
    training.best_loss = std::min(training.best_loss, loss);
    if (training.epoch % 2 == 0 || training.epoch == last) {
      save_checkpoint(store, version, training, loss);
    }
  }
  return training;
}

}  // namespace

int main() {
  const example::TemporaryDirectory directory;
  auto store = or_exit(cairn::Store::open(directory.path()));

  const Training whole = train(store, "1", {}, 11);
  train(store, "2", {}, 6);  // Stopped early.
  const Training resumed = train(store, "2", load_checkpoint(store, "descent:2@last"), 11);
  check(resumed.weights == whole.weights, "a resumed run ends where an undisturbed one does");
  check(resumed.best_loss == whole.best_loss, "and knows the best loss of all its epochs");

  check(load_checkpoint(store, "descent:1@2").epoch == 2, "an epoch is found by its number");
  check(load_checkpoint(store, "descent:1@last").epoch == 11, "@last is the highest");
  check(load_checkpoint(store, "descent:1@min=loss").epoch == 8, "@min=loss is the best");
  check(example::fails_with(cairn::Code::NotFound, store.load("descent:1@3")),
        "an epoch that was not saved is not found");

  const auto saved = or_exit(store.list({.name = "descent", .version = cairn::Version{2}}));
  check(saved.size() == 6 && saved.back().key.epoch == 11, "epochs 2, 4, 6, 8, 10 and 11 are kept");
  check(saved[1].metadata.parent == saved[0].key, "each knows the one that it was trained from");
  return 0;
}
