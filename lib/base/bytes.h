// Fixed-width integers to and from bytes: big-endian in ordered keys, little-endian elsewhere.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace cairn {

static_assert(std::endian::native == std::endian::little,
              "tensors are stored as little-endian bytes and mapped into memory as they are");

template <std::unsigned_integral T>
T byte_swapped(T value) {
  if constexpr (sizeof(T) == 1) {
    return value;
  } else if constexpr (sizeof(T) == 2) {
    return __builtin_bswap16(value);
  } else if constexpr (sizeof(T) == 4) {
    return __builtin_bswap32(value);
  } else {
    return __builtin_bswap64(value);
  }
}

template <std::unsigned_integral T>
void append_be(std::string& out, T value) {
  value = byte_swapped(value);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <std::unsigned_integral T>
void append_le(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// The caller has checked that `in` holds at least sizeof(T) bytes from `offset` on.
template <std::unsigned_integral T>
T load_be(std::string_view in, std::size_t offset = 0) {
  T value;
  std::memcpy(&value, in.data() + offset, sizeof value);
  return byte_swapped(value);
}

template <std::unsigned_integral T>
T load_le(std::string_view in, std::size_t offset = 0) {
  T value;
  std::memcpy(&value, in.data() + offset, sizeof value);
  return value;
}

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::span<const std::byte> as_byte_span(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace cairn
