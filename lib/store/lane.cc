// A lane works through its range in slabs:
//   1 read the pieces, measure their health, and hash them while they are in cache
//   2 look them up in the store, a batch at a time, and compare those that are found
//   3 drop those whose bytes an earlier piece of the draft has
//   4 write what is new: kept aside up to a small budget, then into a file
#include "store/lane.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/guard.h"
#include "base/parallel.h"
#include "base/text.h"

namespace cairn {

namespace {

constexpr std::size_t kSlabPieces = 4096;
constexpr std::uint64_t kWorthAThreadBytes = std::uint64_t{2} << 20;
constexpr std::uint64_t kBatchBytes = std::uint64_t{1} << 20;  // Still in cache when compared.

FrameHeader frame_header_of(const CutContent& content, const ChunkRef& ref) {
  const auto width = content.is_tensor ? element_bytes(content.dtype) : 1;
  return {.codec = Codec::Raw,
          .element_width = static_cast<std::uint8_t>(width),
          .plain_bytes = ref.plain_bytes};
}

}  // namespace

Lane::Lane(IntakeWork& work, const Plan& plan) : work_(work), plan_(plan), slab_(work.cutting) {
  lookers_.reserve(plan.threads);
  for (unsigned i = 0; i < plan.threads; ++i) {
    lookers_.push_back(
        {StoredChunks(work.session.database(), *work.out.save, work.options.dedup), {}});
  }
}

Result<void> Lane::run() {
  for (auto at = plan_.begin; at < plan_.end && !work_.stop;) {
    const auto slab_end = end_of_slab(at);
    if (auto done = guarded([&] { return take_slab(at, slab_end); }); !done) {
      work_.stop = true;
      return done;
    }
    at = slab_end;
  }
  return finish();
}

std::size_t Lane::end_of_slab(std::size_t at) const {
  std::uint64_t bytes = 0;
  std::uint64_t held = 0;
  for (auto end = at; end < plan_.end; ++end) {
    bytes += work_.cutting.pieces[end].bytes;
    held += held_bytes(work_.cutting, end);
    const bool full =
        end - at == kSlabPieces || bytes > plan_.slab_bytes || held > plan_.held_bytes;
    if (full && end > at) {
      return end;
    }
  }
  return plan_.end;
}

Result<void> Lane::take_slab(std::size_t begin, std::size_t end) {
  slab_.start(begin, end);
  slots_.assign(end - begin, std::nullopt);
  if (auto looked = look_at_slab(begin, end); !looked) {  // 1, 2
    return looked;
  }
  for (auto piece = begin; piece < end; ++piece) {
    const auto& slot = slots_[piece - begin];
    if (!slot) {
      continue;
    }
    if (auto taken = take_new(static_cast<std::uint32_t>(piece), *slot); !taken) {  // 3, 4
      return taken;
    }
    if (auto go_on = work_.meter.advance(work_.cutting.pieces[piece].bytes); !go_on) {
      return go_on;
    }
  }
  return {};
}

Result<void> Lane::look_at_slab(std::size_t begin, std::size_t end) {
  std::uint64_t bytes = 0;
  for (auto i = begin; i < end; ++i) {
    bytes += work_.cutting.pieces[i].bytes;
  }
  const auto count = end - begin;
  const auto threads =
      std::clamp<std::size_t>(bytes / kWorthAThreadBytes, 1, std::min(lookers_.size(), count));
  return parallel_ranges(threads, static_cast<unsigned>(threads),
                         [&](std::size_t thread, std::size_t) {
                           return look(lookers_[thread], begin + count * thread / threads,
                                       begin + count * (thread + 1) / threads);
                         });
}

Result<void> Lane::look(Looker& looker, std::size_t begin, std::size_t end) {
  while (begin < end) {
    std::uint64_t bytes = 0;
    auto batch_end = begin;
    do {
      if (auto measured = measure(batch_end, looker.file); !measured) {  // 1
        return measured;
      }
      bytes += work_.cutting.pieces[batch_end].bytes;
    } while (++batch_end < end && bytes < kBatchBytes);
    if (auto looked = look_up(looker.stored, begin, batch_end); !looked) {  // 2
      return looked;
    }
    begin = batch_end;
  }
  return {};
}

Result<void> Lane::measure(std::size_t piece, OpenFile& file) {
  if (auto go_on = work_.meter.check(); !go_on) {
    return go_on;
  }
  auto bytes = slab_.read(piece, file);
  if (!bytes) {
    return fail(std::move(bytes.error()));
  }
  const auto& content = work_.cutting.content_of(work_.cutting.pieces[piece]);
  // Health first: it has so much to compute that the bytes come from memory meanwhile.
  if (content.is_tensor && !work_.out.health.empty()) {
    work_.out.health[piece] = measure_health(content.dtype, *bytes);
  }
  auto digest = digest_of_piece(content, *bytes);
  if (!digest) {
    return fail(std::move(digest.error()));
  }
  work_.out.refs[piece].digest = *digest;
  work_.out.refs[piece].plain_bytes = work_.cutting.pieces[piece].bytes;
  return {};
}

Result<void> Lane::look_up(StoredChunks& stored, std::size_t begin, std::size_t end) {
  std::vector<StoredChunks::Wanted> wanted;
  wanted.reserve(end - begin);
  for (auto piece = begin; piece < end; ++piece) {
    wanted.push_back({work_.out.refs[piece].digest, work_.out.refs[piece].plain_bytes});
  }
  auto found = stored.find(wanted, [&](std::size_t i) { return slab_.bytes(begin + i); });
  if (!found) {
    return fail(std::move(found.error()));
  }
  for (auto piece = begin; piece < end; ++piece) {
    const auto& [same, slot] = (*found)[piece - begin];
    if (!same) {
      slots_[piece - slab_.begin()] = slot;
      continue;
    }
    work_.out.refs[piece].id = same->id;
    work_.out.refs[piece].base = same->base;
    if (auto go_on = work_.meter.advance(same->plain_bytes); !go_on) {
      return go_on;
    }
  }
  return {};
}

Result<void> Lane::take_new(std::uint32_t piece, std::uint32_t slot) {
  const auto& digest = work_.out.refs[piece].digest;
  auto claim = work_.twin_index.claim(
      piece, digest, [&](std::uint32_t other) { return same_bytes(piece, other); });  // 3
  if (!claim) {
    return fail(std::move(claim.error()));
  }
  if (claim->twin) {
    work_.twins[piece] = *claim->twin;
    return {};
  }
  return add(piece, slot + work_.twin_index.count_new(digest));  // 4
}

Result<bool> Lane::same_bytes(std::uint32_t piece, std::uint32_t other) {
  if (work_.cutting.pieces[piece].bytes != work_.cutting.pieces[other].bytes) {
    return false;
  }
  if (slab_.has(other)) {
    other_ = kNoTwin;
    other_bytes_ = slab_.bytes(other);
  } else if (other_ != other) {  // Else it was the last one, too: a tensor of zeros, say.
    other_ = kNoTwin;
    auto bytes = work_.cutting.read(other, other_scratch_);
    if (!bytes) {
      return fail(std::move(bytes.error()));
    }
    other_bytes_ = *bytes;
    other_ = other;
  }
  const auto bytes = slab_.bytes(piece);
  if (std::memcmp(bytes.data(), other_bytes_.data(), bytes.size()) == 0) {
    return true;
  }
  if (chunk_digest(other_bytes_) != work_.out.refs[piece].digest) {
    return fail(Code::InvalidArgument, work_.cutting.content_of(work_.cutting.pieces[other]).label +
                                           ": its bytes changed while they were being saved");
  }
  return false;
}

Result<void> Lane::add(std::uint32_t piece, std::uint32_t slot) {
  auto& ref = work_.out.refs[piece];
  ref.id = ChunkId{work_.out.save->first_id() + piece};
  ChunkLocation location;
  location.id = ref.id;
  location.plain_bytes = ref.plain_bytes;
  location.stored_bytes =
      static_cast<std::uint32_t>(frame_header_bytes(ref.plain_bytes) + ref.plain_bytes);
  new_chunks.push_back({ref.digest, slot, location});
  if (writer_) {
    return write(piece, slab_.bytes(piece));
  }
  const auto& content = work_.cutting.content_of(work_.cutting.pieces[piece]);
  kept.push_back({piece, {}});
  auto framed =
      build_frame(frame_header_of(content, ref), slab_.bytes(piece), ref.digest, kept.back().frame);
  if (!framed) {
    return fail(content.label, std::move(framed.error()));
  }
  kept_bytes_ += location.stored_bytes;
  return kept_bytes_ < plan_.small_budget ? Result<void>() : start_file();
}

Result<void> Lane::start_file() {
  auto writer = BulkWriter::create(work_.session.database(), work_.session.new_incoming_file());
  if (!writer) {
    return fail(std::move(writer.error()));
  }
  writer_ = std::move(*writer);
  for (const auto& [piece, frame] : std::exchange(kept, {})) {
    const auto payload = as_byte_span(frame).last(work_.out.refs[piece].plain_bytes);
    if (auto written = write(piece, payload); !written) {
      return written;
    }
  }
  return {};
}

Result<void> Lane::write(std::uint32_t piece, std::span<const std::byte> bytes) {
  const auto& ref = work_.out.refs[piece];
  const auto& content = work_.cutting.content_of(work_.cutting.pieces[piece]);
  auto added = writer_->add(ref.id, frame_header_of(content, ref), bytes, ref.digest);
  if (!added) {
    return fail(content.label, std::move(added.error()));
  }
  return {};
}

Result<void> Lane::finish() {
  if (!writer_ || work_.stop) {
    return {};
  }
  auto file = writer_->finish();
  if (!file) {
    work_.stop = true;
    return fail(std::move(file.error()));
  }
  built = std::move(*file);
  return {};
}

}  // namespace cairn
