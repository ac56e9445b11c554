// Golden stores of every released format are opened, read and written by this build.
#include <fstream>

#include <stdlib.h>

#include <doctest/doctest.h>

#include "golden.h"

namespace {

namespace fs = std::filesystem;

// A copy to work on: opening a store for writing changes files.
struct Copy {
  Copy() {
    std::string name = (fs::temp_directory_path() / "cairn-golden-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    root = name;
    fs::copy(fs::path(CAIRN_GOLDEN_DIR) / "v1" / "store", path(), fs::copy_options::recursive);
  }
  ~Copy() { fs::remove_all(root); }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;

  [[nodiscard]] fs::path path() const { return root / "store"; }
  [[nodiscard]] cairn::Store open(cairn::OpenOptions::Mode mode) const {
    cairn::OpenOptions options;
    options.mode = mode;
    return cairn::Store::open(path(), options).value();
  }

  fs::path root;
};

nlohmann::ordered_json expected() {
  std::ifstream file(fs::path(CAIRN_GOLDEN_DIR) / "v1" / "expected.json");
  return nlohmann::ordered_json::parse(file);
}

void check_bytes(const cairn::Store& store) {
  for (const auto& sample : golden::samples()) {
    CAPTURE(sample.key.to_string());
    if (sample.removed) {
      CHECK(store.load(sample.key).error().code == cairn::Code::NotFound);
      continue;
    }
    cairn::Draft draft;
    sample.fill(draft);
    const auto artifact = store.load(sample.key).value();
    CHECK(artifact.verify().has_value());
    CHECK(artifact.tensors().size() == draft.parts().tensors.size());
    for (const auto& part : draft.parts().tensors) {
      CAPTURE(part.name);
      const auto tensor = artifact.tensor(part.name).value();
      CHECK(std::ranges::equal(tensor.bytes(), part.view.bytes));
      CHECK(tensor.info().shape == part.view.shape);
    }
    for (const auto& part : draft.parts().files) {
      CHECK(artifact.file(part.name).value() == std::get<std::vector<std::byte>>(part.source));
    }
  }
}

}  // namespace

TEST_CASE("golden: a store of format 1 holds what it held, read only") {
  const Copy copy;
  const auto store = copy.open(cairn::OpenOptions::Mode::ReadOnly);
  CHECK(golden::describe(store) == expected());
  check_bytes(store);
}

TEST_CASE("golden: a store of format 1 can be written, and what it held stays") {
  const Copy copy;
  {
    auto store = copy.open(cairn::OpenOptions::Mode::ReadWrite);
    CHECK(golden::describe(store) == expected());
    for (const auto& sample : golden::samples()) {
      if (!sample.removed) {
        cairn::Draft draft;
        sample.fill(draft);
        CAPTURE(sample.key.to_string());
        CHECK(store.save(sample.key, draft).value().existed);  // The digests are the same.
        const auto again =
            store.save({"again/" + sample.key.name, "1"}, draft, {.replace = true}).value();
        CHECK(again.new_chunks == 0);  // And so are the chunks.
      }
    }
    CHECK(store.close().has_value());
  }
  auto store = copy.open(cairn::OpenOptions::Mode::ReadWrite);
  CHECK(store.remove("again/golden/types:1@0").has_value());
  check_bytes(store);
}
