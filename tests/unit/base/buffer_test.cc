// Buffer: memory that is kept, aligned and moved, and sizes that no machine has.
#include "cairn/buffer.h"

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include <doctest/doctest.h>

namespace cairn {

static_assert(!std::is_copy_constructible_v<Buffer> && !std::is_copy_assignable_v<Buffer>);

TEST_CASE("buffer: it is as long as was asked for, and 64-byte aligned") {
  for (const std::size_t size : {1UL, 63UL, 4096UL, 100'001UL, 4UL << 20U, (9UL << 20U) + 1}) {
    CAPTURE(size);
    Buffer buffer;
    REQUIRE(buffer.resize(size));
    CHECK(buffer.bytes().size() == size);
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.bytes().data()) % 64 == 0);
    std::memset(buffer.bytes().data(), 7, size);
    CHECK(std::as_const(buffer).bytes().back() == std::byte{7});
  }
  Buffer empty;
  CHECK(empty.bytes().empty());
  CHECK(empty.resize(0));
}

TEST_CASE("buffer: memory is kept when less is asked for, and when as much is again") {
  Buffer buffer;
  REQUIRE(buffer.resize(5U << 20U));
  const auto* const first = buffer.bytes().data();
  std::memset(buffer.bytes().data(), 1, buffer.bytes().size());
  REQUIRE(buffer.resize(100));
  CHECK(buffer.bytes().size() == 100);
  REQUIRE(buffer.resize(5U << 20U));
  CHECK(buffer.bytes().data() == first);
  CHECK(buffer.bytes().back() == std::byte{1});
  REQUIRE(buffer.resize(20U << 20U));
  CHECK(buffer.bytes().size() == 20U << 20U);
}

TEST_CASE("buffer: elements are its bytes as a type") {
  Buffer buffer;
  REQUIRE(buffer.resize(10));
  CHECK(buffer.elements<float>().size() == 2);
  buffer.elements<std::uint16_t>()[4] = 0x0102;
  CHECK(buffer.bytes()[9] == std::byte{1});
}

TEST_CASE("buffer: one that was moved from is empty and may be used again") {
  Buffer from;
  REQUIRE(from.resize(1000));
  const auto* const data = from.bytes().data();
  Buffer to = std::move(from);
  CHECK(to.bytes().data() == data);
  CHECK(from.bytes().empty());  // NOLINT: what is tested.
  REQUIRE(from.resize(10));
  from = std::move(to);
  CHECK(from.bytes().data() == data);
  CHECK(from.bytes().size() == 1000);
}

TEST_CASE("buffer: memory that cannot be had is LimitExceeded, and the buffer is empty then") {
  for (const std::size_t size : {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 2 - 4096}) {
    Buffer buffer;
    REQUIRE(buffer.resize(100));
    const auto grown = buffer.resize(size);
    REQUIRE(!grown);
    CHECK(grown.error().code == Code::LimitExceeded);
    CHECK(grown.error().message.find(std::to_string(size)) != std::string::npos);
    CHECK(buffer.bytes().empty());
    CHECK(buffer.resize(100));
  }
}

}  // namespace cairn
