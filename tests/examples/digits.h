// Handwritten digits for train_digits: reading them, and dividing them into two sets.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <cairn/error.h>

namespace digits {

inline constexpr int kPixels = 64;   // 8x8, in rows.
inline constexpr int kDarkest = 16;  // Pixels are 0 to 16 in the file, 0 to 1 here.
inline constexpr int kClasses = 10;

struct Images {
  Eigen::MatrixXf pixels;   // A column an image.
  std::vector<int> labels;  // 0 to 9.
};

// One line: 64 pixels and a label, all integers, between commas. False where it is anything else.
inline bool read_line(const std::string& line, std::array<int, kPixels + 1>& numbers) {
  const char* at = line.data();
  const char* const end = at + line.size();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto [next, error] = std::from_chars(at, end, numbers[i]);
    const bool last = i + 1 == numbers.size();
    const int limit = last ? kClasses - 1 : kDarkest;
    if (error != std::errc() || numbers[i] < 0 || numbers[i] > limit) {
      return false;
    }
    if (last ? next != end : next == end || *next != ',') {
      return false;
    }
    at = last ? next : next + 1;
  }
  return true;
}

inline cairn::Result<Images> read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<float> pixels;
  Images images;
  std::array<int, kPixels + 1> numbers{};
  for (std::string line; std::getline(file, line);) {
    if (!read_line(line, numbers)) {
      const auto number = std::to_string(images.labels.size() + 1);
      return tl::unexpected(cairn::Error{
          cairn::Code::InvalidArgument,
          path.string() + ":" + number + ": expected 64 pixels, 0 to 16, and a digit"});
    }
    for (std::size_t i = 0; i < kPixels; ++i) {
      pixels.push_back(static_cast<float>(numbers[i]) / kDarkest);
    }
    images.labels.push_back(numbers.back());
  }
  if (images.labels.empty()) {
    return tl::unexpected(cairn::Error{cairn::Code::Io, "cannot read " + path.string()});
  }
  images.pixels = Eigen::Map<const Eigen::MatrixXf>(
      pixels.data(), kPixels, static_cast<Eigen::Index>(images.labels.size()));
  return images;
}

// 0 to count-1 in random order. std::shuffle may differ between standard libraries; this does not.
inline std::vector<int> shuffled(int count, std::mt19937_64& random) {
  std::vector<int> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[random() % i]);
  }
  return order;
}

// The images at these places.
inline Images choose(const Images& from, const std::vector<int>& places) {
  Images chosen{from.pixels(Eigen::all, places), {}};
  for (const int place : places) {
    chosen.labels.push_back(from.labels[static_cast<std::size_t>(place)]);
  }
  return chosen;
}

struct Split {
  Images train;
  Images validation;
};

// Four fifths and one fifth, the same ones for the same seed.
inline Split split(const Images& all, std::mt19937_64& random) {
  const auto order = shuffled(static_cast<int>(all.labels.size()), random);
  const auto cut = order.begin() + static_cast<std::ptrdiff_t>(order.size() * 4 / 5);
  return {choose(all, {order.begin(), cut}), choose(all, {cut, order.end()})};
}

}  // namespace digits
