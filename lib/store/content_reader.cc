// Large contents are read by several threads: each has a part of its own, which it reads in order.
#include "store/content_reader.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/guard.h"
#include "base/parallel.h"
#include "base/text.h"
#include "store/contents.h"

namespace cairn {

namespace {

constexpr std::uint64_t kWorthAThreadBytes = std::uint64_t{4} << 20;

// Numbers 0 to count - 1, dealt out to threads: to each a part of its own, in order, as long as
// there are any in it, then what is left of the others'. After a failure only lower numbers are
// dealt out.
class Deal {
 public:
  Deal(std::size_t count, std::size_t parts) : count_(count), next_(parts), until_(count) {
    for (std::size_t part = 0; part < parts; ++part) {
      next_[part] = first_of(part);
    }
  }

  // Nothing where all are dealt out.
  [[nodiscard]] std::optional<std::size_t> next(std::size_t of_part) {
    for (std::size_t k = 0; k < next_.size(); ++k) {
      const auto part = (of_part + k) % next_.size();
      const auto i = next_[part]++;
      if (i < first_of(part + 1) && i < until_) {
        return i;
      }
    }
    return std::nullopt;
  }

  void fail(std::size_t i, Error error) {
    const std::lock_guard guard(mutex_);
    if (i < until_) {
      until_ = i;
      error_ = std::move(error);
    }
  }

  // Once all threads have ended: the error of the lowest number that failed.
  [[nodiscard]] Result<void> result() {
    return error_ ? cairn::fail(std::move(*error_)) : Result<void>();
  }

 private:
  [[nodiscard]] std::size_t first_of(std::size_t part) const {
    return count_ * part / next_.size();
  }

  std::size_t count_;
  std::vector<std::atomic<std::size_t>> next_;
  std::atomic<std::size_t> until_;
  std::mutex mutex_;
  std::optional<Error> error_;  // Guarded by mutex_.
};

}  // namespace

Result<void> check_process(const Artifact::State& state) {
  if (!state.lease.session()->database().same_process()) {
    return fail(
        Code::InvalidArgument,
        state.key.to_string() + " was loaded before fork(): it cannot be read in the child");
  }
  return {};
}

Result<ContentRecord> content_of(const ReadContext& context, const ContentId& id,
                                 std::uint64_t size_bytes) {
  const auto reader = context.database().snapshot();
  auto content = read_content(*reader, id);
  if (!content) {
    return fail(context.where(), std::move(content.error()));
  }
  if (content->size_bytes != size_bytes) {
    return fail(Code::Corruption, context.where() + ": its content has " +
                                      std::to_string(content->size_bytes) + " bytes, expected " +
                                      std::to_string(size_bytes));
  }
  return content;
}

Result<void> advance(const ReadContext& context, std::uint64_t bytes) {
  auto going_on = context.meter.advance(bytes);
  if (!going_on) {
    return fail(context.where(), std::move(going_on.error()));
  }
  return {};
}

Result<void> read_chunks(const ReadPlan& plan, const TakeChunk& take) {
  if (plan.size() == 0) {
    return {};
  }
  const auto threads = static_cast<unsigned>(std::clamp<std::uint64_t>(
      plan.bytes() / kWorthAThreadBytes, 1, std::max(plan[0].context->state.threads, 1U)));
  Deal deal(plan.size(), threads);
  const auto work = [&](std::size_t part, std::size_t) -> Result<void> {
    VerifiedChunks chunks(plan);
    for (auto i = deal.next(part); i; i = deal.next(part)) {
      auto done = guarded([&]() -> Result<void> {
        auto taken = take(chunks, *i);
        return taken ? advance(*plan[*i].context, *taken) : fail(std::move(taken.error()));
      });
      if (!done) {
        deal.fail(*i, std::move(done.error()));
      }
    }
    return {};
  };
  auto worked = parallel_ranges(threads, threads, work);
  return worked ? deal.result() : std::move(worked);
}

Result<void> read_content_into(const ReadContext& context, const ContentRecord& content,
                               std::span<std::byte> out) {
  const ReadPlan plan(context.database(), chunks_of(context, content), ColdReader::Pattern::Stream);
  return read_chunks(plan, [&](VerifiedChunks& chunks, std::size_t i) -> Result<std::uint64_t> {
    auto copied = chunks.copy(i, out.data() + plan[i].at.offset);
    return copied ? Result<std::uint64_t>(plan[i].ref().plain_bytes)
                  : fail(std::move(copied.error()));
  });
}

Result<void> stream_content(const ReadContext& context, const ContentRecord& content,
                            const Artifact::Sink& sink) {
  const ReadPlan plan(context.database(), chunks_of(context, content), ColdReader::Pattern::Stream);
  VerifiedChunks chunks(plan);
  for (std::size_t i = 0; i < plan.size(); ++i) {
    auto bytes = chunks.view(i);
    if (!bytes) {
      return fail(std::move(bytes.error()));
    }
    if (auto taken = sink(*bytes); !taken) {
      return taken;
    }
    if (auto going_on = advance(context, bytes->size()); !going_on) {
      return going_on;
    }
  }
  return {};
}

Result<PlacedBytes> place_content(const ReadContext& context, const ContentRecord& content) {
  if (content.chunks.size() == 1) {
    auto placed = pin_verified({&context, &content, {}});
    if (!placed) {
      return fail(std::move(placed.error()));
    }
    if (*placed) {
      auto going_on = advance(context, content.size_bytes);
      return going_on ? Result<PlacedBytes>(std::move(**placed))
                      : fail(std::move(going_on.error()));
    }
  }
  return place_in_buffer(content.size_bytes, [&](std::span<std::byte> out) {
    return read_content_into(context, content, out);
  });
}

}  // namespace cairn
