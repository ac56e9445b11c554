// What the kernel says of this process: bytes it has had written, memory it has used.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

namespace bench {

// The number behind `name` in a file of /proc; 0 where it is not there.
inline std::uint64_t proc_number(const char* path, const std::string& name) {
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    if (word == name) {
      std::uint64_t value = 0;
      file >> value;
      return value;
    }
  }
  return 0;
}

// Bytes that this process has caused to be written to a device, the page cache's own included.
inline std::uint64_t written_bytes() {
  return proc_number("/proc/self/io", "write_bytes:");
}

// The most memory that this process has held so far, and what it holds now, in bytes.
inline std::uint64_t peak_memory() {
  return proc_number("/proc/self/status", "VmHWM:") << 10;
}
inline std::uint64_t memory() {
  return proc_number("/proc/self/status", "VmRSS:") << 10;
}
// Of it, what is not a file that is mapped.
inline std::uint64_t anonymous_memory() {
  return proc_number("/proc/self/status", "RssAnon:") << 10;
}

// Lets the peak start again from what is held now.
inline void reset_peak() {
  std::ofstream("/proc/self/clear_refs") << 5;
}

}  // namespace bench
