// The pieces are dealt out to lanes (lane.h), contiguous ranges of about equal size: a lane for
// each kOneFileBytes, at most one a thread. Where there is one lane, all threads hash its slabs;
// where there are several, one hashes while another waits for the disk. New chunks that stay under
// a small budget are not written to a file: they go into the commit batch.
#include "store/intake.h"

#include <algorithm>
#include <memory>
#include <system_error>

#include "base/parallel.h"
#include "base/text.h"
#include "engine/ids.h"
#include "store/lane.h"

namespace cairn {

namespace {

constexpr std::uint64_t kOneFileBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kLaneSlabBytes = std::uint64_t{4} << 20;

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
                            .small_budget = work.session.small_save_bytes() / lanes};
      out.push_back(std::make_unique<Lane>(work, plan));
      begin = i + 1;
    }
  }
  return out;
}

Result<void> frame_kept(IntakeWork& work, Lane& lane) {
  std::vector<std::byte> scratch;
  for (std::size_t i = 0; i < lane.kept.size(); ++i) {
    const auto piece = lane.kept[i];
    auto bytes = work.bytes_of(piece, scratch);
    if (!bytes) {
      return fail(std::move(bytes.error()));
    }
    auto& ref = work.out.refs[piece];
    const auto& content = work.cutting.content_of(work.cutting.pieces[piece]);
    SmallFrame small;
    small.id = ChunkId{ref.id.value | ChunkId::kSmallBit};
    auto built = build_frame(frame_header_of(content, ref), *bytes, ref.digest, small.frame);
    if (!built) {
      return fail(content.label, std::move(built.error()));
    }
    lane.new_chunks[i].location.id =
        small.id;  // A lane keeps either all of its new pieces or none.
    ref.id = small.id;
    work.out.small.push_back(std::move(small));
  }
  return {};
}

Result<void> run_lanes(IntakeWork& work, std::vector<std::unique_ptr<Lane>>& lanes) {
  const auto count = lanes.size();
  auto ran =
      parallel_ranges(count, static_cast<unsigned>(count), [&](std::size_t begin, std::size_t end) {
        return begin == end ? Result<void>() : lanes[begin]->run();  // One each.
      });
  std::vector<BuiltFile> files;
  for (const auto& lane : lanes) {
    if (lane->built) {
      files.push_back(*lane->built);
    }
  }
  if (!ran) {
    for (const auto& file : files) {
      std::error_code ignored;
      std::filesystem::remove(file.path, ignored);
    }
    return ran;
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

}  // namespace

Result<std::vector<Digest>> hash_pieces(Session& session, const Cutting& cutting) {
  Intake out;
  out.refs.resize(cutting.pieces.size());
  const SaveOptions options;
  IntakeWork work{session, cutting, options, out, {}};
  auto hashed = parallel_ranges(
      cutting.pieces.size(), session.threads(),
      [&](std::size_t begin, std::size_t end) { return hash_range(work, begin, end); });
  if (!hashed) {
    return fail(std::move(hashed.error()));
  }
  std::vector<Digest> digests;
  digests.reserve(out.refs.size());
  for (const auto& ref : out.refs) {
    digests.push_back(ref.digest);
  }
  return digests;
}

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
  IntakeWork work{session, cutting, options, out, std::vector<std::uint32_t>(count, kNoTwin)};
  // Many small files slow a store down: no lane for less than a whole file.
  const auto files = (cutting.total_bytes + kOneFileBytes - 1) / kOneFileBytes;
  auto lanes = deal(work, std::clamp<std::size_t>(files, 1, session.threads()));
  if (auto ran = run_lanes(work, lanes); !ran) {
    return fail(std::move(ran.error()));
  }
  for (auto& lane : lanes) {
    if (auto framed = frame_kept(work, *lane); !framed) {
      return fail(std::move(framed.error()));
    }
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
