// Segments: a large tensor or file in verified pieces, for those who want it neither copied into
// one buffer nor read twice.
//
//   auto segments = artifact->segments("embedding");
//   for (std::size_t i = 0; i < segments->size(); ++i) {
//     auto segment = segments->at(i);
//     if (!segment) return fail(segment.error());
//     consume(segment->bytes());
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "cairn/error.h"

namespace cairn {

// A piece: verified bytes. Owns what it needs to stay valid, so it may outlive the Segments it came
// from, the artifact and the store; copies share the bytes. Safe to read from several threads.
class Segment {
 public:
  Segment(std::uint64_t offset, std::span<const std::byte> bytes, std::shared_ptr<const void> owner)
      : offset_(offset), bytes_(bytes), owner_(std::move(owner)) {}

  // Where its first byte stands in the tensor or file.
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
  // At least one byte, 64-byte aligned; of a tensor whole elements, in stored layout.
  [[nodiscard]] std::span<const std::byte> bytes() const& noexcept { return bytes_; }
  std::span<const std::byte> bytes() const&& = delete;

 private:
  std::uint64_t offset_;
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
};

// The pieces of one tensor or file, in order and without gaps: about 1 MiB each for tensors, less
// for files, none where it is empty. A cheap handle; copies share everything. Thread-safe. It may
// outlive the artifact and the store, and holds the store open as an artifact does.
class Segments {
 public:
  [[nodiscard]] CAIRN_API std::size_t size() const noexcept;
  // Of all pieces.
  [[nodiscard]] CAIRN_API std::uint64_t size_bytes() const noexcept;

  // Reads piece `index` and verifies it, each time that it is asked for: without a copy where it
  // lies aligned in a mapped file, which is the rule. InvalidArgument where there is no such piece;
  // Corruption with ref, tensor, chunk and offset; Cancelled where the load's control says so.
  [[nodiscard]] CAIRN_API Result<Segment> at(std::size_t index) const;

  struct State;
  explicit Segments(std::shared_ptr<const State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<const State> state_;
};

}  // namespace cairn
