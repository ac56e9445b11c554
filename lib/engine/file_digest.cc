// Two ways for StreamingDigest to see the bytes of a file: RocksDB's generator, and our own file.
#include "engine/file_digest.h"

#include <span>
#include <string>
#include <utility>

#include <rocksdb/file_checksum.h>
#include <rocksdb/file_system.h>

#include "content/digest.h"

namespace cairn {

namespace {

class Generator final : public rocksdb::FileChecksumGenerator {
 public:
  void Update(const char* data, std::size_t size) override {
    digest_.update(std::as_bytes(std::span(data, size)));
  }
  void Finalize() override { checksum_ = file_checksum(digest_); }
  std::string GetChecksum() const override { return checksum_; }
  const char* Name() const override { return kFileChecksumName; }

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

class WatchingFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WatchingFile(std::unique_ptr<rocksdb::FSWritableFile>&& file, WatchedFile& watched)
      : rocksdb::FSWritableFileOwnerWrapper(std::move(file)), watched_(watched) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    watched_.digest.update(std::as_bytes(std::span(data.data(), data.size())));
    return rocksdb::FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& verification,
                           rocksdb::IODebugContext* debug) override {
    watched_.digest.update(std::as_bytes(std::span(data.data(), data.size())));
    return rocksdb::FSWritableFileOwnerWrapper::Append(data, options, verification, debug);
  }

  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) override {
    return note(rocksdb::FSWritableFileOwnerWrapper::Sync(options, debug));
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override {
    return note(rocksdb::FSWritableFileOwnerWrapper::Fsync(options, debug));
  }

 private:
  rocksdb::IOStatus note(rocksdb::IOStatus status) {
    watched_.sync_failed = watched_.sync_failed || !status.ok();
    return status;
  }

  WatchedFile& watched_;
};

class WatchingFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit WatchingFileSystem(WatchedFile& watched)
      : rocksdb::FileSystemWrapper(rocksdb::FileSystem::Default()), watched_(watched) {}

  const char* Name() const override { return "cairn.watching"; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* out,
                                    rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    auto status = target()->NewWritableFile(path, options, &file, debug);
    if (status.ok()) {
      *out = std::make_unique<WatchingFile>(std::move(file), watched_);
    }
    return status;
  }

 private:
  WatchedFile& watched_;
};

}  // namespace

std::string file_checksum(const StreamingDigest& digest) {
  const auto value = digest.digest();
  return {reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()};
}

std::shared_ptr<rocksdb::FileSystem> watching_file_system(WatchedFile& file) {
  return std::make_shared<WatchingFileSystem>(file);
}

std::shared_ptr<rocksdb::FileChecksumGenFactory> file_digest_factory() {
  return std::make_shared<Factory>();
}

}  // namespace cairn
