// Ref: the text that names an artifact, taken apart by the grammar in key.h. The text is split at
// the first `@`, then at the first `:`; what the parts mean is found later, in a store.
#include <algorithm>
#include <limits>

#include "base/key_text.h"
#include "base/text.h"
#include "cairn/key.h"

namespace cairn {
namespace {

constexpr std::size_t kMinDigestDigits = 4;
constexpr std::size_t kMaxDigestDigits = 32;
constexpr std::string_view kDigestName = "xxh3";

[[nodiscard]] Result<std::uint64_t> parse_epoch(std::string_view text) {
  return parse_decimal("epoch", text, std::numeric_limits<std::uint64_t>::max());
}

[[nodiscard]] Result<void> parse_digest(std::string_view hex, RefParts& parts) {
  if (hex.size() < kMinDigestDigits || hex.size() > kMaxDigestDigits ||
      hex.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) {
    return fail(Code::InvalidArgument,
                "digest " + quoted(hex) + ": expected 4 to 32 hexadecimal digits");
  }
  parts.versions = RefParts::Versions::Digest;
  for (const char c : hex) {
    parts.digest += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return {};
}

// What follows the first `:`.
[[nodiscard]] Result<void> parse_versions(std::string_view text, RefParts& parts) {
  if (text == "latest") {
    parts.versions = RefParts::Versions::Latest;
    return {};
  }
  if (text == "all") {
    parts.versions = RefParts::Versions::All;
    return {};
  }
  const bool digit_first = !text.empty() && text.front() >= '0' && text.front() <= '9';
  if (digit_first || looks_like_version(text)) {
    const auto version = Version::parse(text);
    if (!version) {
      return fail(version.error());
    }
    parts.versions = RefParts::Versions::Exact;
    parts.version = *version;
    return {};
  }
  if (text.empty()) {
    return fail(Code::InvalidArgument,
                "expected a version, an alias, `latest` or `all` after ':', found nothing");
  }
  if (auto good = check_alias(text); !good) {
    return good;
  }
  parts.versions = RefParts::Versions::Alias;
  parts.alias = text;
  return {};
}

[[nodiscard]] Result<void> parse_range(std::string_view first, std::string_view last,
                                       RefParts& parts) {
  const auto from = parse_epoch(first);
  if (!from) {
    return fail(from.error());
  }
  const auto to = parse_epoch(last);
  if (!to) {
    return fail(to.error());
  }
  if (*from > *to) {
    return fail(Code::InvalidArgument, "epochs " + std::to_string(*from) + ".." +
                                           std::to_string(*to) + ": expected the lower one first");
  }
  parts.epochs = RefParts::Epochs::Range;
  parts.epoch = *from;
  parts.last = *to;
  return {};
}

// What follows the first `@`.
[[nodiscard]] Result<void> parse_epochs(std::string_view text, RefParts& parts) {
  if (text == "last") {
    parts.epochs = RefParts::Epochs::Last;
    return {};
  }
  if (text == "all") {
    parts.epochs = RefParts::Epochs::All;
    return {};
  }
  if (text.starts_with("min=") || text.starts_with("max=")) {
    parts.epochs = text[1] == 'i' ? RefParts::Epochs::Min : RefParts::Epochs::Max;
    parts.metric = text.substr(4);
    return check_item_name("metric", parts.metric, kMaxLabelBytes);
  }
  if (const auto dots = text.find(".."); dots != std::string_view::npos) {
    return parse_range(text.substr(0, dots), text.substr(dots + 2), parts);
  }
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return fail(
        Code::InvalidArgument,
        "epoch " + quoted(text) + ": expected a number, A..B, last, all, min=METRIC or max=METRIC");
  }
  const auto epoch = parse_epoch(text);
  if (!epoch) {
    return fail(epoch.error());
  }
  parts.epochs = RefParts::Epochs::Exact;
  parts.epoch = *epoch;
  return {};
}

[[nodiscard]] Result<RefParts> parse_parts(std::string_view text) {
  const auto at = text.find('@');
  const std::string_view head = text.substr(0, at);
  const auto colon = head.find(':');
  RefParts parts;
  parts.name = head.substr(0, colon);
  if (parts.name == kDigestName && colon != std::string_view::npos) {
    parts.name.clear();
    if (at != std::string_view::npos) {
      return fail(Code::InvalidArgument, "expected no '@' after a digest, found one");
    }
    auto good = parse_digest(head.substr(colon + 1), parts);
    return good ? Result<RefParts>(std::move(parts)) : fail(std::move(good.error()));
  }
  auto good = check_name(parts.name);
  if (good && colon != std::string_view::npos) {
    good = parse_versions(head.substr(colon + 1), parts);
  }
  if (good && at != std::string_view::npos) {
    good = parse_epochs(text.substr(at + 1), parts);
  }
  if (!good) {
    return fail(std::move(good.error()));
  }
  return parts;
}

}  // namespace

Ref::Ref(std::string_view name, std::string_view version, bool negative, std::uint64_t epoch) {
  const std::string number = negative ? "-" + std::to_string(0 - epoch) : std::to_string(epoch);
  text_ = std::string(name) + ":" + std::string(version) + "@" + number;
  const auto bad = [this](Error error) { return fail("ref " + quoted(text_), std::move(error)); };
  if (negative) {
    parts_ = bad({Code::InvalidArgument, "epoch " + number + ": expected 0 or more"});
    return;
  }
  auto parsed = Version::parse(version);
  if (!parsed) {
    parts_ = bad(std::move(parsed.error()));
    return;
  }
  const Key key{std::string(name), *parsed, epoch};
  text_ = key.to_string();
  parts_ = parse(key);
}

Result<RefParts> Ref::parse(std::string_view text) {
  auto parts = parse_parts(text);
  return parts ? parts : fail("ref " + quoted(text), std::move(parts.error()));
}

Result<RefParts> Ref::parse(const Key& key) {
  if (auto good = check_name(key.name); !good) {
    return fail("ref " + quoted(key.to_string()), std::move(good.error()));
  }
  RefParts parts;
  parts.name = key.name;
  parts.versions = RefParts::Versions::Exact;
  parts.version = key.version;
  parts.epochs = RefParts::Epochs::Exact;
  parts.epoch = key.epoch;
  return parts;
}

}  // namespace cairn
