// The rules of refs, each in one function: version first, then the epoch within it.
#include "catalog/resolve.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/text.h"
#include "catalog/aliases.h"
#include "catalog/artifacts.h"
#include "record/keys.h"

namespace cairn {

namespace {

using Versions = RefParts::Versions;
using Epochs = RefParts::Epochs;

std::string in_ref(const Ref& ref) {
  return "ref " + quoted(ref.text());
}

// "it has 1.0.0 2.0.0", for messages; at most ten.
template <class Items, class Print>
std::string first_few(std::string_view lead, const Items& items, Print&& print) {
  std::string out(lead);
  if (items.empty()) {
    return out + " none";
  }
  std::size_t shown = 0;
  for (const auto& item : items) {
    if (++shown > 10) {
      return out + " and " + std::to_string(items.size() - 10) + " more";
    }
    out += " " + print(item);
  }
  return out;
}

Error no_such_name(const Reader& reader, const std::string& name) {
  auto names = list_names(reader);
  if (!names || names->empty()) {
    return {Code::NotFound, "no model " + quoted(name) + ": the store is empty"};
  }
  return {Code::NotFound, first_few("no model " + quoted(name) + "; the store has", *names,
                                    [](const std::string& other) { return other; })};
}

Error no_such_version(const Reader& reader, const std::string& name, const Version& version) {
  auto versions = list_versions(reader, name);
  if (!versions || versions->empty()) {
    return no_such_name(reader, name);
  }
  return {Code::NotFound,
          first_few("no version " + version.to_string() + " of " + name + "; it has", *versions,
                    [](const Version& other) { return other.to_string(); })};
}

Error no_such_epoch(const Reader& reader, const Key& key) {
  std::vector<std::uint64_t> epochs;
  auto walked = for_each_artifact(reader, artifact_prefix(key.name, key.version), std::nullopt,
                                  [&](const Key& found, std::string_view) -> Result<bool> {
                                    epochs.push_back(found.epoch);
                                    return epochs.size() < 1000;
                                  });
  if (!walked || epochs.empty()) {
    return no_such_version(reader, key.name, key.version);
  }
  return {Code::NotFound,
          first_few("no artifact " + key.to_string() + "; the epochs of that version are", epochs,
                    [](std::uint64_t epoch) { return std::to_string(epoch); })};
}

struct Best {
  std::optional<Key> key;
  double value = 0;
  std::set<std::string> metrics;  // Those that exist, for the message.
};

// NaN and missing never win; the first of equals stays, which is the lowest epoch.
Result<Best> find_best(const Reader& reader, const std::string& prefix, const RefParts& parts) {
  Best best;
  auto walked = for_each_artifact(
      reader, prefix, std::nullopt, [&](const Key& key, std::string_view bytes) -> Result<bool> {
        auto record = decode_metadata_of(key, bytes);
        if (!record) {
          return fail(std::move(record.error()));
        }
        for (const auto& [name, value] : record->metadata.metrics) {
          best.metrics.insert(name);
          if (name != parts.metric || std::isnan(value)) {
            continue;
          }
          const bool wins =
              !best.key || (parts.epochs == Epochs::Min ? value < best.value : value > best.value);
          if (wins) {
            best.key = key;
            best.value = value;
          }
        }
        return true;
      });
  if (!walked) {
    return fail(std::move(walked.error()));
  }
  return best;
}

Result<Key> resolve_best(const Reader& reader, const std::string& prefix, const Ref& ref,
                         const RefParts& parts) {
  auto best = find_best(reader, prefix, parts);
  if (!best) {
    return fail(std::move(best.error()));
  }
  if (best->key) {
    return std::move(*best->key);
  }
  const std::string lead = in_ref(ref) + ": no number under metric " + quoted(parts.metric);
  if (best->metrics.empty()) {
    return fail(Code::NotFound, lead + "; there are no metrics");
  }
  return fail(Code::NotFound, first_few(lead + "; the metrics are", best->metrics,
                                        [](const std::string& name) { return name; }));
}

Result<Key> resolve_digest(const Reader& reader, const Ref& ref, const RefParts& parts) {
  std::optional<Key> found;
  std::optional<Digest> digest;
  bool ambiguous = false;
  auto walked = for_each_artifact(reader, "", std::nullopt,
                                  [&](const Key& key, std::string_view bytes) -> Result<bool> {
                                    auto record = decode_metadata_of(key, bytes);
                                    if (!record) {
                                      return fail(std::move(record.error()));
                                    }
                                    if (!record->artifact.to_string().starts_with(parts.digest)) {
                                      return true;
                                    }
                                    ambiguous = digest && *digest != record->artifact;
                                    if (!found) {
                                      found = key;
                                      digest = record->artifact;
                                    }
                                    return !ambiguous;
                                  });
  if (!walked) {
    return fail(std::move(walked.error()));
  }
  if (ambiguous) {
    return fail(Code::InvalidArgument, in_ref(ref) + ": several digests start so; give more");
  }
  if (!found) {
    return fail(Code::NotFound, in_ref(ref) + ": no artifact has such a digest");
  }
  return std::move(*found);
}

// The key of the alias, or the version that the ref says; NotFound with what exists.
Result<Key> resolve_version(const Reader& reader, const RefParts& parts) {
  if (parts.versions == Versions::Exact) {
    return Key{parts.name, parts.version, 0};
  }
  if (parts.versions == Versions::Alias) {
    auto key = find_alias(reader, parts.name, parts.alias);
    if (!key) {
      return fail(std::move(key.error()));
    }
    if (*key) {
      return std::move(**key);
    }
    auto aliases = list_aliases(reader, parts.name);
    const auto name = [](const AliasInfo& info) { return info.alias; };
    return fail(Code::NotFound, first_few("no alias " + parts.name + ":" + parts.alias + "; it has",
                                          aliases.value_or(std::vector<AliasInfo>{}), name));
  }
  auto version = last_version(reader, parts.name);
  if (!version) {
    return fail(std::move(version.error()));
  }
  if (!*version) {
    return fail(no_such_name(reader, parts.name));
  }
  return Key{parts.name, **version, 0};
}

Result<Key> existing(const Reader& reader, const Key& key) {
  auto bytes = reader.get(Family::Metadata, encode_artifact_key(key));
  if (!bytes) {
    return fail(std::move(bytes.error()));
  }
  if (!*bytes) {
    return fail(no_such_epoch(reader, key));
  }
  return key;
}

Result<Key> resolve_last(const Reader& reader, const Key& key) {
  auto last = last_epoch(reader, key.name, key.version);
  if (!last) {
    return fail(std::move(last.error()));
  }
  if (!*last) {
    return fail(no_such_version(reader, key.name, key.version));
  }
  return std::move(**last);
}

// The keys that start so, perhaps between two epochs.
Result<std::vector<Key>> keys_of(const Reader& reader, const std::string& prefix,
                                 const RefParts& parts) {
  std::vector<Key> out;
  auto walked = for_each_artifact(
      reader, prefix, std::nullopt, [&](const Key& key, std::string_view) -> Result<bool> {
        const bool in =
            parts.epochs != Epochs::Range || (key.epoch >= parts.epoch && key.epoch <= parts.last);
        if (in) {
          out.push_back(key);
        }
        return true;
      });
  if (!walked) {
    return fail(std::move(walked.error()));
  }
  return out;
}

bool is_set(const RefParts& parts) {
  return parts.epochs == Epochs::All || parts.epochs == Epochs::Range ||
         (parts.versions == Versions::All && parts.epochs == Epochs::Unsaid);
}

bool is_full(const RefParts& parts) {
  return (parts.versions == Versions::Exact && parts.epochs == Epochs::Exact) ||
         (parts.versions == Versions::Alias &&
          (parts.epochs == Epochs::Unsaid || parts.epochs == Epochs::Exact));
}

}  // namespace

Result<Key> resolve_one(const Reader& reader, const Ref& ref) {
  const auto& said = ref.parts();
  if (!said) {
    return fail(said.error());
  }
  const RefParts& parts = *said;
  if (is_set(parts)) {
    return fail(Code::InvalidArgument,
                in_ref(ref) + " names a set of artifacts where one is wanted");
  }
  if (parts.versions == Versions::Digest) {
    return resolve_digest(reader, ref, parts);
  }
  const bool best = parts.epochs == Epochs::Min || parts.epochs == Epochs::Max;
  if (parts.versions == Versions::All) {
    if (!best) {
      return fail(Code::InvalidArgument,
                  in_ref(ref) + ": of all versions only @min= or @max= chooses one");
    }
    return resolve_best(reader, artifact_prefix(parts.name), ref, parts);
  }
  auto key = resolve_version(reader, parts);
  if (!key) {
    return key;
  }
  if (best) {
    if (auto any = resolve_last(reader, *key); !any) {
      return any;
    }
    return resolve_best(reader, artifact_prefix(key->name, key->version), ref, parts);
  }
  if (parts.epochs == Epochs::Exact) {
    key->epoch = parts.epoch;
    return existing(reader, *key);
  }
  if (parts.versions == Versions::Alias && parts.epochs == Epochs::Unsaid) {
    return existing(reader, *key);
  }
  return resolve_last(reader, *key);
}

Result<std::vector<Key>> resolve_all(const Reader& reader, const Ref& ref) {
  const auto& said = ref.parts();
  if (!said) {
    return fail(said.error());
  }
  const RefParts& parts = *said;
  if (is_full(parts)) {
    auto key = resolve_one(reader, ref);
    if (!key) {
      return fail(std::move(key.error()));
    }
    return std::vector<Key>{std::move(*key)};
  }
  if (parts.versions == Versions::Digest) {
    return fail(Code::InvalidArgument, in_ref(ref) + ": say the key, not the digest");
  }
  std::string prefix = artifact_prefix(parts.name);
  if (parts.versions != Versions::All && parts.versions != Versions::Unsaid) {
    auto key = resolve_version(reader, parts);
    if (!key) {
      return fail(std::move(key.error()));
    }
    prefix = artifact_prefix(key->name, key->version);
  }
  auto keys = keys_of(reader, prefix, parts);
  if (!keys) {
    return keys;
  }
  if (keys->empty()) {
    return fail(Code::NotFound, in_ref(ref) + " names no artifact");
  }
  if (!is_set(parts) || parts.versions == Versions::Unsaid) {
    return fail(Code::InvalidArgument,
                in_ref(ref) + " might mean " + std::to_string(keys->size()) +
                    " artifacts: say NAME:VERSION@EPOCH, NAME:ALIAS, or a set such as "
                    "NAME:VERSION@all or NAME:all");
  }
  return keys;
}

Result<void> check_save_ref(const Ref& ref) {
  const auto& said = ref.parts();
  if (!said) {
    return fail(said.error());
  }
  const bool bare = said->versions == Versions::Unsaid && said->epochs == Epochs::Unsaid;
  const bool placed = said->versions == Versions::Exact &&
                      (said->epochs == Epochs::Unsaid || said->epochs == Epochs::Exact);
  if (!bare && !placed) {
    return fail(Code::InvalidArgument,
                in_ref(ref) +
                    ": save takes NAME, NAME:VERSION or NAME:VERSION@EPOCH, not an "
                    "alias, a selector or an epoch without its version");
  }
  return {};
}

bool is_open_for_save(const RefParts& parts) {
  return parts.versions == Versions::Unsaid;
}

Result<Key> resolve_for_save(const Reader& reader, const Ref& ref) {
  const auto& said = ref.parts();
  if (!said) {
    return fail(said.error());
  }
  const RefParts& parts = *said;
  if (auto fits = check_save_ref(ref); !fits) {
    return fail(std::move(fits.error()));
  }
  Key key{parts.name, parts.version, parts.epochs == Epochs::Exact ? parts.epoch : 0};
  if (parts.versions == Versions::Exact) {
    return key;
  }
  auto last = last_version(reader, parts.name);
  if (!last) {
    return fail(std::move(last.error()));
  }
  if (*last && (*last)->major == UINT32_MAX) {
    return fail(Code::LimitExceeded, in_ref(ref) + ": there is no next major version");
  }
  key.version = {*last ? (*last)->major + 1 : 1, 0, 0};
  return key;
}

}  // namespace cairn
