// What runs in a session, as somebody who frees chunks sees it.
#include "store/activity.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "store/store_testing.h"

namespace cairn {

namespace {

using cairn_test::must;
using cairn_test::TempDir;

ModelRecord model_with(std::uint8_t digest) {
  ModelRecord model;
  model.tensors.resize(1);
  model.tensors[0].info.content.bytes[0] = digest;
  model.tensors[0].slot = digest;
  model.files.resize(1);
  model.files[0].info.content.bytes[1] = digest;
  return model;
}

}  // namespace

TEST_CASE("activity: ids count as settled up to the oldest save that still runs") {
  IdAllocator ids(100);
  Activity activity(ids);
  CHECK(activity.settled_ids() == 100);
  auto first = must(activity.begin_save(10));
  auto second = must(activity.begin_save(5));
  CHECK(first->first_id() == 100);
  CHECK(second->first_id() == 110);
  CHECK(activity.settled_ids() == 100);
  first.reset();
  CHECK(activity.settled_ids() == 110);
  auto third = must(activity.begin_save(1));
  second.reset();
  CHECK(activity.settled_ids() == 115);
  third.reset();
  CHECK(activity.settled_ids() == 116);
}

TEST_CASE("activity: a save for which there are no ids is refused and leaves no trace") {
  IdAllocator ids(ChunkId::kSmallBit - 3);
  Activity activity(ids);
  CHECK(activity.begin_save(4).error().code == Code::LimitExceeded);
  CHECK(activity.settled_ids() == ChunkId::kSmallBit - 3);
}

TEST_CASE("activity: a chunk is pinned until the last save that found it has ended") {
  IdAllocator ids(1);
  Activity activity(ids);
  auto one = must(activity.begin_save(0));
  auto two = must(activity.begin_save(0));
  CHECK(!activity.is_pinned(ChunkId{7}));
  one->pin(ChunkId{7});
  one->pin(ChunkId{7});
  two->pin(ChunkId{7});
  one.reset();
  CHECK(activity.is_pinned(ChunkId{7}));
  two.reset();
  CHECK(!activity.is_pinned(ChunkId{7}));
}

TEST_CASE("activity: while somebody watches, what was pinned stays pinned") {
  IdAllocator ids(1);
  Activity activity(ids);
  auto before = must(activity.begin_save(0));
  before->pin(ChunkId{1});
  {
    const Activity::Watch watch(activity);
    auto during = must(activity.begin_save(0));
    during->pin(ChunkId{2});
    before.reset();
    during.reset();
    CHECK(activity.is_pinned(ChunkId{1}));
    CHECK(activity.is_pinned(ChunkId{2}));
    CHECK(!activity.is_pinned(ChunkId{3}));
  }
  CHECK(!activity.is_pinned(ChunkId{1}));
  CHECK(!activity.is_pinned(ChunkId{2}));
}

TEST_CASE(
    "activity: a sweep and a look-up exclude each other, so what is found is pinned in time") {
  IdAllocator ids(1);
  Activity activity(ids);
  std::atomic<int> looking{0};
  std::atomic<bool> sweeping{false};
  std::atomic<bool> met{false};
  std::atomic<bool> stop{false};
  std::vector<std::jthread> saves;
  for (int t = 0; t < 3; ++t) {
    saves.emplace_back([&] {
      while (!stop) {
        auto save = must(activity.begin_save(1));
        must(save->find([&]() -> Result<void> {
          ++looking;
          met = met || sweeping;
          save->pin(ChunkId{save->first_id()});
          --looking;
          return {};
        }));
        std::this_thread::yield();
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    must(activity.sweep([&]() -> Result<void> {
      sweeping = true;
      met = met || looking != 0;
      std::this_thread::yield();
      sweeping = false;
      return {};
    }));
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  stop = true;
  saves.clear();
  CHECK(!met);
}

TEST_CASE("activity: what loads hold is told once those that resolve a ref are done with it") {
  IdAllocator ids(1);
  Activity activity(ids);
  CHECK(activity.held_contents().empty());
  const auto model = model_with(3);
  auto load = activity.begin_load();
  std::atomic<bool> told{false};
  std::vector<ContentId> held;
  std::jthread collector([&] {
    held = activity.held_contents();
    told = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  CHECK(!told);
  auto later = activity.begin_load();  // Not waited for: it sees no older state.
  load->hold(model);
  // Where the machine was so busy that the collector began behind `later`, it waits for that, too.
  for (int i = 0; i < 1'000 && !told; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  later.reset();
  collector.join();
  REQUIRE(held.size() == 2);
  CHECK(held[0] == ContentId{model.tensors[0].info.content, 3});
  CHECK(held[1] == ContentId{model.files[0].info.content, 0});
}

TEST_CASE("activity: a load that fails is not waited for any longer") {
  IdAllocator ids(1);
  Activity activity(ids);
  auto load = activity.begin_load();
  std::jthread failing([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    load.reset();
  });
  CHECK(activity.held_contents().empty());
}

TEST_CASE("activity: an artifact holds its contents as long as it lives") {
  const TempDir temp;
  const auto session = cairn_test::open_session(temp);
  cairn_test::save(*session, "m:1", {{"a", cairn_test::Bytes(100)}, {"b", cairn_test::Bytes(200)}});
  CHECK(session->activity().held_contents().empty());
  {
    const auto artifact = must(load_artifact(session, "m:1", {}));
    const auto copy = artifact;
    CHECK(session->activity().held_contents().size() == 2);
  }
  CHECK(session->activity().held_contents().empty());
  CHECK(!load_artifact(session, "m:9", {}));
  CHECK(session->activity().held_contents().empty());
}

TEST_CASE("activity: a save pins the stored chunks that it shares, and lets them go at its end") {
  const TempDir temp;
  const auto session = cairn_test::open_session(temp);
  cairn_test::save(*session, "m:1", {{"a", cairn_test::Bytes(100)}});
  cairn_test::save(*session, "m:2", {{"a", cairn_test::Bytes(100)}, {"b", cairn_test::Bytes(9)}});
  const auto row = must(session->database().get_many(
      Family::ChunkIndex, {encode_index_key(chunk_digest(cairn_test::Bytes(100)), 0)}));
  const auto id = must(decode_location(row.front().value())).id;
  CHECK(!session->activity().is_pinned(id));
  const Activity::Watch watch(session->activity());
  cairn_test::save(*session, "m:3", {{"a", cairn_test::Bytes(100)}, {"c", cairn_test::Bytes(7)}});
  CHECK(session->activity().is_pinned(id));
  CHECK(session->activity().settled_ids() == session->ids().next());
}

}  // namespace cairn
