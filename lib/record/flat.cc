// Bringing a stored record to where it can be verified: its size, its identifier, its alignment.
#include "record/flat.h"

#include <cstring>

namespace cairn {
namespace {

constexpr std::size_t kIdentifierOffset = 4;
constexpr std::size_t kIdentifierBytes = 4;

}  // namespace

AlignedBytes::AlignedBytes(std::string_view bytes)
    : data_(reinterpret_cast<const std::uint8_t*>(bytes.data())), size_(bytes.size()) {
  if (reinterpret_cast<std::uintptr_t>(data_) % alignof(std::uint64_t) == 0) {
    return;
  }
  copy_ = std::make_unique_for_overwrite<std::uint64_t[]>(size_ / sizeof(std::uint64_t) + 1);
  std::memcpy(copy_.get(), bytes.data(), size_);
  data_ = reinterpret_cast<const std::uint8_t*>(copy_.get());
}

Result<void> check_flat_header(const FlatKind& kind, std::string_view bytes) {
  if (bytes.size() < kMinRecordBytes || bytes.size() > kind.max_bytes) {
    return corrupt(kind, "expected " + std::to_string(kMinRecordBytes) + " to " +
                             std::to_string(kind.max_bytes) + " bytes, found " +
                             std::to_string(bytes.size()));
  }
  const auto found = bytes.substr(kIdentifierOffset, kIdentifierBytes);
  if (found != std::string_view(kind.identifier, kIdentifierBytes)) {
    return corrupt(kind, "expected the identifier " +
                             quoted(std::string_view(kind.identifier, kIdentifierBytes)) +
                             " at byte 4, found " + quoted(found));
  }
  return {};
}

tl::unexpected<Error> corrupt(const FlatKind& kind, std::string_view why) {
  return fail(Code::Corruption, std::string(kind.what) + ": " + std::string(why));
}

}  // namespace cairn
