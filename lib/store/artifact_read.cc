// Artifact: reading its tensors and files. Each call finds what it is about, then its list of
// chunks, and leaves the rest to those who read chunks.
#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/guard.h"
#include "base/text.h"
#include "cairn/artifact.h"
#include "store/artifact_state.h"
#include "store/content_reader.h"
#include "store/segments.h"
#include "store/slice_reader.h"
#include "store/verify.h"

namespace cairn {

namespace {

template <class Entry>
std::string names_of(const std::vector<Entry>& entries) {
  if (entries.empty()) {
    return "it has none";
  }
  std::string out = "it has";
  for (std::size_t i = 0; i < entries.size() && i < 10; ++i) {
    out += " " + quoted(entries[i].info.name);
  }
  return entries.size() > 10 ? out + " and " + std::to_string(entries.size() - 10) + " more" : out;
}

template <class Entry>
Result<const Entry*> find_entry(const Artifact::State& state, std::string_view what,
                                const std::vector<Entry>& entries, std::string_view name) {
  if (auto usable = check_process(state); !usable) {
    return fail(std::move(usable.error()));
  }
  const auto* entry = find_by_name(entries, name);
  if (entry == nullptr) {
    return fail(Code::NotFound, state.key.to_string() + ": no " + std::string(what) + " " +
                                    quoted(name) + "; " + names_of(entries));
  }
  return entry;
}

Result<const TensorEntry*> find_tensor(const Artifact::State& state, std::string_view name) {
  return find_entry(state, "tensor", state.model.tensors, name);
}

Result<const FileEntry*> find_file(const Artifact::State& state, std::string_view name) {
  return find_entry(state, "file", state.model.files, name);
}

bool is_bools(const TensorEntry& entry) {
  return entry.info.dtype == DType::Bool;
}
bool is_bools(const FileEntry&) {
  return false;
}

// Calls `read` with the content of an entry; the call is about `total` bytes of it.
template <class Entry, class Read>
std::invoke_result_t<Read&, const ReadContext&, ContentRecord&> read_entry(
    const Artifact::State& state, const Control& control, const Entry& entry, std::uint64_t total,
    Read&& read) {
  constexpr auto kWhat = std::same_as<Entry, TensorEntry> ? "tensor" : "file";
  Meter meter(control, total);
  const ReadContext context{state, kWhat, entry.info.name, meter, is_bools(entry)};
  if (auto going_on = advance(context, 0); !going_on) {
    return fail(std::move(going_on.error()));
  }
  auto content = content_of(context, {entry.info.content, entry.slot}, entry.info.size_bytes);
  if (!content) {
    return fail(std::move(content.error()));
  }
  auto out = read(context, *content);
  if (out) {
    meter.finish();
  }
  return out;
}

// A part of a tensor, or the whole of it: what it looks like, and the rows that it is made of.
struct Part {
  const TensorEntry* entry = nullptr;
  TensorInfo info;
  std::optional<Rows> rows;
};

Result<Part> find_part(const Artifact::State& state, std::string_view name,
                       std::optional<Rows> rows) {
  auto entry = find_tensor(state, name);
  if (!entry) {
    return fail(std::move(entry.error()));
  }
  if (!rows) {
    return Part{*entry, (*entry)->info, rows};
  }
  auto info = info_of_slice(state.key, (*entry)->info, *rows);
  if (!info) {
    return fail(std::move(info.error()));
  }
  return Part{*entry, std::move(*info), rows};
}

Result<Tensor> place_part(const Artifact::State& state, Part part) {
  const auto place = [&](const ReadContext& context, const ContentRecord& content) {
    return part.rows ? place_rows(context, part.entry->info, content, *part.rows)
                     : place_content(context, content);
  };
  auto placed = read_entry(state, state.control, *part.entry, part.info.size_bytes, place);
  if (!placed) {
    return fail(std::move(placed.error()));
  }
  const auto bytes = placed->bytes;
  return Tensor(std::move(part.info), bytes,
                std::make_shared<ViewOwner>(state.lease.session(), std::move(placed->pin)));
}

Result<void> read_part(const Artifact::State& state, const Part& part, std::span<std::byte> out) {
  if (part.info.size_bytes != out.size()) {
    return fail(Code::TypeMismatch, state.key.to_string() + ": tensor " + quoted(part.info.name) +
                                        " has " + std::to_string(part.info.size_bytes) +
                                        " bytes (" + std::string(to_string(part.info.dtype)) + " " +
                                        to_string(part.info.shape) + "), the buffer " +
                                        std::to_string(out.size()));
  }
  const auto read = [&](const ReadContext& context, const ContentRecord& content) {
    return part.rows ? read_rows_into(context, part.entry->info, content, *part.rows, out)
                     : read_content_into(context, content, out);
  };
  return read_entry(state, state.control, *part.entry, out.size(), read);
}

Result<std::vector<std::byte>> read_whole_file(const Artifact::State& state,
                                               std::string_view name) {
  auto entry = find_file(state, name);
  if (!entry) {
    return fail(std::move(entry.error()));
  }
  std::vector<std::byte> out((*entry)->info.size_bytes);
  const auto read = [&](const ReadContext& context, const ContentRecord& content) {
    return read_content_into(context, content, out);
  };
  if (auto done = read_entry(state, state.control, **entry, out.size(), read); !done) {
    return fail(std::move(done.error()));
  }
  return out;
}

Result<void> stream_file(const Artifact::State& state, std::string_view name,
                         const Artifact::Sink& sink) {
  auto entry = find_file(state, name);
  if (!entry) {
    return fail(std::move(entry.error()));
  }
  const auto stream = [&](const ReadContext& context, const ContentRecord& content) {
    return stream_content(context, content, sink);
  };
  return read_entry(state, state.control, **entry, (*entry)->info.size_bytes, stream);
}

template <class Entry>
Result<Segments> segments_of(const std::shared_ptr<const Artifact::State>& state,
                             const Entry& entry, std::size_t element_bytes) {
  const Control stop_only{.stop = state->control.stop};
  const auto open = [&](const ReadContext& context, ContentRecord& content) {
    return open_segments(state, context, std::move(content), element_bytes);
  };
  return read_entry(*state, stop_only, entry, 0, open);
}

}  // namespace

Result<TensorInfo> Artifact::info(std::string_view name) const {
  return guarded([&]() -> Result<TensorInfo> {
    auto entry = find_tensor(*state_, name);
    if (!entry) {
      return fail(std::move(entry.error()));
    }
    return (*entry)->info;
  });
}

Result<void> Artifact::check_dtype(std::string_view name, DType wanted) const {
  return guarded([&]() -> Result<void> {
    auto entry = find_tensor(*state_, name);
    if (!entry) {
      return fail(std::move(entry.error()));
    }
    const auto& stored = (*entry)->info;
    if (stored.dtype != wanted) {
      return fail(Code::TypeMismatch, state_->key.to_string() + ": tensor " + quoted(name) +
                                          " is " + std::string(to_string(stored.dtype)) + " " +
                                          to_string(stored.shape) + ", asked for " +
                                          std::string(to_string(wanted)));
    }
    return {};
  });
}

Result<Tensor> Artifact::tensor(std::string_view name) const {
  return guarded([&]() -> Result<Tensor> {
    auto part = find_part(*state_, name, std::nullopt);
    return part ? place_part(*state_, std::move(*part)) : fail(std::move(part.error()));
  });
}

Result<void> Artifact::read_into(std::string_view name, std::span<std::byte> out) const {
  return guarded([&]() -> Result<void> {
    auto part = find_part(*state_, name, std::nullopt);
    return part ? read_part(*state_, *part, out) : fail(std::move(part.error()));
  });
}

Result<Tensor> Artifact::slice(std::string_view name, std::uint64_t begin,
                               std::uint64_t end) const {
  return guarded([&]() -> Result<Tensor> {
    auto part = find_part(*state_, name, Rows{begin, end});
    return part ? place_part(*state_, std::move(*part)) : fail(std::move(part.error()));
  });
}

Result<void> Artifact::read_slice_into(std::string_view name, std::uint64_t begin,
                                       std::uint64_t end, std::span<std::byte> out) const {
  return guarded([&]() -> Result<void> {
    auto part = find_part(*state_, name, Rows{begin, end});
    return part ? read_part(*state_, *part, out) : fail(std::move(part.error()));
  });
}

Result<Segments> Artifact::segments(std::string_view name) const {
  return guarded([&]() -> Result<Segments> {
    auto entry = find_tensor(*state_, name);
    return entry ? segments_of(state_, **entry, element_bytes((*entry)->info.dtype))
                 : fail(std::move(entry.error()));
  });
}

Result<Segments> Artifact::file_segments(std::string_view name) const {
  return guarded([&]() -> Result<Segments> {
    auto entry = find_file(*state_, name);
    return entry ? segments_of(state_, **entry, 1) : fail(std::move(entry.error()));
  });
}

Result<std::vector<std::byte>> Artifact::file(std::string_view name) const {
  return guarded([&] { return read_whole_file(*state_, name); });
}

Result<void> Artifact::read_file(std::string_view name, const Sink& sink) const {
  return guarded([&] { return stream_file(*state_, name, sink); });
}

Result<void> Artifact::verify() const {
  return guarded([&] { return verify_artifact(*state_); });
}

}  // namespace cairn
