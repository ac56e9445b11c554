// Reads CURRENT and the manifest as files, without RocksDB.
#include "engine/manifest.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/text.h"
#include "content/digest.h"
#include "engine/status.h"

namespace cairn {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "MANIFEST-";

// Of the name of a manifest, which counts from 1; 0 where it is none.
std::uint64_t number_of(std::string_view name) {
  std::uint64_t number = 0;
  const char* const end = name.data() + name.size();
  if (name.starts_with(kPrefix) &&
      std::from_chars(name.data() + kPrefix.size(), end, number).ptr == end) {
    return number;
  }
  return 0;
}

Result<Digest> digest_of_start(const fs::path& path, std::uint64_t bytes) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> buffer(std::size_t{64} << 10);
  StreamingDigest digest;
  while (bytes > 0) {
    const auto part = std::min<std::uint64_t>(bytes, buffer.size());
    if (!file.read(buffer.data(), static_cast<std::streamsize>(part))) {
      return fail(Code::Io, "reading " + path.string() + " failed");
    }
    digest.update(std::as_bytes(std::span(buffer.data(), part)));
    bytes -= part;
  }
  return digest.digest();
}

}  // namespace

Result<CurrentManifest> current_manifest(const StoreDir& dir) {
  const auto current = dir.database() / "CURRENT";
  std::ifstream file(current);
  if (!file) {
    return fail(errno_error(ENOENT, "reading " + current.string()));
  }
  std::string name;
  std::getline(file, name);
  CurrentManifest out;
  out.number = number_of(name);
  if (out.number == 0) {
    return fail(Code::Corruption,
                current.string() + ": expected the name of a manifest, found " + quoted(name));
  }
  out.path = dir.database() / name;
  std::error_code error;
  out.bytes = fs::file_size(out.path, error);
  if (error) {
    return fail(errno_error(error.value(), "looking at " + out.path.string()));
  }
  return out;
}

Result<void> check_manifest(const CurrentManifest& manifest, const ManifestState& remembered) {
  if (manifest.number > remembered.number) {
    return {};
  }
  const auto where = manifest.path.string() + ": ";
  if (manifest.number < remembered.number) {
    return fail(Code::Corruption, where + "CURRENT names it, but HEAD remembers number " +
                                      std::to_string(remembered.number));
  }
  if (manifest.bytes < remembered.bytes) {
    return fail(Code::Corruption, where + "its end is missing: it has " +
                                      std::to_string(manifest.bytes) + " bytes, HEAD remembers " +
                                      std::to_string(remembered.bytes));
  }
  auto digest = digest_of_start(manifest.path, remembered.bytes);
  if (!digest) {
    return fail(std::move(digest.error()));
  }
  if (*digest != remembered.digest) {
    return fail(Code::Corruption, where + "damaged: the digest of its first " +
                                      std::to_string(remembered.bytes) + " bytes is " +
                                      digest->to_string() + ", HEAD remembers " +
                                      remembered.digest.to_string());
  }
  return {};
}

}  // namespace cairn
