// FastCDC: sizes, golden cuts, and what survives an insertion.
#include "content/chunker.h"

#include <algorithm>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "cairn/key.h"
#include "content/digest.h"
#include "random_bytes.h"

namespace cairn {

namespace {

using cairn_test::Random;

std::span<const std::byte> window_at(std::span<const std::byte> file, std::size_t at) {
  return file.subspan(at, std::min(kFileChunkMaxBytes, file.size() - at));
}

std::vector<std::size_t> cut_all(std::span<const std::byte> file) {
  std::vector<std::size_t> lengths;
  for (std::size_t at = 0; at < file.size(); at += lengths.back()) {
    lengths.push_back(fastcdc_cut(window_at(file, at)));
    REQUIRE(lengths.back() > 0);
  }
  return lengths;
}

std::set<Digest> digests_of(std::span<const std::byte> file) {
  std::set<Digest> out;
  for (const std::size_t length : cut_all(file)) {
    out.insert(chunk_digest(file.first(length)));
    file = file.subspan(length);
  }
  return out;
}

// The share of `file`'s bytes that stand in chunks of `known`.
double share_known(std::span<const std::byte> file, const std::set<Digest>& known) {
  std::size_t bytes = 0;
  const std::size_t all = file.size();
  for (const std::size_t length : cut_all(file)) {
    bytes += known.contains(chunk_digest(file.first(length))) ? length : 0;
    file = file.subspan(length);
  }
  return static_cast<double>(bytes) / static_cast<double>(all);
}

std::vector<std::byte> inserted(const std::vector<std::byte>& file, std::size_t at,
                                const std::vector<std::byte>& bytes) {
  std::vector<std::byte> out(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(at));
  out.insert(out.end(), bytes.begin(), bytes.end());
  out.insert(out.end(), file.begin() + static_cast<std::ptrdiff_t>(at), file.end());
  return out;
}

}  // namespace

TEST_CASE("chunker: tensors are cut into pieces of one size") {
  CHECK(fixed_chunk_count(0) == 0);
  CHECK(fixed_chunk_count(1) == 1);
  CHECK(fixed_chunk_count(kTensorChunkBytes) == 1);
  CHECK(fixed_chunk_count(kTensorChunkBytes + 1) == 2);
  CHECK(fixed_chunk_count(~std::uint64_t{0}) == std::uint64_t{1} << 44);
}

TEST_CASE("chunker: a random file is cut between the minimum and the maximum") {
  MESSAGE("CAIRN_TEST_SEED=" << cairn_test::seed());
  const auto file = Random(cairn_test::seed()).bytes(std::size_t{32} << 20);
  auto lengths = cut_all(file);
  lengths.pop_back();
  for (const std::size_t length : lengths) {
    CHECK(length > kFileChunkMinBytes);
    CHECK(length <= kFileChunkMaxBytes);
  }
  const std::size_t average = file.size() / (lengths.size() + 1);
  std::ranges::sort(lengths);
  MESSAGE("chunks: " << lengths.front() / 1024 << " to " << lengths.back() / 1024
                     << " KiB, half of "
                     << "them below " << lengths[lengths.size() / 2] / 1024 << ", on average "
                     << average / 1024);
  CHECK(average > kFileChunkNormalBytes * 3 / 4);
  CHECK(average < kFileChunkNormalBytes * 3 / 2);
}

TEST_CASE("chunker: a window up to the minimum is one chunk") {
  const auto file = Random(1).bytes(kFileChunkMinBytes);
  CHECK(fastcdc_cut({}) == 0);
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{63}, kFileChunkMinBytes - 1, kFileChunkMinBytes}) {
    CHECK(fastcdc_cut(std::span(file).first(size)) == size);
  }
}

TEST_CASE("chunker: bytes that are all the same are cut at the maximum") {
  for (const int value : {0, 1, 0x20, 0x7f, 0xff}) {
    const std::vector<std::byte> file(3 * kFileChunkMaxBytes + 5, static_cast<std::byte>(value));
    CHECK(cut_all(file) ==
          std::vector<std::size_t>{kFileChunkMaxBytes, kFileChunkMaxBytes, kFileChunkMaxBytes, 5});
  }
}

TEST_CASE("chunker: the cuts of format v1 stay where they are") {
  const auto file = Random(2024).bytes(std::size_t{3} << 20);
  CHECK(cut_all(file) == std::vector<std::size_t>{354090, 144381, 173807, 120313, 400051, 296759,
                                                  264666, 88958, 368034, 233038, 360216, 318866,
                                                  22549});
}

TEST_CASE("chunker: a cut depends on the bytes before it only") {
  MESSAGE("CAIRN_TEST_SEED=" << cairn_test::seed());
  Random random(cairn_test::seed());
  const auto file = random.bytes(kFileChunkMaxBytes + 64);
  const std::size_t cut = fastcdc_cut(window_at(file, 0));
  // Elsewhere in memory, with other bytes behind it, and with nothing behind it.
  std::vector<std::byte> moved(file.size() + 13, std::byte{0xee});
  std::ranges::copy(std::span(file).first(cut), moved.begin() + 13);
  CHECK(fastcdc_cut(window_at(moved, 13)) == cut);
  CHECK(fastcdc_cut(std::span(file).first(cut)) == cut);
  CHECK(fastcdc_cut(std::span(file).first(cut - 1)) == cut - 1);
  // A window that is longer than it need be is not looked at beyond the maximum.
  CHECK(fastcdc_cut(file) == cut);
}

TEST_CASE("chunker: bytes inserted in the middle leave nearly all chunks as they were") {
  MESSAGE("CAIRN_TEST_SEED=" << cairn_test::seed());
  Random random(cairn_test::seed());
  const auto file = random.bytes(std::size_t{32} << 20);
  const auto known = digests_of(file);
  double sum = 0;
  double least = 1;
  int rounds = 0;
  for (const std::size_t size : {1U, 2U, 3U, 8U, 64U, 100U, 333U, 1000U}) {
    const auto changed = inserted(file, random.below(file.size()), random.bytes(size));
    const double share = share_known(changed, known);
    sum += share;
    least = std::min(least, share);
    ++rounds;
  }
  MESSAGE("unchanged bytes: " << 100 * sum / rounds << " % on average, " << 100 * least
                              << " % at least");
  CHECK(sum / rounds >= 0.97);
  CHECK(least >= 0.90);
}

}  // namespace cairn
