// The store's handle at its edges: closing while calls run, outliving main(), waiting for the lock,
// and refusals that must not leave bytes behind.
#include <chrono>
#include <optional>
#include <thread>

#include <doctest/doctest.h>

#include <cairn/eigen.h>

#include "support.h"

namespace cairn::testing {

namespace {

// Destroyed after main(), and after RocksDB's own statics, which are made when it is first used.
std::optional<TempStore> directory_outlives_main;
std::optional<Store> store_outlives_main;
std::optional<Tensor> tensor_outlives_main;

Draft one(std::vector<float> values) {
  Draft draft;
  draft.tensor("w", std::move(values));
  return draft;
}

std::uintmax_t table_bytes(const TempStore& temp) {
  return bytes_with_extension(temp.database(), ".sst") +
         bytes_with_extension(temp.database(), ".log");
}

}  // namespace

TEST_CASE("handle: a store and a tensor that outlive main do no harm at exit") {
  directory_outlives_main.emplace();
  store_outlives_main.emplace(directory_outlives_main->open());
  must(store_outlives_main->save("m:1", one(Random(1).floats(100))));
  tensor_outlives_main = must(must(store_outlives_main->load("m")).tensor("w"));
  CHECK(tensor_outlives_main->bytes().size() == 400);
  // The rest is the exit code of this program.
}

TEST_CASE("close: waits for the saves that are running, and then the lock is free") {
  TempStore temp;
  auto store = temp.open();
  const auto values = Random(2).floats(24 * kMiB / sizeof(float));
  std::optional<Result<Receipt>> saved;
  std::jthread saver([&] { saved = store.save("m:1", one(values)); });
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK(ok(store.close()));
  saver.join();
  REQUIRE(saved);
  auto again = Store::open(temp.path());
  REQUIRE(ok(again));
  if (*saved) {
    CHECK(same_bytes(bytes_of(must(again->load("m:1")), "w"), values));
  } else {
    CHECK(fails(*saved, Code::InvalidArgument, "closed"));  // It came too late.
  }
}

TEST_CASE("open: a wait for the lock as long as can be said is a wait") {
  TempStore temp;
  auto first = temp.open();
  std::jthread closer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CHECK(ok(first.close()));
  });
  CHECK(ok(Store::open(temp.path(), {.lock_wait = std::chrono::milliseconds::max()})));
}

TEST_CASE("save: a ref that cannot be saved to is refused before a byte is written") {
  TempStore temp;
  auto store = temp.open();
  must(store.save("m:1", one(Random(3).floats(8))));
  must(store.set_alias("m", "best", "m:1"));
  const auto before = table_bytes(temp);
  const auto draft = one(Random(4).floats(3 * kMiB / sizeof(float)));
  for (const char* ref : {"m:best", "m@last", "m:1@min=loss", "m:all", "m:latest", "m@7"}) {
    CAPTURE(ref);
    CHECK(fails(store.save(ref, draft, {.replace = true}), Code::InvalidArgument, ref));
    CHECK(fails(store.save(ref, draft), Code::InvalidArgument, ref));
  }
  ConfigTable nonsense{"NOPE", Random(5).bytes(64), Random(6).bytes(64)};
  Draft bad = one(Random(7).floats(3 * kMiB / sizeof(float)));
  bad.config(nonsense);
  CHECK(fails(store.save("m:2", bad), Code::InvalidArgument));
  CHECK(table_bytes(temp) == before);
}

TEST_CASE("draft: a column-major matrix takes no shape, a vector and a row-major one do") {
  const Eigen::MatrixXf columns = Eigen::MatrixXf::Random(3, 2);
  const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = columns;
  Draft wrong;
  wrong.tensor("w", columns, {2, 3});
  REQUIRE(wrong.error());
  CHECK(wrong.error()->code == Code::InvalidArgument);
  CHECK(wrong.error()->message.find("column-major") != std::string::npos);
  Draft right;
  right.tensor("a", rows, {2, 3}).tensor("b", std::vector<float>(6), {3, 2});
  CHECK(!right.error());
}

TEST_CASE("save: more files than a process may open at once") {
  TempStore temp;
  auto store = temp.open();
  Draft draft;
  std::filesystem::create_directory(temp.beside("files"));
  for (int i = 0; i < 1500; ++i) {
    const auto path = temp.beside("files") / std::to_string(i);
    write_file(path, to_bytes("file " + std::to_string(i)));
    draft.file(path.filename().string(), path);
  }
  must(store.save("m:1", draft));
  CHECK(must(must(store.load("m")).file("1499")) == to_bytes("file 1499"));
}

TEST_CASE("close: many short openings leave few files, and everything that they saved") {
  TempStore temp;
  constexpr std::uint64_t kSessions = 30;
  for (std::uint64_t epoch = 0; epoch < kSessions; ++epoch) {
    auto store = temp.open();
    must(store.save({"m", "1", epoch}, one(Random(100 + epoch).floats(200))));
    CHECK(ok(store.close()));
  }
  std::size_t tables = 0;
  for (const auto& entry : std::filesystem::directory_iterator(temp.database())) {
    tables += entry.path().extension() == ".sst" ? 1 : 0;
  }
  CHECK(tables < 100);  // Each session writes to six families.
  const auto store = temp.open();
  for (std::uint64_t epoch = 0; epoch < kSessions; ++epoch) {
    const auto artifact = must(store.load({"m", "1", epoch}));
    CHECK(same_bytes(bytes_of(artifact, "w"), Random(100 + epoch).floats(200)));
  }
}

TEST_CASE(
    "save: replacing an artifact by the same one takes the draft's metadata where it differs") {
  TempStore temp;
  auto store = temp.open();
  const auto draft = [](double loss) {
    Draft out = one({1, 2, 3});
    out.metric("loss", loss).tag("stage", "dev");
    return out;
  };
  must(store.save("m:1", draft(1)));
  CHECK(must(store.save("m:1", draft(2))).existed);
  CHECK(must(store.load("m")).metadata().metric("loss") == 1.0);
  CHECK(must(store.save("m:1", draft(1), {.replace = true})).existed);
  CHECK(!must(store.save("m:1", draft(2), {.replace = true})).existed);
  CHECK(must(store.load("m")).metadata().metric("loss") == 2.0);
  CHECK(must(store.load("m")).to<std::vector<float>>("w").value() == std::vector<float>{1, 2, 3});
}

}  // namespace cairn::testing
