// Makes a golden store: once for each released format, by its last build. See tests/README.md.
//
//   make_golden DIRECTORY      writes DIRECTORY/store and DIRECTORY/expected.json
#include <fstream>
#include <iostream>

#include "golden.h"
#include "store/operations.h"
#include "store/session.h"

namespace {

// The clock of the golden store: artifacts are as old as the format.
constexpr cairn::Time kCreated{std::chrono::seconds(1'700'000'000)};

template <class T>
T must(cairn::Result<T> result) {
  if (!result) {
    std::cerr << result.error().to_string() << '\n';
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(*result);
  }
}

void save_all(const std::filesystem::path& path) {
  const auto session = must(cairn::Session::open(path, {}));
  for (const auto& sample : golden::samples()) {
    cairn::Draft draft;
    sample.fill(draft);
    draft.created_at(kCreated);
    session->set_small_save_bytes(sample.bulk ? 1 : std::uint64_t{1} << 20);
    must(cairn::save_artifact(*session, sample.key, draft, {}));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_golden DIRECTORY\n";
    return 2;
  }
  const std::filesystem::path directory = argv[1];
  std::filesystem::create_directories(directory);
  save_all(directory / "store");
  auto store = must(cairn::Store::open(directory / "store"));
  must(store.set_alias("golden/series", "best", "golden/series:1@3"));
  must(store.set_alias("golden/series", "prod", "golden/series:1@1"));
  must(store.set_alias("golden/series", "prod", "golden/series:1@2"));
  must(store.set_alias("golden/series", "old", "golden/series:1@0"));
  must(store.remove_alias("golden/series", "old"));
  for (const auto& sample : golden::samples()) {
    if (sample.removed) {
      must(store.remove(sample.key));
    }
  }
  std::ofstream(directory / "expected.json") << golden::describe(store).dump(1) << '\n';
  must(store.close());
  return 0;
}
