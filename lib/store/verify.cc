// Tensors and files are gathered into piles by their chunks, and each pile is dealt out to threads,
// so that a thousand small tensors keep them as busy as a large one.
#include "store/verify.h"

#include <deque>
#include <utility>
#include <vector>

#include "base/text.h"
#include "store/content_reader.h"

namespace cairn {

namespace {

constexpr std::size_t kPileChunks = std::size_t{1} << 16U;

class Pile {
 public:
  explicit Pile(const Database& database) : database_(database) {}

  [[nodiscard]] bool full() const { return chunks_.size() >= kPileChunks; }

  void add(const ReadContext& context, ContentRecord content) {
    const auto& item = items_.emplace_back(Item{context, std::move(content)});
    const auto chunks = chunks_of(item.context, item.content);
    chunks_.insert(chunks_.end(), chunks.begin(), chunks.end());
  }

  // Checks what was added, and is empty.
  [[nodiscard]] Result<void> check() {
    const ReadPlan plan(database_, std::exchange(chunks_, {}), ColdReader::Pattern::Stream);
    auto checked =
        read_chunks(plan, [](VerifiedChunks& chunks, std::size_t i) -> Result<std::uint64_t> {
          auto bytes = chunks.view(i);
          return bytes ? Result<std::uint64_t>(bytes->size()) : fail(std::move(bytes.error()));
        });
    items_.clear();
    return checked;
  }

 private:
  struct Item {
    ReadContext context;
    ContentRecord content;
  };

  const Database& database_;
  std::deque<Item> items_;  // Stay where they are.
  std::vector<WantedChunk> chunks_;
};

// An entry whose list of chunks cannot be read counts after the damage of those before it.
template <class Entry>
Result<void> add_entry(Pile& pile, const ReadContext& context, const Entry& entry) {
  auto content = content_of(context, {entry.info.content, entry.slot}, entry.info.size_bytes);
  if (content) {
    pile.add(context, std::move(*content));
  }
  if (content && !pile.full()) {
    return {};
  }
  auto checked = pile.check();
  return checked && !content ? fail(std::move(content.error())) : std::move(checked);
}

std::uint64_t bytes_of(const Artifact::State& state) {
  std::uint64_t bytes = 0;
  for (const auto& tensor : state.tensors) {
    bytes += tensor.size_bytes;
  }
  for (const auto& file : state.files) {
    bytes += file.size_bytes;
  }
  return bytes;
}

}  // namespace

Result<void> verify_artifact(const Artifact::State& state) {
  if (auto usable = check_process(state); !usable) {
    return usable;
  }
  Meter meter(state.control, bytes_of(state));
  if (auto going_on = advance({state, {}, {}, meter}, 0); !going_on) {
    return going_on;
  }
  Pile pile(state.lease.session()->database());
  for (const auto& entry : state.model.tensors) {
    const bool bools = entry.info.dtype == DType::Bool;
    const ReadContext context{state, "tensor", entry.info.name, meter, bools};
    if (auto added = add_entry(pile, context, entry); !added) {
      return added;
    }
  }
  for (const auto& entry : state.model.files) {
    const ReadContext context{state, "file", entry.info.name, meter};
    if (auto added = add_entry(pile, context, entry); !added) {
      return added;
    }
  }
  auto checked = pile.check();
  if (checked) {
    meter.finish();
  }
  return checked;
}

}  // namespace cairn
