// Adapts StreamingDigest to RocksDB's generator of file checksums.
#include "engine/file_digest.h"

#include <string>

#include <rocksdb/file_checksum.h>

#include "content/digest.h"

namespace cairn {

namespace {

class Generator final : public rocksdb::FileChecksumGenerator {
 public:
  void Update(const char* data, std::size_t size) override {
    digest_.update(std::as_bytes(std::span(data, size)));
  }
  void Finalize() override {
    const auto digest = digest_.digest();
    checksum_.assign(reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size());
  }
  std::string GetChecksum() const override { return checksum_; }
  const char* Name() const override { return "cairn.xxh3-128"; }

 private:
  StreamingDigest digest_;
  std::string checksum_;
};

class Factory final : public rocksdb::FileChecksumGenFactory {
 public:
  std::unique_ptr<rocksdb::FileChecksumGenerator> CreateFileChecksumGenerator(
      const rocksdb::FileChecksumGenContext&) override {
    return std::make_unique<Generator>();
  }
  const char* Name() const override { return "cairn.xxh3-128.factory"; }
};

}  // namespace

std::shared_ptr<rocksdb::FileChecksumGenFactory> file_digest_factory() {
  return std::make_shared<Factory>();
}

}  // namespace cairn
