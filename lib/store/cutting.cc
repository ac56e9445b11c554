// Tensors are cut by arithmetic, files by what is in them.
#include "store/cutting.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "content/chunker.h"

namespace cairn {

namespace {

Result<void> check_size(const CutContent& content) {
  if (content.source->size() > kMaxContentBytes) {
    return fail(Code::LimitExceeded, content.label + ": " + std::to_string(content.source->size()) +
                                         " bytes, at most " + std::to_string(kMaxContentBytes));
  }
  return {};
}

void add_piece(Cutting& cutting, std::uint64_t offset, std::size_t bytes) {
  cutting.pieces.push_back({offset, static_cast<std::uint32_t>(bytes),
                            static_cast<std::uint32_t>(cutting.contents.size() - 1)});
}

void cut_tensor(Cutting& cutting) {
  const auto size = cutting.contents.back().source->size();
  for (std::uint64_t offset = 0; offset < size; offset += kTensorChunkBytes) {
    add_piece(cutting, offset, std::min(kTensorChunkBytes, size - offset));
  }
}

Result<void> cut_file(Cutting& cutting) {
  constexpr std::size_t kWindow = std::size_t{8} << 20;  // Many cuts a read.
  const Source& source = *cutting.contents.back().source;
  std::vector<std::byte> scratch;
  std::uint64_t offset = 0;
  while (offset < source.size()) {
    const auto length = std::min<std::uint64_t>(kWindow, source.size() - offset);
    auto window = source.read(offset, length, scratch);
    if (!window) {
      return fail(std::move(window.error()));
    }
    const bool at_end = offset + length == source.size();
    auto rest = *window;
    // A cut needs a whole maximum-sized window, or the end of the file.
    while (rest.size() >= kFileChunkMaxBytes || (at_end && !rest.empty())) {
      const auto bytes = fastcdc_cut(rest.first(std::min(rest.size(), kFileChunkMaxBytes)));
      add_piece(cutting, offset, bytes);
      offset += bytes;
      rest = rest.subspan(bytes);
    }
  }
  return {};
}

Result<void> add(Cutting& cutting, CutContent content) {
  if (auto checked = check_size(content); !checked) {
    return checked;
  }
  content.first_piece = cutting.pieces.size();
  cutting.total_bytes += content.source->size();
  const bool is_tensor = content.is_tensor;
  cutting.contents.push_back(std::move(content));
  if (is_tensor) {
    cut_tensor(cutting);
  } else if (auto done = cut_file(cutting); !done) {
    return fail(cutting.contents.back().label, std::move(done.error()));
  }
  auto& added = cutting.contents.back();
  added.piece_count = cutting.pieces.size() - added.first_piece;
  return {};
}

Result<std::unique_ptr<Source>> open_source(const Draft::FilePart& file) {
  if (const auto* path = std::get_if<std::filesystem::path>(&file.source)) {
    return file_source(*path);
  }
  return memory_source(std::get<std::vector<std::byte>>(file.source));
}

}  // namespace

Result<Cutting> cut(const Draft::Parts& parts) {
  Cutting cutting;
  for (const auto& tensor : parts.tensors) {
    CutContent content;
    content.label = "tensor " + quoted(tensor.name);
    content.source = memory_source(tensor.view.bytes);
    content.dtype = tensor.view.dtype;
    content.is_tensor = true;
    if (auto added = add(cutting, std::move(content)); !added) {
      return fail(std::move(added.error()));
    }
  }
  for (const auto& file : parts.files) {
    CutContent content;
    content.label = "file " + quoted(file.name);
    content.kind = CutKind::FastCdc;
    auto source = open_source(file);
    if (!source) {
      return fail(content.label, std::move(source.error()));
    }
    content.source = std::move(*source);
    if (auto added = add(cutting, std::move(content)); !added) {
      return fail(std::move(added.error()));
    }
  }
  return cutting;
}

}  // namespace cairn
