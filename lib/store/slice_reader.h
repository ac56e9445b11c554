// Slices: some rows of a tensor, read from the chunks that hold them and from no other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "cairn/error.h"
#include "cairn/tensor.h"
#include "record/content_record.h"
#include "store/artifact_state.h"

namespace cairn {

// Indices begin to end - 1 of the outermost dimension.
struct Rows {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// What the slice looks like. InvalidArgument, with the shape, where the tensor has no such rows.
[[nodiscard]] Result<TensorInfo> info_of_slice(const Key& key, const TensorInfo& tensor,
                                               const Rows& rows);

// Copies the rows into `out`, which has their size. `tensor` has these rows, `content` its size.
[[nodiscard]] Result<void> read_rows_into(const ReadContext& context, const TensorInfo& tensor,
                                          const ContentRecord& content, const Rows& rows,
                                          std::span<std::byte> out);

// The rows as contiguous, aligned, verified bytes: in place where they are one aligned range of a
// chunk in a mapped file, else in a buffer.
[[nodiscard]] Result<PlacedBytes> place_rows(const ReadContext& context, const TensorInfo& tensor,
                                             const ContentRecord& content, const Rows& rows);

}  // namespace cairn
