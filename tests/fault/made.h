// Artifacts made from one number: what the fault tests save, and what they check byte by byte when
// they find it again, also in another process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <cairn/cairn.h>

namespace cairn::testing {

// What the last digit (of base 8) of a seed says of the artifact.
enum class Build : std::uint8_t {
  ConfigOnly,   // No tensor, no file.
  Scalar,       // Up to 4 KiB.
  Small,        // Up to 64 KiB in three tensors.
  SmallFile,    // A tensor and a file of up to 10 KiB.
  SharedSmall,  // With a tensor that a third of all such artifacts have.
  Border,       // About as much as decides whether chunks go into the batch or into a file.
  SharedLarge,  // 1 to 4 MiB, and a tensor of 1.5 MiB that a third of all such artifacts have.
  LargeFile,    // A file of up to 2.5 MiB and a tensor of more than one chunk.
};
inline Build build_of(std::uint64_t seed) {
  return static_cast<Build>(seed % 8);
}
inline bool is_large(std::uint64_t seed) {
  return build_of(seed) >= Build::Border;
}

// What the metric `loss` of the artifact is, if it has one. Few values, so that there are ties.
std::optional<double> made_loss(std::uint64_t seed);

// Different seeds make different artifacts. `note` goes into the metadata and nowhere else.
Draft make_draft(std::uint64_t seed, std::uint32_t note);

// What is in the metadata, as a listing shows it.
struct Label {
  std::uint64_t seed = 0;
  std::uint32_t note = 0;

  friend bool operator==(const Label&, const Label&) = default;
};
std::string to_string(const Label& label);
// Of an artifact that make_draft did not make: seed and note as large as can be.
Label label_of(const Metadata& metadata);

// Reads the artifact's every byte and says the first thing that is not as make_draft made it; an
// empty text where nothing is.
std::string difference(const Artifact& artifact, const Label& made);

}  // namespace cairn::testing
