// Artifact: reading tensors, files and the config of a loaded artifact.
#include "cairn/artifact.h"

#include <utility>

#include "base/guard.h"
#include "base/text.h"
#include "content/health.h"
#include "store/artifact_state.h"
#include "store/content_reader.h"
#include "store/contents.h"

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

Result<void> check_process(const Artifact::State& state) {
  if (!state.lease.session()->database().same_process()) {
    return fail(Code::InvalidArgument, state.key.to_string() +
                                           " was loaded before fork(): it "
                                           "cannot be read in the child");
  }
  return {};
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

ReadContext context_of(const Artifact::State& state, std::string_view what, std::string_view name) {
  return {state.lease.session()->database(),
          state.key.to_string() + ": " + std::string(what) + " " + quoted(name), state.threads};
}

// The list of chunks behind an entry; its size is what the entry says.
template <class Entry>
Result<ContentRecord> content_of(const ReadContext& context, const Entry& entry) {
  const auto reader = context.database.snapshot();
  auto content = read_content(*reader, {entry.info.content, entry.slot});
  if (!content) {
    return fail(context.where, std::move(content.error()));
  }
  if (content->size_bytes != entry.info.size_bytes) {
    return fail(Code::Corruption, context.where + ": its content has " +
                                      std::to_string(content->size_bytes) + " bytes, expected " +
                                      std::to_string(entry.info.size_bytes));
  }
  return content;
}

template <class Entry>
Result<void> read_entry_into(const ReadContext& context, const Entry& entry,
                             std::span<std::byte> out) {
  auto content = content_of(context, entry);
  if (!content) {
    return fail(std::move(content.error()));
  }
  return read_content_into(context, *content, out);
}

// Keeps what a tensor's bytes need alive; the bytes go before the session does.
struct TensorOwner {
  TensorOwner(const std::shared_ptr<Session>& session, std::shared_ptr<const void> held)
      : lease(session), bytes(std::move(held)) {}

  ~TensorOwner() {
    if (!lease.session()->database().same_process()) {
      // What pins the bytes is of RocksDB, which does not live in a forked child: left as it is.
      static_cast<void>(new std::shared_ptr<const void>(std::move(bytes)));  // NOLINT: no way out
    }
  }
  TensorOwner(const TensorOwner&) = delete;
  TensorOwner& operator=(const TensorOwner&) = delete;

  Lease lease;
  std::shared_ptr<const void> bytes;
};

// Bytes that were not saved by cairn may be no bools at all.
Result<void> check_bools(const ReadContext& context, const TensorInfo& info,
                         std::span<const std::byte> bytes) {
  if (info.dtype == DType::Bool && !all_bools(bytes)) {
    return fail(Code::Corruption, context.where + ": a bool is 0 or 1, found another byte");
  }
  return {};
}

Result<void> discard(std::span<const std::byte>) {
  return {};
}

Result<Tensor> place_tensor(const Artifact::State& state, std::string_view name) {
  auto entry = find_tensor(state, name);
  if (!entry) {
    return fail(std::move(entry.error()));
  }
  const auto context = context_of(state, "tensor", name);
  auto content = content_of(context, **entry);
  if (!content) {
    return fail(std::move(content.error()));
  }
  auto placed = place_content(context, *content);
  if (!placed) {
    return fail(std::move(placed.error()));
  }
  const auto bytes = placed->bytes;
  if (auto checked = check_bools(context, (*entry)->info, bytes); !checked) {
    return fail(std::move(checked.error()));
  }
  return Tensor((*entry)->info, bytes,
                std::make_shared<TensorOwner>(state.lease.session(), std::move(placed->owner)));
}

Result<void> read_tensor(const Artifact::State& state, std::string_view name,
                         std::span<std::byte> out) {
  auto entry = find_tensor(state, name);
  if (!entry) {
    return fail(std::move(entry.error()));
  }
  const auto& stored = (*entry)->info;
  if (stored.size_bytes != out.size()) {
    return fail(Code::TypeMismatch, state.key.to_string() + ": tensor " + quoted(name) + " has " +
                                        std::to_string(stored.size_bytes) + " bytes (" +
                                        std::string(to_string(stored.dtype)) + " " +
                                        to_string(stored.shape) + "), the buffer " +
                                        std::to_string(out.size()));
  }
  const auto context = context_of(state, "tensor", name);
  if (auto read = read_entry_into(context, **entry, out); !read) {
    return read;
  }
  return check_bools(context, stored, out);
}

Result<std::vector<std::byte>> read_whole_file(const Artifact::State& state,
                                               std::string_view name) {
  auto entry = find_file(state, name);
  if (!entry) {
    return fail(std::move(entry.error()));
  }
  std::vector<std::byte> out((*entry)->info.size_bytes);
  if (auto read = read_entry_into(context_of(state, "file", name), **entry, out); !read) {
    return fail(std::move(read.error()));
  }
  return out;
}

Result<void> stream_file(const Artifact::State& state, std::string_view name,
                         const Artifact::Sink& sink) {
  auto entry = find_file(state, name);
  if (!entry) {
    return fail(std::move(entry.error()));
  }
  const auto context = context_of(state, "file", name);
  auto content = content_of(context, **entry);
  if (!content) {
    return fail(std::move(content.error()));
  }
  return stream_content(context, *content, sink);
}

Result<void> verify_all(const Artifact::State& state) {
  if (auto usable = check_process(state); !usable) {
    return usable;
  }
  const auto check = [&](std::string_view what, const auto& entry) -> Result<void> {
    const auto context = context_of(state, what, entry.info.name);
    auto content = content_of(context, entry);
    if (!content) {
      return fail(std::move(content.error()));
    }
    return stream_content(context, *content, discard);
  };
  for (const auto& entry : state.model.tensors) {
    if (auto checked = check("tensor", entry); !checked) {
      return checked;
    }
  }
  for (const auto& entry : state.model.files) {
    if (auto checked = check("file", entry); !checked) {
      return checked;
    }
  }
  return {};
}

}  // namespace

