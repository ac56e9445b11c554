// cairn show: one artifact in full.
#include <iostream>
#include <memory>

#include <cairn/json.h>

#include "cli.h"
#include "output.h"

namespace cli {

namespace {

struct Shown {
  const cairn::Artifact& artifact;
  std::vector<std::string> aliases;
};

Json health_json(const cairn::Health& health) {
  return {{"min", number_json(health.min)},
          {"max", number_json(health.max)},
          {"mean", number_json(health.mean)},
          {"l2", number_json(health.l2)},
          {"nans", health.nans},
          {"infinities", health.infinities},
          {"zeros", health.zeros}};
}

Json tensor_json(const cairn::TensorInfo& info) {
  Json out;
  out["name"] = info.name;
  out["dtype"] = cairn::to_string(info.dtype);
  out["shape"] = info.shape;
  out["layout"] = cairn::to_string(info.layout);
  out["bytes"] = info.size_bytes;
  out["content"] = info.content.to_string();
  out["health"] = info.health ? health_json(*info.health) : Json();
  return out;
}

Json config_json(const cairn::Artifact& artifact) {
  if (const auto value = artifact.config()) {
    return value_json(*value);
  }
  if (const auto table = artifact.config_table()) {
    return {{"$table", table->identifier},
            {"bytes", table->data.size()},
            {"schema_bytes", table->schema.size()}};
  }
  return nullptr;
}

Json to_json(const Shown& shown) {
  const auto& artifact = shown.artifact;
  Json out;
  out["key"] = artifact.key().to_string();
  out["digest"] = artifact.digest().to_string();
  out["aliases"] = shown.aliases;
  out["metadata"] = metadata_json(artifact.metadata());
  out["config"] = config_json(artifact);
  out["tensors"] = Json::array();
  for (const auto& info : artifact.tensors()) {
    out["tensors"].push_back(tensor_json(info));
  }
  out["files"] = Json::array();
  for (const auto& info : artifact.files()) {
    out["files"].push_back(
        {{"name", info.name}, {"bytes", info.size_bytes}, {"content", info.content.to_string()}});
  }
  return out;
}

void print_line(const std::string& label, const std::string& text) {
  if (!text.empty()) {
    std::cout << label << std::string(label.size() < 10 ? 10 - label.size() : 1, ' ') << text
              << '\n';
  }
}

void print_metadata(const cairn::Metadata& metadata) {
  print_line("created", cairn::format_time(metadata.created_at));
  print_line("producer", escaped(metadata.producer));
  print_line("parent", metadata.parent ? metadata.parent->to_string() : "");
  for (const auto& [name, value] : metadata.tags) {
    print_line("tag", escaped(name) + " = " + escaped(value));
  }
  for (const auto& [name, value] : metadata.metrics) {
    print_line("metric", escaped(name) + " = " + number_text(value));
  }
  for (const auto& [name, value] : metadata.fields) {
    print_line("field", escaped(name) + " = " + escaped(to_text(value_json(value))));
  }
}

std::vector<std::string> health_cells(const std::optional<cairn::Health>& health) {
  if (!health) {
    return {"", "", "", "", ""};
  }
  std::string odd;
  if (health->nans != 0) {
    odd += std::to_string(health->nans) + " NaN ";
  }
  if (health->infinities != 0) {
    odd += std::to_string(health->infinities) + " Inf";
  }
  return {number_text(health->min), number_text(health->max), number_text(health->mean),
          number_text(health->l2), odd};
}

void print_contents(const Globals& globals, const cairn::Artifact& artifact) {
  if (!artifact.tensors().empty()) {
    std::cout << '\n';
    Table table({"TENSOR", "DTYPE", "SHAPE", "LAYOUT", "SIZE", "MIN", "MAX", "MEAN", "L2", "ODD"});
    for (const auto& info : artifact.tensors()) {
      std::vector<std::string> row = {escaped(info.name), std::string(cairn::to_string(info.dtype)),
                                      cairn::to_string(info.shape),
                                      std::string(cairn::to_string(info.layout)),
                                      size_text(info.size_bytes)};
      for (auto& cell : health_cells(info.health)) {
        row.push_back(std::move(cell));
      }
      table.add(std::move(row));
    }
    table.print(globals.no_color);
  }
  if (!artifact.files().empty()) {
    std::cout << '\n';
    Table table({"FILE", "SIZE", "CONTENT"});
    for (const auto& info : artifact.files()) {
      table.add({escaped(info.name), size_text(info.size_bytes), info.content.to_string()});
    }
    table.print(globals.no_color);
  }
}

void print(const Globals& globals, const Shown& shown) {
  const auto& artifact = shown.artifact;
  print_line("key", artifact.key().to_string());
  print_line("digest", "xxh3:" + artifact.digest().to_string());
  for (const auto& alias : shown.aliases) {
    print_line("alias", alias);
  }
  print_metadata(artifact.metadata());
  if (const auto config = config_json(artifact); !config.is_null()) {
    std::cout << "config\n";
    std::istringstream lines(to_text(config, 2));
    for (std::string line; std::getline(lines, line);) {
      std::cout << "  " << escaped(line) << '\n';
    }
  }
  print_contents(globals, artifact);
}

int run_show(const Globals& globals, const std::string& ref) {
  int code = Fine;
  auto store = open_for_reading(globals, code);
  if (!store) {
    return code;
  }
  auto artifact = store->load(ref);
  if (!artifact) {
    return fail(globals, artifact.error());
  }
  auto aliases = store->aliases(artifact->key().name);
  if (!aliases) {
    return fail(globals, aliases.error());
  }
  Shown shown{*artifact, {}};
  for (const auto& info : *aliases) {
    if (info.target == artifact->key()) {
      shown.aliases.push_back(info.alias);
    }
  }
  if (globals.json) {
    std::cout << to_text(to_json(shown), 2) << '\n';
  } else {
    print(globals, shown);
  }
  return Fine;
}

}  // namespace

void add_show(CLI::App& app, Globals& globals, int& code) {
  auto ref = std::make_shared<std::string>();
  auto* command = app.add_subcommand("show", "Show one artifact in full");
  command->add_option("REF", *ref, "The artifact, e.g. digits-mlp:1@min=val_loss")->required();
  command->footer("Example: cairn -s models.cairn show digits-mlp:1@min=val_loss --json");
  command->callback([&globals, &code, ref] { code = run_show(globals, *ref); });
}

}  // namespace cli
