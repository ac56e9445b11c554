// Files of chunks from their first byte to the bottom level of the database, and what is left of
// those that come to nothing.
#include "engine/bulk_writer.h"

#include <map>

#include <doctest/doctest.h>
#include <rocksdb/db.h>
#include <rocksdb/metadata.h>

#include "base/bytes.h"
#include "content/random_bytes.h"
#include "engine/engine_testing.h"

namespace cairn {

namespace {

using cairn_test::add_chunk;
using cairn_test::build_file;
using cairn_test::Bytes;
using cairn_test::fails;
using cairn_test::files_in;
using cairn_test::must;
using cairn_test::ok;
using cairn_test::open_database;
using cairn_test::Random;
using cairn_test::stored_payload;
using cairn_test::TempDir;

std::vector<rocksdb::LiveFileMetaData> chunk_tables(const Database& database) {
  std::vector<rocksdb::LiveFileMetaData> all;
  database.rocks()->GetLiveFilesMetaData(&all);
  std::erase_if(
      all, [](const auto& file) { return file.column_family_name != name_of(Family::Chunks); });
  return all;
}

std::string digest_of_file(const std::filesystem::path& path) {
  const auto bytes = cairn_test::read_file(path);
  const auto digest = chunk_digest(as_byte_span(bytes));
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

std::map<std::uint64_t, Bytes> numbered_chunks(std::uint64_t first, std::uint64_t count) {
  Random random(first);
  std::map<std::uint64_t, Bytes> chunks;
  for (std::uint64_t id = first; id < first + count; ++id) {
    chunks[id] = random.bytes(1 + random.below(20'000));
  }
  return chunks;
}

}  // namespace

TEST_CASE("bulk: what a file was given is read back, and incoming/ is empty after the ingestion") {
  const TempDir temp;
  const auto dir = temp.store();
  auto database = open_database(dir);
  const auto chunks = numbered_chunks(1, 40);
  auto writer = must(BulkWriter::create(*database, dir.incoming() / "1.sst"));
  for (const auto& [id, payload] : chunks) {
    CHECK(must(add_chunk(*writer, id, payload)) ==
          frame_header_bytes(payload.size()) + payload.size());
  }
  const auto built = must(writer->finish());
  CHECK(built.path == dir.incoming() / "1.sst");
  CHECK(files_in(dir.incoming()) == 1);
  must(ingest(*database, {built}));
  CHECK(files_in(dir.incoming()) == 0);
  writer.reset();
  for (int round = 0; round < 2; ++round) {
    for (const auto& [id, payload] : chunks) {
      CHECK(stored_payload(*database, ChunkId{id}) == payload);
    }
    database.reset();
    database = open_database(dir);
  }
}

TEST_CASE("bulk: several files in one ingestion land at the bottom level") {
  const TempDir temp;
  auto database = open_database(temp.store());
  // Later ids first, as lanes may end in any order; then a second ingestion above and one between.
  must(ingest(*database, {build_file(*database, "1.sst", numbered_chunks(300, 20)),
                          build_file(*database, "2.sst", numbered_chunks(100, 20)),
                          build_file(*database, "3.sst", numbered_chunks(500, 20))}));
  must(ingest(*database, {build_file(*database, "4.sst", numbered_chunks(900, 20)),
                          build_file(*database, "5.sst", numbered_chunks(200, 20))}));
  const auto tables = chunk_tables(*database);
  CHECK(tables.size() == 5);
  for (const auto& table : tables) {
    CHECK(table.level == 6);
    CHECK(table.largest_seqno == 0);  // Nothing had to be shadowed.
  }
  CHECK(files_in(database->dir().incoming()) == 0);
}

TEST_CASE("bulk: the checksum that RocksDB keeps of a table is the XXH3-128 of the file") {
  const TempDir temp;
  auto database = open_database(temp.store());
  const auto built = build_file(*database, "1.sst", numbered_chunks(1, 60));
  CHECK(built.checksum == digest_of_file(built.path));
  must(ingest(*database, {built, build_file(*database, "2.sst", numbered_chunks(100, 3))}));
  for (int round = 0; round < 2; ++round) {  // The second one from the manifest.
    const auto tables = chunk_tables(*database);
    CHECK(tables.size() == 2);
    for (const auto& table : tables) {
      CHECK(table.file_checksum_func_name == "cairn.xxh3-128");
      CHECK(table.file_checksum == digest_of_file(table.db_path + table.name));
    }
    database.reset();
    database = open_database(temp.store());
  }
}

TEST_CASE("bulk: tables that RocksDB writes itself have the same kind of checksum") {
  const TempDir temp;
  auto database = open_database(temp.store());
  const auto status = database->rocks()->Put({}, database->handle(Family::Models), "key", "value");
  REQUIRE(status.ok());
  must(database->flush());
  std::vector<rocksdb::LiveFileMetaData> tables;
  database->rocks()->GetLiveFilesMetaData(&tables);
  REQUIRE(tables.size() == 1);
  CHECK(tables[0].file_checksum_func_name == "cairn.xxh3-128");
  CHECK(tables[0].file_checksum == digest_of_file(tables[0].db_path + tables[0].name));
}

TEST_CASE("bulk: ids ascend, anything else is refused") {
  const TempDir temp;
  auto database = open_database(temp.store());
  auto writer = must(BulkWriter::create(*database, database->dir().incoming() / "1.sst"));
  const Bytes payload(100);
  CHECK(ok(add_chunk(*writer, 255, payload)));
  CHECK(ok(add_chunk(*writer, 256, payload)));  // Big-endian keys: the order of the numbers.
  CHECK(fails(add_chunk(*writer, 256, payload), Code::InvalidArgument));
  CHECK(fails(add_chunk(*writer, 255, payload), Code::InvalidArgument));
  CHECK(ok(add_chunk(*writer, 65'536, payload)));
  must(ingest(*database, {must(writer->finish())}));
  CHECK(stored_payload(*database, ChunkId{65'536}) == payload);
}

TEST_CASE("bulk: an abandoned file is removed, whether or not anything was written to it") {
  const TempDir temp;
  auto database = open_database(temp.store());
  const auto incoming = database->dir().incoming();
  auto empty = must(BulkWriter::create(*database, incoming / "1.sst"));
  auto full = must(BulkWriter::create(*database, incoming / "2.sst"));
  for (const auto& [id, payload] : numbered_chunks(1, 300)) {
    must(add_chunk(*full, id, payload));
  }
  CHECK(files_in(incoming) == 2);
  empty.reset();
  CHECK(files_in(incoming) == 1);
  full.reset();
  CHECK(files_in(incoming) == 0);
}

TEST_CASE("bulk: a file without a chunk cannot be finished, and is removed") {
  const TempDir temp;
  auto database = open_database(temp.store());
  auto writer = must(BulkWriter::create(*database, database->dir().incoming() / "1.sst"));
  CHECK(fails(writer->finish(), Code::InvalidArgument));
  writer.reset();
  CHECK(files_in(database->dir().incoming()) == 0);
}

TEST_CASE("bulk: a payload that has not its digest is refused, and so is its file") {
  const TempDir temp;
  auto database = open_database(temp.store());
  const auto incoming = database->dir().incoming();
  auto writer = must(BulkWriter::create(*database, incoming / "1.sst"));
  Bytes payload(5'000, std::byte{7});
  const auto digest = chunk_digest(payload);
  must(add_chunk(*writer, 1, payload));
  payload[4'999] = std::byte{8};
  const FrameHeader header{.plain_bytes = payload.size()};
  CHECK(fails(writer->add(ChunkId{2}, header, payload, digest), Code::InvalidArgument, "changed"));
  std::string frame;
  CHECK(fails(build_frame(header, payload, digest, frame), Code::InvalidArgument, "changed"));
  writer.reset();
  CHECK(files_in(incoming) == 0);
  CHECK(fails(pin_frame(*database, ChunkId{1}), Code::Corruption, "missing"));
}

TEST_CASE("bulk: a frame is its header and its payload, however long the one before was") {
  std::string frame;
  for (const std::size_t size : {100'000U, 1U, 83U, 0U, 5'000U}) {
    const auto payload = Random(size).bytes(size);
    must(build_frame({.element_width = 4, .plain_bytes = size}, payload, chunk_digest(payload),
                     frame));
    const auto decoded = must(decode_frame(as_byte_span(frame)));
    CHECK(frame.size() == frame_header_bytes(size) + size);
    CHECK(decoded.header.element_width == 4);
    CHECK(cairn_test::same_bytes(decoded.payload, payload));
  }
}

TEST_CASE("bulk: a file that cannot be created is an error, and one that is there is left alone") {
  const TempDir temp;
  auto database = open_database(temp.store());
  CHECK(!BulkWriter::create(*database, temp.path() / "missing" / "1.sst"));
  // It might be a link to a table of the database.
  const auto path = database->dir().incoming() / "1.sst";
  cairn_test::write_file(path, "somebody's");
  CHECK(fails(BulkWriter::create(*database, path), Code::Io, path.string()));
  CHECK(cairn_test::read_file(path) == "somebody's");
  std::filesystem::remove(path);
  std::filesystem::create_symlink(temp.path() / "nowhere", path);
  CHECK(fails(BulkWriter::create(*database, path), Code::Io));
}

TEST_CASE("bulk: an ingestion that fails takes no file in, and leaves none in incoming/") {
  const TempDir temp;
  auto database = open_database(temp.store());
  const auto incoming = database->dir().incoming();
  const auto good = build_file(*database, "1.sst", numbered_chunks(1, 10));
  auto missing = good;
  missing.path = incoming / "2.sst";
  CHECK(!ingest(*database, {good, missing}));
  CHECK(files_in(incoming) == 0);

  cairn_test::write_file(incoming / "3.sst", std::string(10'000, 'x'));
  auto damaged = good;
  damaged.path = incoming / "3.sst";
  CHECK(!ingest(*database, {build_file(*database, "4.sst", numbered_chunks(1, 10)), damaged}));
  CHECK(files_in(incoming) == 0);

  CHECK(chunk_tables(*database).empty());
  CHECK(fails(pin_frame(*database, ChunkId{1}), Code::Corruption, "missing"));
  CHECK(ok(ingest(*database, {})));
  // What failed is in doubt: nothing more is taken in before the database is opened again.
  CHECK(fails(ingest(*database, {build_file(*database, "5.sst", numbered_chunks(1, 10))}), Code::Io,
              "refuses to write"));
  CHECK(files_in(incoming) == 0);
  database.reset();
  database = open_database(temp.store());
  CHECK(ok(ingest(*database, {build_file(*database, "6.sst", numbered_chunks(1, 10))})));
  CHECK(chunk_tables(*database).size() == 1);
}

}  // namespace cairn
