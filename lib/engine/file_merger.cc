// A merge is CompactFiles over files of the bottom level: readers keep the old ones as long as they
// need them, ids and payloads stay as they are. RocksDB refuses all further writes once it has met
// a damaged block while rewriting, so each file is read and checked first, and a damaged one is
// left.
#include "engine/file_merger.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

#include <sys/resource.h>

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/metadata.h>

#include "engine/rocks_options.h"
#include "engine/status.h"
#include "record/keys.h"

namespace cairn {

namespace {

constexpr std::size_t kRun = 32;
constexpr std::uint64_t kSmallBytes = std::uint64_t{32} << 20;
constexpr std::uint64_t kWholeBytes = std::uint64_t{256} << 20;
constexpr int kStep = 8;
constexpr int kSteps = 4;

std::size_t quarter_of_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    limit.rlim_cur = 1024;
  }
  return std::max<std::size_t>(limit.rlim_cur / 4, kRun);
}

bool crosses(const ChunkFile& before, const ChunkFile& after,
             const std::vector<IdRange>& reserved) {
  return std::any_of(reserved.begin(), reserved.end(), [&](const IdRange& range) {
    return range.first < after.first_id && range.second > before.last_id + 1;
  });
}

// The start of the first run of at least kRun files under `small` bytes; its files up to `whole`.
std::vector<ChunkFile> first_run(const std::vector<ChunkFile>& files, std::uint64_t small,
                                 std::uint64_t whole, const std::set<std::string>& skipped,
                                 const std::vector<IdRange>& reserved) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= files.size(); ++i) {
    const bool fits =
        i < files.size() && files[i].bytes < small && !skipped.contains(files[i].name);
    const bool joins = fits && (i == begin || !crosses(files[i - 1], files[i], reserved));
    if (joins) {
      continue;
    }
    if (i - begin >= kRun) {
      std::vector<ChunkFile> run;
      std::uint64_t bytes = 0;
      for (auto at = begin; at < i && (run.size() < 2 || bytes + files[at].bytes <= whole); ++at) {
        bytes += files[at].bytes;
        run.push_back(files[at]);
      }
      return run;
    }
    begin = fits ? i : i + 1;
  }
  return {};
}

}  // namespace

std::vector<ChunkFile> list_chunk_files(const Database& database) {
  rocksdb::ColumnFamilyMetaData meta;
  database.rocks()->GetColumnFamilyMetaData(database.handle(Family::Chunks), &meta);
  std::vector<ChunkFile> out;
  for (const auto& file : meta.levels.back().files) {
    const auto first = decode_chunk_key(file.smallestkey, false);
    const auto last = decode_chunk_key(file.largestkey, false);
    if (first && last && !file.being_compacted) {
      out.push_back({file.name, first->number(), last->number(), file.size});
    }
  }
  std::sort(out.begin(), out.end(),
            [](const ChunkFile& a, const ChunkFile& b) { return a.first_id < b.first_id; });
  return out;
}

Merge plan_merge(const std::vector<ChunkFile>& files, std::size_t many,
                 const std::set<std::string>& skipped, const std::vector<IdRange>& reserved) {
  auto small = kSmallBytes;
  auto whole = kWholeBytes;
  for (int step = 0; step < kSteps && (step == 0 || files.size() > many); ++step) {
    auto run = first_run(files, small, whole, skipped, reserved);
    if (!run.empty()) {
      return {std::move(run), whole};
    }
    small *= kStep;
    whole *= kStep;
  }
  return {};
}

FileMerger::FileMerger(Database& database, std::function<std::vector<IdRange>()> reserved)
    : database_(database),
      reserved_(std::move(reserved)),
      many_(quarter_of_descriptors()),
      files_(list_chunk_files(database).size()) {
  files_added(0);
}

FileMerger::~FileMerger() {
  if (!database_.same_process()) {
    static_cast<void>(thread_.release());  // A forked child has no such thread to wait for.
    return;
  }
  {
    const std::lock_guard guard(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  if (thread_) {
    thread_->join();
  }
}

void FileMerger::files_added(std::size_t count) {
  files_ += count;
  if (files_ < kRun) {
    return;
  }
  const std::lock_guard guard(mutex_);
  wanted_ = true;
  if (!thread_) {
    thread_ = std::make_unique<std::thread>([this] { run(); });
  }
  changed_.notify_all();
}

void FileMerger::make_room() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return files_ <= 2 * many_ || stop_ || (!wanted_ && !busy_); });
}

void FileMerger::settle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stop_ || (!wanted_ && !busy_); });
}

void FileMerger::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || wanted_; });
    if (stop_) {
      return;
    }
    wanted_ = false;
    busy_ = true;
    lock.unlock();
    const bool merged = merge_once();
    lock.lock();
    busy_ = false;
    wanted_ = wanted_ || merged;  // There may be more.
    changed_.notify_all();
  }
}

// Whether something was merged.
bool FileMerger::merge_once() {
  const auto files = list_chunk_files(database_);
  files_ = files.size();
  const auto merge = plan_merge(files, many_, skipped_, reserved_());
  if (merge.files.empty() || !database_.check_writable()) {
    return false;
  }
  rocksdb::CompactionOptions options;
  options.compression = rocksdb::kNoCompression;
  options.output_file_size_limit = merge.bytes_a_file;
  std::vector<std::string> names;
  std::uint64_t bytes = 0;
  for (const auto& file : merge.files) {
    if (!is_sound(file)) {
      skipped_.insert(file.name);
      return true;
    }
    names.push_back(file.name);
    bytes += file.bytes;
  }
  std::error_code error;
  const auto space = std::filesystem::space(database_.dir().root, error);
  if (error || space.available < 2 * bytes) {
    return false;  // Later; the disk is for the app's saves first.
  }
  constexpr int kBottomLevel = 6;
  const auto status = database_.rocks()->CompactFiles(options, database_.handle(Family::Chunks),
                                                      names, kBottomLevel);
  if (!status.ok()) {
    const auto failure = to_error(status, "merging files of chunks");
    if (failure.code != Code::NoSpace) {  // That one RocksDB takes lightly.
      database_.fail_stop(failure);
    }
    return false;
  }
  files_ -= std::min<std::size_t>(files_, names.size() - 1);
  return database_.settle_head().has_value();
}

bool FileMerger::is_sound(const ChunkFile& file) const {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> iterator(
      database_.rocks()->NewIterator(options, database_.handle(Family::Chunks)));
  const auto last = encode_chunk_key(ChunkId{file.last_id});
  for (iterator->Seek(encode_chunk_key(ChunkId{file.first_id}));
       iterator->Valid() && iterator->key().compare(last) <= 0; iterator->Next()) {
  }
  return iterator->status().ok();
}

}  // namespace cairn
