// The first thread to arrive leads: it takes all that wait, runs their bodies in order on one
// batch, writes the batch with one sync, and wakes them. Whoever arrives meanwhile forms the next
// group.
#include "engine/commit_queue.h"

#include <optional>
#include <string>
#include <utility>

#include <rocksdb/db.h>
#include <rocksdb/utilities/write_batch_with_index.h>

#include "base/guard.h"
#include "engine/ids.h"
#include "engine/rocks_options.h"
#include "engine/status.h"

namespace cairn {

namespace {

bool depends_on_state(const Result<void>& result) {
  return result || result.error().code == Code::AlreadyExists ||
         result.error().code == Code::NotFound || result.error().code == Code::Busy;
}

}  // namespace

struct CommitQueue::Request {
  const Body* body = nullptr;
  Result<void> result;
  bool wrote = false;
  bool done = false;
};

class CommitQueue::RocksBatch final : public Batch {
 public:
  explicit RocksBatch(Database& database)
      : database_(database), batch_(rocksdb::BytewiseComparator(), 0, true, 0, 8) {}

  void put(Family family, std::string_view key, std::string_view value) override {
    note(batch_.Put(database_.handle(family), key, value));
  }
  void erase(Family family, std::string_view key) override {
    note(batch_.Delete(database_.handle(family), key));
  }

  Result<std::optional<std::string>> get(Family family, std::string_view key) const override {
    std::string value;
    const auto status = batch_.GetFromBatchAndDB(database_.rocks(), rocksdb::ReadOptions(),
                                                 database_.handle(family), key, &value);
    return value_or_none(status, std::move(value), name_of(family));
  }

  Cursor cursor(Family family) const override {
    auto* handle = database_.handle(family);
    return Cursor(std::unique_ptr<rocksdb::Iterator>(batch_.NewIteratorWithBase(
        handle, database_.rocks()->NewIterator(rocksdb::ReadOptions(), handle))));
  }

  void begin() { batch_.SetSavePoint(); }
  void keep() { note(batch_.PopSavePoint()); }
  void take_back() { note(batch_.RollbackToSavePoint()); }
  std::uint32_t count() { return batch_.GetWriteBatch()->Count(); }

  Result<void> write() {
    if (!status_.ok()) {
      auto error = to_error(status_, "building a commit");
      database_.fail_stop(error);
      return tl::unexpected(std::move(error));
    }
    return database_.write(*batch_.GetWriteBatch());
  }

 private:
  void note(const rocksdb::Status& status) {
    if (status_.ok() && !status.ok()) {
      status_ = status;
    }
  }

  Database& database_;
  mutable rocksdb::WriteBatchWithIndex batch_;
  rocksdb::Status status_;
};

CommitQueue::CommitQueue(Database& database, IdAllocator& ids, std::uint64_t last_commit)
    : database_(database), ids_(ids), last_commit_(last_commit) {}

CommitQueue::~CommitQueue() = default;

Result<void> CommitQueue::run(const Body& body) {
  Request request;
  request.body = &body;
  std::unique_lock lock(mutex_);
  waiting_.push_back(&request);
  changed_.wait(lock, [&] { return request.done || !leading_; });
  if (!request.done) {
    lead(lock);
  }
  return std::move(request.result);
}

void CommitQueue::lead(std::unique_lock<std::mutex>& lock) {
  Group group;  // Before anything is promised: it may want memory.
  leading_ = true;
  group.swap(waiting_);
  lock.unlock();
  auto executed = guarded([&]() -> Result<void> {
    execute(group);
    return {};
  });
  lock.lock();
  for (auto* request : group) {
    if (!executed) {
      request->result = executed;
    }
    request->done = true;
  }
  leading_ = false;
  changed_.notify_all();
}

void CommitQueue::execute(const Group& group) {
  if (auto writable = database_.check_writable(); !writable) {
    for (auto* request : group) {
      request->result = writable;
    }
    return;
  }
  RocksBatch batch(database_);
  std::uint64_t commit = last_commit_;
  for (auto* request : group) {
    const auto before = batch.count();
    batch.begin();
    request->result = guarded([&] { return (*request->body)(batch, commit + 1); });
    if (!request->result) {
      batch.take_back();
      continue;
    }
    batch.keep();
    request->wrote = batch.count() > before;
    commit += request->wrote ? 1 : 0;
  }
  if (batch.count() == 0) {
    return;
  }
  batch.put(Family::Default, kCountersKey,
            encode_counters({.commits = commit, .next_id = ids_.next()}));
  if (auto written = batch.write(); !written) {
    // Also those that said what they said because of what an earlier one of the group had written.
    bool lost = false;
    for (auto* request : group) {
      lost = lost || request->wrote;
      if (lost && depends_on_state(request->result)) {
        request->result = written;
      }
    }
    return;
  }
  last_commit_ = commit;
  // The commits are on disk; but where HEAD cannot be written nobody is told so.
  if (auto noted = database_.note_head(commit); !noted) {
    for (auto* request : group) {
      request->result = request->wrote ? noted : std::move(request->result);
    }
  }
}

}  // namespace cairn
