// Slabs: what they hold, and where.
#include "store/slab.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "store/store_testing.h"

namespace cairn {

using cairn_test::ok;
using cairn_test::Random;

TEST_CASE("slab: it holds what is not in memory, each piece in a place of its own") {
  const auto bytes = Random(5).bytes(1'000);
  int calls = 0;
  const ReadCallback callback{[&](std::uint64_t offset, std::span<std::byte> out) -> Result<void> {
    ++calls;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  }};
  Cutting cutting;
  for (const bool in_memory : {false, true, false}) {
    CutContent content;
    content.source = in_memory ? memory_source(bytes) : callback_source(callback, bytes.size());
    cutting.contents.push_back(std::move(content));
  }
  for (std::uint32_t i = 0; i < 9; ++i) {
    cutting.pieces.push_back({i * 100, 50 + i, i % 3});
  }
  Slab slab(cutting);
  OpenFile file;
  for (const std::size_t begin : {0U, 3U, 7U}) {
    slab.start(begin, 9);
    calls = 0;
    for (auto piece = begin; piece < 9; ++piece) {
      CHECK(ok(slab.read(piece, file)));
    }
    const auto of_callback = [](const Piece& piece) { return piece.content != 1; };
    CHECK(calls == std::count_if(cutting.pieces.begin() + static_cast<std::ptrdiff_t>(begin),
                                 cutting.pieces.end(), of_callback));
    for (std::size_t piece = 0; piece < 9; ++piece) {
      CHECK(slab.has(piece) == (piece >= begin));
      if (slab.has(piece)) {
        const auto& p = cutting.pieces[piece];
        CHECK(
            cairn_test::same_bytes(slab.bytes(piece), std::span(bytes).subspan(p.offset, p.bytes)));
        CHECK(held_bytes(cutting, piece) == (of_callback(p) ? p.bytes : 0));
      }
    }
  }
  CHECK(!slab.has(9));
}

}  // namespace cairn
