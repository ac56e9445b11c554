// Cursor over a RocksDB iterator.
#include "engine/reader.h"

#include <utility>

#include <rocksdb/iterator.h>

#include "engine/status.h"

namespace cairn {

Cursor::Cursor(std::unique_ptr<rocksdb::Iterator> iterator) : iterator_(std::move(iterator)) {}
Cursor::~Cursor() = default;
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;

void Cursor::seek(std::string_view key) {
  iterator_->Seek(key);
}

void Cursor::seek_before(std::string_view key) {
  iterator_->SeekForPrev(key);
  if (iterator_->Valid() && iterator_->key() == rocksdb::Slice(key)) {
    iterator_->Prev();
  }
}

void Cursor::seek_to_first() {
  iterator_->SeekToFirst();
}
void Cursor::seek_to_last() {
  iterator_->SeekToLast();
}
void Cursor::next() {
  iterator_->Next();
}
void Cursor::prev() {
  iterator_->Prev();
}

bool Cursor::valid() const {
  return iterator_->Valid();
}

bool Cursor::at_prefix(std::string_view prefix) const {
  return valid() && key().starts_with(prefix);
}

std::string_view Cursor::key() const {
  return iterator_->key().ToStringView();
}
std::string_view Cursor::value() const {
  return iterator_->value().ToStringView();
}

Result<void> Cursor::status() const {
  if (const auto status = iterator_->status(); !status.ok()) {
    return tl::unexpected(to_error(status, "reading records"));
  }
  return {};
}

}  // namespace cairn
