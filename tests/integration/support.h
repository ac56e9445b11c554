// What the integration tests share: directories that remove themselves, random bytes from a seed
// that is printed, ways to say what a Result should be, and a look at the files of a store.
//
// CAIRN_TEST_SEED repeats a run; CAIRN_TEST_SIZE=full or long makes loops longer.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <ostream>
#include <source_location>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cairn/cairn.h>

namespace cairn::testing {

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
[[noreturn]] void give_up(const Error& error, const std::source_location& where);
template <class T>
T must(Result<T> result, const std::source_location& where = std::source_location::current()) {
  if (!result) {
    give_up(result.error(), where);
  }
  if constexpr (!std::same_as<T, void>) {
    return std::move(*result);
  }
}

// A new directory below another one, the system's temporary one unless said; removed with all that
// is in it.
class TempDir {
 public:
  explicit TempDir(const std::filesystem::path& parent = std::filesystem::temp_directory_path());
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

// A place for a store, which does not exist before the first open.
class TempStore {
 public:
  TempStore() = default;
  explicit TempStore(const std::filesystem::path& parent) : dir_(parent) {}

  [[nodiscard]] std::filesystem::path path() const { return dir_.path() / "store"; }
  [[nodiscard]] std::filesystem::path incoming() const { return path() / "incoming"; }
  [[nodiscard]] std::filesystem::path database() const { return path() / "db"; }
  // Any file beside the store.
  [[nodiscard]] std::filesystem::path beside(std::string_view name) const {
    return dir_.path() / name;
  }
  [[nodiscard]] Store open(const OpenOptions& options = {}) const {
    return must(Store::open(path(), options));
  }

 private:
  TempDir dir_;
};

// A store for tests that only need some store, made once a run; and a name nobody used in it.
Store& scratch_store();
std::string fresh_name();

// True where CAIRN_TEST_SIZE is full or long; the second of both numbers then. Of three numbers
// the third where it is long.
bool full_size();
std::uint64_t scaled(std::uint64_t quick, std::uint64_t full);
std::uint64_t scaled(std::uint64_t quick, std::uint64_t full, std::uint64_t longest);

// Runs this program again for one hidden test case, which finds `value` in that environment
// variable; its status, as waitpid gives it.
int run_again(const std::string& test_case, const char* variable, const std::string& value);

// The seed of this run, which is printed when it is first asked for.
std::uint64_t run_seed();

// Random bytes from the run's seed. The same salt gives the same bytes within a run.
class Random {
 public:
  explicit Random(std::uint64_t salt = 0);

  std::uint64_t next();
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  std::vector<std::byte> bytes(std::size_t count);
  // Any bit patterns, NaN among them.
  template <Element T>
  std::vector<T> elements(std::size_t count) {
    const auto raw = bytes(count * sizeof(T));
    std::vector<T> out(count);
    if (count != 0) {
      std::memcpy(static_cast<void*>(out.data()), raw.data(), raw.size());
    }
    return out;
  }
  // Finite, in [-1, 1).
  std::vector<float> floats(std::size_t count);

 private:
  std::uint64_t state_;
};

inline constexpr std::size_t kMiB = std::size_t{1} << 20;

// Two ranges with the same bytes, however they are typed.
template <class A, class B>
bool same_bytes(const A& a, const B& b) {
  const auto left = std::as_bytes(std::span(a));
  const auto right = std::as_bytes(std::span(b));
  return left.size() == right.size() &&
         (left.empty() || std::memcmp(left.data(), right.data(), left.size()) == 0);
}

// A tensor's bytes, through read_into.
std::vector<std::byte> bytes_of(const Artifact& artifact, std::string_view tensor);

std::vector<std::byte> to_bytes(std::string_view text);
std::vector<std::byte> read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

// Every file below a directory: what a call that changes nothing must leave alone.
struct FileState {
  std::uintmax_t size = 0;
  std::filesystem::file_time_type changed;
  std::size_t hash = 0;  // Of the contents.

  friend bool operator==(const FileState&, const FileState&) = default;
};
using Listing = std::map<std::string, FileState>;
Listing listing_of(const std::filesystem::path& directory);
std::size_t files_in(const std::filesystem::path& directory);
// Bytes of all files of that extension.
std::uintmax_t bytes_with_extension(const std::filesystem::path& directory,
                                    std::string_view extension);

// Where a sample stands in the .sst files of a store's database.
struct Place {
  std::filesystem::path file;
  std::size_t offset = 0;
};
std::optional<Place> find_stored(const TempStore& store, std::span<const std::byte> sample);
// Removes its .sst files, as a collection of garbage may while somebody reads.
void remove_tables(const TempStore& store);
void flip_bit(const std::filesystem::path& file, std::size_t offset, unsigned bit);

}  // namespace cairn::testing
