// Cutting: the contents of a draft and the pieces that they are cut into: the work list of a save.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cairn/draft.h"
#include "cairn/error.h"
#include "cairn/options.h"
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
  // The bytes of a piece, as bytes_of gives them; the error names the content.
  [[nodiscard]] Result<std::span<const std::byte>> read(std::size_t piece, Scratch& scratch) const;
};

// Opens the draft's files and cuts everything. What is cut by its bytes is read once here, to find
// the cuts; until that is done nobody hears of progress, but a stop is heard. The draft outlives
// what is made of it.
[[nodiscard]] Result<Cutting> cut(const Draft::Parts& parts, std::uint64_t tensor_chunk_bytes,
                                  const Control& control);

// The digest of a piece. InvalidArgument where it is of bools and one is neither 0 nor 1.
[[nodiscard]] Result<Digest> digest_of_piece(const CutContent& content,
                                             std::span<const std::byte> bytes);

}  // namespace cairn
