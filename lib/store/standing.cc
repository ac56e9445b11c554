// Digests only nominate: two artifacts are one when their canonical strings and all their bytes
// are equal. A piece is compared right after it was hashed, while it is in cache; what that says
// counts once all digests are known.
#include "store/standing.h"

#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/meter.h"
#include "base/parallel.h"
#include "base/text.h"
#include "catalog/artifacts.h"
#include "content/frame.h"
#include "engine/chunk_reader.h"
#include "record/artifact_digest.h"
#include "store/contents.h"
#include "store/load_records.h"
#include "store/prepared.h"

namespace cairn {

namespace {

// The chunks that stand under the name of each of the draft's contents; an error, or nothing,
// where there is none to compare with.
using StoredContents = std::vector<std::optional<Result<ContentRecord>>>;

template <class Parts, class Entries>
void add_stored(StoredContents& out, const Reader& reader, const Parts& parts,
                const Entries& entries) {
  for (const auto& part : parts) {
    const auto* entry = find_by_name(entries, part.name);
    out.push_back(std::nullopt);
    if (entry != nullptr) {
      out.back() = read_content(reader, {entry->info.content, entry->slot});
    }
  }
}

// Hashes the draft's pieces, and compares them with what stands.
class Comparison {
 public:
  Comparison(Session& session, const Cutting& cutting, const Control& control)
      : session_(session),
        cutting_(cutting),
        meter_(control, cutting.total_bytes),
        same_(cutting.pieces.size()) {
    digests.resize(cutting.pieces.size());
  }

  // Without `stored` it only hashes.
  [[nodiscard]] Result<void> run(const StoredContents& stored);
  // Whether all of a content's pieces are the same as the stored ones.
  [[nodiscard]] Result<bool> same(std::size_t content, const StoredContents& stored);

  std::vector<Digest> digests;

 private:
  [[nodiscard]] Result<void> run(const StoredContents& stored, std::size_t begin, std::size_t end);
  [[nodiscard]] const ChunkRef* stored_chunk(const StoredContents& stored, std::size_t piece) const;
  [[nodiscard]] Result<bool> compare(const ChunkRef& chunk, ChunkReader& reader,
                                     std::span<const std::byte> ours);

  Session& session_;
  const Cutting& cutting_;
  Meter meter_;
  std::vector<std::optional<Result<bool>>> same_;  // Nothing where digests differ.
};

Result<void> Comparison::run(const StoredContents& stored) {
  auto ran =
      parallel_ranges(cutting_.pieces.size(), session_.threads(),
                      [&](std::size_t begin, std::size_t end) { return run(stored, begin, end); });
  if (ran) {
    meter_.finish();
    ran = meter_.check();
  }
  return ran;
}

Result<void> Comparison::run(const StoredContents& stored, std::size_t begin, std::size_t end) {
  ChunkReader reader(session_.database());
  Scratch scratch;
  for (auto i = begin; i < end; ++i) {
    const auto& piece = cutting_.pieces[i];
    const auto& content = cutting_.content_of(piece);
    auto bytes = cutting_.read(i, scratch);
    if (!bytes) {
      return fail(std::move(bytes.error()));
    }
    auto digest = digest_of_piece(content, *bytes);
    if (!digest) {
      return fail(std::move(digest.error()));
    }
    digests[i] = *digest;
    if (const auto* chunk = stored_chunk(stored, i); chunk != nullptr && chunk->digest == *digest) {
      same_[i] = compare(*chunk, reader, *bytes);
    }
    if (auto go_on = meter_.advance(piece.bytes); !go_on) {
      return go_on;
    }
  }
  return {};
}

// The chunk that stands where a piece would; null where there is none.
const ChunkRef* Comparison::stored_chunk(const StoredContents& stored, std::size_t piece) const {
  const auto content = cutting_.pieces[piece].content;
  const auto nth = piece - cutting_.contents[content].first_piece;
  const bool readable = !stored.empty() && stored[content] && *stored[content];
  return readable && nth < (*stored[content])->chunks.size() ? &(*stored[content])->chunks[nth]
                                                             : nullptr;
}

Result<bool> Comparison::compare(const ChunkRef& chunk, ChunkReader& reader,
                                 std::span<const std::byte> ours) {
  auto raw = reader.read(chunk.id);
  if (!raw) {
    return fail(std::move(raw.error()));
  }
  const auto frame = decode_frame(*raw);
  if (!frame) {
    return fail(frame.error());
  }
  const auto payload = frame->payload;
  if (payload.size() == ours.size() && std::memcmp(payload.data(), ours.data(), ours.size()) == 0) {
    return true;
  }
  if (chunk_digest(payload) != chunk.digest) {
    return fail(Code::Corruption, "its bytes do not have the digest " + chunk.digest.to_string());
  }
  return false;
}

Result<bool> Comparison::same(std::size_t index, const StoredContents& stored) {
  const auto& content = cutting_.contents[index];
  if (!stored[index]) {
    return false;
  }
  if (!*stored[index]) {
    return fail(content.label, stored[index]->error());
  }
  if ((*stored[index])->chunks.size() != content.piece_count) {
    return false;
  }
  for (auto i = content.first_piece; i < content.first_piece + content.piece_count; ++i) {
    if (same_[i] && !*same_[i]) {
      return fail(content.label + ": chunk " + std::to_string(i - content.first_piece) +
                      " at offset " + std::to_string(cutting_.pieces[i].offset),
                  same_[i]->error());
    }
    if (!same_[i] || !**same_[i]) {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<Standing> find_standing(Session& session, const Key& key, const Draft::Parts& parts,
                               const Cutting& cutting, const SaveOptions& options) {
  ArtifactRecords records;  // Goes after `load`, which holds its model.
  const auto load = session.activity().begin_load();
  auto read = load_records(*session.database().snapshot(), key);
  if (!read) {
    if (read.error().code == Code::NotFound) {
      return Standing{};
    }
    return fail("an artifact stands at that key already", std::move(read.error()));
  }
  records = std::move(*read);
  load->hold(records.model);
  StoredContents stored;
  if (options.dedup == Dedup::Compare) {
    const auto reader = session.database().snapshot();
    add_stored(stored, *reader, parts.tensors, records.model.tensors);
    add_stored(stored, *reader, parts.files, records.model.files);
  }
  Comparison comparison(session, cutting, options.control);
  if (auto ran = comparison.run(stored); !ran) {
    return fail(std::move(ran.error()));
  }
  const auto ours = canonical_of(parts, cutting, comparison.digests);
  const auto standing =
      canonical_string(records.model, records.config ? &*records.config : nullptr);
  Standing out{Standing::Kind::Other, records.metadata.artifact, artifact_digest_of(ours)};
  if (ours != standing) {
    return out;
  }
  for (std::size_t i = 0; i < stored.size(); ++i) {
    auto same = comparison.same(i, stored);
    if (!same) {
      return fail(key.to_string() + " stands there already, and is damaged (replace mends it)",
                  std::move(same.error()));
    }
    if (!*same) {
      return out;
    }
  }
  out.kind = Standing::Kind::Same;
  return out;
}

}  // namespace cairn
