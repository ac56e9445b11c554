// Trains a small network on handwritten digits and saves a checkpoint every epoch; then a new
// process loads the best epoch by name and must predict exactly what the trained network did.
//
//   train_digits [--fresh] DATA.csv STORE     --fresh removes the store of an earlier run
//   train_digits --predict DATA.csv STORE REF prints a digest of the predictions
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <cairn/cairn.h>

#include "checkpoint.h"
#include "digits.h"
#include "example.h"
#include "mlp.h"

namespace fs = std::filesystem;
using example::or_exit;
using example::stop;

namespace {

constexpr auto kModel = "digits-mlp";
constexpr auto kVersion = "digits-mlp:1";
constexpr auto kBest = "digits-mlp:1@min=val_loss";
constexpr double kExpectedAccuracy = 0.95;

// How long each call of something took.
struct Timings {
  std::vector<double> ms;

  template <class Call>
  auto time(Call&& call) {
    const auto start = std::chrono::steady_clock::now();
    auto result = call();
    ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
                     .count());
    return result;
  }

  void print(const char* what) {
    std::sort(ms.begin(), ms.end());
    std::printf("%-10s%8.2f%8.2f%8.2f\n", what, ms.front(), ms[ms.size() / 2], ms.back());
  }
};

// FNV-1a, 64 bits: one flipped bit in the logits gives another digest.
std::string digest(const Eigen::MatrixXf& logits) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::byte byte :
       std::as_bytes(std::span(logits.data(), logits.data() + logits.size()))) {
    hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3;
  }
  std::array<char, 17> hex{};
  std::snprintf(hex.data(), hex.size(), "%016llx", static_cast<unsigned long long>(hash));
  return hex.data();
}

// One pass over the training set in random batches; returns the mean loss of the batches.
double train_epoch(mlp::State& state, const digits::Images& set, const checkpoint::Config& config,
                   std::mt19937_64& random) {
  const auto order = digits::shuffled(static_cast<int>(set.labels.size()), random);
  const auto batch_size = static_cast<std::size_t>(config.batch);
  double loss = 0;
  for (std::size_t i = 0; i < order.size(); i += batch_size) {
    const auto size = std::min(batch_size, order.size() - i);
    const auto first = order.begin() + static_cast<std::ptrdiff_t>(i);
    const auto batch = digits::choose(set, {first, first + static_cast<std::ptrdiff_t>(size)});
    loss += mlp::score(mlp::logits(state.net, batch.pixels), batch.labels).loss *
            static_cast<double>(size);
    mlp::adam_step(state, mlp::gradient(state.net, batch.pixels, batch.labels),
                   {config.learning_rate, config.beta1, config.beta2});
  }
  return loss / static_cast<double>(order.size());
}

// The epoch with the lowest validation loss so far, and what the network predicted then.
struct Best {
  int epoch = 0;
  mlp::Scores scores{std::numeric_limits<double>::infinity(), 0};
  std::string digest;
};

void print_epoch(int epoch, double loss, const mlp::Scores& validation) {
  if (epoch == 1) {
    std::printf("%5s%10s%10s%14s\n", "epoch", "loss", "val_loss", "val_accuracy");
  }
  if (epoch == 1 || epoch % 5 == 0) {
    std::printf("%5d%10.4f%10.4f%14.4f\n", epoch, loss, validation.loss, validation.accuracy);
  }
}

// Trains and saves every epoch, each with the data that `images` were read from.
Best train(cairn::Store& store, const digits::Images& images, const fs::path& data,
           const checkpoint::Config& config, Timings& saves) {
  std::mt19937_64 random(config.seed);
  const auto [set, validation] = digits::split(images, random);
  auto state = mlp::start(config.layers[0], config.layers[1], config.layers[2], random);
  std::printf("%zu digits to learn from, %zu to validate on\n\n", set.labels.size(),
              validation.labels.size());
  Best best;
  for (int epoch = 1; epoch <= config.epochs; ++epoch) {
    const double loss = train_epoch(state, set, config, random);
    const auto logits = mlp::logits(state.net, validation.pixels);
    const auto scores = mlp::score(logits, validation.labels);

    auto draft = checkpoint::draft(state, config, data);
    draft.metric("loss", loss)
        .metric("val_loss", scores.loss)
        .metric("val_accuracy", scores.accuracy);
    or_exit(saves.time([&] { return store.save({kModel, "1", epoch}, draft); }));

    if (scores.loss < best.scores.loss) {
      best = {epoch, scores, digest(logits)};
    }
    print_epoch(epoch, loss, scores);
  }
  return best;
}

