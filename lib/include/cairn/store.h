// Store: one directory of models, configs and metadata, opened by a path.
//
//   auto store = cairn::Store::open("models.cairn");
//   cairn::Draft draft;
//   draft.tensor("weights", weights).metric("loss", 0.031);
//   auto receipt = store->save({"mnist-mlp", "1.0.0", epoch}, draft);
//   auto best = store->load("mnist-mlp:1@min=loss");
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/annotation.h"
#include "cairn/artifact.h"
#include "cairn/draft.h"
#include "cairn/error.h"
#include "cairn/key.h"
#include "cairn/options.h"
#include "cairn/query.h"

namespace cairn {

// What a save did.
struct Receipt {
  Key key;        // What the ref became.
  Digest digest;  // The artifact's.
  // The same artifact stood at the key already: nothing but the aliases was written. Metadata does
  // not count in this, and stays as it was; `replace` takes the draft's where it differs.
  bool existed = false;
  std::uint64_t size_bytes = 0;  // Tensors and files as given.
  std::uint64_t chunks = 0;      // What they were cut into,
  std::uint64_t new_chunks = 0;  // of which so many were not yet in the store,
  std::uint64_t new_bytes = 0;   // with so many bytes.
};

// A move-only handle; every call may be made from any thread at any time, saves included. One
// handle writes a store at a time. Artifacts and tensors may outlive it, and then hold the store
// open. After fork() nothing of cairn works in the child of a process that has opened a store:
// calls, open() among them, return InvalidArgument. So does writing through a read-only handle.
//
// Besides the codes each call names: Io, NoSpace and Corruption wherever the disk is touched.
// After a failed sync the handle refuses to write (Io); what was acknowledged is safe.
class Store {
 public:
  // Opens or creates the store in `directory`, with the directories above it. A directory that is
  // not empty and no store is refused untouched (InvalidArgument). NotFound, Locked (with the pid
  // of the writer), NewerFormat.
  [[nodiscard]] CAIRN_API static Result<Store> open(const std::filesystem::path& directory,
                                                    const OpenOptions& options = {});

  CAIRN_API Store(Store&&) noexcept;
  CAIRN_API Store& operator=(Store&&) noexcept;
  CAIRN_API ~Store();  // As close(), except that what lives keeps the store open.

  // Saves a draft as one artifact: when it returns, the artifact is on disk, whole and synced; on
  // an error the store is as before. Saving the same artifact at its key again is no error
  // (`existed`); another one there is AlreadyExists, unless `options.replace`. InvalidArgument,
  // LimitExceeded.
  [[nodiscard]] CAIRN_API Result<Receipt> save(const Ref& ref, const Draft& draft,
                                               const SaveOptions& options = {});

  // Finds the one artifact that a ref names and reads its records. NotFound says what exists;
  // InvalidArgument for a ref that names a set.
  [[nodiscard]] CAIRN_API Result<Artifact> load(const Ref& ref,
                                                const LoadOptions& options = {}) const;

  // The key that a ref names, as load would find it.
  [[nodiscard]] CAIRN_API Result<Key> resolve(const Ref& ref) const;

  // Moves artifacts to the trash, in one commit. The ref is a full key (NAME:VERSION@EPOCH), an
  // alias or a set; anything shorter is InvalidArgument and says how many it might mean. Busy
  // where an alias points at one of them, but for the alias that the ref says: it goes too.
  // Returns the keys.
  [[nodiscard]] CAIRN_API Result<std::vector<Key>> remove(const Ref& ref);

  // Brings artifacts back from the trash, all in one commit; the ref is a full key or a set. Under
  // each key the newest comes, unless `options.at` says another. AlreadyExists where an artifact
  // stands at a key; NotFound. Aliases that were removed do not come back. Returns the keys.
  [[nodiscard]] CAIRN_API Result<std::vector<Key>> undelete(const Ref& ref,
                                                            const UndeleteOptions& options = {});
  // What lies in the trash, of one name or of all; by key, then oldest first.
  [[nodiscard]] CAIRN_API Result<std::vector<TrashInfo>> trash(std::string_view name = {}) const;

  // Changes metrics, tags and fields of saved artifacts, all in one commit; tensors, files, config
  // and digest stay. The ref is a full key, an alias or a set, as for remove. What was said before
  // is kept. Returns the keys.
  [[nodiscard]] CAIRN_API Result<std::vector<Key>> annotate(const Ref& ref,
                                                            const Annotation& annotation);
  // What annotations changed, newest first; empty where none did.
  [[nodiscard]] CAIRN_API Result<std::vector<PastMetadata>> history(const Ref& ref) const;

  // Artifacts in the order of name, version, epoch; all names that have one.
  [[nodiscard]] CAIRN_API Result<std::vector<ArtifactInfo>> list(
      const ListOptions& options = {}) const;
  [[nodiscard]] CAIRN_API Result<std::vector<std::string>> names() const;

  // Points `name:alias` at what `target` names, which must be of the same name; makes it where it
  // is missing, in one synced commit. Removing a missing alias is NotFound.
  [[nodiscard]] CAIRN_API Result<void> set_alias(std::string_view name, std::string_view alias,
                                                 const Ref& target);
  [[nodiscard]] CAIRN_API Result<void> remove_alias(std::string_view name, std::string_view alias);
  // The aliases of a name, sorted; of all names where `name` is empty.
  [[nodiscard]] CAIRN_API Result<std::vector<AliasInfo>> aliases(std::string_view name = {}) const;

  // A handle for reading sees the store as it was when it was opened; this takes it to what is
  // there now, and says whether that is anything new. Artifacts that were loaded before stay as
  // they are. Retry where a writer changes the store too fast. A handle for writing sees everything
  // at once: false.
  [[nodiscard]] CAIRN_API Result<bool> refresh();

  // Counts what the store holds; reads every metadata record and the chunk index.
  [[nodiscard]] CAIRN_API Result<StoreStats> stats() const;

  // Waits for calls that are running, flushes, closes, and gives the lock back. Busy, with their
  // number and nothing done, while artifacts or tensors of it live. Else the handle is closed
  // afterwards, also where the flush fails, and every further call is InvalidArgument.
  [[nodiscard]] CAIRN_API Result<void> close();

  struct State;

 private:
  explicit Store(std::shared_ptr<State> state) noexcept;

  std::shared_ptr<State> state_;
};

}  // namespace cairn
