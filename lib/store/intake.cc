// The pieces are dealt out to lanes (lane.h), contiguous ranges of about equal size: a lane for
// each kOneFileBytes, at most one a thread. Where there is one lane, all threads look at its slabs;
// where there are several, one hashes while another waits for the disk. New chunks that stay under
// a small budget are not written to a file: they go into the commit batch.
//
// What the lanes need beside the caller's memory stays within 64 MiB, whatever the save's size: a
// lane holds a slab of what it has to read, a frame, and the buffers of RocksDB's writer.
#include "store/intake.h"

#include <algorithm>
#include <memory>
#include <system_error>

#include "base/guard.h"
#include "base/meter.h"
#include "base/parallel.h"
#include "base/text.h"
#include "store/lane.h"

namespace cairn {

namespace {

constexpr std::uint64_t kOneFileBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kHeldBytes = std::uint64_t{16} << 20;
constexpr std::uint64_t kLaneSlabBytes = std::uint64_t{1} << 20;
constexpr std::size_t kMaxLanes = 8;

// Contiguous ranges of pieces, about equal in bytes.
std::vector<std::unique_ptr<Lane>> deal(IntakeWork& work, std::size_t lanes) {
  const auto& cutting = work.cutting;
  const auto threads = work.session.threads();
  const bool one = lanes == 1;
  std::vector<std::unique_ptr<Lane>> out;
  std::size_t begin = 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < cutting.pieces.size(); ++i) {
    bytes += cutting.pieces[i].bytes;
    const bool last = i + 1 == cutting.pieces.size();
    if (last || bytes * lanes >= cutting.total_bytes * (out.size() + 1)) {
      const Lane::Plan plan{.begin = begin,
                            .end = i + 1,
                            .threads = one ? threads : 1,
                            .slab_bytes = one ? kOneFileBytes : kLaneSlabBytes,
                            .held_bytes = one ? kHeldBytes : kLaneSlabBytes,
                            .small_budget = work.session.small_save_bytes() / lanes};
      out.push_back(std::make_unique<Lane>(work, plan));
      begin = i + 1;
    }
  }
  return out;
}

// A lane without a file: its chunks go into the batch.
void hand_to_batch(Intake& out, Lane& lane) {
  for (std::size_t i = 0; i < lane.kept.size(); ++i) {
    auto& ref = out.refs[lane.kept[i].piece];
    ref.id = ChunkId{ref.id.value | ChunkId::kSmallBit};
    lane.new_chunks[i].location.id = ref.id;  // A lane keeps either all of its new pieces or none.
    out.small.push_back({ref.id, std::move(lane.kept[i].frame)});
  }
}

// A stop, or a callback that throws, is heard for the last time before there is something to undo.
Result<void> finish_lanes(IntakeWork& work, std::vector<std::unique_ptr<Lane>>& lanes) {
  const auto count = lanes.size();
  auto ran =
      parallel_ranges(count, static_cast<unsigned>(count), [&](std::size_t begin, std::size_t end) {
        return begin == end ? Result<void>() : lanes[begin]->run();  // One each.
      });
  if (!ran) {
    return ran;
  }
  work.meter.finish();
  if (auto go_on = work.meter.check(); !go_on) {
    return go_on;
  }
  std::vector<BuiltFile> files;
  for (const auto& lane : lanes) {
    if (lane->built) {
      files.push_back(*lane->built);
    }
  }
  if (files.empty()) {
    return {};
  }
  work.out.wrote_files = true;
  work.session.merger().make_room();
  auto taken = ingest(work.session.database(), files);
  work.session.merger().files_added(files.size());
  return taken;
}

Result<void> run_lanes(IntakeWork& work, std::vector<std::unique_ptr<Lane>>& lanes) {
  auto ran = guarded([&] { return finish_lanes(work, lanes); });
  for (const auto& lane : lanes) {
    if (!ran && lane->built) {
      std::error_code ignored;
      std::filesystem::remove(lane->built->path, ignored);
    }
  }
  return ran;
}

}  // namespace

Result<Intake> take_in(Session& session, const Cutting& cutting, const SaveOptions& options) {
  Intake out;
  const auto count = cutting.pieces.size();
  if (count >= kNoTwin) {
    return fail(Code::LimitExceeded, "the draft has " + std::to_string(count) +
                                         " chunks, at most " + std::to_string(kNoTwin - 1));
  }
  out.refs.resize(count);
  out.health.resize(options.health ? count : 0);
  auto save = session.activity().begin_save(count);
  if (!save) {
    return fail(std::move(save.error()));
  }
  out.save = std::move(*save);
  Meter meter(options.control, cutting.total_bytes);
  IntakeWork work{session, cutting, options,
                  meter,   out,     std::vector<std::uint32_t>(count, kNoTwin)};
  // Many small files slow a store down: no lane for less than a whole file.
  const auto files = (cutting.total_bytes + kOneFileBytes - 1) / kOneFileBytes;
  auto lanes = deal(
      work, std::clamp<std::size_t>(files, 1, std::min<std::size_t>(session.threads(), kMaxLanes)));
  if (auto ran = run_lanes(work, lanes); !ran) {
    return fail(std::move(ran.error()));
  }
  for (auto& lane : lanes) {
    hand_to_batch(out, *lane);
    for (auto& chunk : lane->new_chunks) {
      out.new_bytes += chunk.location.plain_bytes;
      out.new_chunks.push_back(chunk);
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (work.twins[i] != kNoTwin) {
      out.refs[i] = out.refs[work.twins[i]];
    }
  }
  return out;
}

}  // namespace cairn
