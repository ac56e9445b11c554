// Damage: bits flipped in stored chunks and records, files cut short. What is read is what was
// saved, or an error that says where; never other numbers.
#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include <doctest/doctest.h>

#include "support.h"

namespace cairn::testing {

namespace {

namespace fs = std::filesystem;
using Mode = OpenOptions::Mode;

constexpr std::size_t kSample = 64;

struct Example {
  std::vector<std::uint8_t> big = Random(1).elements<std::uint8_t>(3 * kMiB + 1000);
  std::vector<std::uint8_t> other = Random(2).elements<std::uint8_t>(2 * kMiB);
  std::vector<std::uint8_t> small = Random(3).elements<std::uint8_t>(5000);
  std::vector<std::uint8_t> tiny = Random(4).elements<std::uint8_t>(100);

  // m: big, other and a file; n: small chunks only.
  void save_to(const TempStore& temp) const {
    auto store = temp.open();
    Draft draft;
    draft.tensor("big", big).tensor("other", other);
    must(store.save("m:1@3", draft));
    Draft few;
    few.tensor("small", small).tensor("tiny", tiny);
    few.file("f", Random(5).bytes(3000)).config(Value("config")).metric("loss", 1);
    must(store.save("n:1@0", few));
    must(store.close());
  }
};

// Flips one bit of stored bytes, which are found by a sample of the chunk that they are in.
void damage(const TempStore& temp, std::span<const std::uint8_t> values, std::size_t offset,
            unsigned bit = 3) {
  const auto chunk_end = std::min((offset / kMiB + 1) * kMiB, values.size());
  const auto start = std::min(offset, chunk_end - kSample);
  const auto place = find_stored(temp, std::as_bytes(values.subspan(start, kSample)));
  REQUIRE(place.has_value());
  flip_bit(place->file, place->offset + (offset - start), bit);
}

std::vector<fs::path> files_with(const TempStore& temp, std::string_view start,
                                 std::string_view extension) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(temp.database())) {
    if (entry.path().filename().string().starts_with(start) &&
        entry.path().extension() == extension) {
      out.push_back(entry.path());
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

// What can be said of a store that may be damaged anywhere.
struct Survey {
  std::set<Code> codes;
  std::size_t wrong = 0;  // Reads that were OK with bytes that were not saved.
  std::size_t right = 0;

  template <class T>
  bool good(const Result<T>& result) {
    if (!result) {
      codes.insert(result.error().code);
    }
    return result.has_value();
  }
};

void read_tensor(Survey& survey, const Artifact& artifact, const std::string& name,
                 std::span<const std::uint8_t> expected) {
  std::vector<std::byte> out(expected.size());
  if (survey.good(artifact.read_into(name, std::span(out)))) {
    (same_bytes(out, expected) ? survey.right : survey.wrong) += 1;
  }
  const auto tensor = artifact.tensor(name);
  if (survey.good(tensor)) {
    (same_bytes(tensor->bytes(), expected) ? survey.right : survey.wrong) += 1;
  }
}

// Opens, loads, reads everything of an Example, and counts.
Survey survey_of(const TempStore& temp, const Example& example, Mode mode) {
  Survey survey;
  auto store = Store::open(temp.path(), {.mode = mode});
  if (!survey.good(store)) {
    return survey;
  }
  static_cast<void>(survey.good(store->list()));
  if (const auto m = store->load("m"); survey.good(m)) {
    read_tensor(survey, *m, "big", example.big);
    read_tensor(survey, *m, "other", example.other);
  }
  if (const auto n = store->load("n"); survey.good(n)) {
    read_tensor(survey, *n, "small", example.small);
    read_tensor(survey, *n, "tiny", example.tiny);
    const auto config = n->config();
    const bool same = survey.good(config) && *config == Value("config");
    survey.wrong += config && !same ? 1 : 0;
  }
  return survey;
}

constexpr std::size_t kReads = 8;  // Of a survey where nothing fails.

// For damage that some read must meet.
void check_noticed(const Survey& survey) {
  CHECK(survey.wrong == 0);
  CHECK(survey.right < kReads);
  CHECK(!survey.codes.empty());
  CHECK(survey.codes.count(Code::NotFound) == 0);
}

// Saves m:1@1..5, small ones, and copies the store while they are only in the log, as a killed
// writer leaves them. LOCK.cairn is not copied: opening it here would let go of the lock.
class KilledWriter {
 public:
  KilledWriter() : store_(temp_.open()) {
    for (std::uint64_t epoch = 1; epoch <= 5; ++epoch) {
      Draft draft;
      draft.tensor("t", Random(epoch).floats(100));
      must(store_.save({"m", "1", epoch}, draft));
      log_ = files_with(temp_, "", ".log").back();
      sizes_.push_back(fs::file_size(log_));
    }
  }
  // The copy's log. Without HEAD nothing but the log says how many saves there were.
  [[nodiscard]] fs::path copy_to(const TempStore& copy, bool head) const {
    fs::create_directory(copy.path());
    fs::copy(temp_.database(), copy.database(), fs::copy_options::recursive);
    write_file(copy.path() / "LOCK.cairn", {});
    if (head) {
      fs::copy_file(temp_.path() / "HEAD", copy.path() / "HEAD");
    }
    return copy.database() / log_.filename();
  }
  // Bytes of the log after each save.
  [[nodiscard]] const std::vector<std::uintmax_t>& sizes() const { return sizes_; }

 private:
  TempStore temp_;
  Store store_;
  fs::path log_;
  std::vector<std::uintmax_t> sizes_;
};

void copy_store(const TempStore& from, const TempStore& to) {
  fs::copy(from.path(), to.path(), fs::copy_options::recursive);
}

}  // namespace

TEST_CASE("damage: a flipped bit is Corruption with key, tensor, chunk and offset in every read") {
  const Example example;
  TempStore temp;
  example.save_to(temp);
  damage(temp, example.big, kMiB + 777);
  for (const bool mmap : {true, false}) {
    const auto store = temp.open({.mmap = mmap});
    const auto artifact = must(store.load("m"));
    std::vector<std::byte> out(example.big.size());
    const auto check = [&](const auto& result) {
      CHECK(fails(result, Code::Corruption, "m:1.0.0@3", "\"big\"", "chunk 1", "offset 1048576"));
    };
    check(artifact.read_into("big", std::span(out)));
    check(artifact.tensor("big"));
    check(artifact.to<std::vector<std::uint8_t>>("big"));
    check(artifact.verify());
    CHECK(same_bytes(bytes_of(artifact, "other"), example.other));
    CHECK(ok(must(store.load("n")).verify()));
  }
}

TEST_CASE("damage: the first and the last byte of a chunk count, in one chunk and in many") {
  const Example example;
  Draft draft;
  const auto single = Random(9).elements<std::uint8_t>(kMiB);
  draft.tensor("big", example.big).tensor("single", single);
  const std::vector<std::pair<std::string, std::size_t>> places = {
      {"big", 0},    {"big", kMiB - 1},    {"big", 3 * kMiB},    {"big", 3 * kMiB + 999},
      {"single", 0}, {"single", kMiB / 2}, {"single", kMiB - 1},
  };
  for (const auto& [name, offset] : places) {
    CAPTURE(name);
    CAPTURE(offset);
    TempStore temp;
    must(temp.open().save("m", draft));
    damage(temp, name == "big" ? example.big : single, offset, offset % 8);
    const auto store = temp.open();
    const auto artifact = must(store.load("m"));
    const auto chunk = "chunk " + std::to_string(offset / kMiB);
    CHECK(fails(artifact.tensor(name), Code::Corruption, "\"" + name + "\"", chunk));
    CHECK(fails(artifact.to<std::vector<std::uint8_t>>(name), Code::Corruption, chunk));
    CHECK(fails(artifact.verify(), Code::Corruption, chunk));
    CHECK(ok(artifact.tensor(name == "big" ? "single" : "big")));
  }
}

TEST_CASE("damage: a flipped bit in a small chunk is Corruption, too, and its neighbours load") {
  const Example example;
  for (const bool mmap : {true, false}) {
    TempStore temp;
    example.save_to(temp);
    damage(temp, example.small, 4000);
    const auto store = temp.open({.mmap = mmap});
    const auto artifact = must(store.load("n"));
    CHECK(fails(artifact.tensor("small"), Code::Corruption, "n:1.0.0@0", "\"small\"", "chunk 0",
                "offset 0"));
    CHECK(fails(artifact.to<std::vector<std::uint8_t>>("small"), Code::Corruption, "\"small\""));
    CHECK(fails(artifact.verify(), Code::Corruption, "\"small\""));
    CHECK(same_bytes(bytes_of(artifact, "tiny"), example.tiny));
    CHECK(ok(artifact.file("f")));
    CHECK(ok(must(store.load("m")).verify()));
  }
}

TEST_CASE("damage: in a file it is found by file() and read_file(), with its name") {
  TempStore temp;
  const auto bytes = Random(5).elements<std::uint8_t>(3 * kMiB);
  const auto raw = std::as_bytes(std::span(bytes));
  Draft draft;
  draft.file("model.onnx", {raw.begin(), raw.end()}).tensor("t", std::vector<float>{1});
  must(temp.open().save("m", draft));
  damage(temp, bytes, 2 * kMiB);
  const auto artifact = must(temp.open().load("m"));
  CHECK(fails(artifact.file("model.onnx"), Code::Corruption, "m:1.0.0@0", "\"model.onnx\"", "chunk",
              "offset"));
  std::size_t seen = 0;
  bool equal = true;
  const auto read =
      artifact.read_file("model.onnx", [&](std::span<const std::byte> piece) -> Result<void> {
        equal = equal && same_bytes(piece, raw.subspan(seen, piece.size()));
        seen += piece.size();
        return {};
      });
  CHECK(fails(read, Code::Corruption, "\"model.onnx\""));
  CHECK(equal);  // Whatever was handed out was verified before.
  CHECK(seen <= 2 * kMiB);
  CHECK(ok(artifact.tensor("t")));
}

TEST_CASE("damage: verify returns the first damage in order, whatever the number of threads") {
  TempStore temp;
  Draft draft;
  std::vector<std::vector<std::uint8_t>> values;
  for (std::uint64_t i = 0; i < 30; ++i) {
    values.push_back(Random(i).elements<std::uint8_t>(i % 3 == 0 ? 3 * kMiB : 100'000));
    draft.tensor("t" + std::to_string(10 + i), values.back());
  }
  const auto bytes = Random(99).bytes(2 * kMiB);
  draft.file("a", std::vector<std::byte>(bytes));
  must(temp.open().save("m", draft));
  const auto verify = [&](unsigned threads) {
    const auto store = temp.open();
    return must(store.load("m", {.threads = threads})).verify();
  };
  const auto file = find_stored(temp, std::span(bytes).subspan(kMiB, kSample));
  REQUIRE(file.has_value());
  flip_bit(file->file, file->offset, 1);
  for (const unsigned threads : {1U, 4U}) {
    CHECK(fails(verify(threads), Code::Corruption, "\"a\""));
  }
  damage(temp, values[27], 2 * kMiB);
  damage(temp, values[4], 500);
  damage(temp, values[21], kMiB + 77);
  for (const unsigned threads : {1U, 2U, 3U, 4U, 16U}) {
    CHECK(fails(verify(threads), Code::Corruption, "m:1.0.0@0", "\"t14\"", "chunk 0"));
  }
}

TEST_CASE("damage: a save that meets a damaged chunk stores it anew, and the new artifact loads") {
  const Example example;
  TempStore temp;
  example.save_to(temp);
  damage(temp, example.big, 2 * kMiB + 5);
  damage(temp, example.small, 17);
  auto store = temp.open();
  Draft draft;
  draft.tensor("big", example.big).tensor("small", example.small);
  const auto receipt = must(store.save("healed", draft));
  CHECK(receipt.new_chunks == 2);
  CHECK(receipt.new_bytes == kMiB + example.small.size());
  const auto artifact = must(store.load("healed"));
  CHECK(same_bytes(bytes_of(artifact, "big"), example.big));
  CHECK(same_bytes(bytes_of(artifact, "small"), example.small));
  CHECK(fails(must(store.load("m")).verify(), Code::Corruption, "\"big\""));
  // The index names the new chunks now.
  Draft again;
  again.tensor("other name", example.big);
  CHECK(must(store.save("again", again)).new_chunks == 0);
  CHECK(ok(must(store.load("again")).verify()));
}

TEST_CASE("damage: a damaged small chunk stops neither other reads nor any write") {
  const Example example;
  TempStore temp;
  example.save_to(temp);
  damage(temp, example.small, 17);
  auto store = temp.open();
  for (std::uint64_t epoch = 1; epoch <= 4; ++epoch) {
    CHECK(ok(must(store.load("m")).verify()));
    // Work in the background may meet the chunk meanwhile.
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    Draft draft;
    draft.tensor("t", Random(epoch).floats(epoch == 4 ? kMiB : 100));
    CHECK(ok(store.save({"more", "1", epoch}, draft)));
  }
  CHECK(ok(store.close()));
  CHECK(must(temp.open().list()).size() == 6);
}

TEST_CASE("damage: replacing a damaged artifact by the same one makes it whole") {
  const Example example;
  TempStore temp;
  example.save_to(temp);
  damage(temp, example.big, 100);
  auto store = temp.open();
  CHECK(fails(must(store.load("m:1@3")).verify(), Code::Corruption));
  Draft draft;
  draft.tensor("big", example.big).tensor("other", example.other);
  SaveOptions options;
  options.replace = true;
  CHECK(ok(store.save("m:1@3", draft, options)));
  CHECK(ok(must(store.load("m:1@3")).verify()));
}

TEST_CASE("damage: a missing table is an error at open or at load, never wrong bytes") {
  const Example example;
  TempStore whole;
  example.save_to(whole);
  const auto files = files_with(whole, "", ".sst");
  REQUIRE(files.size() > 1);
  for (std::size_t i = 0; i < files.size(); ++i) {
    TempStore temp;
    copy_store(whole, temp);
    fs::remove(temp.database() / files[i].filename());
    CAPTURE(i);
    check_noticed(survey_of(temp, example, i % 2 == 0 ? Mode::ReadOnly : Mode::ReadWrite));
  }
}

TEST_CASE("damage: a table that is cut short is an error, never wrong bytes") {
  const Example example;
  TempStore whole;
  example.save_to(whole);
  const auto files = files_with(whole, "", ".sst");
  for (std::size_t i = 0; i < files.size() * scaled(1, 4); ++i) {
    TempStore temp;
    copy_store(whole, temp);
    const auto file = temp.database() / files[i % files.size()].filename();
    const auto size = fs::file_size(file);
    const auto keep = std::vector{size - 1, size / 2, size - 60, std::uintmax_t{0}}.at(
        (i + i / files.size()) % 4);
    fs::resize_file(file, keep);
    CAPTURE(file.filename().string());
    CAPTURE(keep);
    check_noticed(survey_of(temp, example, Mode::ReadWrite));
  }
}

TEST_CASE("damage: random flips in any table give the saved bytes or an error") {
  const Example example;
  Random random;
  TempStore whole;
  example.save_to(whole);
  for (std::uint64_t round = 0; round < scaled(60, 2000); ++round) {
    TempStore temp;
    copy_store(whole, temp);
    const auto files = files_with(temp, "", ".sst");
    const auto& file = files.at(random.below(files.size()));
    const auto offset = random.below(fs::file_size(file));
    flip_bit(file, offset, static_cast<unsigned>(random.below(8)));
    CAPTURE(file.filename().string());
    CAPTURE(offset);
    const auto mode = round % 2 == 0 ? Mode::ReadOnly : Mode::ReadWrite;
    const auto survey = survey_of(temp, example, mode);
    CHECK(survey.wrong == 0);
    CHECK(survey.codes.count(Code::NotFound) == 0);
    CHECK((survey.right == kReads || !survey.codes.empty()));
  }
}

TEST_CASE("damage: a flipped bit in the log of a killed writer is never silent") {
  const KilledWriter killed;
  Random random;
  for (std::uint64_t round = 0; round < scaled(20, 500); ++round) {
    TempStore copy;
    const auto log = killed.copy_to(copy, true);
    // A record whose length is damaged looks like a torn tail to RocksDB; HEAD knows better.
    const auto offset = random.below(killed.sizes().at(4));
    flip_bit(log, offset, static_cast<unsigned>(random.below(8)));
    CAPTURE(offset);
    CHECK(fails(Store::open(copy.path(), {.mode = Mode::ReadOnly}), Code::Corruption));
    CHECK(fails(Store::open(copy.path()), Code::Corruption));
  }
}

TEST_CASE("damage: a log that is cut short loses what was cut, and nothing is half there") {
  const KilledWriter killed;
  Random random;
  for (std::uint64_t round = 0; round < scaled(20, 500); ++round) {
    TempStore copy;
    const auto log = killed.copy_to(copy, false);
    const auto keep = killed.sizes()[0] + random.below(killed.sizes()[4] - killed.sizes()[0]);
    fs::resize_file(log, keep);
    CAPTURE(keep);
    const auto store = must(Store::open(copy.path()));
    const auto list = must(store.list());
    const auto whole = std::count_if(killed.sizes().begin(), killed.sizes().end(),
                                     [&](std::uintmax_t size) { return size <= keep; });
    REQUIRE(list.size() == static_cast<std::size_t>(whole));
    for (const auto& info : list) {
      const auto values = must(must(store.load(info.key)).to<std::vector<float>>("t"));
      CHECK(same_bytes(values, Random(info.key.epoch).floats(100)));
    }
  }
}

}  // namespace cairn::testing
