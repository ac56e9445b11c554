// Ordered keys: big-endian integers behind a name that ends in NUL, which no name contains.
#include "record/keys.h"

#include <cstring>

#include "base/bytes.h"
#include "base/text.h"

namespace cairn {
namespace {

constexpr char kEndOfName = '\0';
constexpr std::size_t kVersionBytes = 12;
constexpr std::size_t kEpochBytes = 8;
constexpr std::size_t kCommitBytes = 8;
constexpr std::size_t kDigestBytes = 16;
constexpr std::size_t kContentKeyBytes = kDigestBytes + 4 + 4;
constexpr std::size_t kChunkKeyBytes = 8;

tl::unexpected<Error> bad_key(std::string_view what, std::string_view bytes,
                              const std::string& why) {
  return fail(Code::Corruption, std::string(what) + " key " + quoted(bytes) + ": " + why);
}

void append_version(std::string& out, const Version& version) {
  append_be(out, version.major);
  append_be(out, version.minor);
  append_be(out, version.patch);
}

void append_digest(std::string& out, const Digest& digest) {
  out.append(reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size());
}

struct Named {
  std::string_view name;
  std::string_view rest;  // Behind the NUL.
};

Result<Named> split_name(std::string_view what, std::string_view bytes) {
  const auto end = bytes.find(kEndOfName);
  if (end == std::string_view::npos) {
    return bad_key(what, bytes, "expected a NUL behind the name, found none");
  }
  const auto name = bytes.substr(0, end);
  if (auto good = check_name(name); !good) {
    return bad_key(what, bytes, good.error().message);
  }
  return Named{name, bytes.substr(end + 1)};
}

Result<Key> parse_artifact_key(std::string_view what, std::string_view bytes) {
  auto named = split_name(what, bytes);
  if (!named) {
    return fail(std::move(named.error()));
  }
  const auto rest = named->rest;
  if (rest.size() != kVersionBytes + kEpochBytes) {
    return bad_key(what, bytes,
                   "expected " + std::to_string(kVersionBytes + kEpochBytes) +
                       " bytes of version and epoch, found " + std::to_string(rest.size()));
  }
  const Version version{load_be<std::uint32_t>(rest, 0), load_be<std::uint32_t>(rest, 4),
                        load_be<std::uint32_t>(rest, 8)};
  return Key{std::string(named->name), version, load_be<std::uint64_t>(rest, kVersionBytes)};
}

}  // namespace

std::string encode_artifact_key(const Key& key) {
  std::string out = artifact_prefix(key.name, key.version);
  append_be(out, key.epoch);
  return out;
}

Result<Key> decode_artifact_key(std::string_view bytes) {
  return parse_artifact_key("artifact", bytes);
}

std::string artifact_prefix(std::string_view name) {
  std::string out(name);
  out += kEndOfName;
  return out;
}

std::string artifact_prefix(std::string_view name, const Version& version) {
  std::string out = artifact_prefix(name);
  append_version(out, version);
  return out;
}

std::string prefix_end(std::string_view prefix) {
  constexpr auto kLastByte = static_cast<char>(0xFF);
  const auto last = prefix.find_last_not_of(kLastByte);
  if (last == std::string_view::npos) {
    return {};
  }
  std::string out(prefix.substr(0, last + 1));
  out.back() = static_cast<char>(static_cast<unsigned char>(out.back()) + 1);
  return out;
}

std::string encode_trash_key(const Key& key, std::uint64_t commit) {
  std::string out = encode_artifact_key(key);
  append_be(out, commit);
  return out;
}

Result<std::pair<Key, std::uint64_t>> decode_trash_key(std::string_view bytes) {
  if (bytes.size() < kCommitBytes) {
    return bad_key("trash", bytes,
                   "expected an artifact key and 8 bytes of commit number, found " +
                       std::to_string(bytes.size()) + " bytes");
  }
  const auto commit_at = bytes.size() - kCommitBytes;
  auto key = parse_artifact_key("trash", bytes.substr(0, commit_at));
  if (!key) {
    return fail(std::move(key.error()));
  }
  return std::pair(std::move(*key), load_be<std::uint64_t>(bytes, commit_at));
}

std::string encode_alias_key(std::string_view name, std::string_view alias) {
  std::string out = artifact_prefix(name);
  out += alias;
  return out;
}

Result<std::pair<std::string, std::string>> decode_alias_key(std::string_view bytes) {
  auto named = split_name("alias", bytes);
  if (!named) {
    return fail(std::move(named.error()));
  }
  if (auto good = check_alias(named->rest); !good) {
    return bad_key("alias", bytes, good.error().message);
  }
  return std::pair(std::string(named->name), std::string(named->rest));
}

std::string encode_content_key(const ContentId& id, std::uint32_t page) {
  std::string out = encode_index_key(id.digest, id.slot);
  append_be(out, page);
  return out;
}

Result<std::pair<ContentId, std::uint32_t>> decode_content_key(std::string_view bytes) {
  if (bytes.size() != kContentKeyBytes) {
    return bad_key("content", bytes,
                   "expected " + std::to_string(kContentKeyBytes) + " bytes, found " +
                       std::to_string(bytes.size()));
  }
  ContentId id;
  std::memcpy(id.digest.bytes.data(), bytes.data(), kDigestBytes);
  id.slot = load_be<std::uint32_t>(bytes, kDigestBytes);
  return std::pair(id, load_be<std::uint32_t>(bytes, kDigestBytes + 4));
}

std::string encode_index_key(const Digest& digest, std::uint32_t slot) {
  std::string out;
  append_digest(out, digest);
  append_be(out, slot);
  return out;
}

std::string encode_chunk_key(ChunkId id) {
  std::string out;
  append_be(out, id.number());
  return out;
}

Result<ChunkId> decode_chunk_key(std::string_view bytes, bool small) {
  if (bytes.size() != kChunkKeyBytes) {
    return bad_key("chunk", bytes, "expected 8 bytes, found " + std::to_string(bytes.size()));
  }
  const auto number = load_be<std::uint64_t>(bytes);
  if (number == 0 || (number & ChunkId::kSmallBit) != 0) {
    return bad_key("chunk", bytes,
                   "expected an id from 1 to 2^63 - 1, found " + std::to_string(number));
  }
  return ChunkId{small ? number | ChunkId::kSmallBit : number};
}

}  // namespace cairn
