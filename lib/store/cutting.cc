// Tensors are cut by arithmetic, files by what is in them.
#include "store/cutting.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/meter.h"
#include "base/text.h"
#include "content/chunker.h"
#include "content/health.h"

namespace cairn {

namespace {

class Cutter {
 public:
  Cutter(std::uint64_t tensor_chunk_bytes, const Control& control)
      : tensor_chunk_bytes_(tensor_chunk_bytes), meter_(control, 0) {}

  [[nodiscard]] Result<void> add(const Draft::TensorPart& part);
  [[nodiscard]] Result<void> add(const Draft::FilePart& part);

  Cutting cutting;

 private:
  using NewSource = Result<std::unique_ptr<Source>>;

  [[nodiscard]] Result<void> add(CutContent content, NewSource source);
  [[nodiscard]] NewSource open(const FileRange& range, std::uint64_t size);
  [[nodiscard]] NewSource open(const std::filesystem::path& path);
  [[nodiscard]] Result<std::shared_ptr<const RegularFile>> find(const std::filesystem::path& path);
  void add_piece(std::uint64_t offset, std::size_t bytes);
  void cut_tensor();
  [[nodiscard]] Result<void> cut_file();

  std::uint64_t tensor_chunk_bytes_;
  Meter meter_;  // For stops.
  std::map<std::filesystem::path, std::shared_ptr<const RegularFile>> files_;
  Scratch scratch_;
};

Result<void> check_size(const CutContent& content) {
  if (content.source->size() > kMaxContentBytes) {
    return fail(Code::LimitExceeded, content.label + ": " + std::to_string(content.source->size()) +
                                         " bytes, at most " + std::to_string(kMaxContentBytes));
  }
  return {};
}

void Cutter::add_piece(std::uint64_t offset, std::size_t bytes) {
  cutting.pieces.push_back({offset, static_cast<std::uint32_t>(bytes),
                            static_cast<std::uint32_t>(cutting.contents.size() - 1)});
}

void Cutter::cut_tensor() {
  const auto size = cutting.contents.back().source->size();
  for (std::uint64_t offset = 0; offset < size; offset += tensor_chunk_bytes_) {
    add_piece(offset, std::min(tensor_chunk_bytes_, size - offset));
  }
}

Result<void> Cutter::cut_file() {
  constexpr std::size_t kWindow = std::size_t{8} << 20;  // Many cuts a read.
  const Source& source = *cutting.contents.back().source;
  std::uint64_t offset = 0;
  while (offset < source.size()) {
    if (auto go_on = meter_.check(); !go_on) {
      return go_on;
    }
    const auto length = std::min<std::uint64_t>(kWindow, source.size() - offset);
    auto window = bytes_of(source, offset, length, scratch_);
    if (!window) {
      return fail(std::move(window.error()));
    }
    const bool at_end = offset + length == source.size();
    auto rest = *window;
    // A cut needs a whole maximum-sized window, or the end of the file.
    while (rest.size() >= kFileChunkMaxBytes || (at_end && !rest.empty())) {
      const auto bytes = fastcdc_cut(rest.first(std::min(rest.size(), kFileChunkMaxBytes)));
      add_piece(offset, bytes);
      offset += bytes;
      rest = rest.subspan(bytes);
    }
  }
  return {};
}

Result<void> Cutter::add(CutContent content, NewSource source) {
  if (!source) {
    return fail(content.label, std::move(source.error()));
  }
  content.source = std::move(*source);
  if (auto checked = check_size(content); !checked) {
    return checked;
  }
  content.first_piece = cutting.pieces.size();
  cutting.total_bytes += content.source->size();
  cutting.contents.push_back(std::move(content));
  auto& added = cutting.contents.back();
  if (added.is_tensor) {
    cut_tensor();
  } else if (auto done = cut_file(); !done) {
    return fail(added.label, std::move(done.error()));
  }
  added.piece_count = cutting.pieces.size() - added.first_piece;
  return {};
}

// Many tensors may come from one file: it is looked at once.
Result<std::shared_ptr<const RegularFile>> Cutter::find(const std::filesystem::path& path) {
  auto& known = files_[path];
  if (!known) {
    auto found = RegularFile::find(path);
    if (!found) {
      return fail(std::move(found.error()));
    }
    known = std::move(*found);
  }
  return known;
}

Cutter::NewSource Cutter::open(const FileRange& range, std::uint64_t size) {
  auto file = find(range.path);
  return file ? file_source(std::move(*file), range.offset, size) : fail(std::move(file.error()));
}

Cutter::NewSource Cutter::open(const std::filesystem::path& path) {
  auto file = find(path);
  if (!file) {
    return fail(std::move(file.error()));
  }
  const auto size = (*file)->size();
  return file_source(std::move(*file), 0, size);
}

Result<void> Cutter::add(const Draft::TensorPart& part) {
  CutContent content;
  content.label = "tensor " + quoted(part.name);
  content.dtype = part.view.dtype;
  content.is_tensor = true;
  if (!part.source) {
    return add(std::move(content), memory_source(part.view.bytes));
  }
  auto size = shape_bytes(part.view.dtype, part.view.shape);
  if (!size) {
    return fail(content.label, std::move(size.error()));
  }
  if (const auto* range = std::get_if<FileRange>(&*part.source)) {
    return add(std::move(content), open(*range, *size));
  }
  return add(std::move(content), callback_source(std::get<ReadCallback>(*part.source), *size));
}

Result<void> Cutter::add(const Draft::FilePart& part) {
  CutContent content;
  content.label = "file " + quoted(part.name);
  content.kind = CutKind::FastCdc;
  if (const auto* path = std::get_if<std::filesystem::path>(&part.source)) {
    return add(std::move(content), open(*path));
  }
  if (const auto* given = std::get_if<FileSource>(&part.source)) {
    return add(std::move(content), callback_source(given->bytes, given->size_bytes));
  }
  return add(std::move(content), memory_source(std::get<std::vector<std::byte>>(part.source)));
}

}  // namespace

Result<std::span<const std::byte>> Cutting::read(std::size_t piece, Scratch& scratch) const {
  const auto& p = pieces[piece];
  auto bytes = bytes_of(*content_of(p).source, p.offset, p.bytes, scratch);
  if (!bytes) {
    return fail(content_of(p).label, std::move(bytes.error()));
  }
  return bytes;
}

Result<Cutting> cut(const Draft::Parts& parts, std::uint64_t tensor_chunk_bytes,
                    const Control& control) {
  Cutter cutter(tensor_chunk_bytes, control);
  for (const auto& tensor : parts.tensors) {
    if (auto added = cutter.add(tensor); !added) {
      return fail(std::move(added.error()));
    }
  }
  for (const auto& file : parts.files) {
    if (auto added = cutter.add(file); !added) {
      return fail(std::move(added.error()));
    }
  }
  return std::move(cutter.cutting);
}

Result<Digest> digest_of_piece(const CutContent& content, std::span<const std::byte> bytes) {
  if (content.is_tensor && content.dtype == DType::Bool && !all_bools(bytes)) {
    return fail(Code::InvalidArgument, content.label + ": a bool is 0 or 1, found another byte");
  }
  return chunk_digest(bytes);
}

}  // namespace cairn
