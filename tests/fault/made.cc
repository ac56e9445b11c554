// Builds artifacts from seeds, and compares.
#include "made.h"

#include <charconv>
#include <cstddef>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "content/random_bytes.h"
#include "support.h"

namespace cairn::testing {

namespace {

using Numbers = cairn_test::Random;
using Bytes = std::vector<std::byte>;

struct Part {
  std::string name;
  Bytes bytes;
};

struct Made {
  std::vector<Part> tensors;
  std::vector<Part> files;
  std::optional<Value> config;
};

constexpr std::uint64_t kShared = 3;  // How many tensors there are to be shared, of each size.

Bytes shared_bytes(std::uint64_t seed, std::size_t size) {
  return Numbers(1'000'000 + (seed / 8) % kShared).bytes(size);
}

void add_large(Made& made, Numbers& numbers, std::uint64_t seed) {
  switch (build_of(seed)) {
    case Build::Border:
      made.tensors.push_back({"border", numbers.bytes(kMiB - 3'000 + numbers.below(6'000))});
      return;
    case Build::SharedLarge:
      made.tensors.push_back({"own", numbers.bytes(kMiB + numbers.below(3 * kMiB))});
      made.tensors.push_back({"shared", shared_bytes(seed, kMiB * 3 / 2)});
      return;
    default:
      made.files.push_back({"large.bin", numbers.bytes(1 + numbers.below(kMiB * 5 / 2))});
      made.tensors.push_back({"w", numbers.bytes(kMiB + 4 * numbers.below(kMiB / 8))});
      return;
  }
}

Made make(std::uint64_t seed) {
  Numbers numbers(seed);
  Made made;
  // What tells artifacts apart stands in the config or, where there is none, in a scalar.
  const auto build = build_of(seed);
  if (build == Build::ConfigOnly || numbers.below(2) == 0) {
    made.config = Value::Map{{"seed", std::to_string(seed)}, {"rate", numbers.below(100)}};
  } else {
    Bytes scalar(sizeof seed);
    std::memcpy(scalar.data(), &seed, sizeof seed);
    made.tensors.push_back({"seed", std::move(scalar)});
  }
  switch (build) {
    case Build::ConfigOnly:
      break;
    case Build::Scalar:
      made.tensors.push_back({"t", numbers.bytes(4 * numbers.below(1'024))});
      break;
    case Build::Small:
      for (const char* name : {"a", "b", "c"}) {
        made.tensors.push_back({name, numbers.bytes(numbers.below(20'000))});
      }
      break;
    case Build::SmallFile:
      made.tensors.push_back({"t", numbers.bytes(100)});
      made.files.push_back({"notes.txt", numbers.bytes(numbers.below(10'000))});
      break;
    case Build::SharedSmall:
      made.tensors.push_back({"shared", shared_bytes(seed, 16'000)});
      break;
    default:
      add_large(made, numbers, seed);
  }
  if (!made.tensors.empty() && numbers.below(4) == 0) {
    made.tensors.push_back({"twin", made.tensors.back().bytes});
  }
  return made;
}

// F32 where the size allows it, else U8.
void add_tensor(Draft& draft, const Part& part) {
  if (part.bytes.size() % sizeof(float) == 0) {
    std::vector<float> elements(part.bytes.size() / sizeof(float));
    if (!elements.empty()) {
      std::memcpy(elements.data(), part.bytes.data(), part.bytes.size());
    }
    draft.tensor(part.name, std::move(elements));
    return;
  }
  const auto* first = reinterpret_cast<const std::uint8_t*>(part.bytes.data());
  draft.tensor(part.name, std::vector<std::uint8_t>(first, first + part.bytes.size()));
}

template <class Number>
Number number_in(const std::optional<std::string>& text) {
  auto out = std::numeric_limits<Number>::max();
  if (text) {
    std::from_chars(text->data(), text->data() + text->size(), out);
  }
  return out;
}

template <class Infos>
std::string names_differ(const Infos& infos, const std::vector<Part>& parts,
                         std::string_view what) {
  return infos.size() == parts.size() ? ""
                                      : std::to_string(infos.size()) + " " + std::string(what) +
                                            ", expected " + std::to_string(parts.size());
}

std::string bytes_differ(const Result<Bytes>& found, const Part& part) {
  if (!found) {
    return part.name + ": " + found.error().to_string();
  }
  return same_bytes(*found, part.bytes) ? "" : part.name + ": other bytes than were saved";
}

Result<Bytes> read_tensor(const Artifact& artifact, const std::string& name) {
  const auto info = artifact.info(name);
  if (!info) {
    return tl::unexpected(info.error());
  }
  Bytes out(info->size_bytes);
  if (auto read = artifact.read_into(name, std::span(out)); !read) {
    return tl::unexpected(read.error());
  }
  return out;
}

std::string config_differs(const Artifact& artifact, const std::optional<Value>& made) {
  const auto config = artifact.config();
  if (!made) {
    return fails(config, Code::NotFound) ? "" : "a config where none was saved";
  }
  if (!config) {
    return "config: " + config.error().to_string();
  }
  return *config == *made ? "" : "another config than was saved";
}

}  // namespace

std::optional<double> made_loss(std::uint64_t seed) {
  switch ((seed / 8) % 6) {
    case 0:
      return std::nullopt;
    case 1:
      return std::numeric_limits<double>::quiet_NaN();
    case 2:
      return std::numeric_limits<double>::infinity();
    default:
      return 0.5 * static_cast<double>((seed / 8) % 3);
  }
}

Draft make_draft(std::uint64_t seed, std::uint32_t note) {
  const auto made = make(seed);
  Draft draft;
  for (const auto& part : made.tensors) {
    add_tensor(draft, part);
  }
  for (const auto& part : made.files) {
    draft.file(part.name, part.bytes);
  }
  if (made.config) {
    draft.config(*made.config);
  }
  if (const auto loss = made_loss(seed)) {
    draft.metric("loss", *loss);
  }
  draft.tag("seed", std::to_string(seed)).tag("note", std::to_string(note));
  return draft;
}

std::string to_string(const Label& label) {
  return "seed " + std::to_string(label.seed) + " note " + std::to_string(label.note);
}

Label label_of(const Metadata& metadata) {
  return {number_in<std::uint64_t>(metadata.tag("seed")),
          number_in<std::uint32_t>(metadata.tag("note"))};
}

std::string difference(const Artifact& artifact, const Label& made) {
  if (const auto label = label_of(artifact.metadata()); label != made) {
    return "labelled " + to_string(label) + ", expected " + to_string(made);
  }
  const auto wanted = make(made.seed);
  std::string out = names_differ(artifact.tensors(), wanted.tensors, "tensors");
  out += names_differ(artifact.files(), wanted.files, "files");
  for (const auto& part : wanted.tensors) {
    out += out.empty() ? bytes_differ(read_tensor(artifact, part.name), part) : "";
  }
  for (const auto& part : wanted.files) {
    out += out.empty() ? bytes_differ(artifact.file(part.name), part) : "";
  }
  return out.empty() ? config_differs(artifact, wanted.config) : out;
}

}  // namespace cairn::testing
