// Draft: what will be saved as one artifact: tensors, files, a config, metadata.
//
// Builder calls cannot fail: the first error (a bad name, a duplicate, an unreadable file) is
// kept and returned by `save`. A draft borrows lvalues (matrices, vectors, spans, maps): they must
// stay alive and unchanged until `save` has returned; temporaries that own elements are moved in,
// other expressions are evaluated into a copy.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cairn/error.h"
#include "cairn/key.h"
#include "cairn/source.h"
#include "cairn/tensor.h"
#include "cairn/value.h"

namespace cairn {

using Time = std::chrono::sys_time<std::chrono::nanoseconds>;

// RFC 3339 in UTC: "2024-11-05T12:34:56Z"; a fraction only where there is one, without trailing
// zeros.
[[nodiscard]] CAIRN_API std::string format_time(Time time);
// The reverse. Takes what RFC 3339 allows but leap seconds: also `t` and `z`, and an offset such
// as +01:00 for `Z`. InvalidArgument for anything else, for more than nine digits of a fraction
// and for times that Time cannot hold (before 1677-09-21 or after 2262-04-11).
[[nodiscard]] CAIRN_API Result<Time> parse_time(std::string_view text);

// An app's own FlatBuffers table: a finished buffer, its file identifier (four characters, as in
// the buffer) and its binary schema (`flatc -b --schema`), so that tools can print it.
struct ConfigTable {
  std::string identifier;
  std::vector<std::byte> data;
  std::vector<std::byte> schema;
};

// Move-only; used from one thread at a time, and not while a save of it runs. Text is UTF-8.
class Draft {
 public:
  Draft() = default;
  Draft(Draft&&) noexcept = default;
  Draft& operator=(Draft&&) noexcept = default;
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  // Adds a tensor: whatever TensorTraits knows. Names are 1 to 1,024 bytes of UTF-8 without NUL,
  // unique in the artifact, at most 100,000 of them.
  template <class T>
  Draft& tensor(std::string_view name, T&& value) {
    return add(name, std::forward<T>(value), nullptr);
  }
  // The same bytes under another shape, in C order: for spans and vectors. InvalidArgument where
  // the numbers of elements differ.
  template <class T>
  Draft& tensor(std::string_view name, T&& value, const Shape& shape) {
    return add(name, std::forward<T>(value), &shape);
  }

  // A tensor that is read while it is saved (source.h).
  CAIRN_API Draft& tensor(std::string_view name, TensorSource source);

  // Adds a file, by path (read while saving; must not change meanwhile), by its bytes (moved in),
  // or from a callback that is asked for them while it is saved. Names as for tensors.
  CAIRN_API Draft& file(std::string_view name, const std::filesystem::path& path);
  CAIRN_API Draft& file(std::string_view name, std::vector<std::byte> bytes);
  CAIRN_API Draft& file(std::string_view name, FileSource source);

  // Sets the config: a tree, an app's FlatBuffers table, or any type with ValueTraits (json.h).
  CAIRN_API Draft& config(Value value);
  CAIRN_API Draft& config(ConfigTable table);
  template <class T>
    requires requires(const T& v) { ValueTraits<T>::to_value(v); }
  Draft& config(const T& object) {
    auto value = ValueTraits<T>::to_value(object);
    return value ? config(std::move(*value)) : fail(std::move(value.error()));
  }

  // Metadata. A metric may be NaN or infinite: a diverged run is worth saving. Setting a name
  // twice keeps the last. Keys are 1 to 255 bytes, tag values at most 4 KiB.
  CAIRN_API Draft& metric(std::string_view name, double value);
  CAIRN_API Draft& tag(std::string_view name, std::string_view value);
  CAIRN_API Draft& field(std::string_view name, Value value);
  // The artifact that this one was trained from; by default the previous epoch of its version.
  CAIRN_API Draft& parent(const Key& key);
  // What made it, e.g. "train_digits 1.2"; at most 1 KiB.
  CAIRN_API Draft& producer(std::string_view text);
  // By default the time of the save.
  CAIRN_API Draft& created_at(Time time);

  // Keeps `error` unless there is one already; for builders on top of this class.
  CAIRN_API Draft& fail(Error error);
  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }

  // What was gathered so far.
  struct TensorPart {
    std::string name;
    TensorView view;                    // Without bytes where there is a source.
    std::shared_ptr<const void> owner;  // Null where the bytes are borrowed.
    std::optional<std::variant<FileRange, ReadCallback>> source;
  };
  struct FilePart {
    std::string name;
    std::variant<std::filesystem::path, std::vector<std::byte>, FileSource> source;
  };
  struct Parts {
    std::vector<TensorPart> tensors;
    std::vector<FilePart> files;
    std::variant<std::monostate, Value, ConfigTable> config;
    std::vector<std::pair<std::string, double>> metrics;
    std::vector<std::pair<std::string, std::string>> tags;
    Value::Map fields;
    std::optional<Key> parent;
    std::string producer;
    std::optional<Time> created_at;
  };
  [[nodiscard]] const Parts& parts() const noexcept { return parts_; }

 private:
  template <class T>
  Draft& add(std::string_view name, T&& value, const Shape* shape) {
    using Plain = std::remove_cvref_t<T>;
    using Traits = TensorTraits<Plain>;
    if constexpr (Traits::owns && !std::is_lvalue_reference_v<T>) {
      return add_owned(name, std::make_shared<const Plain>(std::forward<T>(value)), shape);
    } else {
      if constexpr (std::is_lvalue_reference_v<T> || !is_transient<Traits>()) {
        if (auto view = Traits::view(value)) {
          return add_view(name, std::move(*view), nullptr, shape);
        }
      }
      if constexpr (requires { Traits::evaluate(value); }) {
        using Owner = std::remove_cvref_t<decltype(Traits::evaluate(value))>;
        return add_owned(name, std::make_shared<const Owner>(Traits::evaluate(value)), shape);
      } else {
        return fail({Code::InvalidArgument, "tensor \"" + std::string(name) + "\": not dense"});
      }
    }
  }
  template <class Traits>
  static consteval bool is_transient() {
    if constexpr (requires { Traits::transient; }) {
      return Traits::transient;
    }
    return false;
  }
  template <class Owner>
  Draft& add_owned(std::string_view name, std::shared_ptr<const Owner> owner, const Shape* shape) {
    auto view = TensorTraits<Owner>::view(*owner);
    return add_view(name, std::move(*view), std::move(owner), shape);
  }
  CAIRN_API Draft& add_view(std::string_view name, TensorView view,
                            std::shared_ptr<const void> owner, const Shape* shape);
  void add_file(std::string_view name, decltype(FilePart::source) source);

  Parts parts_;
  std::optional<Error> error_;
};

}  // namespace cairn
