// A slot of HEAD: four letters, five numbers, a digest, a check.
#include "record/head_record.h"

#include <cstring>

#include "base/bytes.h"
#include "base/text.h"
#include "record/sealed.h"

namespace cairn {

namespace {

constexpr std::string_view kLetters = "CNHD";
constexpr std::uint32_t kLayout = 1;
constexpr std::size_t kUuidAt = 8;
constexpr std::size_t kSerialAt = 24;
constexpr std::size_t kCommitsAt = 32;
constexpr std::size_t kNumberAt = 40;
constexpr std::size_t kBytesAt = 48;
constexpr std::size_t kDigestAt = 56;

template <class Bytes>
void append_bytes(std::string& out, const Bytes& bytes) {
  out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

template <class Bytes>
void load_bytes(std::string_view in, std::size_t offset, Bytes& out) {
  std::memcpy(out.data(), in.data() + offset, out.size());
}

}  // namespace

std::string encode_head(const HeadState& state) {
  std::string out(kLetters);
  append_le(out, kLayout);
  append_bytes(out, state.store_uuid);
  append_le(out, state.serial);
  append_le(out, state.commits);
  append_le(out, state.manifest.number);
  append_le(out, state.manifest.bytes);
  append_bytes(out, state.manifest.digest.bytes);
  seal(out);
  return out;
}

Result<HeadState> decode_head(std::string_view bytes) {
  if (auto good = check_seal("HEAD", bytes, kHeadStateBytes); !good) {
    return fail(std::move(good.error()));
  }
  if (!bytes.starts_with(kLetters)) {
    return fail(Code::Corruption, "HEAD: expected the letters CNHD, found " +
                                      quoted(bytes.substr(0, kLetters.size())));
  }
  if (const auto layout = load_le<std::uint32_t>(bytes, kLetters.size()); layout != kLayout) {
    return fail(Code::NewerFormat, "HEAD: expected layout 1, found " + std::to_string(layout));
  }
  HeadState out;
  load_bytes(bytes, kUuidAt, out.store_uuid);
  out.serial = load_le<std::uint64_t>(bytes, kSerialAt);
  out.commits = load_le<std::uint64_t>(bytes, kCommitsAt);
  out.manifest.number = load_le<std::uint64_t>(bytes, kNumberAt);
  out.manifest.bytes = load_le<std::uint64_t>(bytes, kBytesAt);
  load_bytes(bytes, kDigestAt, out.manifest.digest.bytes);
  return out;
}

}  // namespace cairn
