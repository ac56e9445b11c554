// The parts of the tests' support that need no template.
#include "support.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <random>

#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cairn::testing {

namespace {

namespace fs = std::filesystem;

std::string_view test_size() {
  const char* size = std::getenv("CAIRN_TEST_SIZE");
  return size != nullptr ? size : "ci";
}

// SplitMix64, https://prng.di.unimi.it/splitmix64.c
std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void give_up(const Error& error, const std::source_location& where) {
  throw std::runtime_error(std::string(where.file_name()) + ":" + std::to_string(where.line()) +
                           ": " + error.to_string());
}

TempDir::TempDir(const fs::path& parent) {
  std::string name = (parent / "cairn-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw std::runtime_error("cannot make " + name);
  }
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code error;
  fs::remove_all(path_, error);
}

Store& scratch_store() {
  static const TempStore place;
  static Store store = place.open();
  return store;
}

std::string fresh_name() {
  static unsigned count = 0;
  return "name" + std::to_string(++count);
}

bool full_size() {
  return test_size() == "full" || test_size() == "long";
}

std::uint64_t scaled(std::uint64_t quick, std::uint64_t full) {
  return full_size() ? full : quick;
}

std::uint64_t scaled(std::uint64_t quick, std::uint64_t full, std::uint64_t longest) {
  return test_size() == "long" ? longest : scaled(quick, full);
}

std::uint64_t run_seed() {
  static const std::uint64_t seed = [] {
    const char* given = std::getenv("CAIRN_TEST_SEED");
    const std::uint64_t value =
        given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device{}();
    std::cout << "CAIRN_TEST_SEED=" << value << std::endl;
    return value;
  }();
  return seed;
}

int run_again(const std::string& test_case, const char* variable, const std::string& value) {
  std::string program = "cairn test";
  std::string filter = "--test-case=" + test_case;
  std::string hidden = "--no-skip";
  char* arguments[] = {program.data(), filter.data(), hidden.data(), nullptr};
  ::setenv(variable, value.c_str(), 1);
  pid_t pid = 0;
  const int spawned = ::posix_spawn(&pid, "/proc/self/exe", nullptr, nullptr, arguments, environ);
  ::unsetenv(variable);
  int status = 0;
  if (spawned != 0 || ::waitpid(pid, &status, 0) != pid) {
    throw std::runtime_error("cannot run this program again");
  }
  return status;
}

Random::Random(std::uint64_t salt) : state_(mix(run_seed()) ^ mix(salt)) {}

std::uint64_t Random::next() {
  state_ += 0x9e3779b97f4a7c15U;
  return mix(state_);
}

std::vector<std::byte> Random::bytes(std::size_t count) {
  std::vector<std::byte> out(count);
  for (std::size_t at = 0; at < count; at += sizeof(std::uint64_t)) {
    const std::uint64_t word = next();
    std::memcpy(&out[at], &word, std::min(sizeof word, count - at));
  }
  return out;
}

std::vector<float> Random::floats(std::size_t count) {
  std::vector<float> out(count);
  for (float& value : out) {
    value = static_cast<float>(static_cast<std::int64_t>(next() >> 40U) - (1 << 23)) * 0x1p-23F;
  }
  return out;
}

std::vector<std::byte> bytes_of(const Artifact& artifact, std::string_view tensor) {
  std::vector<std::byte> out(must(artifact.info(tensor)).size_bytes);
  must(artifact.read_into(tensor, out));
  return out;
}

std::vector<std::byte> to_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    throw std::runtime_error("cannot read " + path.string());
  }
  std::vector<std::byte> out(fs::file_size(path));
  in.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
  if (static_cast<std::size_t>(in.gcount()) != out.size()) {
    throw std::runtime_error("short read of " + path.string());
  }
  return out;
}

void write_file(const fs::path& path, std::span<const std::byte> bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) {
    throw std::runtime_error("cannot write " + path.string());
  }
}

Listing listing_of(const fs::path& directory) {
  Listing out;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    FileState state;
    state.changed = entry.last_write_time();
    if (entry.is_regular_file()) {
      const auto bytes = read_file(entry.path());
      state.size = bytes.size();
      state.hash = std::hash<std::string_view>{}(as_text(bytes));
    }
    out.emplace(entry.path().lexically_relative(directory).string(), state);
  }
  return out;
}

std::size_t files_in(const fs::path& directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

std::uintmax_t bytes_with_extension(const fs::path& directory, std::string_view extension) {
  std::uintmax_t total = 0;
  for (const auto& entry : fs::directory_iterator(directory)) {
    total += entry.path().extension() == extension ? entry.file_size() : 0;
  }
  return total;
}

std::optional<Place> find_stored(const TempStore& store, std::span<const std::byte> sample) {
  for (const auto& entry : fs::directory_iterator(store.database())) {
    if (entry.path().extension() != ".sst") {
      continue;
    }
    const auto bytes = read_file(entry.path());
    const auto found = as_text(bytes).find(as_text(sample));
    if (found != std::string_view::npos) {
      return Place{entry.path(), found};
    }
  }
  return std::nullopt;
}

void remove_tables(const TempStore& store) {
  for (const auto& entry : fs::directory_iterator(store.database())) {
    if (entry.path().extension() == ".sst") {
      fs::remove(entry.path());
    }
  }
}

void flip_bit(const fs::path& file, std::size_t offset, unsigned bit) {
  std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
  stream.seekg(static_cast<std::streamoff>(offset));
  const int byte = stream.get();
  stream.seekp(static_cast<std::streamoff>(offset));
  stream.put(static_cast<char>(byte ^ (1 << bit)));
  stream.close();
  if (!stream) {
    throw std::runtime_error("cannot change " + file.string());
  }
}

}  // namespace cairn::testing
