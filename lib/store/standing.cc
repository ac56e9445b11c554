// Digests only nominate: two artifacts are one when their canonical strings and all their bytes
// are equal.
#include "store/standing.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "base/text.h"
#include "catalog/artifacts.h"
#include "content/digest.h"
#include "content/frame.h"
#include "engine/chunk_reader.h"
#include "record/artifact_digest.h"
#include "store/contents.h"
#include "store/intake.h"
#include "store/load_records.h"
#include "store/prepared.h"

namespace cairn {

namespace {

// The content that stands under a name, which is there: the canonical strings are equal.
template <class Entry>
ContentId content_under(const std::vector<Entry>& entries, std::string_view name) {
  const auto* entry = find_by_name(entries, name);
  return {entry->info.content, entry->slot};
}

// Compares the pieces of one content with the chunks that stand for it.
Result<bool> same_content(Session& session, const Cutting& cutting, const CutContent& content,
                          const ContentId& id) {
  auto stored = read_content(*session.database().snapshot(), id);
  if (!stored) {
    return fail(std::move(stored.error()));
  }
  if (stored->chunks.size() != content.piece_count) {
    return false;
  }
  ChunkReader reader(session.database());
  std::vector<std::byte> scratch;
  for (std::size_t i = 0; i < content.piece_count; ++i) {
    const auto& piece = cutting.pieces[content.first_piece + i];
    auto ours = content.source->read(piece.offset, piece.bytes, scratch);
    if (!ours) {
      return fail(std::move(ours.error()));
    }
    auto raw = reader.read(stored->chunks[i].id);
    if (!raw) {
      return fail("chunk " + std::to_string(i), std::move(raw.error()));
    }
    auto frame = decode_frame(*raw);
    if (!frame) {
      return fail("chunk " + std::to_string(i), std::move(frame.error()));
    }
    const auto payload = frame->payload;
    if (payload.size() == ours->size() &&
        std::memcmp(payload.data(), ours->data(), ours->size()) == 0) {
      continue;
    }
    if (chunk_digest(payload) != stored->chunks[i].digest) {
      return fail(Code::Corruption, "chunk " + std::to_string(i) + " at offset " +
                                        std::to_string(piece.offset) + " is damaged");
    }
    return false;
  }
  return true;
}

Result<bool> same_contents(Session& session, const Draft::Parts& parts, const Cutting& cutting,
                           const ModelRecord& model) {
  for (std::size_t i = 0; i < cutting.contents.size(); ++i) {
    const bool is_tensor = i < parts.tensors.size();
    const auto id = is_tensor
                        ? content_under(model.tensors, parts.tensors[i].name)
                        : content_under(model.files, parts.files[i - parts.tensors.size()].name);
    auto same = same_content(session, cutting, cutting.contents[i], id);
    if (!same) {
      return fail(cutting.contents[i].label, std::move(same.error()));
    }
    if (!*same) {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<Standing> find_standing(Session& session, const Key& key, const Draft::Parts& parts,
                               const Cutting& cutting, Dedup dedup) {
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
  auto digests = hash_pieces(session, cutting);
  if (!digests) {
    return fail(std::move(digests.error()));
  }
  const auto ours = canonical_of(parts, cutting, *digests);
  const auto stored = canonical_string(records.model, records.config ? &*records.config : nullptr);
  Standing out{Standing::Kind::Other, records.metadata.artifact, artifact_digest_of(ours)};
  if (ours != stored) {
    return out;
  }
  if (dedup == Dedup::Compare) {
    auto same = same_contents(session, parts, cutting, records.model);
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
