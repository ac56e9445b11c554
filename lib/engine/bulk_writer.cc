// SstFileWriter and IngestExternalFiles, with the calls that keep them fast and safe together.
#include "engine/bulk_writer.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>

#include "content/digest.h"
#include "engine/file_watch.h"
#include "engine/rocks_options.h"
#include "engine/status.h"
#include "record/keys.h"

namespace cairn {

namespace {

// What was just written is often read next: by a load that validates it, or by the save of an epoch
// that has not changed. So RocksDB is told to leave it in the page cache, which it does not by
// default.
constexpr bool kDropFromPageCache = false;

}  // namespace

struct BulkWriter::State {
  State(Database& target, std::filesystem::path where)
      : database(target),
        path(std::move(where)),
        writer(rocksdb::EnvOptions(database.options().db),
               rocksdb::Options(database.options().db, database.options().of(Family::Chunks)),
               database.handle(Family::Chunks), kDropFromPageCache) {}

  // So that no save of ours takes the disk's last bytes from a commit; not asked for every chunk.
  Result<void> take_room(std::size_t bytes) {
    constexpr std::size_t kAskedFor = std::size_t{1} << 20;
    if (room < bytes) {
      room = std::max(bytes, kAskedFor);
      if (auto enough = database.check_room(room); !enough) {
        return enough;
      }
    }
    room -= bytes;
    return {};
  }

  Database& database;
  std::filesystem::path path;
  bool finished = false;
  std::size_t room = 0;  // Known to be there.
  std::string frame;     // Reused from chunk to chunk.
  rocksdb::SstFileWriter writer;
};

BulkWriter::BulkWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}

BulkWriter::~BulkWriter() {
  if (!state_->finished) {
    std::error_code ignored;
    std::filesystem::remove(state_->path, ignored);
  }
}

Result<std::unique_ptr<BulkWriter>> BulkWriter::create(Database& database,
                                                       std::filesystem::path path) {
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(path, error))) {
    return tl::unexpected(Error{Code::Io, path.string() + " is there already"});
  }
  std::unique_ptr<BulkWriter> out(
      new BulkWriter(std::make_unique<State>(database, std::move(path))));
  if (const auto status = out->state_->writer.Open(out->state_->path.string()); !status.ok()) {
    return tl::unexpected(to_error(status, "creating " + out->state_->path.string()));
  }
  return out;
}

Result<void> build_frame(const FrameHeader& header, std::span<const std::byte> payload,
                         const Digest& expected, std::string& out) {
  const auto header_bytes = frame_header_bytes(payload.size());
  out.resize(header_bytes + payload.size());
  const auto bytes = std::as_writable_bytes(std::span(out));
  encode_frame_header(header, bytes.first(header_bytes));
  const auto copy = bytes.subspan(header_bytes);
  if (!payload.empty()) {
    std::memcpy(copy.data(), payload.data(), payload.size());
  }
  if (chunk_digest(copy) != expected) {  // Of what will be written, not of what may yet change.
    return tl::unexpected(
        Error{Code::InvalidArgument, "its bytes changed while they were being saved"});
  }
  return {};
}

Result<std::uint32_t> BulkWriter::add(ChunkId id, const FrameHeader& header,
                                      std::span<const std::byte> payload, const Digest& expected) {
  if (auto room = state_->take_room(payload.size()); !room) {
    return tl::unexpected(std::move(room.error()));
  }
  if (auto built = build_frame(header, payload, expected, state_->frame); !built) {
    return tl::unexpected(std::move(built.error()));
  }
  const auto status = state_->writer.Put(encode_chunk_key(id), state_->frame);
  if (!status.ok()) {
    return tl::unexpected(to_error(status, "writing " + state_->path.string()));
  }
  return static_cast<std::uint32_t>(state_->frame.size());
}

Result<BuiltFile> BulkWriter::finish() {
  rocksdb::ExternalSstFileInfo info;
  if (const auto status = state_->writer.Finish(&info); !status.ok()) {
    return tl::unexpected(to_error(status, "finishing " + state_->path.string()));
  }
  state_->finished = true;
  return BuiltFile{state_->path, std::move(info.file_checksum)};
}

Result<void> ingest(Database& database, const std::vector<BuiltFile>& files) {
  if (files.empty()) {
    return {};
  }
  rocksdb::IngestExternalFileArg arg;
  arg.column_family = database.handle(Family::Chunks);
  arg.options.move_files = true;
  arg.options.write_global_seqno = false;
  arg.options.verify_checksums_before_ingest = false;  // We have just written them.
  arg.options.verify_file_checksum = false;            // Takes our checksums as they are.
  for (const auto& file : files) {
    arg.external_files.push_back(file.path.string());
    arg.files_checksums.push_back(file.checksum);
    arg.files_checksum_func_names.emplace_back(kFileChecksumName);
  }
  auto ingested = database.check_room(0);
  if (ingested) {
    ingested = database.change_files("ingesting new chunks",
                                     [&] { return database.rocks()->IngestExternalFiles({arg}); });
  }
  for (const auto& file : files) {
    std::error_code ignored;
    std::filesystem::remove(file.path, ignored);
  }
  return ingested;
}

}  // namespace cairn
