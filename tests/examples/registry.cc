// The store as a registry: names that follow rules, several versions of each, aliases that move
// from one to the next, and a check of what stands behind a name.
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include <cairn/cairn.h>
#include <cairn/eigen.h>

#include "example.h"

using cairn::Code;
using example::check;
using example::fails_with;
using example::or_exit;

namespace {

void register_model(cairn::Store& store, const cairn::Ref& ref, const std::string& type) {
  const Eigen::MatrixXf weights = Eigen::MatrixXf::Random(20, 4);
  cairn::Draft draft;
  draft.tensor("weights", weights).tensor("bias", Eigen::VectorXf(weights.colwise().mean()));
  draft.tag("model_type", type);
  or_exit(store.save(ref, draft));
}

// Everything that a model of ours must have, and every byte of it as it was saved.
cairn::Result<void> validate(const cairn::Store& store, const cairn::Ref& ref) {
  auto artifact = store.load(ref);
  if (!artifact) return tl::unexpected(artifact.error());
  for (const std::string_view name : {"weights", "bias"}) {
    if (auto info = artifact->info(name); !info) return tl::unexpected(info.error());
  }
  return artifact->verify();
}

void print_models(const cairn::Store& store) {
  for (const auto& info : or_exit(store.list())) {
    std::cout << "    " << info.key.to_string() << "  " << info.tensors << " tensors, "
              << info.size_bytes << " bytes, " << info.metadata.tag("model_type").value_or("")
              << '\n';
  }
}

}  // namespace

int main() {
  const example::TemporaryDirectory directory;
  auto store = or_exit(cairn::Store::open(directory.path()));

  for (const char* bad : {"my model", "-mlp", "mlp//small", "../mlp", ""}) {
    check(fails_with(Code::InvalidArgument, cairn::check_name(bad)),
          "\"" + std::string(bad) + "\" is no name");
  }
  check(fails_with(Code::InvalidArgument, store.save("my model", {})), "nor can it be saved to");

  register_model(store, "vision/mlp:1", "advanced");
  register_model(store, "vision/mlp:1.1", "advanced");
  register_model(store, "text/bag", "simple");
  print_models(store);
  check(or_exit(store.names()) == std::vector<std::string>{"text/bag", "vision/mlp"},
        "the names are listed");
  check(or_exit(store.list({.name = "vision/"})).size() == 2, "and what lies below one");
  or_exit(validate(store, "vision/mlp"));
  check(fails_with(Code::NotFound, validate(store, "vision/cnn")), "what is missing is not valid");

  or_exit(store.set_alias("vision/mlp", "prod", "vision/mlp:1.0"));
  check(or_exit(store.resolve("vision/mlp:prod")).version == cairn::Version{1, 0, 0},
        "an alias names a version");
  or_exit(store.set_alias("vision/mlp", "prod", "vision/mlp:latest"));
  check(or_exit(store.resolve("vision/mlp:prod")).version == cairn::Version{1, 1, 0},
        "and moves to another");
  check(fails_with(Code::Busy, store.remove("vision/mlp:1.1@0")), "what it names is not removed");
  check(or_exit(store.remove("vision/mlp:1.0@0")).size() == 1, "what nothing names is");
  return 0;
}
