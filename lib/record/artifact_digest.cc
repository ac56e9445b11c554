// The canonical string of an artifact. FORMAT.md is its specification: what is written here never
// changes, or every artifact digest would.
#include "record/artifact_digest.h"

#include <algorithm>
#include <bit>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "content/digest.h"

namespace cairn {
namespace {

// With the NUL at its end.
constexpr std::string_view kMagic{"cairn artifact v1\0", 18};

enum class ConfigTag : std::uint8_t { None = 0, Tree = 1, Table = 2 };

// Each list is written by name, in whatever order it comes.
template <class Entry>
std::vector<const Entry*> by_name(const std::vector<Entry>& entries) {
  std::vector<const Entry*> out;
  out.reserve(entries.size());
  for (const Entry& entry : entries) {
    out.push_back(&entry);
  }
  const auto name = [](const Entry* entry) -> const std::string& {
    if constexpr (requires { entry->info.name; }) {
      return entry->info.name;
    } else {
      return entry->first;
    }
  };
  std::ranges::sort(out, {}, name);
  return out;
}

class CanonicalWriter {
 public:
  void model(const ModelRecord& model) {
    number(std::uint64_t{model.tensors.size()});
    for (const TensorEntry* entry : by_name(model.tensors)) {
      tensor(entry->info);
    }
    number(std::uint64_t{model.files.size()});
    for (const FileEntry* entry : by_name(model.files)) {
      text(entry->info.name);
      number(entry->info.size_bytes);
      digest(entry->info.content);
    }
  }

  void config(const Config* config) {
    if (config == nullptr) {
      tag(ConfigTag::None);
    } else if (const auto* tree = std::get_if<Value>(config)) {
      tag(ConfigTag::Tree);
      value(*tree);
    } else {
      const auto& table = std::get<ConfigTable>(*config);
      tag(ConfigTag::Table);
      text(table.identifier);
      text(as_text(table.data));
      digest(schema_digest_of(table.schema));
    }
  }

  [[nodiscard]] std::string take() && { return std::move(out_); }

 private:
  template <class Enum>
  void tag(Enum tag) {
    number(static_cast<std::uint8_t>(tag));
  }
  template <std::unsigned_integral T>
  void number(T value) {
    append_le(out_, value);
  }
  void text(std::string_view text) {
    number(std::uint64_t{text.size()});
    out_ += text;
  }
  void digest(const Digest& digest) { out_ += as_text(std::as_bytes(std::span(digest.bytes))); }

  void tensor(const TensorInfo& info) {
    text(info.name);
    tag(info.dtype);
    tag(info.layout);
    number(static_cast<std::uint8_t>(info.shape.size()));
    for (const std::uint64_t dimension : info.shape) {
      number(dimension);
    }
    number(info.size_bytes);
    digest(info.content);
  }

  // The type tag is the value's ValueType, then its body.
  void value(const Value& value) {
    number(static_cast<std::uint8_t>(value.data().index() + 1));
    std::visit([this](const auto& body) { write(body); }, value.data());
  }

  void write(std::monostate) {}
  void write(bool body) { number(static_cast<std::uint8_t>(body)); }
  void write(std::int64_t body) { number(static_cast<std::uint64_t>(body)); }
  void write(std::uint64_t body) { number(body); }
  void write(double body) { number(std::bit_cast<std::uint64_t>(body)); }
  void write(const std::string& body) { text(body); }
  void write(const Value::Bytes& body) { text(as_text(body)); }
  void write(const Value::List& body) {
    number(std::uint64_t{body.size()});
    for (const Value& item : body) {
      value(item);
    }
  }
  void write(const Value::Map& body) {
    number(std::uint64_t{body.size()});
    for (const Value::Entry* entry : by_name(body)) {
      text(entry->first);
      value(entry->second);
    }
  }

  std::string out_{kMagic};
};

}  // namespace

std::string canonical_string(const ModelRecord& model, const Config* config) {
  CanonicalWriter writer;
  writer.model(model);
  writer.config(config);
  return std::move(writer).take();
}

Digest artifact_digest(const ModelRecord& model, const Config* config) {
  return artifact_digest_of(canonical_string(model, config));
}

}  // namespace cairn
