// Errors: every call that can fail returns Result<T>, an expected value or an Error.
//
// An Error has a code, which says what a caller can do about it, and a message, which says the
// ref, the place, what was expected and what was found. No exception crosses cairn's interface.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

// Marks what the shared library exports; everything else has hidden visibility.
#define CAIRN_API __attribute__((visibility("default")))

namespace cairn {

// What a caller can do about a failure.
enum class Code : std::uint8_t {
  NotFound = 1,         // No such artifact, tensor, file, metric, alias or store.
  AlreadyExists = 2,    // The key holds another artifact; nothing was changed.
  InvalidArgument = 3,  // The call itself is wrong: a bad name, shape, option or document.
  TypeMismatch = 4,     // The dtype, rank, shape or type asked for is not the stored one.
  Corruption = 5,       // Stored bytes are damaged; the message names the damaged thing.
  Locked = 6,           // Another process writes this store; the message names its pid.
  Retry = 7,            // The store changed while it was being opened; try again.
  Busy = 8,             // Something that lives still needs it: an open artifact, an alias.
  NoSpace = 9,          // The disk is full; nothing acknowledged is lost.
  Io = 10,              // The operating system failed a read, a write or a sync.
  LimitExceeded = 11,   // Over a documented limit of the format.
  NewerFormat = 12,     // The store was written by a newer cairn; this one must not touch it.
  Cancelled = 13,       // The caller asked to stop; nothing was changed.
};

// The code's name, "NotFound" for Code::NotFound.
[[nodiscard]] CAIRN_API std::string_view to_string(Code code) noexcept;

struct Error {
  Code code;
  std::string message;

  // "NotFound: no artifact digits:3.0.0@7".
  [[nodiscard]] CAIRN_API std::string to_string() const;
};

template <class T>
using Result = tl::expected<T, Error>;

}  // namespace cairn
