// app STORE VERSION: saves to the store and loads from it, with the installed headers and library
// only; says whether all went well and the library is of that version.
#include <iostream>
#include <string_view>
#include <vector>

#include <cairn/cairn.h>

namespace {

int fail(const cairn::Error& error) {
  std::cerr << error.to_string() << '\n';
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || cairn::version() != std::string_view(argv[2])) {
    std::cerr << "usage: app STORE VERSION; the library's is " << cairn::version() << '\n';
    return 2;
  }
  auto store = cairn::Store::open(argv[1]);
  if (!store) return fail(store.error());

  const std::vector<float> weights = {1, 2, 3};
  cairn::Draft draft;
  draft.tensor("weights", weights).metric("loss", 0.25);
  auto receipt = store->save("app/model", draft);
  if (!receipt) return fail(receipt.error());

  auto artifact = store->load(receipt->key);
  if (!artifact) return fail(artifact.error());
  auto loaded = artifact->to<std::vector<float>>("weights");
  if (!loaded) return fail(loaded.error());
  return *loaded == weights ? 0 : 1;
}
