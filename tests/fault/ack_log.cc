// The log's file, and the writer that fills it.
#include "ack_log.h"

#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace cairn::testing {

namespace {

void fail(AckLog& log, const std::string& what) {
  if (log.failed.exchange(1) == 0) {
    std::strncpy(log.failure, what.c_str(), sizeof log.failure - 1);
  }
}

bool is_an_answer(Code code) {
  return code == Code::NotFound || code == Code::AlreadyExists || code == Code::Busy ||
         code == Code::InvalidArgument;
}

// Fills the lane from `at`, `count` operations; where it has come to.
std::size_t work(Store& store, AckLog& log, std::size_t lane, std::size_t at, std::size_t count,
                 Numbers& numbers) {
  Mix mix;
  mix.first_name = static_cast<std::uint8_t>(lane * AckLog::kLaneNames);
  mix.names = AckLog::kLaneNames;
  mix.reads = false;
  mix.large_percent = 20;
  for (; at < AckLog::kEntries && count > 0 && log.failed == 0; ++at, --count) {
    auto& entry = log.lanes[lane][at];
    entry.operation = draw(numbers, mix);
    entry.state = AckLog::Begun;
    std::string why;
    const auto answer = run(store, entry.operation, &why);
    entry.refused = answer.refused ? static_cast<std::uint32_t>(*answer.refused) : 0;
    if (answer.refused && !is_an_answer(*answer.refused)) {
      fail(log, describe(entry.operation) + ": " + why);
      break;
    }
    entry.state = AckLog::Done;
  }
  return at;
}

}  // namespace

MappedLog::MappedLog(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  const bool sized = fd >= 0 && ::ftruncate(fd, sizeof(AckLog)) == 0;
  void* memory = sized ? ::mmap(nullptr, sizeof(AckLog), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                       : MAP_FAILED;
  ::close(fd);
  if (memory == MAP_FAILED) {
    throw std::runtime_error("cannot map " + file.string());
  }
  log_ = static_cast<AckLog*>(memory);
}

MappedLog::~MappedLog() {
  ::munmap(log_, sizeof(AckLog));
}

int write_until_killed(const std::filesystem::path& path, AckLog& log, std::uint64_t seed) {
  const auto threads = 1 + seed % AckLog::kLanes;
  // Alone, a writer also closes the store from time to time and opens it again.
  const auto count = threads == 1 ? std::size_t{30} : AckLog::kEntries;
  std::size_t at = 0;
  Numbers numbers(seed);
  while (at < AckLog::kEntries && log.failed == 0) {
    auto store = Store::open(path);
    if (!store) {
      fail(log, "opening: " + store.error().to_string());
      break;
    }
    ++log.opens;
    std::vector<std::jthread> others;
    for (std::size_t lane = 1; lane < threads; ++lane) {
      others.emplace_back([&, lane] {
        Numbers own(seed + lane);
        work(*store, log, lane, 0, AckLog::kEntries, own);
      });
    }
    at = work(*store, log, 0, at, count, numbers);
    others.clear();
    if (auto closed = store->close(); !closed) {
      fail(log, "closing: " + closed.error().to_string());
    }
  }
  return log.failed == 0 ? 0 : 1;
}

}  // namespace cairn::testing
