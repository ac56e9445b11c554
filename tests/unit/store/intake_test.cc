// Taking pieces in: where new chunks go, how lanes share the work, and that a source that fails or
// changes leaves nothing behind.
#include "store/intake.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <set>
#include <span>
#include <stdexcept>

#include <doctest/doctest.h>
#include <rocksdb/db.h>
#include <rocksdb/metadata.h>

#include "content/chunker.h"
#include "store/store_testing.h"

namespace cairn {

namespace {

using cairn_test::Bytes;
using cairn_test::fails;
using cairn_test::files_in;
using cairn_test::index_rows;
using cairn_test::must;
using cairn_test::ok;
using cairn_test::open_session;
using cairn_test::Random;
using cairn_test::stored_payload;
using cairn_test::TempDir;

constexpr std::size_t kMiB = std::size_t{1} << 20U;

// A source whose reads a test decides about, given how often the piece at that offset was read.
class ScriptedSource final : public Source {
 public:
  using Script = std::function<Result<void>(std::uint64_t offset, int reads, std::span<std::byte>)>;

  ScriptedSource(Bytes bytes, Script script)
      : bytes_(std::move(bytes)), script_(std::move(script)), reads_(bytes_.size() / kMiB + 1) {}

  std::uint64_t size() const override { return bytes_.size(); }
  Result<void> read(std::uint64_t offset, std::span<std::byte> out, OpenFile&) const override {
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return script_(offset, ++reads_[offset / kMiB], out);
  }
  // How often any piece was read at most.
  int most_reads() const { return *std::ranges::max_element(reads_); }

 private:
  Bytes bytes_;
  Script script_;
  mutable std::vector<std::atomic<int>> reads_;
};

// Memory in which one byte changes after one piece was looked at so often.
class ChangingMemory final : public Source {
 public:
  ChangingMemory(Bytes bytes, std::uint64_t changing, int looks)
      : bytes_(std::move(bytes)), changing_(changing), looks_left_(looks) {}

  std::uint64_t size() const override { return bytes_.size(); }
  const std::byte* in_memory(std::uint64_t offset) const override {
    if (offset == changing_ && looks_left_-- == 0) {
      bytes_[offset + 5] ^= std::byte{4};
    }
    return bytes_.data() + offset;
  }
  Result<void> read(std::uint64_t, std::span<std::byte>, OpenFile&) const override {
    throw std::logic_error("it is in memory");
  }
  bool changed() const { return looks_left_ < 0; }

