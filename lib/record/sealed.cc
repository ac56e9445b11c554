// The check at the end of small records: a damaged one is told from a sound one.
#include "record/sealed.h"

#include "base/bytes.h"
#include "base/text.h"
#include "content/digest.h"

namespace cairn {
namespace {

// The digest's bytes are big-endian: its low 32 bits are the last four.
std::uint32_t check_of(std::string_view bytes) {
  const Digest digest = chunk_digest(as_byte_span(bytes));
  const auto text = as_text(std::as_bytes(std::span(digest.bytes)));
  return load_be<std::uint32_t>(text, text.size() - kSealBytes);
}

}  // namespace

void seal(std::string& bytes) {
  append_le(bytes, check_of(bytes));
}

Result<void> check_seal(std::string_view what, std::string_view bytes, std::size_t expected_bytes) {
  if (bytes.size() != expected_bytes) {
    return fail(Code::Corruption, std::string(what) + ": expected " +
                                      std::to_string(expected_bytes) + " bytes, found " +
                                      std::to_string(bytes.size()));
  }
  const auto check_at = bytes.size() - kSealBytes;
  const auto expected = check_of(bytes.substr(0, check_at));
  const auto found = load_le<std::uint32_t>(bytes, check_at);
  if (expected != found) {
    return fail(Code::Corruption,
                std::string(what) + ": expected the check " + std::to_string(expected) +
                    " at byte " + std::to_string(check_at) + ", found " + std::to_string(found));
  }
  return {};
}

}  // namespace cairn
