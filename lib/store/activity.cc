// Registration, pins and watches.
#include "store/activity.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace cairn {

Result<std::unique_ptr<Activity::Save>> Activity::begin_save(std::uint64_t ids) {
  // Reserved and registered in one: no id is ever above settled_ids() without its save being known.
  std::unique_ptr<Save> save;  // Before the guard: its destructor takes the mutex.
  const std::lock_guard guard(mutex_);
  auto first = ids_.reserve(ids);
  if (!first) {
    return fail(std::move(first.error()));
  }
  save.reset(new Save(*this, *first, ids));
  saves_.insert(save.get());
  return save;
}

Activity::Save::~Save() {
  const std::lock_guard guard(activity_.mutex_);
  activity_.saves_.erase(this);
  for (const auto id : pinned_) {
    const auto pin = activity_.pins_.find(id);
    if (--pin->second == 0) {
      activity_.pins_.erase(pin);
    }
  }
}

Result<void> Activity::Save::find(const std::function<Result<void>()>& look_up) {
  const std::shared_lock lock(activity_.sweeping_);
  return look_up();
}

void Activity::Save::pin(ChunkId id) {
  const std::lock_guard guard(activity_.mutex_);
  pinned_.push_back(id);
  ++activity_.pins_[id];
  if (activity_.watches_ > 0) {
    activity_.watched_.insert(id);
  }
}

std::unique_ptr<Activity::Load> Activity::begin_load() {
  std::unique_ptr<Load> load;  // Before the guard: its destructor takes the mutex.
  const std::lock_guard guard(mutex_);
  load.reset(new Load(*this, next_load_++));
  loads_.insert(load.get());
  return load;
}

Activity::Load::~Load() {
  const std::lock_guard guard(activity_.mutex_);
  activity_.loads_.erase(this);
  activity_.resolved_.notify_all();
}

void Activity::Load::hold(const ModelRecord& model) {
  const std::lock_guard guard(activity_.mutex_);
  model_ = &model;
  activity_.resolved_.notify_all();
}

std::uint64_t Activity::settled_ids() const {
  const std::lock_guard guard(mutex_);
  auto settled = ids_.next();
  for (const auto* save : saves_) {
    settled = std::min(settled, save->first_id_);
  }
  return settled;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> Activity::reserved_ids() const {
  const std::lock_guard guard(mutex_);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> out;
  for (const auto* save : saves_) {
    out.emplace_back(save->first_id_, save->first_id_ + save->ids_);
  }
  return out;
}

std::vector<ContentId> Activity::held_contents() const {
  std::unique_lock lock(mutex_);
  const auto first_later = next_load_;
  resolved_.wait(lock, [&] {
    return std::none_of(loads_.begin(), loads_.end(), [&](const Load* load) {
      return load->number_ < first_later && load->model_ == nullptr;
    });
  });
  std::vector<ContentId> out;
  for (const auto* load : loads_) {
    if (load->model_ == nullptr) {
      continue;  // Began later: it sees no state from before this call.
    }
    for (const auto& tensor : load->model_->tensors) {
      out.push_back({tensor.info.content, tensor.slot});
    }
    for (const auto& file : load->model_->files) {
      out.push_back({file.info.content, file.slot});
    }
  }
  return out;
}

Activity::Watch::Watch(Activity& activity) : activity_(activity) {
  const std::lock_guard guard(activity_.mutex_);
  ++activity_.watches_;
  for (const auto& [id, count] : activity_.pins_) {
    activity_.watched_.insert(id);
  }
}

Activity::Watch::~Watch() {
  const std::lock_guard guard(activity_.mutex_);
  if (--activity_.watches_ == 0) {
    activity_.watched_.clear();
  }
}

Result<void> Activity::sweep(const std::function<Result<void>()>& decide_and_write) {
  const std::unique_lock lock(sweeping_);
  return decide_and_write();
}

bool Activity::is_pinned(ChunkId id) const {
  const std::lock_guard guard(mutex_);
  return pins_.contains(id) || watched_.contains(id);
}

}  // namespace cairn
