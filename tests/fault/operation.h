// One call on a store as plain data: it can be drawn at random, printed, left out of a list that
// fails, and written to a log that outlives the process. The model (model.h) says what it must do.
//
// A new call of Store is a Kind, a line in draw_kind, a case in describe and in run (operation.cc),
// and a case in Model::apply.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <cairn/cairn.h>

#include "content/random_bytes.h"

namespace cairn::testing {

using Numbers = cairn_test::Random;

// Which artifact a load names: by version, alias, metric, or a set, which is refused.
enum class Select : std::uint8_t {
  Bare,
  Last,
  Latest,
  Epoch,
  Min,
  Version,
  VersionLast,
  VersionEpoch,
  VersionMin,
  VersionMax,
  AllMin,
  AllMax,
  Alias,
  AliasLast,
  AliasEpoch,
  AliasMax,
  SetOfVersion,
  SetOfName,
};
inline constexpr std::uint64_t kSelects = 18;

struct Operation {
  enum class Kind : std::uint8_t {
    Save,  // At name:version@epoch, with an alias where there is one.
    Replace,
    SaveNext,  // At the bare name: its next major version.
    RemoveKey,
    RemoveRange,  // From epoch to last.
    RemoveVersion,
    RemoveName,
    RemoveAlias,  // The artifact, by its alias.
    Undelete,
    UndeleteOldest,  // Of those that lie in the trash under the key.
    UndeleteVersion,
    Annotate,  // The note, and a loss that follows from it.
    AnnotateVersion,
    SetAlias,
    DropAlias,
    Load,
    Reopen,
    ReadOnly,  // Closed, read through a read-only handle, and opened again.
    Refresh,   // A reader beside the writer is opened or taken to what is there now.
  };

  Kind kind = Kind::Save;
  Select select = Select::Bare;  // Of a load.
  std::uint8_t name = 0;         // Which of name_of().
  std::uint8_t alias = 0;        // Which of alias_of(); 0 for a save without one.
  std::uint32_t version = 1;     // The major one.
  std::uint32_t note = 0;        // Of a save or an annotation: in the metadata only.
  std::uint64_t epoch = 0;
  std::uint64_t last = 0;
  std::uint64_t seed = 0;  // Of what is saved: made.h.

  [[nodiscard]] Key key() const;
};

inline constexpr std::uint8_t kNames = 8;
// Names whose order and prefixes are easy to get wrong.
std::string name_of(std::uint8_t index);
std::string alias_of(std::uint8_t index);

// What a call says: an error's code, or the keys that it names or changed.
struct Answer {
  std::optional<Code> refused = {};
  bool existed = false;  // Of a save.
  std::vector<Key> keys = {};

  friend bool operator==(const Answer&, const Answer&) = default;
};
std::string to_string(const Answer& answer);

// What to draw from.
struct Mix {
  std::uint8_t first_name = 0;
  std::uint8_t names = 3;
  bool reads = true;                // Loads, reopens, read-only opens.
  std::uint64_t large_percent = 8;  // Of the saves.
};
Operation draw(Numbers& numbers, const Mix& mix);

// "save m:1.0.0@3 seed 17 note 0 alias best".
std::string describe(const Operation& operation);

// The loss that an annotation sets; it removes the metric where there is none.
std::optional<double> annotated_loss(std::uint32_t note);

// Does it; not Reopen, ReadOnly and Refresh, which are for whoever holds the handles. The message
// of an error is put into `why` where that is given.
Answer run(Store& store, const Operation& operation, std::string* why = nullptr);

}  // namespace cairn::testing
