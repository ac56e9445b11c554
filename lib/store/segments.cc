// Segments: the chunks of a content one by one, each where it lies in the mapped file.
#include "store/segments.h"

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "base/guard.h"
#include "base/text.h"
#include "store/content_reader.h"

namespace cairn {

struct Segments::State {
  State(std::shared_ptr<const Artifact::State> of, const ReadContext& context, ContentRecord record)
      : artifact(std::move(of)),
        what(context.what),
        name(context.name),
        content(std::move(record)),
        places(content.chunks.size()),
        bools(context.bools),
        fetched(content.chunks.size()) {}

  std::shared_ptr<const Artifact::State> artifact;
  std::string what;
  std::string name;
  ContentRecord content;
  std::vector<ChunkAt> places;
  bool bools;
  // Where the content was not in memory when it was opened: each chunk is fetched once.
  std::optional<BlockList> cold;
  mutable std::vector<std::atomic<bool>> fetched;
};

namespace {

Result<PlacedBytes> place_segment(const Segments::State& state, const WantedChunk& chunk) {
  const auto i = chunk.at.index;
  if (state.cold && !state.fetched[i].exchange(true)) {
    ColdReader reader(*state.cold, ColdReader::Pattern::Stream);
    if (auto fetched = reader.fetch(i); !fetched) {
      return chunk.failed(std::move(fetched.error()));
    }
  }
  auto placed = pin_verified(chunk);
  if (!placed) {
    return fail(std::move(placed.error()));
  }
  if (*placed) {
    return std::move(**placed);
  }
  return place_in_buffer(chunk.ref().plain_bytes, [&](std::span<std::byte> out) {
    const ReadPlan plan(chunk.context->database(), {chunk}, ColdReader::Pattern::Stream);
    return VerifiedChunks(plan).copy(0, out.data());
  });
}

Result<Segment> read_segment(const Segments::State& state, std::size_t index) {
  if (auto usable = check_process(*state.artifact); !usable) {
    return fail(std::move(usable.error()));
  }
  const Control stop_only{.stop = state.artifact->control.stop};
  Meter meter(stop_only, 0);
  const ReadContext context{*state.artifact, state.what, state.name, meter, state.bools};
  if (auto going_on = advance(context, 0); !going_on) {
    return fail(std::move(going_on.error()));
  }
  if (index >= state.places.size()) {
    return fail(Code::InvalidArgument,
                context.where() + ": it has " + std::to_string(state.places.size()) +
                    " segments, and none of number " + std::to_string(index));
  }
  auto placed = place_segment(state, {&context, &state.content, state.places[index]});
  if (!placed) {
    return fail(std::move(placed.error()));
  }
  const auto bytes = placed->bytes;
  return Segment(
      state.places[index].offset, bytes,
      std::make_shared<ViewOwner>(state.artifact->lease.session(), std::move(placed->pin)));
}

}  // namespace

Result<Segments> open_segments(std::shared_ptr<const Artifact::State> artifact,
                               const ReadContext& context, ContentRecord content,
                               std::size_t element_bytes) {
  auto state = std::make_shared<Segments::State>(std::move(artifact), context, std::move(content));
  const auto chunks = chunks_of(context, state->content);
  for (const auto& chunk : chunks) {
    if (chunk.at.offset % element_bytes != 0) {
      return chunk.failed({Code::Corruption, "expected it to begin with an element"});
    }
    state->places[chunk.at.index] = chunk.at;
  }
  if (context.database().mapped()) {
    state->cold = cold_blocks(context.database(), chunks, ColdReader::Pattern::Stream);
  }
  return Segments(std::move(state));
}

std::size_t Segments::size() const noexcept {
  return state_->places.size();
}

std::uint64_t Segments::size_bytes() const noexcept {
  return state_->content.size_bytes;
}

Result<Segment> Segments::at(std::size_t index) const {
  return guarded([&] { return read_segment(*state_, index); });
}

}  // namespace cairn
