// How things are named: Digest, Version, Key, and Ref, which is what a person types.
//
// The grammar of names, versions, aliases and refs is the one of this header's comments; the same
// rules are applied by the library, by the tool, and again when a record is read from disk.
// All types here are plain values: copy them freely, share them between threads as any value.
#pragma once

#include <array>
#include <compare>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cairn/error.h"

namespace cairn {

// A 128-bit XXH3 digest in canonical (big-endian) byte order. It names content and finds
// accidents; it is no proof of origin and never taken as proof that bytes are equal.
struct Digest {
  std::array<std::uint8_t, 16> bytes{};

  // 32 lower-case hexadecimal digits.
  [[nodiscard]] CAIRN_API std::string to_string() const;
  // The reverse; InvalidArgument for anything but 32 hexadecimal digits.
  [[nodiscard]] CAIRN_API static Result<Digest> parse(std::string_view hex);

  friend auto operator<=>(const Digest&, const Digest&) = default;
};

// major.minor.patch. "3", "v3", "3.0" and "3.0.0" are one version, printed "3.0.0".
struct Version {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t patch = 0;

  // `v?N[.N[.N]]` without leading zeros; InvalidArgument otherwise, with a suggestion.
  [[nodiscard]] CAIRN_API static Result<Version> parse(std::string_view text);
  [[nodiscard]] CAIRN_API std::string to_string() const;

  friend auto operator<=>(const Version&, const Version&) = default;
};

// Where one artifact stands. `name` is components `[A-Za-z0-9][A-Za-z0-9._-]*` joined by `/`, at
// most 255 bytes in all, and not "xxh3". `epoch` is 0 where there is none.
struct Key {
  std::string name;
  Version version;
  std::uint64_t epoch = 0;

  // `NAME:VERSION@EPOCH` (":1@0" may not be left out); InvalidArgument otherwise.
  [[nodiscard]] CAIRN_API static Result<Key> parse(std::string_view text);
  // "mnist/mlp:1.0.0@7".
  [[nodiscard]] CAIRN_API std::string to_string() const;

  friend auto operator<=>(const Key&, const Key&) = default;
};

// Checks a name, or an alias (`[A-Za-z][A-Za-z0-9._-]{0,63}`, no version, not `latest` or `all`).
// InvalidArgument says the rule that is broken, and where.
[[nodiscard]] CAIRN_API Result<void> check_name(std::string_view name);
[[nodiscard]] CAIRN_API Result<void> check_alias(std::string_view alias);

// What a ref says, taken apart. Which version, and which epoch of it.
struct RefParts {
  enum class Versions : std::uint8_t { Unsaid, Exact, Alias, Latest, All, Digest };
  enum class Epochs : std::uint8_t { Unsaid, Exact, Last, Min, Max, All, Range };

  std::string name;
  Versions versions = Versions::Unsaid;
  Version version;     // Exact
  std::string alias;   // Alias
  std::string digest;  // Digest: 4 to 32 lower-case hexadecimal digits
  Epochs epochs = Epochs::Unsaid;
  std::uint64_t epoch = 0;  // Exact; the first of a Range
  std::uint64_t last = 0;   // Range: the last, included
  std::string metric;       // Min, Max
};

// A name for an artifact, or for a set of them:
//
//   NAME[:VERSION|:ALIAS|:latest|:all][@EPOCH|@last|@min=METRIC|@max=METRIC|@all|@A..B]
//   xxh3:HEX                                 an artifact by its digest, 4 to 32 digits
//
// A bare NAME is the last epoch of its highest version. When saving, a bare NAME is its next
// major version (1.0.0 first) at epoch 0, and NAME:VERSION is epoch 0 of that version.
// Constructing a Ref cannot fail: a syntax error is kept, and returned by the call that uses it.
class Ref {
 public:
  Ref(std::string_view text) : text_(text), parts_(parse(text)) {}     // NOLINT: a ref is its text
  Ref(const char* text) : Ref(std::string_view(text)) {}               // NOLINT
  Ref(const std::string& text) : Ref(std::string_view(text)) {}        // NOLINT
  Ref(const Key& key) : text_(key.to_string()), parts_(parse(key)) {}  // NOLINT

  // {"mnist-mlp", "1.0.0", epoch} with any integer type; a negative epoch is an error.
  template <std::integral Epoch = std::uint64_t>
  Ref(std::string_view name, std::string_view version, Epoch epoch = 0)
      : Ref(name, version, std::cmp_less(epoch, 0), static_cast<std::uint64_t>(epoch)) {}

  // The ref as it was written.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  // What it says, or InvalidArgument with the offending part.
  [[nodiscard]] const Result<RefParts>& parts() const noexcept { return parts_; }

 private:
  CAIRN_API Ref(std::string_view name, std::string_view version, bool negative,
                std::uint64_t epoch);
  [[nodiscard]] CAIRN_API static Result<RefParts> parse(std::string_view text);
  [[nodiscard]] CAIRN_API static Result<RefParts> parse(const Key& key);

  std::string text_;
  Result<RefParts> parts_;
};

}  // namespace cairn
