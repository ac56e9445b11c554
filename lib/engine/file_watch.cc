// Which files are watched: tables (their digest), manifests (digest and length at each sync), all
// of them and directories for failed syncs. A manifest counts as in use once CURRENT names it and
// the directory was synced.
#include "engine/file_watch.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <span>
#include <string_view>
#include <utility>

#include <rocksdb/file_checksum.h>
#include <rocksdb/file_system.h>

namespace cairn {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kManifestPrefix = "MANIFEST-";

// RocksDB would set aside for a log what a memtable may take, which none comes to.
constexpr std::size_t kMostPreallocatedBytes = std::size_t{16} << 20;

// The number of a manifest's name; 0 where it is another file.
std::uint64_t manifest_number(std::string_view name) {
  std::uint64_t number = 0;
  if (name.starts_with(kManifestPrefix)) {
    std::from_chars(name.data() + kManifestPrefix.size(), name.data() + name.size(), number);
  }
  return number;
}

class Generator final : public rocksdb::FileChecksumGenerator {
 public:
  explicit Generator(std::shared_ptr<FileWatch::Written> written) : written_(std::move(written)) {}

  void Update(const char* data, std::size_t size) override {
    if (!written_) {
      digest_.update(std::as_bytes(std::span(data, size)));
    }
  }
  void Finalize() override {
    const auto value = written_ ? written_->digest.digest() : digest_.digest();
    checksum_.assign(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
  }
  std::string GetChecksum() const override { return checksum_; }
  const char* Name() const override { return kFileChecksumName; }

 private:
  std::shared_ptr<FileWatch::Written> written_;
  StreamingDigest digest_;
  std::string checksum_;
};

class Factory final : public rocksdb::FileChecksumGenFactory {
 public:
  explicit Factory(std::shared_ptr<FileWatch> watch) : watch_(std::move(watch)) {}

  std::unique_ptr<rocksdb::FileChecksumGenerator> CreateFileChecksumGenerator(
      const rocksdb::FileChecksumGenContext& context) override {
    return std::make_unique<Generator>(watch_ ? watch_->take_table(context.file_name) : nullptr);
  }
  const char* Name() const override { return "cairn.xxh3-128.factory"; }

 private:
  std::shared_ptr<FileWatch> watch_;
};

class WatchedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WatchedFile(std::unique_ptr<rocksdb::FSWritableFile>&& file, std::shared_ptr<FileWatch> watch,
              std::string path, std::shared_ptr<FileWatch::Written> written)
      : rocksdb::FSWritableFileOwnerWrapper(std::move(file)),
        watch_(std::move(watch)),
        path_(std::move(path)),
        manifest_(manifest_number(fs::path(path_).filename().string())),
        written_(std::move(written)) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    add(data);
    return rocksdb::FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& verification,
                           rocksdb::IODebugContext* debug) override {
    add(data);
    return rocksdb::FSWritableFileOwnerWrapper::Append(data, options, verification, debug);
  }

  void SetPreallocationBlockSize(std::size_t bytes) override {
    rocksdb::FSWritableFileOwnerWrapper::SetPreallocationBlockSize(
        std::min(bytes, kMostPreallocatedBytes));
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
  void add(const rocksdb::Slice& data) {
    if (written_) {
      written_->digest.update(std::as_bytes(std::span(data.data(), data.size())));
      written_->bytes += data.size();
    }
  }

  rocksdb::IOStatus note(rocksdb::IOStatus status) {
    if (!status.ok()) {
      watch_->sync_failed(path_ + ": " + status.ToString());
    } else if (manifest_ != 0 && written_) {
      watch_->manifest_synced({manifest_, written_->bytes, written_->digest.digest()});
    }
    return status;
  }

  std::shared_ptr<FileWatch> watch_;
  std::string path_;
  std::uint64_t manifest_;
  std::shared_ptr<FileWatch::Written> written_;  // Null for files whose bytes are not summed.
};

class WatchedDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  WatchedDirectory(std::unique_ptr<rocksdb::FSDirectory>&& directory,
                   std::shared_ptr<FileWatch> watch, std::string path)
      : rocksdb::FSDirectoryWrapper(std::move(directory)),
        watch_(std::move(watch)),
        path_(std::move(path)) {}

  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override {
    const auto chosen = watch_->chosen_manifest();
    return note(rocksdb::FSDirectoryWrapper::Fsync(options, debug), chosen);
  }
  rocksdb::IOStatus FsyncWithDirOptions(const rocksdb::IOOptions& options,
                                        rocksdb::IODebugContext* debug,
                                        const rocksdb::DirFsyncOptions& how) override {
    const auto chosen = watch_->chosen_manifest();
    return note(rocksdb::FSDirectoryWrapper::FsyncWithDirOptions(options, debug, how), chosen);
  }