// Loads a network by its ref, and prints a digest of what it makes of the validation set.
int predict(const fs::path& data, const fs::path& directory, const std::string& ref) {
  auto store = or_exit(cairn::Store::open(directory, {.mode = cairn::OpenOptions::Mode::ReadOnly}));
  const auto artifact = or_exit(store.load(ref));
  const auto config = or_exit(artifact.config<checkpoint::Config>());
  const auto state = or_exit(checkpoint::state(artifact));
  std::mt19937_64 random(config.seed);
  const auto sets = digits::split(or_exit(digits::read(data)), random);
  std::cout << digest(mlp::logits(state.net, sets.validation.pixels)) << '\n';
  return 0;
}

// Runs this program again with --predict, and returns the line that it prints.
std::string predict_in_new_process(const fs::path& data, const fs::path& directory) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) stop("pipe2 failed");
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::execl("/proc/self/exe", "train_digits", "--predict", data.c_str(), directory.c_str(), kBest,
            nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string line;
  for (char c = 0; ::read(ends[0], &c, 1) == 1 && c != '\n';) {
    line += c;
  }
  ::close(ends[0]);
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) {
    stop("the new process failed");
  }
  return line;
}

// Loads every epoch, all of its tensors.
Timings load_all(const cairn::Store& store, int epochs) {
  Timings loads;
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    or_exit(loads.time([&]() -> cairn::Result<mlp::State> {
      const auto artifact = store.load({kModel, "1", epoch});
      if (!artifact) return tl::unexpected(artifact.error());
      return checkpoint::state(*artifact);
    }));
  }
  return loads;
}

void report(const fs::path& directory, int epochs, Timings& saves) {
  const auto mib = [](std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  auto store = or_exit(cairn::Store::open(directory, {.mode = cairn::OpenOptions::Mode::ReadOnly}));
  const auto stats = or_exit(store.stats());
  const double logical = mib(stats.logical_bytes);
  const double stored = mib(stats.chunk_bytes);
  std::printf("\nstore     %s\n", directory.c_str());
  std::printf("artifacts%9llu\n", static_cast<unsigned long long>(stats.artifacts));
  std::printf("logical  %9.2f MiB\n", logical);
  std::printf("stored   %9.2f MiB in chunks (1:%.1f, %s being stored once)\n", stored,
              logical / stored, checkpoint::kDataFile);
  std::printf("on disk  %9.2f MiB\n", mib(stats.disk_bytes));

  auto loads = load_all(store, epochs);
  std::printf("\n%-10s%8s%8s%8s\n", "ms", "min", "median", "max");
  saves.print("save");
  loads.print("load");
}

// Removes a store that holds nothing but this program's model. Anything else is left alone.
void remove_previous(const fs::path& directory) {
  auto store = cairn::Store::open(directory, {.mode = cairn::OpenOptions::Mode::ReadWrite});
  if (!store && store.error().code == cairn::Code::NotFound) return;
  if (!store) stop(store.error().to_string());
  for (const auto& name : or_exit(store->names())) {
    if (name != kModel) stop(directory.string() + " also holds " + name + "; not removed");
  }
  or_exit(store->close());
  fs::remove_all(directory);
}

int run(const fs::path& data, const fs::path& directory) {
  const checkpoint::Config config;
  const auto images = or_exit(digits::read(data));
  auto store = or_exit(cairn::Store::open(directory));
  const auto earlier = store.resolve(kVersion);
  if (earlier) {
    stop(directory.string() + " holds " + earlier->to_string() + " already; see --fresh");
  }
  if (earlier.error().code != cairn::Code::NotFound) stop(earlier.error().to_string());

  Timings saves;
  const Best best = train(store, images, data, config, saves);
  or_exit(store.close());
  const auto predicted = predict_in_new_process(data, directory);
  std::printf("\nbest epoch %d: val_loss %.4f, val_accuracy %.4f\n", best.epoch, best.scores.loss,
              best.scores.accuracy);
  std::printf("predictions when it was saved  %s\n", best.digest.c_str());
  std::printf("predictions in a new process   %s  loaded as %s\n", predicted.c_str(), kBest);
  if (predicted != best.digest) stop("the predictions differ");
  if (best.scores.accuracy <= kExpectedAccuracy) stop("the accuracy is too low");
  report(directory, config.epochs, saves);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 4 && arguments[0] == "--predict") {
    return predict(arguments[1], arguments[2], arguments[3]);
  }
  if (arguments.size() == 3 && arguments[0] == "--fresh") {
    remove_previous(arguments[2]);
    arguments.erase(arguments.begin());
  }
  if (arguments.size() != 2) {
    std::cerr << "usage: train_digits [--fresh] DATA.csv STORE\n"
                 "       train_digits --predict DATA.csv STORE REF\n";
    return 2;
  }
  return run(arguments[0], arguments[1]);
}
