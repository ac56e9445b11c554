// One block of memory, that grows to what the largest slab needs.
#include "store/slab.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace cairn {

std::uint64_t held_bytes(const Cutting& cutting, std::size_t piece) {
  const auto& p = cutting.pieces[piece];
  return cutting.content_of(p).source->in_memory(p.offset) != nullptr ? 0 : p.bytes;
}

void Slab::start(std::size_t begin, std::size_t end) {
  begin_ = begin;
  end_ = end;
  places_.clear();
  std::size_t bytes = 0;
  for (auto piece = begin; piece < end; ++piece) {
    places_.push_back(bytes);
    bytes += held_bytes(cutting_, piece);
  }
  memory_.resize(std::max(memory_.size(), bytes));
}

Result<std::span<const std::byte>> Slab::read(std::size_t piece, OpenFile& file) {
  const auto& p = cutting_.pieces[piece];
  const auto& content = cutting_.content_of(p);
  if (content.source->in_memory(p.offset) == nullptr) {
    const auto place = std::span(memory_).subspan(places_[piece - begin_], p.bytes);
    if (auto done = content.source->read(p.offset, place, file); !done) {
      return fail(content.label, std::move(done.error()));
    }
  }
  return bytes(piece);
}

std::span<const std::byte> Slab::bytes(std::size_t piece) const {
  const auto& p = cutting_.pieces[piece];
  const auto* in_memory = cutting_.content_of(p).source->in_memory(p.offset);
  return {in_memory != nullptr ? in_memory : memory_.data() + places_[piece - begin_], p.bytes};
}

}  // namespace cairn
