// Times as RFC 3339 text and back, by the calendar of <chrono>.
#include "base/time.h"

#include <cstdint>
#include <optional>

#include "base/text.h"

namespace cairn {
namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
constexpr std::size_t kFractionDigits = 9;

void append_padded(std::string& out, std::int64_t value, std::size_t width) {
  const std::string digits = std::to_string(value);
  out.append(width > digits.size() ? width - digits.size() : 0, '0');
  out += digits;
}

// Takes what it reads from the front of `rest`; each call is nullopt, or false, where the text is
// not what was asked for.
struct Reader {
  std::string_view rest;

  std::optional<std::int64_t> number(std::size_t width) {
    if (rest.size() < width) {
      return std::nullopt;
    }
    std::int64_t value = 0;
    for (const char c : rest.substr(0, width)) {
      if (c < '0' || c > '9') {
        return std::nullopt;
      }
      value = value * 10 + (c - '0');
    }
    rest.remove_prefix(width);
    return value;
  }

  bool one_of(std::string_view choices) {
    if (rest.empty() || choices.find(rest.front()) == std::string_view::npos) {
      return false;
    }
    rest.remove_prefix(1);
    return true;
  }

  // Seconds since the epoch of `YYYY-MM-DD`.
  std::optional<std::int64_t> date() {
    const auto year = number(4);
    const bool first = one_of("-");
    const auto month = number(2);
    const bool second = one_of("-");
    const auto day = number(2);
    if (!year || !first || !month || !second || !day) {
      return std::nullopt;
    }
    const std::chrono::year_month_day ymd(std::chrono::year(static_cast<int>(*year)),
                                          std::chrono::month(static_cast<unsigned>(*month)),
                                          std::chrono::day(static_cast<unsigned>(*day)));
    if (!ymd.ok()) {
      return std::nullopt;
    }
    return std::chrono::sys_seconds(std::chrono::sys_days(ymd)).time_since_epoch().count();
  }

  // Seconds of `HH:MM`.
  std::optional<std::int64_t> hours_minutes() {
    const auto hours = number(2);
    const bool colon = one_of(":");
    const auto minutes = number(2);
    if (!hours || !colon || !minutes || *hours > 23 || *minutes > 59) {
      return std::nullopt;
    }
    return *hours * 3600 + *minutes * 60;
  }

  // Nanoseconds of `.` and 1 to 9 digits, 0 where there is no point.
  std::optional<std::int64_t> fraction() {
    if (!one_of(".")) {
      return 0;
    }
    std::size_t digits = rest.find_first_not_of("0123456789");
    digits = digits == std::string_view::npos ? rest.size() : digits;
    if (digits == 0 || digits > kFractionDigits) {
      return std::nullopt;
    }
    std::int64_t nanos = number(digits).value_or(0);
    for (std::size_t i = digits; i < kFractionDigits; ++i) {
      nanos *= 10;
    }
    return nanos;
  }

  // Seconds of `Z` or `+HH:MM`.
  std::optional<std::int64_t> offset() {
    if (one_of("Zz")) {
      return 0;
    }
    const std::int64_t sign = one_of("+") ? 1 : -1;
    if (sign < 0 && !one_of("-")) {
      return std::nullopt;
    }
    const auto seconds = hours_minutes();
    return seconds ? std::optional(sign * *seconds) : std::nullopt;
  }
};

std::optional<Time> make_time(std::int64_t seconds, std::int64_t nanos) {
  if (seconds < 0) {  // So that no step overflows for a time that fits.
    ++seconds;
    nanos -= kNanosPerSecond;
  }
  std::int64_t total = 0;
  if (__builtin_mul_overflow(seconds, kNanosPerSecond, &total) ||
      __builtin_add_overflow(total, nanos, &total)) {
    return std::nullopt;
  }
  return Time(std::chrono::nanoseconds(total));
}

}  // namespace

Time now() {
  return std::chrono::time_point_cast<Time::duration>(std::chrono::system_clock::now());
}

std::string format_time(Time time) {
  std::int64_t seconds = time.time_since_epoch().count() / kNanosPerSecond;
  std::int64_t nanos = time.time_since_epoch().count() % kNanosPerSecond;
  if (nanos < 0) {
    --seconds;
    nanos += kNanosPerSecond;
  }
  const std::chrono::sys_seconds whole{std::chrono::seconds(seconds)};
  const auto midnight = std::chrono::floor<std::chrono::days>(whole);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss clock(whole - midnight);
  std::string out;
  append_padded(out, static_cast<int>(date.year()), 4);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_padded(out, clock.hours().count(), 2);
  out += ':';
  append_padded(out, clock.minutes().count(), 2);
  out += ':';
  append_padded(out, clock.seconds().count(), 2);
  if (nanos != 0) {
    out += '.';
    append_padded(out, nanos, kFractionDigits);
    out.erase(out.find_last_not_of('0') + 1);
  }
  out += 'Z';
  return out;
}

Result<Time> parse_time(std::string_view text) {
  const auto bad = [&](const std::string& why) {
    return fail(Code::InvalidArgument, "time " + quoted(text) + ": " + why);
  };
  Reader reader{text};
  const auto date = reader.date();
  const bool between = reader.one_of("Tt");
  const auto minutes = reader.hours_minutes();
  const bool colon = reader.one_of(":");
  const auto seconds = reader.number(2);
  const auto nanos = reader.fraction();
  const auto offset = reader.offset();
  if (!date || !between || !minutes || !colon || !seconds || *seconds > 59 || !nanos || !offset ||
      !reader.rest.empty()) {
    return bad("expected RFC 3339 such as 2024-11-05T12:34:56.789Z, found something else");
  }
  const auto time = make_time(*date + *minutes + *seconds - *offset, *nanos);
  if (!time) {
    return bad("expected a time from 1677-09-21 to 2262-04-11, found one outside");
  }
  return *time;
}

}  // namespace cairn
