// Options of the calls of Store, one struct a call. None of them is kept on disk.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace cairn {

// How far a long call has come, in bytes of tensors and files.
struct Progress {
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;
};

// Who hears of a long call's progress, and who may end it.
struct Control {
  // Called some times a second, and at the end, from threads of the call but by one at a time; it
  // must not call the store. What it throws ends the call (Io). Default: nobody is told.
  std::function<void(const Progress&)> progress = {};

  // Looked at between chunks: once a stop is requested the call ends with Cancelled.
  std::stop_token stop = {};
};

struct OpenOptions {
  enum class Mode : std::uint8_t {
    Create,     // Read and write; a missing or empty directory becomes a store.
    ReadWrite,  // Read and write; NotFound where there is no store.
    ReadOnly,   // Read, also beside a writer; takes no lock, changes no file.
  };
  Mode mode = Mode::Create;

  // How long to wait for another writer to go before Locked is returned. Default: not at all.
  std::chrono::milliseconds lock_wait{0};

  // Reads through a memory mapping, the fastest way. An I/O error of the disk is then a SIGBUS;
  // turn it off for disks that are suspect.
  bool mmap = true;

  // Threads that one save or load may use; 0 is one a core.
  unsigned threads = 0;
};

// What a save does when a chunk's digest is stored already.
enum class Dedup : std::uint8_t {
  Compare,  // Compare the bytes: different chunks with one digest are both kept.
  Trust,    // Take the digest's word; for stores whose every writer is trusted. Faster.
};

struct SaveOptions {
  // Move an artifact that stands at the key to the trash, in the same commit. Default: a
  // different artifact at the key is AlreadyExists.
  bool replace = false;

  // Aliases to point at the new artifact in the same commit.
  std::vector<std::string> aliases = {};

  Dedup dedup = Dedup::Compare;

  // Compute each tensor's numeric health while its bytes pass by.
  bool health = true;

  // A save that is stopped leaves nothing behind that can be seen; one whose commit has begun is
  // not stopped any more. A file is read for its cuts before it counts as progress; and where
  // another save to the same key came between, progress begins again.
  Control control = {};
};

struct UndeleteOptions {
  // Which of several that lie in the trash under one key: the one that this commit put there.
  // Default: the newest.
  std::optional<std::uint64_t> at = {};
};

struct LoadOptions {
  // Threads that one read of a large tensor, or one verification, may use; 0 takes the store's.
  unsigned threads = 0;

  // For every call that reads tensors or files of the artifact: progress is told of each call by
  // itself, out of the bytes that it is about. Segments only hear of the stop.
  Control control = {};
};

}  // namespace cairn
