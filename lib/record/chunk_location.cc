// The rows of the chunk index: 28 bytes of fields and a check.
#include "record/chunk_location.h"

#include "base/bytes.h"
#include "base/text.h"
#include "content/chunker.h"
#include "record/sealed.h"

namespace cairn {
namespace {

constexpr std::string_view kWhat = "chunk location";
constexpr std::size_t kLocationBytes = 32;
constexpr std::size_t kReservedBytes = 3;
constexpr std::size_t kCodecOffset = 24;
constexpr std::uint64_t kMinFrameHeaderBytes = 16;
constexpr std::uint64_t kMaxFrameHeaderBytes = 64;

tl::unexpected<Error> bad(Code code, std::string_view field, const std::string& expected,
                          std::uint64_t found) {
  return fail(code, std::string(kWhat) + ": " + std::string(field) + ": expected " + expected +
                        ", found " + std::to_string(found));
}

Result<void> check_location(const ChunkLocation& location) {
  if (location.id.number() == 0) {
    return bad(Code::Corruption, "id", "another than 0", location.id.value);
  }
  if (location.base == location.id) {
    return bad(Code::Corruption, "base id", "another than the chunk's own", location.base.value);
  }
  if (location.plain_bytes == 0 || location.plain_bytes > kMaxChunkBytes) {
    return bad(Code::Corruption, "plain size", "1 to " + std::to_string(kMaxChunkBytes),
               location.plain_bytes);
  }
  const auto least = location.plain_bytes + kMinFrameHeaderBytes;
  const auto most = location.plain_bytes + kMaxFrameHeaderBytes;
  if (location.stored_bytes < least || location.stored_bytes > most) {
    return bad(Code::Corruption, "stored size",
               std::to_string(least) + " to " + std::to_string(most), location.stored_bytes);
  }
  return {};
}

}  // namespace

std::string encode_location(const ChunkLocation& location) {
  std::string out;
  out.reserve(kLocationBytes);
  append_le(out, location.id.value);
  append_le(out, location.base.value);
  append_le(out, location.plain_bytes);
  append_le(out, location.stored_bytes);
  append_le(out, static_cast<std::uint8_t>(location.codec));
  out.append(kReservedBytes, '\0');
  seal(out);
  return out;
}

Result<ChunkLocation> decode_location(std::string_view bytes) {
  if (auto good = check_seal(kWhat, bytes, kLocationBytes); !good) {
    return fail(std::move(good.error()));
  }
  const auto codec = load_le<std::uint8_t>(bytes, kCodecOffset);
  if (codec != static_cast<std::uint8_t>(Codec::Raw)) {
    return bad(Code::NewerFormat, "codec", "0 (raw), the only one that this version reads", codec);
  }
  for (std::size_t i = 1; i <= kReservedBytes; ++i) {
    if (const auto byte = load_le<std::uint8_t>(bytes, kCodecOffset + i); byte != 0) {
      return bad(Code::Corruption, "byte " + std::to_string(kCodecOffset + i), "0", byte);
    }
  }
  const ChunkLocation location{ChunkId{load_le<std::uint64_t>(bytes, 0)},
                               ChunkId{load_le<std::uint64_t>(bytes, 8)},
                               load_le<std::uint32_t>(bytes, 16), load_le<std::uint32_t>(bytes, 20),
                               static_cast<Codec>(codec)};
  if (auto good = check_location(location); !good) {
    return fail(std::move(good.error()));
  }
  return location;
}

}  // namespace cairn
