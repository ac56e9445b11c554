// Sources: bytes that are not in memory but are read, piece by piece, while they are saved: an
// artifact may be larger than memory.
//
//   draft.tensor("emb", cairn::TensorSource{cairn::DType::F32, {40'000'000, 256}, cairn::Layout::C,
//                                           cairn::FileRange{"emb.raw", 128}});
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <variant>

#include "cairn/error.h"
#include "cairn/tensor.h"

namespace cairn {

// Bytes of a regular file from `offset` on. The file must not change until save returns
// (InvalidArgument), and must be long enough (InvalidArgument).
struct FileRange {
  std::filesystem::path path;
  std::uint64_t offset = 0;
};

// Bytes that a function of the app gives.
struct ReadCallback {
  // Fills all of `out` with the bytes from `offset` on, or says why it cannot. Its error is save's,
  // with the name of the tensor or file before it; what it throws becomes Io. It is called while
  // save runs, from threads of save, for pieces of at most 8 MiB that lie inside the content and
  // come in any order. Mostly each piece is asked for once, those of files twice; asked again it
  // gives the same bytes. Where it does not, save ends with InvalidArgument or stores what it was
  // given at one of the times, whole and with the digest that fits. It must not save what it reads
  // for.
  std::function<Result<void>(std::uint64_t offset, std::span<std::byte> out)> read;

  // Whether several threads may call it at once; else they wait for each other. Default: no.
  bool concurrent = false;
};

// A tensor that is read: shape_bytes(dtype, shape) bytes, dense and little-endian.
struct TensorSource {
  DType dtype = DType::U8;
  Shape shape;
  Layout layout = Layout::C;
  std::variant<FileRange, ReadCallback> bytes;
};

// A file that is read from a callback; one on disk is given to the draft by its path.
struct FileSource {
  std::uint64_t size_bytes = 0;
  ReadCallback bytes;
};

}  // namespace cairn
