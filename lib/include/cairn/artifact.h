// Artifact: a saved model, config and metadata, loaded by a ref; its tensors are read on demand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cairn/draft.h"
#include "cairn/error.h"
#include "cairn/key.h"
#include "cairn/segments.h"
#include "cairn/tensor.h"
#include "cairn/value.h"

namespace cairn {

// A file of a saved artifact.
struct FileInfo {
  std::string name;
  std::uint64_t size_bytes = 0;
  Digest content;
};

// What is said about an artifact. Lists are sorted by name.
struct Metadata {
  Time created_at{};
  std::vector<std::pair<std::string, double>> metrics;  // NaN and infinity allowed.
  std::vector<std::pair<std::string, std::string>> tags;
  Value::Map fields;
  std::optional<Key> parent;
  std::string producer;

  // nullopt where there is no metric, or tag, of that name.
  [[nodiscard]] CAIRN_API std::optional<double> metric(std::string_view name) const;
  [[nodiscard]] CAIRN_API std::optional<std::string> tag(std::string_view name) const;
};

// A cheap handle; copies share everything. Its records were read, and their digest checked, when
// it was loaded; tensors and files are read and verified by each call. Thread-safe. It may outlive
// the Store, whose lock goes with the last artifact and tensor.
//
// Calls that name a tensor or file return NotFound with the names that exist; calls that read
// bytes return Corruption with ref, tensor, chunk and offset where a byte is not what was saved,
// and Cancelled where the load's control asks to stop: between chunks, so that a buffer may hold
// anything by then.
class Artifact {
 public:
  [[nodiscard]] CAIRN_API const Key& key() const noexcept;
  // Covers every byte of tensors and files, their names, dtypes and shapes, and the config.
  [[nodiscard]] CAIRN_API const Digest& digest() const noexcept;
  [[nodiscard]] CAIRN_API const Metadata& metadata() const noexcept;
  // Sorted by name.
  [[nodiscard]] CAIRN_API const std::vector<TensorInfo>& tensors() const noexcept;
  [[nodiscard]] CAIRN_API const std::vector<FileInfo>& files() const noexcept;

  // The config as a tree; NotFound without one, TypeMismatch where it is an app's own table.
  [[nodiscard]] CAIRN_API Result<Value> config() const;
  // The config as an app's type, through ValueTraits (json.h).
  template <class T>
  [[nodiscard]] Result<T> config() const {
    auto value = config();
    if (!value) {
      return tl::unexpected(std::move(value.error()));
    }
    return ValueTraits<T>::from_value(*value);
  }
  // The app's own table; NotFound without a config, TypeMismatch where it is a tree.
  [[nodiscard]] CAIRN_API Result<ConfigTable> config_table() const;

  // A tensor's dtype, shape and so on.
  [[nodiscard]] CAIRN_API Result<TensorInfo> info(std::string_view name) const;
  // A tensor as dense, verified bytes: without a copy where it is one aligned chunk.
  [[nodiscard]] CAIRN_API Result<Tensor> tensor(std::string_view name) const;
  // Reads and verifies a tensor into memory of exactly its size, in stored layout. On an error
  // the buffer's content is unspecified.
  [[nodiscard]] CAIRN_API Result<void> read_into(std::string_view name,
                                                 std::span<std::byte> out) const;
  // The same with typed elements; TypeMismatch where the dtype is another.
  template <Element T>
  [[nodiscard]] Result<void> read_into(std::string_view name, std::span<T> out) const {
    if (auto same = check_dtype(name, ElementTraits<T>::dtype); !same) {
      return same;
    }
    return read_into(name, std::as_writable_bytes(out));
  }
  // Rows begin to end - 1 of the outermost dimension, as a tensor of the shape [end - begin, ...]
  // in the stored dtype and layout; its info has neither health nor a content digest. Only the
  // chunks that hold the rows are read and verified, so damage elsewhere is not met. Without a copy
  // where the rows are one range of one chunk, aligned as a tensor's bytes are. InvalidArgument,
  // with the shape, for a scalar and where it has no such rows; begin may equal end.
  [[nodiscard]] CAIRN_API Result<Tensor> slice(std::string_view name, std::uint64_t begin,
                                               std::uint64_t end) const;
  // The same into memory of exactly the slice's size.
  [[nodiscard]] CAIRN_API Result<void> read_slice_into(std::string_view name, std::uint64_t begin,
                                                       std::uint64_t end,
                                                       std::span<std::byte> out) const;
  template <Element T>
  [[nodiscard]] Result<void> read_slice_into(std::string_view name, std::uint64_t begin,
                                             std::uint64_t end, std::span<T> out) const {
    if (auto same = check_dtype(name, ElementTraits<T>::dtype); !same) {
      return same;
    }
    return read_slice_into(name, begin, end, std::as_writable_bytes(out));
  }
  // A tensor, or a file, in pieces that are read and verified when they are asked for, in place
  // where that can be. Only the list of pieces is read here.
  [[nodiscard]] CAIRN_API Result<Segments> segments(std::string_view name) const;
  [[nodiscard]] CAIRN_API Result<Segments> file_segments(std::string_view name) const;
  // A tensor as an owner: std::vector<float>, Eigen::MatrixXf (eigen.h), whatever the stored
  // layout. TypeMismatch says dtype, rank and shape of both.
  template <class T>
  [[nodiscard]] Result<T> to(std::string_view name) const {
    auto stored = info(name);
    if (!stored) {
      return tl::unexpected(std::move(stored.error()));
    }
    if constexpr (requires {
                    typename T::value_type;
                    requires Element<typename T::value_type>;
                  }) {
      if (auto same = check_dtype(name, ElementTraits<typename T::value_type>::dtype); !same) {
        return tl::unexpected(std::move(same.error()));
      }
    }
    return TensorTraits<T>::load(*stored,
                                 [&](std::span<std::byte> out) { return read_into(name, out); });
  }

  // A file's bytes, verified; or piece by piece in order, each verified before it is passed on,
  // so that memory stays flat. An error from `sink` ends the reading and is returned.
  [[nodiscard]] CAIRN_API Result<std::vector<std::byte>> file(std::string_view name) const;
  using Sink = std::function<Result<void>(std::span<const std::byte>)>;
  [[nodiscard]] CAIRN_API Result<void> read_file(std::string_view name, const Sink& sink) const;

  // Reads every byte of every tensor and file and checks it, on as many threads as the load may
  // use and in bounded memory; the first damage is returned.
  [[nodiscard]] CAIRN_API Result<void> verify() const;

  struct State;
  explicit Artifact(std::shared_ptr<const State> state) : state_(std::move(state)) {}

 private:
  [[nodiscard]] CAIRN_API Result<void> check_dtype(std::string_view name, DType wanted) const;

  std::shared_ptr<const State> state_;
};

}  // namespace cairn
