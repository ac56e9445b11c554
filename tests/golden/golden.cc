// Samples of every kind of content, config and metadata that format 1 knows.
#include "golden.h"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <utility>

#include <cairn/json.h>

namespace golden {

// An owner of elements of any type: how an app's own tensor class would look.
struct Elements {
  cairn::TensorView spec;  // Without bytes.
  std::vector<std::byte> bytes;
};

}  // namespace golden

template <>
struct cairn::TensorTraits<golden::Elements> {
  static constexpr bool owns = true;
  static std::optional<TensorView> view(const golden::Elements& v) {
    return TensorView{v.spec.dtype, v.spec.shape, v.spec.layout, v.bytes};
  }
};

namespace golden {

namespace {

using cairn::Draft;
using cairn::DType;
using cairn::Layout;
using cairn::Shape;
using cairn::Value;
using Json = nlohmann::ordered_json;

// Bytes by formula: the upper byte of a linear congruential generator (Knuth's MMIX constants).
std::vector<std::byte> formula_bytes(std::size_t count, std::uint64_t seed) {
  std::vector<std::byte> out(count);
  for (auto& byte : out) {
    seed = seed * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
    byte = static_cast<std::byte>(seed >> 56);
  }
  return out;
}

// Elements by formula; a bool is 0 or 1.
Elements elements(DType dtype, Shape shape, Layout layout, std::uint64_t seed) {
  auto bytes = formula_bytes(cairn::shape_bytes(dtype, shape).value(), seed);
  if (dtype == DType::Bool) {
    for (auto& byte : bytes) {
      byte &= std::byte{1};
    }
  }
  return {{dtype, std::move(shape), layout, {}}, std::move(bytes)};
}

Draft& add(Draft& draft, const std::string& name, DType dtype, Shape shape,
           Layout layout = Layout::C) {
  return draft.tensor(name, elements(dtype, std::move(shape), layout, name.size()));
}

void fill_types(Draft& draft) {
  for (int i = 1; i <= static_cast<int>(DType::C128); ++i) {
    const auto dtype = static_cast<DType>(i);
    add(draft, "type/" + std::string(cairn::to_string(dtype)), dtype, {3, 5});
  }
  add(draft, "fortran", DType::F32, {4, 2, 3}, Layout::Fortran);
  add(draft, "scalar", DType::F64, {});
  add(draft, "empty", DType::I32, {7, 0, 2});
  add(draft, "rank 32", DType::U8, Shape(32, 1));
  add(draft, "\xC3\xA9t\xC3\xA9 \xE6\xA8\xA1\xE5\x9E\x8B \"quoted\"\n", DType::I16, {2});
  // Two names for one content.
  add(draft, "twin/a", DType::U8, {100});
  add(draft, "twin/b", DType::U8, {100});
}

Value every_value() {
  return Value::Map{{"null", nullptr},
                    {"yes", true},
                    {"no", false},
                    {"least", std::numeric_limits<std::int64_t>::min()},
                    {"most", std::numeric_limits<std::uint64_t>::max()},
                    {"third", 1.0 / 3},
                    {"minus zero", -0.0},
                    {"text", "\xE6\xA8\xA1\xE5\x9E\x8B"},
                    {"bytes", formula_bytes(9, 6)},
                    {"list", Value::List{1, "two", Value::List{}, Value::Map{}}},
                    {"map", Value::Map{{"b", 1}, {"a", Value::Map{{"deep", 2.5}}}}}};
}

std::function<void(Draft&)> series(std::uint64_t epoch) {
  return [epoch](Draft& draft) {
    // Half of the weights move from epoch to epoch, the embedding does not.
    add(draft, "embedding", DType::F32, {16, 8});
    draft.tensor("weights", elements(DType::U8, {32, 64}, Layout::C, 100 + epoch));
    draft.config(every_value())
        .metric("loss", 1.0 / static_cast<double>(epoch + 1))
        .metric("nan", std::nan(""))
        .metric("infinity", -std::numeric_limits<double>::infinity())
        .tag("stage", epoch == 2 ? "prod" : "dev")
        .field("note", Value::Map{{"epoch", epoch}})
        .producer("golden 1");
  };
}

// What flatc makes of tests/data/app_config.fbs.
std::vector<std::byte> table_file(const std::string& name) {
  std::ifstream file(std::filesystem::path(CAIRN_TEST_TABLE_DIR) / name, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

void fill_files(Draft& draft) {
  draft.file("tokenizer.json", formula_bytes(300, 7))
      .file("empty", std::vector<std::byte>())
      .file("vocabulary.bin", formula_bytes(3000, 8))
      .parent({"golden/series", {1, 0, 0}, 2});
}

Json tensor_json(const cairn::TensorInfo& info) {
  Json out = {{"dtype", cairn::to_string(info.dtype)},
              {"shape", info.shape},
              {"layout", cairn::to_string(info.layout)},
              {"bytes", info.size_bytes},
              {"content", info.content.to_string()}};
  if (info.health) {
    const auto& h = *info.health;
    const double numbers[] = {h.min, h.max, h.mean, h.l2};
    for (const double number : numbers) {
      char text[40];
      std::snprintf(text, sizeof text, "%a", number);  // Exact, NaN included.
      out["health"].push_back(std::isnan(number) ? "nan" : text);
    }
    out["health"].push_back({h.nans, h.infinities, h.zeros});
  }
  return out;
}

Json config_json(const cairn::Artifact& artifact) {
  if (const auto config = artifact.config()) {
    return cairn::to_json(*config).value();
  }
  if (const auto table = artifact.config_table()) {
    return {{"table", table->identifier}, {"bytes", table->data.size()}};
  }
  return nullptr;
}

Json metadata_json(const cairn::Metadata& metadata) {
  Json out = {{"created_at", cairn::format_time(metadata.created_at)},
              {"parent", metadata.parent ? metadata.parent->to_string() : ""},
              {"producer", metadata.producer},
              {"fields", cairn::to_json(Value(metadata.fields)).value()}};
  for (const auto& [name, value] : metadata.metrics) {
    out["metrics"][name] = std::isnan(value) ? "nan" : std::to_string(value);
  }
  for (const auto& [name, value] : metadata.tags) {
    out["tags"][name] = value;
  }
  return out;
}

Json artifact_json(const cairn::Artifact& artifact) {
  Json out = {{"digest", artifact.digest().to_string()},
              {"metadata", metadata_json(artifact.metadata())},
              {"config", config_json(artifact)}};
  for (const auto& info : artifact.tensors()) {
    out["tensors"][info.name] = tensor_json(info);
  }
  for (const auto& info : artifact.files()) {
    out["files"][info.name] = {{"bytes", info.size_bytes}, {"content", info.content.to_string()}};
  }
  return out;
}

}  // namespace

std::vector<Sample> samples() {
  std::vector<Sample> out;
  out.push_back({{"golden/types", {1, 0, 0}, 0}, fill_types, true});
  for (std::uint64_t epoch = 0; epoch < 4; ++epoch) {
    out.push_back({{"golden/series", {1, 0, 0}, epoch}, series(epoch), epoch % 2 == 0});
  }
  out.push_back({{"golden/series", {2, 1, 7}, std::uint64_t{1} << 40}, series(0)});
  out.push_back({{"golden/files", {1, 0, 0}, 0}, fill_files});
  out.push_back(
      {{"golden/config-only", {1, 0, 0}, 0}, [](Draft& draft) { draft.config(every_value()); }});
  out.push_back({{"golden/table", {1, 0, 0}, 0}, [](Draft& draft) {
                   draft.config(cairn::ConfigTable{"APPC", table_file("app_config.bin"),
                                                   table_file("app_config.bfbs")});
                 }});
  out.push_back({{"golden/gone", {1, 0, 0}, 0}, series(9), true, true});
  return out;
}

Json describe(const cairn::Store& store) {
  Json out = {{"format", 1}};
  const auto artifacts = store.list().value();
  for (const auto& info : artifacts) {
    out["artifacts"][info.key.to_string()] = artifact_json(store.load(info.key).value());
  }
  const auto aliases = store.aliases().value();
  for (const auto& info : aliases) {
    out["aliases"][info.target.name + ":" + info.alias] = info.target.to_string();
  }
  return out;
}

}  // namespace golden