 private:
  rocksdb::IOStatus note(rocksdb::IOStatus status, std::uint64_t chosen) {
    if (status.ok()) {
      watch_->directory_synced(chosen);
    } else {
      watch_->sync_failed(path_ + ": " + status.ToString());
    }
    return status;
  }

  std::shared_ptr<FileWatch> watch_;
  std::string path_;
};

class WatchingFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit WatchingFileSystem(std::shared_ptr<FileWatch> watch)
      : rocksdb::FileSystemWrapper(rocksdb::FileSystem::Default()), watch_(std::move(watch)) {}

  const char* Name() const override { return "cairn.watching"; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* out,
                                    rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    auto status = target()->NewWritableFile(path, options, &file, debug);
    if (status.ok()) {
      *out = std::make_unique<WatchedFile>(std::move(file), watch_, path, written_of(path));
    }
    return status;
  }

  // A table that is ingested is opened again to be synced.
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* out,
                                       rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    auto status = target()->ReopenWritableFile(path, options, &file, debug);
    if (status.ok()) {
      *out = std::make_unique<WatchedFile>(std::move(file), watch_, path, nullptr);
    }
    return status;
  }

  // After a failed sync the manifest may name what RocksDB takes for useless, and a database whose
  // manifest names a missing file does not open. The next opening deletes what is of no use.
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    return watch_->failed_sync() ? rocksdb::IOStatus::OK()
                                 : target()->DeleteFile(path, options, debug);
  }

  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* out,
                                 rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSDirectory> directory;
    auto status = target()->NewDirectory(path, options, &directory, debug);
    if (status.ok()) {
      *out = std::make_unique<WatchedDirectory>(std::move(directory), watch_, path);
    }
    return status;
  }

  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    auto status = target()->RenameFile(from, to, options, debug);
    if (status.ok() && fs::path(to).filename() == "CURRENT") {
      std::string name;
      std::ifstream current(to);
      std::getline(current, name);
      watch_->manifest_chosen(manifest_number(name));
    }
    return status;
  }

 private:
  std::shared_ptr<FileWatch::Written> written_of(const std::string& path) {
    const fs::path file(path);
    if (file.extension() == ".sst") {
      return watch_->begin_table(path);
    }
    return manifest_number(file.filename().string()) != 0 ? std::make_shared<FileWatch::Written>()
                                                          : nullptr;
  }

  std::shared_ptr<FileWatch> watch_;
};

}  // namespace

ManifestState FileWatch::manifest() const {
  const std::lock_guard guard(mutex_);
  const auto found = manifests_.find(in_use_);
  return found == manifests_.end() ? ManifestState{} : found->second;
}

std::optional<std::string> FileWatch::failed_sync() const {
  const std::lock_guard guard(mutex_);
  return failed_sync_;
}

std::shared_ptr<FileWatch::Written> FileWatch::begin_table(const std::string& path) {
  auto written = std::make_shared<Written>();
  const std::lock_guard guard(mutex_);
  tables_[path] = written;
  return written;
}

std::shared_ptr<FileWatch::Written> FileWatch::take_table(const std::string& path) {
  const std::lock_guard guard(mutex_);
  const auto found = tables_.extract(path);
  return found ? found.mapped() : nullptr;
}

void FileWatch::manifest_synced(const ManifestState& state) {
  const std::lock_guard guard(mutex_);
  manifests_[state.number] = state;
}

void FileWatch::manifest_chosen(std::uint64_t number) {
  const std::lock_guard guard(mutex_);
  chosen_ = number;
}

std::uint64_t FileWatch::chosen_manifest() const {
  const std::lock_guard guard(mutex_);
  return chosen_;
}

void FileWatch::directory_synced(std::uint64_t chosen_before) {
  const std::lock_guard guard(mutex_);
  if (in_use_ < chosen_before) {
    in_use_ = chosen_before;
    manifests_.erase(manifests_.begin(), manifests_.lower_bound(in_use_));
  }
}

void FileWatch::sync_failed(const std::string& what) {
  const std::lock_guard guard(mutex_);
  if (!failed_sync_) {
    failed_sync_ = what;
  }
}

std::shared_ptr<rocksdb::FileSystem> watching_file_system(std::shared_ptr<FileWatch> watch) {
  return std::make_shared<WatchingFileSystem>(std::move(watch));
}

std::shared_ptr<rocksdb::FileChecksumGenFactory> file_digest_factory(
    std::shared_ptr<FileWatch> watch) {
  return std::make_shared<Factory>(std::move(watch));
}

}  // namespace cairn
