// The one way a FlatBuffers record is trusted: size caps, alignment, file identifier, Verifier.
//
// A stored value goes through open_flat and comes out as a root table whose every offset lies
// inside of it; what the fields mean is for the decoder of that record to check. Finished records
// go out through finish_flat, which holds them to the same limits. FlatBuffers headers are
// included here and in this directory's .cc files only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <flatbuffers/flatbuffers.h>

#include "base/text.h"
#include "cairn/error.h"
#include "cairn/value.h"

namespace cairn {

inline constexpr std::size_t kMinRecordBytes = 16;
inline constexpr std::size_t kMaxRecordBytes = std::size_t{64} << 20;

// A value is one table a level, below the record's root.
inline constexpr std::uint32_t kMaxTableDepth = kMaxValueDepth + 1;
// As many values as a config may have, and the tables of a metadata record around them.
inline constexpr std::uint32_t kMaxTables = std::uint32_t{1} << 20;
static_assert(kMaxTables > kMaxValues + 2 * kMaxLabels + 2);

// What a record is called in messages, its file identifier and its size cap.
struct FlatKind {
  const char* what;
  const char* identifier;
  std::size_t max_bytes = kMaxRecordBytes;
};

// A record's bytes at an address that every field of it may be read from: where they stand, or in
// a copy. Move-only.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::string_view bytes);

  [[nodiscard]] const std::uint8_t* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::unique_ptr<std::uint64_t[]> copy_;
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

// A verified record. Valid as long as the bytes that it was opened from.
template <class Table>
class Flat {
 public:
  Flat(AlignedBytes bytes, const Table* root) : bytes_(std::move(bytes)), root_(root) {}

  [[nodiscard]] const Table* operator->() const noexcept { return root_; }
  [[nodiscard]] const Table& operator*() const noexcept { return *root_; }

 private:
  AlignedBytes bytes_;
  const Table* root_;
};

// Size and identifier: what can be said before the Verifier, which only asserts the size.
[[nodiscard]] Result<void> check_flat_header(const FlatKind& kind, std::string_view bytes);

template <class Table>
[[nodiscard]] bool verify_flat(const FlatKind& kind, const AlignedBytes& bytes) {
  flatbuffers::Verifier::Options options;
  options.max_depth = kMaxTableDepth;
  options.max_tables = kMaxTables;
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), options);
  return verifier.VerifyBuffer<Table>(kind.identifier);
}

// Corruption where the bytes are no well-formed record of this kind.
template <class Table>
[[nodiscard]] Result<Flat<Table>> open_flat(const FlatKind& kind, std::string_view bytes) {
  if (auto good = check_flat_header(kind, bytes); !good) {
    return fail(std::move(good.error()));
  }
  AlignedBytes aligned(bytes);
  if (!verify_flat<Table>(kind, aligned)) {
    return fail(Code::Corruption,
                std::string(kind.what) + " of " + std::to_string(bytes.size()) +
                    " bytes: expected a FlatBuffer that verifies, found a bad offset, length or "
                    "alignment, or more than " +
                    std::to_string(kMaxTableDepth) + " levels or " + std::to_string(kMaxTables) +
                    " tables");
  }
  const Table* root = flatbuffers::GetRoot<Table>(aligned.data());
  return Flat<Table>(std::move(aligned), root);
}

// The finished record; LimitExceeded where open_flat would refuse it.
template <class Table>
[[nodiscard]] Result<std::string> finish_flat(const FlatKind& kind,
                                              flatbuffers::FlatBufferBuilder& builder,
                                              flatbuffers::Offset<Table> root) {
  builder.Finish(root, kind.identifier);
  if (builder.GetSize() > kind.max_bytes) {
    return fail(Code::LimitExceeded, std::string(kind.what) + ": expected at most " +
                                         std::to_string(kind.max_bytes) + " bytes, found " +
                                         std::to_string(builder.GetSize()));
  }
  std::string out(reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize());
  if (!verify_flat<Table>(kind, AlignedBytes(out))) {
    return fail(Code::LimitExceeded, std::string(kind.what) + ": expected at most " +
                                         std::to_string(kMaxTableDepth) + " levels and " +
                                         std::to_string(kMaxTables) + " tables, found more");
  }
  return out;
}

// The same finding about bytes that were read from disk.
[[nodiscard]] tl::unexpected<Error> corrupt(const FlatKind& kind, std::string_view why);

}  // namespace cairn
