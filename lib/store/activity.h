// Activity: the saves and loads that are under way in a session, for whoever frees or moves chunks:
// an id that a running save has reserved or found must stay, and so must what a loaded artifact
// still reads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "cairn/error.h"
#include "engine/ids.h"
#include "record/ids.h"
#include "record/model_record.h"

namespace cairn {

// Thread-safe. Outlives its saves and loads.
class Activity {
 public:
  explicit Activity(IdAllocator& ids) : ids_(ids) {}

  // A save, from before its first look-up until its commit has returned.
  class Save {
   public:
    ~Save();
    Save(const Save&) = delete;
    Save& operator=(const Save&) = delete;

    // The first of the ids that it reserved.
    [[nodiscard]] std::uint64_t first_id() const noexcept { return first_id_; }

    // Runs `look_up`, which looks chunks up in the index and pins those that it found. Meanwhile no
    // sweep decides, so that what is found is pinned before it can go.
    [[nodiscard]] Result<void> find(const std::function<Result<void>()>& look_up);
    // Until the save ends the chunk stays. Within find().
    void pin(ChunkId id);

   private:
    friend class Activity;
    Save(Activity& activity, std::uint64_t first_id, std::uint64_t ids)
        : activity_(activity), first_id_(first_id), ids_(ids) {}

    Activity& activity_;
    const std::uint64_t first_id_;
    const std::uint64_t ids_;
    std::vector<ChunkId> pinned_;  // Guarded by the activity's mutex.
  };

  // A load, from before its ref is resolved until the artifact is dropped.
  class Load {
   public:
    ~Load();
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    // The ref is resolved: from now on the contents of this model stay. It must outlive the load.
    void hold(const ModelRecord& model);

   private:
    friend class Activity;
    Load(Activity& activity, std::uint64_t number) : activity_(activity), number_(number) {}

    Activity& activity_;
    const std::uint64_t number_;          // Counted from 0, in the order in which loads began.
    const ModelRecord* model_ = nullptr;  // Guarded by the activity's mutex.
  };

  // Reserves `ids` ids for it; LimitExceeded where there are no more.
  [[nodiscard]] Result<std::unique_ptr<Save>> begin_save(std::uint64_t ids);
  [[nodiscard]] std::unique_ptr<Load> begin_load();

  // All ids below it are of saves that have ended.
  [[nodiscard]] std::uint64_t settled_ids() const;
  // The ids of saves that run: from the first up to but not including the second.
  [[nodiscard]] std::vector<std::pair<std::uint64_t, std::uint64_t>> reserved_ids() const;

  // Waits for the loads that are resolving their ref now; then what loads hold is complete for
  // every state of the store before this call. Returns the contents, each perhaps several times.
  [[nodiscard]] std::vector<ContentId> held_contents() const;

  // For a sweep: while it lives every id that is or was pinned counts as pinned.
  class Watch {
   public:
    explicit Watch(Activity& activity);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    Activity& activity_;
  };
  // Runs `decide_and_write` while no save looks chunks up. It may ask is_pinned.
  [[nodiscard]] Result<void> sweep(const std::function<Result<void>()>& decide_and_write);
  [[nodiscard]] bool is_pinned(ChunkId id) const;

 private:
  struct HashId {
    std::size_t operator()(const ChunkId& id) const noexcept { return id.value; }
  };

  IdAllocator& ids_;
  std::shared_mutex sweeping_;  // Shared by look-ups, alone by a sweep. Taken before mutex_.

  mutable std::mutex mutex_;  // Guards all below.
  mutable std::condition_variable resolved_;
  std::set<const Save*> saves_;
  std::set<const Load*> loads_;
  std::uint64_t next_load_ = 0;
  std::unordered_map<ChunkId, std::size_t, HashId> pins_;
  std::unordered_set<ChunkId, HashId> watched_;  // Pinned since the watch began.
  std::size_t watches_ = 0;
};

}  // namespace cairn
