// An alias's record is its history; its last move is where it stands.
#include "catalog/aliases.h"

#include <utility>

#include "base/text.h"
#include "record/catalog_records.h"
#include "record/keys.h"

namespace cairn {

namespace {

constexpr std::size_t kMaxMoves = 1000;

Result<std::optional<AliasRecord>> find_record(const Reader& reader, std::string_view name,
                                               std::string_view alias) {
  auto bytes = reader.get(Family::Aliases, encode_alias_key(name, alias));
  if (!bytes) {
    return fail(std::move(bytes.error()));
  }
  if (!*bytes) {
    return std::nullopt;
  }
  auto record = decode_alias(**bytes);
  if (!record) {
    return fail("alias " + std::string(name) + ":" + std::string(alias), std::move(record.error()));
  }
  return std::move(*record);
}

Result<void> append_move(Batch& batch, std::string_view name, std::string_view alias,
                         AliasRecord record, const AliasMove& move) {
  if (record.moves.size() >= kMaxMoves) {
    record.moves.erase(record.moves.begin());
  }
  record.moves.push_back(move);
  auto bytes = encode_alias(record);
  if (!bytes) {
    return fail(std::move(bytes.error()));
  }
  batch.put(Family::Aliases, encode_alias_key(name, alias), *bytes);
  return {};
}

std::string existing(const std::vector<AliasInfo>& aliases) {
  if (aliases.empty()) {
    return "it has no aliases";
  }
  std::string out = "it has";
  for (const auto& info : aliases) {
    out += " " + info.alias;
  }
  return out;
}

}  // namespace

Result<std::optional<Key>> find_alias(const Reader& reader, std::string_view name,
                                      std::string_view alias) {
  auto record = find_record(reader, name, alias);
  if (!record) {
    return fail(std::move(record.error()));
  }
  if (!*record || (*record)->moves.back().removed) {
    return std::nullopt;
  }
  const auto& now = (*record)->moves.back();
  return Key{std::string(name), now.version, now.epoch};
}

Result<std::vector<AliasInfo>> list_aliases(const Reader& reader, std::string_view name) {
  std::vector<AliasInfo> out;
  const auto prefix = name.empty() ? std::string() : artifact_prefix(name);
  auto cursor = reader.cursor(Family::Aliases);
  for (cursor.seek(prefix); cursor.at_prefix(prefix); cursor.next()) {
    auto key = decode_alias_key(cursor.key());
    if (!key) {
      return fail(std::move(key.error()));
    }
    auto record = decode_alias(cursor.value());
    if (!record) {
      return fail("alias " + key->first + ":" + key->second, std::move(record.error()));
    }
    const auto& now = record->moves.back();
    if (!now.removed) {
      out.push_back({key->second, Key{key->first, now.version, now.epoch}, now.moved_at});
    }
  }
  if (auto status = cursor.status(); !status) {
    return fail(std::move(status.error()));
  }
  return out;
}

Result<void> put_alias(Batch& batch, std::string_view alias, const Key& target, Time now) {
  auto record = find_record(batch, target.name, alias);
  if (!record) {
    return fail(std::move(record.error()));
  }
  if (*record) {
    const auto& last = (*record)->moves.back();
    if (!last.removed && last.version == target.version && last.epoch == target.epoch) {
      return {};
    }
  }
  return append_move(batch, target.name, alias, record->value_or(AliasRecord{}),
                     {false, target.version, target.epoch, now});
}

Result<void> drop_alias(Batch& batch, std::string_view name, std::string_view alias, Time now) {
  auto record = find_record(batch, name, alias);
  if (!record) {
    return fail(std::move(record.error()));
  }
  if (!*record || (*record)->moves.back().removed) {
    auto others = list_aliases(batch, name);
    return fail(Code::NotFound, "no alias " + std::string(name) + ":" + std::string(alias) + "; " +
                                    (others ? existing(*others) : ""));
  }
  AliasMove removal = (*record)->moves.back();
  removal.removed = true;
  removal.moved_at = now;
  return append_move(batch, name, alias, std::move(**record), removal);
}

}  // namespace cairn
