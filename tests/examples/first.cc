// The first program of the README: saves a matrix under a name, loads it again, compares.
#include <iostream>

#include <cairn/cairn.h>
#include <cairn/eigen.h>

int fail(const cairn::Error& error) {
  std::cerr << error.to_string() << '\n';
  return 1;
}

int main() {
  auto store = cairn::Store::open("models.cairn");
  if (!store) return fail(store.error());

  const Eigen::MatrixXf weights = Eigen::MatrixXf::Identity(784, 10);
  cairn::Draft draft;
  draft.tensor("weights", weights).metric("loss", 0.031).tag("stage", "dev");
  auto receipt = store->save("mnist-mlp:1", draft);
  if (!receipt) return fail(receipt.error());

  auto best = store->load("mnist-mlp:1@min=loss");
  if (!best) return fail(best.error());
  auto loaded = best->to<Eigen::MatrixXf>("weights");
  if (!loaded) return fail(loaded.error());
  std::cout << best->key().to_string() << ' ' << best->digest().to_string() << '\n';
  return *loaded == weights ? 0 : 1;
}
