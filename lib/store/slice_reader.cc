// In C layout the rows are one run of bytes; in Fortran layout, where the first index runs fastest,
// a short run in every column. The result is dense, in the layout of the tensor.
#include "store/slice_reader.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "store/content_reader.h"

namespace cairn {

namespace {

constexpr std::uint64_t kWorthReadingAheadBytes = std::uint64_t{8} << 20;

// Where the rows lie in the tensor: `count` runs of `bytes` each, one every `step` bytes.
struct Runs {
  std::uint64_t first = 0;
  std::uint64_t bytes = 0;
  std::uint64_t step = 0;
  std::uint64_t count = 0;

  [[nodiscard]] std::uint64_t start_of(std::uint64_t run) const { return first + run * step; }
  // The first run that ends behind `offset`; `count` where none does.
  [[nodiscard]] std::uint64_t run_behind(std::uint64_t offset) const {
    if (offset < first + bytes) {
      return 0;
    }
    return std::min(count, (offset - first - bytes) / step + 1);
  }
};

// Not for empty slices.
Runs runs_of(const TensorInfo& tensor, const Rows& rows) {
  const auto count = rows.end - rows.begin;
  if (tensor.layout == Layout::C || count == tensor.shape[0]) {
    const auto row_bytes = tensor.size_bytes / tensor.shape[0];
    return {rows.begin * row_bytes, count * row_bytes, tensor.size_bytes, 1};
  }
  const auto element = element_bytes(tensor.dtype);
  const auto column_bytes = tensor.shape[0] * element;
  return {rows.begin * element, count * element, column_bytes, tensor.size_bytes / column_bytes};
}

std::uint64_t bytes_of(const TensorInfo& tensor, const Rows& rows) {
  return tensor.size_bytes == 0 ? 0 : tensor.size_bytes / tensor.shape[0] * (rows.end - rows.begin);
}

// The chunks that hold some of the runs.
std::vector<WantedChunk> chunks_with(const Runs& runs, const ReadContext& context,
                                     const ContentRecord& content) {
  std::vector<WantedChunk> out;
  for (auto& chunk : chunks_of(context, content)) {
    const auto run = runs.run_behind(chunk.at.offset);
    if (run < runs.count && runs.start_of(run) < chunk.at.offset + chunk.ref().plain_bytes) {
      out.push_back(chunk);
    }
  }
  return out;
}

// Large slices are read ahead like whole tensors; of small ones, and of those that leave chunks
// out, nothing is read but what they hold.
ColdReader::Pattern pattern_of(std::span<const WantedChunk> chunks) {
  const auto& first = chunks.front().at;
  const auto& last = chunks.back().at;
  const bool gaps = last.index - first.index + 1 != chunks.size();
  return gaps || last.offset - first.offset < kWorthReadingAheadBytes ? ColdReader::Pattern::Exact
                                                                      : ColdReader::Pattern::Stream;
}

// Copies what the runs have of a chunk that is partly theirs, from run `run` on; returns how much.
std::uint64_t gather(const Runs& runs, std::uint64_t run, std::uint64_t offset,
                     std::span<const std::byte> chunk, std::byte* out) {
  const auto end = offset + chunk.size();
  std::uint64_t taken = 0;
  for (; run < runs.count && runs.start_of(run) < end; ++run) {
    const auto start = runs.start_of(run);
    const auto from = std::max(start, offset);
    const auto bytes = std::min(start + runs.bytes, end) - from;
    std::memcpy(out + run * runs.bytes + (from - start), chunk.data() + (from - offset), bytes);
    taken += bytes;
  }
  return taken;
}

// Brings what the slice has of chunk `i` of the plan to its place; returns how much that was.
Result<std::uint64_t> take_chunk(const ReadPlan& plan, std::size_t i, const Runs& runs,
                                 VerifiedChunks& chunks, std::byte* out) {
  const auto offset = plan[i].at.offset;
  const std::uint64_t bytes = plan[i].ref().plain_bytes;
  const auto run = runs.run_behind(offset);
  const auto start = runs.start_of(run);
  if (start <= offset && offset + bytes <= start + runs.bytes) {
    auto copied = chunks.copy(i, out + run * runs.bytes + (offset - start));
    return copied ? Result<std::uint64_t>(bytes) : fail(std::move(copied.error()));
  }
  auto chunk = chunks.view(i);
  if (!chunk) {
    return fail(std::move(chunk.error()));
  }
  return gather(runs, run, offset, *chunk, out);
}

// Where the slice is one range of one chunk, and as aligned in it as a tensor is: there.
Result<std::optional<PlacedBytes>> pin_rows(const Runs& runs, std::span<const WantedChunk> chunks) {
  const auto& chunk = chunks.front();
  const auto inside = runs.first - chunk.at.offset;
  const std::uint64_t alignment = runs.bytes > 64 ? 64 : 16;
  if (runs.count != 1 || chunks.size() != 1 || inside % alignment != 0) {
    return std::nullopt;
  }
  const auto& database = chunk.context->database();
  if (!database.mapped()) {
    return std::nullopt;
  }
  if (const auto blocks = cold_blocks(database, chunks, ColdReader::Pattern::Exact)) {
    // The faults of the mapping would read what is around it, too.
    ColdReader cold(*blocks, ColdReader::Pattern::Exact);
    if (auto fetched = cold.fetch(0); !fetched) {
      return chunk.failed(std::move(fetched.error()));
    }
  }
  auto placed = pin_verified(chunk);
  if (placed && *placed) {
    (*placed)->bytes = (*placed)->bytes.subspan(inside, runs.bytes);
  }
  return placed;
}

}  // namespace

Result<TensorInfo> info_of_slice(const Key& key, const TensorInfo& tensor, const Rows& rows) {
  const auto found = [&] {
    return key.to_string() + ": tensor " + quoted(tensor.name) + " of shape " +
           to_string(tensor.shape) + ": ";
  };
  if (tensor.shape.empty()) {
    return fail(Code::InvalidArgument, found() + "a scalar has no rows to slice");
  }
  if (rows.begin > rows.end || rows.end > tensor.shape[0]) {
    return fail(Code::InvalidArgument,
                found() + "expected rows begin <= end <= " + std::to_string(tensor.shape[0]) +
                    ", found " + std::to_string(rows.begin) + " and " + std::to_string(rows.end));
  }
  TensorInfo out{tensor.name, tensor.dtype, tensor.shape, tensor.layout, bytes_of(tensor, rows),
                 {},          std::nullopt};
  out.shape[0] = rows.end - rows.begin;
  return out;
}

Result<void> read_rows_into(const ReadContext& context, const TensorInfo& tensor,
                            const ContentRecord& content, const Rows& rows,
                            std::span<std::byte> out) {
  if (out.empty()) {
    return {};
  }
  const auto runs = runs_of(tensor, rows);
  auto wanted = chunks_with(runs, context, content);
  const auto pattern = pattern_of(wanted);
  const ReadPlan plan(context.database(), std::move(wanted), pattern);
  return read_chunks(plan, [&](VerifiedChunks& chunks, std::size_t i) {
    return take_chunk(plan, i, runs, chunks, out.data());
  });
}

Result<PlacedBytes> place_rows(const ReadContext& context, const TensorInfo& tensor,
                               const ContentRecord& content, const Rows& rows) {
  const auto bytes = bytes_of(tensor, rows);
  if (bytes != 0) {
    const auto runs = runs_of(tensor, rows);
    auto placed = pin_rows(runs, chunks_with(runs, context, content));
    if (!placed) {
      return fail(std::move(placed.error()));
    }
    if (*placed) {
      auto going_on = advance(context, bytes);
      return going_on ? Result<PlacedBytes>(std::move(**placed))
                      : fail(std::move(going_on.error()));
    }
  }
  return place_in_buffer(bytes, [&](std::span<std::byte> out) {
    return read_rows_into(context, tensor, content, rows, out);
  });
}

}  // namespace cairn
