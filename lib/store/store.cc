// Store: the facade. It finds the session behind the handle, passes the call on, and lets no
// exception out.
#include "cairn/store.h"

#include <chrono>
#include <thread>
#include <type_traits>
#include <utility>

#include "base/guard.h"
#include "base/text.h"
#include "base/time.h"
#include "catalog/aliases.h"
#include "catalog/artifacts.h"
#include "catalog/resolve.h"
#include "store/operations.h"
#include "store/session.h"
#include "store/trash.h"

namespace cairn {

namespace {

Result<void> check_alias_call(std::string_view name, std::string_view alias) {
  if (auto valid = check_name(name); !valid) {
    return valid;
  }
  return check_alias(alias);
}

// The call on the session of a usable handle. Whatever it throws becomes its error.
template <class Call>
auto with_session(const std::shared_ptr<Store::State>& state, const Call& call) {
  using Outcome = std::invoke_result_t<const Call&, const std::shared_ptr<Session>&>;
  return guarded([&]() -> Outcome {
    auto session = Store::State::use(state);
    if (!session) {
      return fail(std::move(session.error()));
    }
    return call(*session);
  });
}

}  // namespace

Store::Store(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Result<Store> Store::open(const std::filesystem::path& directory, const OpenOptions& options) {
  return guarded([&]() -> Result<Store> {
    auto session = Session::open(directory, options);
    if (!session) {
      return fail(std::move(session.error()));
    }
    return Store(std::make_shared<State>(directory, options, std::move(*session)));
  });
}

Result<Receipt> Store::save(const Ref& ref, const Draft& draft, const SaveOptions& options) {
  return with_session(
      state_, [&](const auto& session) { return save_artifact(*session, ref, draft, options); });
}

Result<Artifact> Store::load(const Ref& ref, const LoadOptions& options) const {
  return with_session(state_,
                      [&](const auto& session) { return load_artifact(session, ref, options); });
}

Result<Key> Store::resolve(const Ref& ref) const {
  return with_session(state_, [&](const auto& session) {
    return resolve_one(*session->database().snapshot(), ref);
  });
}

Result<std::vector<Key>> Store::remove(const Ref& ref) {
  return with_session(state_, [&](const auto& session) { return remove_artifacts(*session, ref); });
}

Result<std::vector<Key>> Store::undelete(const Ref& ref, const UndeleteOptions& options) {
  return with_session(
      state_, [&](const auto& session) { return undelete_artifacts(*session, ref, options); });
}

Result<std::vector<TrashInfo>> Store::trash(std::string_view name) const {
  return with_session(state_, [&](const auto& session) -> Result<std::vector<TrashInfo>> {
    if (auto valid = name.empty() ? Result<void>() : check_name(name); !valid) {
      return fail(std::move(valid.error()));
    }
    return list_trash(*session->database().snapshot(), name);
  });
}

Result<std::vector<Key>> Store::annotate(const Ref& ref, const Annotation& annotation) {
  return with_session(
      state_, [&](const auto& session) { return annotate_artifacts(*session, ref, annotation); });
}

Result<std::vector<PastMetadata>> Store::history(const Ref& ref) const {
  return with_session(state_, [&](const auto& session) {
    return read_history(*session->database().snapshot(), ref);
  });
}

Result<std::vector<ArtifactInfo>> Store::list(const ListOptions& options) const {
  return with_session(state_, [&](const auto& session) {
    return list_artifacts(*session->database().snapshot(), options);
  });
}

Result<std::vector<std::string>> Store::names() const {
  return with_session(
      state_, [](const auto& session) { return list_names(*session->database().snapshot()); });
}

Result<void> Store::set_alias(std::string_view name, std::string_view alias, const Ref& target) {
  return with_session(state_, [&](const auto& session) -> Result<void> {
    if (auto valid = check_alias_call(name, alias); !valid) {
      return valid;
    }
    return session->commits().run([&](Batch& batch, std::uint64_t) -> Result<void> {
      auto key = resolve_one(batch, target);
      if (!key) {
        return fail(std::move(key.error()));
      }
      if (key->name != name) {
        return fail(Code::InvalidArgument, "alias " + std::string(name) + ":" + std::string(alias) +
                                               " cannot point at " + key->to_string() +
                                               ": aliases stay within their name");
      }
      return put_alias(batch, alias, *key, now());
    });
  });
}

Result<void> Store::remove_alias(std::string_view name, std::string_view alias) {
  return with_session(state_, [&](const auto& session) -> Result<void> {
    if (auto valid = check_alias_call(name, alias); !valid) {
      return valid;
    }
    return session->commits().run(
        [&](Batch& batch, std::uint64_t) { return drop_alias(batch, name, alias, now()); });
  });
}

Result<std::vector<AliasInfo>> Store::aliases(std::string_view name) const {
  return with_session(state_, [&](const auto& session) -> Result<std::vector<AliasInfo>> {
    if (auto valid = name.empty() ? Result<void>() : check_name(name); !valid) {
      return fail(std::move(valid.error()));
    }
    return list_aliases(*session->database().snapshot(), name);
  });
}

Result<bool> Store::refresh() {
  return with_session(state_, [&](const auto& session) { return state_->refresh(session); });
}

Result<StoreStats> Store::stats() const {
  return with_session(state_, [](const auto& session) { return count_store(*session); });
}

Result<void> Store::close() {
  if (auto usable = State::use(state_); !usable) {
    return fail(std::move(usable.error()));
  }
  std::shared_ptr<Session> last;
  {
    // New calls wait meanwhile; those that run hold the session, and come to an end.
    const std::lock_guard guard(state_->mutex);
    while (state_->session && state_->session.use_count() > 1) {
      if (const auto leases = state_->session->leases(); leases != 0) {
        return fail(Code::Busy,
                    std::to_string(leases) +
                        (leases == 1 ? " artifact or tensor" : " artifacts or tensors") +
                        " of the store still in use");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    last = std::move(state_->session);
  }
  // The handle is closed and the lock goes whatever happens now: commits are in the synced log.
  if (!last || !last->database().writable() || last->database().failed()) {
    return {};
  }
  return last->database().flush();
}

}  // namespace cairn
