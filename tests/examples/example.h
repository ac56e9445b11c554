// What the examples share: a result or the end of the program, a check, a directory to work in.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <stdlib.h>  // mkdtemp

#include <cairn/error.h>

namespace example {

// Prints why, and ends the program.
[[noreturn]] inline void stop(std::string_view why) {
  std::cerr << "error: " << why << std::endl;
  std::exit(1);
}

// The value, or the end of the program with the error.
template <class T>
T or_exit(cairn::Result<T> result) {
  if (!result) {
    stop(result.error().to_string());
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(*result);
  }
}

// Prints what holds, or ends the program because it does not.
inline void check(bool holds, std::string_view what) {
  if (!holds) {
    stop("this should hold: " + std::string(what));
  }
  std::cout << "ok: " << what << std::endl;
}

// Whether the call failed, and in this way; prints the error, for the reader.
template <class T>
bool fails_with(cairn::Code code, const cairn::Result<T>& result) {
  if (!result) {
    std::cout << "    " << result.error().to_string() << std::endl;
  }
  return !result && result.error().code == code;
}

// A new directory, removed at the end of its scope. A program that stops early leaves it there.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string path = (std::filesystem::temp_directory_path() / "cairn-example-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) {
      stop("cannot make a directory like " + path);
    }
    path_ = path;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace example
