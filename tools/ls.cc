// cairn ls: artifacts, one a line.
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>

#include <fnmatch.h>

#include "cli.h"
#include "output.h"

namespace cli {

namespace {

struct Options {
  std::string glob;
  std::string sort = "key";
  std::size_t limit = SIZE_MAX;
};

using Aliases = std::map<cairn::Key, std::vector<std::string>>;

void sort_by(const std::string& order, std::vector<cairn::ArtifactInfo>& artifacts) {
  using cairn::ArtifactInfo;
  if (order == "created") {  // Newest first, as for size the largest.
    std::stable_sort(artifacts.begin(), artifacts.end(),
                     [](const ArtifactInfo& a, const ArtifactInfo& b) {
                       return a.metadata.created_at > b.metadata.created_at;
                     });
  } else if (order == "size") {
    std::stable_sort(
        artifacts.begin(), artifacts.end(),
        [](const ArtifactInfo& a, const ArtifactInfo& b) { return a.size_bytes > b.size_bytes; });
  }
}

cairn::Result<std::vector<cairn::ArtifactInfo>> select(const cairn::Store& store,
                                                       const Options& options) {
  auto artifacts = store.list();
  if (!artifacts) {
    return artifacts;
  }
  std::erase_if(*artifacts, [&](const cairn::ArtifactInfo& info) {
    return !options.glob.empty() &&
           ::fnmatch(options.glob.c_str(), info.key.name.c_str(), 0) != 0 &&
           ::fnmatch(options.glob.c_str(), info.key.to_string().c_str(), 0) != 0;
  });
  sort_by(options.sort, *artifacts);
  if (artifacts->size() > options.limit) {
    artifacts->resize(options.limit);
  }
  return artifacts;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) {
    out += (out.empty() ? "" : " ") + word;
  }
  return out;
}

std::string metrics_text(const cairn::Metadata& metadata) {
  std::vector<std::string> words;
  for (const auto& [name, value] : metadata.metrics) {
    words.push_back(escaped(name) + "=" + number_text(value));
  }
  return joined(words);
}

Json to_json(const cairn::ArtifactInfo& info, const Aliases& aliases) {
  Json out;
  out["key"] = info.key.to_string();
  out["digest"] = info.digest.to_string();
  out["bytes"] = info.size_bytes;
  out["tensors"] = info.tensors;
  out["files"] = info.files;
  out["config"] = info.has_config;
  const auto at = aliases.find(info.key);
  out["aliases"] = at == aliases.end() ? std::vector<std::string>() : at->second;
  out["metadata"] = metadata_json(info.metadata);
  return out;
}

void print(const Globals& globals, const std::vector<cairn::ArtifactInfo>& artifacts,
           const Aliases& aliases) {
  if (globals.json) {
    Json out = Json::array();
    for (const auto& info : artifacts) {
      out.push_back(to_json(info, aliases));
    }
    std::cout << to_text(out, 2) << '\n';
    return;
  }
  Table table({"KEY", "CREATED", "SIZE", "TENSORS", "FILES", "ALIASES", "METRICS"});
  for (const auto& info : artifacts) {
    const auto at = aliases.find(info.key);
    table.add({info.key.to_string(),
               cairn::format_time(info.metadata.created_at).substr(0, 19) + "Z",
               size_text(info.size_bytes), std::to_string(info.tensors), std::to_string(info.files),
               at == aliases.end() ? "" : joined(at->second), metrics_text(info.metadata)});
  }
  table.print(globals.no_color);
}

int run_ls(const Globals& globals, const Options& options) {
  int code = Fine;
  auto store = open_for_reading(globals, code);
  if (!store) {
    return code;
  }
  auto artifacts = select(*store, options);
  if (!artifacts) {
    return fail(globals, artifacts.error());
  }
  auto known = store->aliases();
  if (!known) {
    return fail(globals, known.error());
  }
  Aliases aliases;
  for (const auto& info : *known) {
    aliases[info.target].push_back(info.alias);
  }
  print(globals, *artifacts, aliases);
  return Fine;
}

}  // namespace

void add_ls(CLI::App& app, Globals& globals, int& code) {
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("ls", "List artifacts");
  command->add_option("GLOB", options->glob, "Only names or keys that match, e.g. 'mnist/*'");
  command->add_option("--sort", options->sort, "By key, created (newest first) or size")
      ->check(CLI::IsMember({"key", "created", "size"}))
      ->default_str("key");
  command->add_option("--limit", options->limit, "At most so many")
      ->type_name("N")
      ->check([](const std::string& text) {
        return text.starts_with('-') ? "expected 0 or more, found " + text : std::string();
      });
  command->footer("Example: cairn -s models.cairn ls 'digits*' --sort created --limit 10");
  command->callback([&globals, &code, options] { code = run_ls(globals, *options); });
}

}  // namespace cli
