// Reader: what the catalog and the operations see of the database when they read: a consistent
// state of all families, be it a snapshot or a batch that is being built on top of the newest.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cairn/error.h"
#include "engine/families.h"

namespace rocksdb {
class Iterator;
}

namespace cairn {

// A walk over one family in key order. After each move: check valid(); where it is false, status()
// tells the end from a failure. Used by one thread; does not outlive its Reader.
class Cursor {
 public:
  explicit Cursor(std::unique_ptr<rocksdb::Iterator> iterator);
  ~Cursor();
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;

  void seek(std::string_view key);         // To the first key at or after it.
  void seek_before(std::string_view key);  // To the last key before it.
  void seek_to_first();
  void seek_to_last();
  void next();
  void prev();

  [[nodiscard]] bool valid() const;
  // Whether the walk stands on a key that starts so.
  [[nodiscard]] bool at_prefix(std::string_view prefix) const;
  // Valid until the next move.
  [[nodiscard]] std::string_view key() const;
  [[nodiscard]] std::string_view value() const;
  [[nodiscard]] Result<void> status() const;

 private:
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

class Reader {
 public:
  virtual ~Reader() = default;

  [[nodiscard]] virtual Result<std::optional<std::string>> get(Family family,
                                                               std::string_view key) const = 0;
  [[nodiscard]] virtual Cursor cursor(Family family) const = 0;
};

}  // namespace cairn
