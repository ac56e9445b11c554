// Cutting: the contents of a draft and the pieces that they are cut into: the work list of a save.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cairn/draft.h"
#include "cairn/error.h"
#include "content/digest.h"
#include "store/source.h"

namespace cairn {

// One tensor or file.
struct CutContent {
  std::string label;  // tensor "w" or file "x", for messages.
  std::unique_ptr<Source> source;
  CutKind kind = CutKind::Fixed;
  DType dtype = DType::U8;  // Of a tensor.
  bool is_tensor = false;
  std::size_t first_piece = 0;
  std::size_t piece_count = 0;
};

// One chunk to be.
struct Piece {
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;
  std::uint32_t content = 0;  // Index of its content.
};

struct Cutting {
  std::vector<CutContent> contents;  // The draft's tensors, then its files.
  std::vector<Piece> pieces;         // Content by content, in order.
  std::uint64_t total_bytes = 0;

  [[nodiscard]] const CutContent& content_of(const Piece& piece) const {
    return contents[piece.content];
  }
};

// Opens the draft's files and cuts everything. Files are read once here, to find their cuts.
[[nodiscard]] Result<Cutting> cut(const Draft::Parts& parts);

}  // namespace cairn