 private:
  mutable Bytes bytes_;
  std::uint64_t changing_;
  mutable std::atomic<int> looks_left_;
};

Result<void> as_it_is(std::uint64_t, int, std::span<std::byte>) {
  return {};
}

// One tensor cut into pieces of a MiB, as cutting.cc does.
void add_content(Cutting& cutting, std::unique_ptr<Source> source, std::string label = "tensor x") {
  CutContent content;
  content.label = std::move(label);
  content.is_tensor = true;
  content.first_piece = cutting.pieces.size();
  const auto size = source->size();
  for (std::uint64_t offset = 0; offset < size; offset += kMiB) {
    cutting.pieces.push_back(
        {offset, static_cast<std::uint32_t>(std::min<std::uint64_t>(kMiB, size - offset)),
         static_cast<std::uint32_t>(cutting.contents.size())});
  }
  content.piece_count = cutting.pieces.size() - content.first_piece;
  content.source = std::move(source);
  cutting.total_bytes += size;
  cutting.contents.push_back(std::move(content));
}

Cutting cut_one(Bytes bytes, ScriptedSource::Script script = as_it_is) {
  Cutting cutting;
  add_content(cutting, std::make_unique<ScriptedSource>(std::move(bytes), std::move(script)));
  return cutting;
}

// Cheap bytes of which no two MiB are alike.
Bytes many_bytes(std::size_t size) {
  Bytes out(size);
  for (std::size_t at = 0; at + 8 <= size; at += 4'096) {
    std::memcpy(out.data() + at, &at, sizeof at);
  }
  return out;
}

Bytes piece_bytes(const Cutting& cutting, std::size_t piece) {
  Scratch scratch;
  const auto bytes = must(cutting.read(piece, scratch));
  return {bytes.begin(), bytes.end()};
}

std::size_t chunk_tables(Session& session) {
  std::vector<rocksdb::LiveFileMetaData> files;
  session.database().rocks()->GetLiveFilesMetaData(&files);
  return static_cast<std::size_t>(std::ranges::count(
      files, name_of(Family::Chunks), &rocksdb::LiveFileMetaData::column_family_name));
}

std::size_t incoming_files(Session& session) {
  return files_in(session.database().dir().incoming());
}

// Every piece's ref says its digest and size, and leads to its bytes.
void check_stored(Session& session, const Cutting& cutting, const Intake& intake) {
  REQUIRE(intake.refs.size() == cutting.pieces.size());
  for (std::size_t i = 0; i < intake.refs.size(); ++i) {
    CAPTURE(i);
    const auto bytes = piece_bytes(cutting, i);
    CHECK(intake.refs[i].digest == chunk_digest(bytes));
    CHECK(intake.refs[i].plain_bytes == bytes.size());
    if (!intake.refs[i].id.is_small()) {
      CHECK(stored_payload(session.database(), intake.refs[i].id) == bytes);
    }
  }
}

Result<void> refusal() {
  return tl::unexpected(Error{Code::Io, "read failed on purpose"});
}

}  // namespace

TEST_CASE("intake: a small save's chunks are handed to the batch, a bulk one's are durable") {
  const TempDir temp;
  for (const bool bulk : {false, true}) {
    CAPTURE(bulk);
    const auto session = open_session(temp, bulk);
    const auto cutting = cut_one(Random(bulk ? 1 : 2).bytes(300'000));
    const auto intake = must(take_in(*session, cutting, {}));
    check_stored(*session, cutting, intake);
    CHECK(intake.new_chunks.size() == 1);
    CHECK(intake.new_bytes == 300'000);
    CHECK(intake.health.size() == 1);
    CHECK(intake.small.size() == (bulk ? 0 : 1));
    CHECK(intake.refs[0].id.is_small() != bulk);
    CHECK(intake.new_chunks[0].location.id == intake.refs[0].id);
    CHECK(intake.new_chunks[0].location.stored_bytes == frame_header_bytes(300'000) + 300'000);
    CHECK(chunk_tables(*session) == (bulk ? 1 : 0));
    if (!bulk) {
      CHECK(intake.small[0].id == intake.refs[0].id);
      const auto frame = must(decode_frame(std::as_bytes(std::span(intake.small[0].frame))));
      CHECK(cairn_test::same_bytes(frame.payload, piece_bytes(cutting, 0)));
    }
    CHECK(incoming_files(*session) == 0);
  }
}

TEST_CASE("intake: the budget of a small save counts new bytes, whatever the draft's size") {
  const TempDir temp;
  const auto session = open_session(temp);
  auto bytes = many_bytes(5 * kMiB + 10);
  const auto first = cut_one(bytes);
  CHECK(must(take_in(*session, first, {})).small.empty());  // Over a MiB: through a file.
  CHECK(chunk_tables(*session) == 1);
  cairn_test::save(*session, "m:1@0", {{"t", bytes}});
  bytes[5 * kMiB + 3] ^= std::byte{1};
  const auto intake = must(take_in(*session, cut_one(bytes), {}));
  CHECK(intake.new_chunks.size() == 1);
  CHECK(intake.small.size() == 1);
  CHECK(intake.new_bytes == 10);
  CHECK(intake.refs[5].id.is_small());
}

TEST_CASE("intake: no pieces are no work") {
  const TempDir temp;
  const auto session = open_session(temp);
  const auto next = session->ids().next();
  for (const bool with_content : {false, true}) {
    const auto cutting = with_content ? cut_one({}) : Cutting{};
    const auto intake = must(take_in(*session, cutting, {}));
    CHECK(intake.refs.empty());
    CHECK(intake.health.empty());
    CHECK(intake.new_chunks.empty());
    CHECK(intake.small.empty());
    CHECK(intake.new_bytes == 0);
  }
  CHECK(session->ids().next() == next);
  CHECK(chunk_tables(*session) == 0);
}

TEST_CASE("intake: every 64 MiB begun are a file, as far as there are threads, and read back") {
  for (const unsigned threads : {1U, 3U}) {
    CAPTURE(threads);
    const TempDir temp;
    const auto session = open_session(temp, false, threads);
    Cutting cutting;
    add_content(cutting, cairn::memory_source({}), "tensor \"empty\"");
    add_content(cutting, std::make_unique<ScriptedSource>(many_bytes(40 * kMiB + 5), as_it_is));
    auto other = many_bytes(27 * kMiB);
    std::ranges::for_each(other, [](std::byte& byte) { byte ^= std::byte{0x80}; });
    add_content(cutting, std::make_unique<ScriptedSource>(std::move(other), as_it_is));
    const auto intake = must(take_in(*session, cutting, {.health = false}));
    check_stored(*session, cutting, intake);
    CHECK(intake.health.empty());
    CHECK(chunk_tables(*session) == std::min(threads, 2U));
    CHECK(incoming_files(*session) == 0);
    CHECK(intake.new_chunks.size() == cutting.pieces.size());
    CHECK(intake.new_bytes == cutting.total_bytes);
    for (std::size_t i = 1; i < intake.refs.size(); ++i) {
      CHECK(intake.refs[i - 1].id < intake.refs[i].id);  // Loads read them as they lie.
    }
    CHECK(intake.refs.back().id.value < session->ids().next());
  }
}

TEST_CASE("intake: equal pieces share one chunk, within a lane and across lanes") {
  const TempDir temp;
  const auto session = open_session(temp, false, 4);
  auto bytes = many_bytes(68 * kMiB);
  const auto copy = [&](std::size_t from, std::size_t to) {
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(from * kMiB), kMiB,
                bytes.begin() + static_cast<std::ptrdiff_t>(to * kMiB));
  };
  for (const std::size_t to : {1U, 20U, 37U, 67U}) {
    copy(0, to);
  }
  copy(66, 2);
  const auto cutting = cut_one(std::move(bytes));
  const auto intake = must(take_in(*session, cutting, {.health = false}));
  check_stored(*session, cutting, intake);
  CHECK(intake.new_chunks.size() == 68 - 5);
  CHECK(intake.new_bytes == (68 - 5) * kMiB);
  std::set<ChunkId> ids;
  for (const auto& ref : intake.refs) {
    ids.insert(ref.id);
  }
  CHECK(ids.size() == 68 - 5);
  for (const std::size_t twin : {1U, 20U, 37U, 67U}) {
    CHECK(intake.refs[twin] == intake.refs[0]);
  }
  CHECK(intake.refs[2] == intake.refs[66]);
}

TEST_CASE("intake: what is not in memory is read once") {
  for (const bool bulk : {false, true}) {
    for (const std::size_t size : {std::size_t{1'000}, 3 * kMiB, 66 * kMiB + 7}) {
      CAPTURE(size);
      const TempDir temp;
      const auto session = open_session(temp, bulk);
      auto source = std::make_unique<ScriptedSource>(many_bytes(size), as_it_is);
      const auto& reads = *source;
      Cutting cutting;
      add_content(cutting, std::move(source));
      const auto intake = must(take_in(*session, cutting, {}));
      CHECK(reads.most_reads() == 1);
      check_stored(*session, cutting, intake);
    }
  }
}

TEST_CASE("intake: memory that changes is refused, or stored as it was at one time") {
  struct Example {
    std::size_t size;
    bool bulk;
    std::uint64_t changing;  // The offset of the piece.
  };
  for (const auto& [size, bulk, changing] :
       {Example{1'000, false, 0}, Example{1'000, true, 0}, Example{5 * kMiB, false, 4 * kMiB},
        Example{66 * kMiB, false, 0}, Example{66 * kMiB, false, 65 * kMiB}}) {
    int refused = 0;
    for (int looks = 0; looks < 12; ++looks) {
      CAPTURE(size);
      CAPTURE(changing);
      CAPTURE(looks);
      const TempDir temp;
      const auto session = open_session(temp, bulk);
      auto source = std::make_unique<ChangingMemory>(many_bytes(size), changing, looks);
      const auto& memory = *source;
      Cutting cutting;
      add_content(cutting, std::move(source));
      const auto intake = take_in(*session, cutting, {.health = false});
      CHECK(incoming_files(*session) == 0);
      if (!intake) {
        ++refused;
        CHECK(memory.changed());
        CHECK(fails(intake, Code::InvalidArgument, "tensor x", "changed"));
        CHECK(chunk_tables(*session) == 0);
        continue;
      }
      for (const auto& ref : intake->refs) {
        if (!ref.id.is_small()) {
          CHECK(chunk_digest(stored_payload(session->database(), ref.id)) == ref.digest);
        }
      }
      for (const auto& small : intake->small) {
        const auto frame = must(decode_frame(std::as_bytes(std::span(small.frame))));
        CHECK(chunk_digest(frame.payload) == intake->refs[0].digest);
      }
    }
    CHECK(refused > 0);
    CHECK(refused < 12);
  }
}

TEST_CASE("intake: bytes that are others when they are read again are never taken for a twin's") {
  // Two equal pieces, far apart: the first is read again, to be compared with the second.
  for (const bool changes : {false, true}) {
    const TempDir temp;
    const auto session = open_session(temp, true, 4);
    auto bytes = many_bytes(68 * kMiB);
    std::copy_n(bytes.begin(), kMiB, bytes.begin() + 20 * kMiB);
    const auto original = Bytes(bytes.begin(), bytes.begin() + kMiB);
    const auto cutting = cut_one(
        std::move(bytes), [changes](std::uint64_t offset, int reads, std::span<std::byte> out) {
          if (changes && offset == 0 && reads > 1) {
            out[100] ^= std::byte{1};
          }
          return Result<void>();
        });
    const auto intake = take_in(*session, cutting, {.health = false});
    CHECK(incoming_files(*session) == 0);
    if (changes) {
      CHECK(fails(intake, Code::InvalidArgument, "tensor x", "changed"));
      CHECK(chunk_tables(*session) == 0);
    } else {
      REQUIRE(ok(intake));
      CHECK(intake->refs[20] == intake->refs[0]);
      CHECK(stored_payload(session->database(), intake->refs[20].id) == original);
    }
  }
}

TEST_CASE("intake: a source that fails fails the intake and leaves nothing") {
  struct Example {
    std::size_t size;
    std::uint64_t failing;
  };
  for (const auto& [size, failing] : {Example{1'000, 0}, Example{3 * kMiB, 2 * kMiB},
                                      Example{66 * kMiB, 0}, Example{66 * kMiB, 65 * kMiB}}) {
    CAPTURE(size);
    CAPTURE(failing);
    const TempDir temp;
    const auto session = open_session(temp, false, 3);
    const auto cutting =
        cut_one(many_bytes(size), [at = failing](std::uint64_t offset, int, std::span<std::byte>) {
          return offset == at ? refusal() : Result<void>();
        });
    const auto taken = take_in(*session, cutting, {.health = false});
    CHECK(fails(taken, Code::Io, "tensor x", "on purpose"));
    CHECK(incoming_files(*session) == 0);
    CHECK(chunk_tables(*session) == 0);
  }
}

TEST_CASE("intake: chunks that were ingested for a save that went no further are not found") {
  const TempDir temp;
  const auto session = open_session(temp, true);
  const auto cutting = cut_one(Random(3).bytes(10'000));
  const auto first = must(take_in(*session, cutting, {}));
  const auto second = must(take_in(*session, cutting, {}));  // The index names none of them.
  CHECK(second.new_chunks.size() == 1);
  CHECK(second.refs[0].id > first.refs[0].id);
  CHECK(index_rows(*session, first.refs[0].digest).empty());
}

TEST_CASE("intake: a bool is 0 or 1, another byte is refused before anything is written") {
  const TempDir temp;
  const auto session = open_session(temp, true);
  for (const bool bad : {false, true}) {
    auto cutting = cut_one(Bytes(2 * kMiB, std::byte{1}),
                           [bad](std::uint64_t offset, int, std::span<std::byte> bytes) {
                             if (bad && offset == kMiB) {
                               bytes.back() = std::byte{2};
                             }
                             return Result<void>();
                           });
    cutting.contents[0].dtype = DType::Bool;
    const auto taken = take_in(*session, cutting, {});
    CHECK(bad != taken.has_value());
    CHECK((taken || fails(taken, Code::InvalidArgument, "tensor x", "bool").good));
    CHECK(chunk_tables(*session) == 1);
  }
}

}  // namespace cairn
