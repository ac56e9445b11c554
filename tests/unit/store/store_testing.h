// What the tests of the store share: sessions, drafts of plain bytes, and a look at what a save has
// put into the database.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "content/colliding_chunk.h"
#include "content/random_bytes.h"
#include "engine/engine_testing.h"
#include "record/chunk_location.h"
#include "record/keys.h"
#include "record/model_record.h"
#include "store/operations.h"
#include "store/session.h"

namespace cairn_test {

using cairn::Receipt;
using cairn::SaveOptions;
using cairn::Session;

// `bulk` sends every new chunk through a file, else the chunks of small saves go into the batch.
inline std::shared_ptr<Session> open_session(const TempDir& temp, bool bulk = false,
                                             unsigned threads = 2) {
  cairn::OpenOptions options;
  options.threads = threads;
  auto session = must(Session::open(temp.store().root, options));
  if (bulk) {
    session->set_small_save_bytes(0);
  }
  return session;
}

// Names and bytes of tensors.
using Tensors = std::vector<std::pair<std::string, Bytes>>;

inline Receipt save(Session& session, const cairn::Ref& ref, const Tensors& tensors,
                    const SaveOptions& options = {}) {
  cairn::Draft draft;
  for (const auto& [name, bytes] : tensors) {
    draft.tensor(name, elements_of(bytes));
  }
  return must(cairn::save_artifact(session, ref, draft, options));
}

inline Bytes load_bytes(const std::shared_ptr<Session>& session, const cairn::Ref& ref,
                        std::string_view tensor) {
  const auto artifact = must(cairn::load_artifact(session, ref, {}));
  Bytes out(must(artifact.info(tensor)).size_bytes);
  must(artifact.read_into(tensor, std::span<std::byte>(out)));
  return out;
}

// The slot of a tensor's content.
inline std::uint32_t slot_of(Session& session, const cairn::Key& key, std::string_view tensor) {
  const auto row = must(
      session.database().snapshot()->get(cairn::Family::Models, cairn::encode_artifact_key(key)));
  for (const auto& entry : must(cairn::decode_model(row.value())).tensors) {
    if (entry.info.name == tensor) {
      return entry.slot;
    }
  }
  throw std::runtime_error("no tensor " + std::string(tensor));
}

// The rows of a digest in the chunk index, by slot.
inline std::map<std::uint32_t, cairn::ChunkLocation> index_rows(Session& session,
                                                                const cairn::Digest& digest) {
  std::map<std::uint32_t, cairn::ChunkLocation> out;
  const auto reader = session.database().snapshot();
  for (std::uint32_t slot = 0; slot < 200; ++slot) {
    const auto row =
        must(reader->get(cairn::Family::ChunkIndex, cairn::encode_index_key(digest, slot)));
    if (row) {
      out[slot] = must(cairn::decode_location(*row));
    }
  }
  return out;
}

}  // namespace cairn_test
