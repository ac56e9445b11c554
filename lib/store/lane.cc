// A lane works through its range in slabs:
//   1 hash the pieces, and measure their health while they are in cache
//   2 drop those whose bytes an earlier piece of the draft has
//   3 look the rest up in the store, all of a slab in one batch
//   4 write what is new: kept aside up to a small budget, then into a file
#include "store/lane.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/parallel.h"
#include "base/text.h"

namespace cairn {

namespace {

constexpr std::size_t kSlabPieces = 4096;
constexpr std::uint64_t kWorthAThreadBytes = std::uint64_t{2} << 20;

}  // namespace

Result<std::span<const std::byte>> IntakeWork::bytes_of(std::uint32_t piece,
                                                        std::vector<std::byte>& scratch) const {
  const auto& p = cutting.pieces[piece];
  auto bytes = cutting.content_of(p).source->read(p.offset, p.bytes, scratch);
  if (!bytes) {
    return fail(cutting.content_of(p).label, std::move(bytes.error()));
  }
  return bytes;
}

Result<void> hash_range(IntakeWork& work, std::size_t begin, std::size_t end) {
  std::vector<std::byte> scratch;
  for (std::size_t i = begin; i < end; ++i) {
    auto bytes = work.bytes_of(static_cast<std::uint32_t>(i), scratch);
    if (!bytes) {
      return fail(std::move(bytes.error()));
    }
    work.out.refs[i].digest = chunk_digest(*bytes);
    work.out.refs[i].plain_bytes = work.cutting.pieces[i].bytes;
    const auto& content = work.cutting.content_of(work.cutting.pieces[i]);
    if (content.is_tensor && content.dtype == DType::Bool && !all_bools(*bytes)) {
      return fail(Code::InvalidArgument, content.label + ": a bool is 0 or 1, found another byte");
    }
    if (content.is_tensor && !work.out.health.empty()) {
      work.out.health[i] = measure_health(content.dtype, *bytes);
    }
  }
  return {};
}

FrameHeader frame_header_of(const CutContent& content, const ChunkRef& ref) {
  const auto width = content.is_tensor ? element_bytes(content.dtype) : 1;
  return {.codec = Codec::Raw,
          .element_width = static_cast<std::uint8_t>(width),
          .plain_bytes = ref.plain_bytes};
}

Lane::Lane(IntakeWork& work, const Plan& plan)
    : work_(work),
      plan_(plan),
      stored_(work.session.database(), *work.out.save, work.options.dedup) {}

Result<void> Lane::run() {
  for (auto at = plan_.begin; at < plan_.end && !work_.stop;) {
    const auto slab_end = end_of_slab(at);
    if (auto done = take_slab(at, slab_end); !done) {
      work_.stop = true;
      return done;
    }
    at = slab_end;
  }
  return finish();
}

std::size_t Lane::end_of_slab(std::size_t at) const {
  std::uint64_t bytes = 0;
  auto end = at;
  while (end < plan_.end && end - at < kSlabPieces && (end == at || bytes < plan_.slab_bytes)) {
    bytes += work_.cutting.pieces[end++].bytes;
  }
  return end;
}

Result<void> Lane::hash_slab(std::size_t begin, std::size_t end) {
  std::uint64_t bytes = 0;
  for (auto i = begin; i < end; ++i) {
    bytes += work_.cutting.pieces[i].bytes;
  }
  const auto threads = static_cast<unsigned>(
      std::clamp<std::uint64_t>(bytes / kWorthAThreadBytes, 1, plan_.threads));
  return parallel_ranges(end - begin, threads, [&](std::size_t from, std::size_t to) {
    return hash_range(work_, begin + from, begin + to);
  });
}

Result<void> Lane::take_slab(std::size_t begin, std::size_t end) {
  if (auto hashed = hash_slab(begin, end); !hashed) {  // 1
    return hashed;
  }
  std::vector<std::uint32_t> owners;
  for (std::size_t i = begin; i < end; ++i) {  // 2
    const auto piece = static_cast<std::uint32_t>(i);
    auto claim = work_.twin_index.claim(piece, work_.out.refs[i].digest, [&](std::uint32_t other) {
      return same_bytes(piece, other);
    });
    if (!claim) {
      return fail(std::move(claim.error()));
    }
    if (claim->twin) {
      work_.twins[i] = *claim->twin;
    } else {
      owners.push_back(piece);
    }
  }
  return store_owners(owners);
}

Result<bool> Lane::same_bytes(std::uint32_t a, std::uint32_t b) {
  if (work_.cutting.pieces[a].bytes != work_.cutting.pieces[b].bytes) {
    return false;
  }
  auto ours = work_.bytes_of(a, scratch_);
  auto theirs = work_.bytes_of(b, other_scratch_);
  if (!ours || !theirs) {
    return fail(std::move(ours ? theirs.error() : ours.error()));
  }
  return std::memcmp(ours->data(), theirs->data(), ours->size()) == 0;
}

Result<void> Lane::store_owners(const std::vector<std::uint32_t>& owners) {
  std::vector<StoredChunks::Wanted> wanted;
  wanted.reserve(owners.size());
  for (const auto piece : owners) {
    wanted.push_back({work_.out.refs[piece].digest, work_.out.refs[piece].plain_bytes});
  }
  auto found = stored_.find(  // 3
      wanted, [&](std::size_t i) { return work_.bytes_of(owners[i], scratch_); });
  if (!found) {
    return fail(std::move(found.error()));
  }
  for (std::size_t i = 0; i < owners.size(); ++i) {
    auto& ref = work_.out.refs[owners[i]];
    if ((*found)[i].same) {
      ref.id = (*found)[i].same->id;
      ref.base = (*found)[i].same->base;
      continue;
    }
    const auto slot = (*found)[i].slot + work_.twin_index.count_new(ref.digest);
    if (auto added = add(owners[i], slot); !added) {  // 4
      return added;
    }
  }
  return {};
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
    return write(piece);
  }
  kept.push_back(piece);
  kept_bytes_ += location.stored_bytes;
  return kept_bytes_ < plan_.small_budget ? Result<void>() : start_file();
}

Result<void> Lane::start_file() {
  auto writer = BulkWriter::create(work_.session.database(), work_.session.new_incoming_file());
  if (!writer) {
    return fail(std::move(writer.error()));
  }
  writer_ = std::move(*writer);
  for (const auto piece : std::exchange(kept, {})) {
    if (auto written = write(piece); !written) {
      return written;
    }
  }
  return {};
}

Result<void> Lane::write(std::uint32_t piece) {
  auto bytes = work_.bytes_of(piece, scratch_);
  if (!bytes) {
    return fail(std::move(bytes.error()));
  }
  const auto& ref = work_.out.refs[piece];
  const auto& content = work_.cutting.content_of(work_.cutting.pieces[piece]);
  auto added = writer_->add(ref.id, frame_header_of(content, ref), *bytes, ref.digest);
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