std::optional<double> Metadata::metric(std::string_view name) const {
  for (const auto& [known, value] : metrics) {
    if (known == name) {
      return value;
    }
  }
  return std::nullopt;
}

std::optional<std::string> Metadata::tag(std::string_view name) const {
  for (const auto& [known, value] : tags) {
    if (known == name) {
      return value;
    }
  }
  return std::nullopt;
}

const Key& Artifact::key() const noexcept {
  return state_->key;
}
const Digest& Artifact::digest() const noexcept {
  return state_->digest;
}
const Metadata& Artifact::metadata() const noexcept {
  return state_->metadata;
}
const std::vector<TensorInfo>& Artifact::tensors() const noexcept {
  return state_->tensors;
}
const std::vector<FileInfo>& Artifact::files() const noexcept {
  return state_->files;
}

Result<Value> Artifact::config() const {
  if (!state_->config) {
    return fail(Code::NotFound, state_->key.to_string() + " has no config");
  }
  if (const auto* value = std::get_if<Value>(&*state_->config)) {
    return *value;
  }
  return fail(Code::TypeMismatch,
              state_->key.to_string() + ": its config is a FlatBuffers table (" +
                  quoted(std::get<ConfigTable>(*state_->config).identifier) + "), not a tree");
}

Result<ConfigTable> Artifact::config_table() const {
  if (!state_->config) {
    return fail(Code::NotFound, state_->key.to_string() + " has no config");
  }
  if (const auto* table = std::get_if<ConfigTable>(&*state_->config)) {
    return *table;
  }
  return fail(Code::TypeMismatch,
              state_->key.to_string() + ": its config is a tree, not a FlatBuffers table");
}

Result<TensorInfo> Artifact::info(std::string_view name) const {
  auto entry = find_tensor(*state_, name);
  if (!entry) {
    return fail(std::move(entry.error()));
  }
  return (*entry)->info;
}

Result<void> Artifact::check_dtype(std::string_view name, DType wanted) const {
  auto entry = find_tensor(*state_, name);
  if (!entry) {
    return fail(std::move(entry.error()));
  }
  const auto& stored = (*entry)->info;
  if (stored.dtype != wanted) {
    return fail(Code::TypeMismatch, state_->key.to_string() + ": tensor " + quoted(name) + " is " +
                                        std::string(to_string(stored.dtype)) + " " +
                                        to_string(stored.shape) + ", asked for " +
                                        std::string(to_string(wanted)));
  }
  return {};
}

Result<Tensor> Artifact::tensor(std::string_view name) const {
  return guarded([&] { return place_tensor(*state_, name); });
}

Result<void> Artifact::read_into(std::string_view name, std::span<std::byte> out) const {
  return guarded([&] { return read_tensor(*state_, name, out); });
}

Result<std::vector<std::byte>> Artifact::file(std::string_view name) const {
  return guarded([&] { return read_whole_file(*state_, name); });
}

Result<void> Artifact::read_file(std::string_view name, const Sink& sink) const {
  return guarded([&] { return stream_file(*state_, name, sink); });
}

Result<void> Artifact::verify() const {
  return guarded([&] { return verify_all(*state_); });
}

}  // namespace cairn
