// What the tests of the engine and of the store share: directories that remove themselves, opened
// databases, chunks with known bytes, and ways to say what a Result should be.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <ostream>
#include <set>
#include <source_location>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <rocksdb/db.h>
#include <stdlib.h>

#include "cairn/error.h"
#include "content/digest.h"
#include "content/frame.h"
#include "engine/bulk_writer.h"
#include "engine/chunk_reader.h"
#include "engine/database.h"
#include "engine/store_dir.h"

namespace cairn_test {

using cairn::Code;
using cairn::Result;

using Bytes = std::vector<std::byte>;

// Whether a Result was as it should be, and else what it was: CHECK prints it.
struct Outcome {
  bool good = false;
  std::string found;

  explicit operator bool() const { return good; }
  friend std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
    return out << outcome.found;
  }
};

template <class T>
Outcome ok(const Result<T>& result) {
  return result ? Outcome{true, "OK"} : Outcome{false, result.error().to_string()};
}

// An error of this code whose message has all the fragments.
template <class T, class... Fragments>
Outcome fails(const Result<T>& result, Code code, const Fragments&... fragments) {
  if (result) {
    return {false, "OK, not " + std::string(to_string(code))};
  }
  const std::string& message = result.error().message;
  const bool all = ((message.find(fragments) != std::string::npos) && ...);
  return {result.error().code == code && all, result.error().to_string()};
}

// The value, or an exception that fails the test with the error and the caller's line.
template <class T>
T must(Result<T> result, const std::source_location& where = std::source_location::current()) {
  if (!result) {
    throw std::runtime_error(std::string(where.file_name()) + ":" + std::to_string(where.line()) +
                             ": " + result.error().to_string());
  }
  if constexpr (!std::same_as<T, void>) {
    return std::move(*result);
  }
}

// A new directory below the system's temporary one, removed with all that is in it.
class TempDir {
 public:
  TempDir() {
    auto name = (std::filesystem::temp_directory_path() / "cairn-unit-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw std::runtime_error("cannot make " + name);
    }
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  // Where a test has its store; it does not exist before somebody makes it.
  [[nodiscard]] cairn::StoreDir store() const { return {path_ / "store"}; }

 private:
  std::filesystem::path path_;
};

// The database of a store directory, which is made where it is missing; without a lock.
inline std::shared_ptr<cairn::Database> open_database(const cairn::StoreDir& dir,
                                                      bool mmap = true) {
  must(dir.create());
  return must(
      cairn::Database::open(dir, {.write = true, .create = true, .mmap = mmap}, std::nullopt));
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline void write_file(const std::filesystem::path& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) {
    throw std::runtime_error("cannot write " + path.string());
  }
}

inline std::size_t files_in(const std::filesystem::path& directory) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory),
                                                std::filesystem::directory_iterator()));
}

// Every file below a directory, with its time and bytes: what a refused call must leave alone.
using Listing = std::map<std::string, std::pair<std::filesystem::file_time_type, std::string>>;
inline Listing listing_of(const std::filesystem::path& directory) {
  Listing out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    out[entry.path().string()] = {entry.last_write_time(),
                                  entry.is_regular_file() ? read_file(entry.path()) : ""};
  }
  return out;
}

inline bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

// The same bytes as elements of a tensor.
inline std::vector<std::uint8_t> elements_of(std::span<const std::byte> bytes) {
  const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return {first, first + bytes.size()};
}

inline Result<std::uint32_t> add_chunk(cairn::BulkWriter& writer, std::uint64_t id,
                                       std::span<const std::byte> payload) {
  return writer.add(cairn::ChunkId{id}, {.plain_bytes = payload.size()}, payload,
                    cairn::chunk_digest(payload));
}

// A finished file in `incoming/` with these chunks.
inline cairn::BuiltFile build_file(cairn::Database& database, std::string_view name,
                                   const std::map<std::uint64_t, Bytes>& chunks) {
  auto writer = must(cairn::BulkWriter::create(database, database.dir().incoming() / name));
  for (const auto& [id, payload] : chunks) {
    must(add_chunk(*writer, id, payload));
  }
  return must(writer->finish());
}

// The payload of a stored chunk.
inline Bytes stored_payload(const cairn::Database& database, cairn::ChunkId id) {
  const auto pinned = must(cairn::pin_frame(database, id));
  const auto frame = must(cairn::decode_frame(pinned.stored()));
  return {frame.payload.begin(), frame.payload.end()};
}

// The file whose mapping holds the address; empty where none does.
inline std::string mapped_file(const void* address) {
  std::istringstream maps(read_file("/proc/self/maps"));
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t first = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    std::istringstream fields(line);
    fields >> std::hex >> first >> dash >> end;
    if (at >= first && at < end) {
      const auto path = line.find('/');
      return path == std::string::npos ? "" : line.substr(path);
    }
  }
  return "";
}

// The names of the tables that hold chunks.
inline std::set<std::string> tables_of_chunks(const cairn::Database& database) {
  std::set<std::string> names;
  std::vector<rocksdb::LiveFileMetaData> files;
  database.rocks()->GetLiveFilesMetaData(&files);
  for (const auto& file : files) {
    if (file.column_family_name == cairn::name_of(cairn::Family::Chunks)) {
      names.insert(file.name);
    }
  }
  return names;
}

// Writes every table of chunks anew, as a merge does.
inline void rewrite_chunks(cairn::Database& database) {
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  const auto before = tables_of_chunks(database);
  const auto status = database.rocks()->CompactRange(
      options, database.handle(cairn::Family::Chunks), nullptr, nullptr);
  if (!status.ok()) {
    throw std::runtime_error(status.ToString());
  }
  const auto after = tables_of_chunks(database);
  for (const auto& name : before) {
    if (after.contains(name)) {
      throw std::runtime_error(name + " was not rewritten");
    }
  }
}

}  // namespace cairn_test
