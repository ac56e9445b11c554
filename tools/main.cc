// The cairn command: reads the command line and runs one command.
#include <cstdlib>
#include <exception>
#include <iostream>

#include "cli.h"
#include "output.h"

namespace {

constexpr const char* kFooter =
    "A REF is NAME[:VERSION|:ALIAS|:latest|:all][@EPOCH|@last|@min=METRIC|@max=METRIC], or "
    "xxh3:DIGEST.\n"
    "Exit codes: 0 fine, 1 damage found, 2 usage, 4 no such ref, 5 I/O or internal error,\n"
    "6 refused, 10 no store there, 11 locked or changing, 12 a newer format.";

int run(int argc, char** argv) {
  int code = cli::Fine;
  cli::Globals globals;
  CLI::App app("Looks after a cairn store: models, configs and metadata of machine learning.",
               "cairn");
  app.footer(kFooter);
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", "cairn " + std::string(cairn::version()));
  app.fallthrough();  // Global options may also follow the command.
  app.add_option("-s,--store", globals.store, "The store's directory")
      ->envname("CAIRN_STORE")
      ->default_str(".cairn")
      ->type_name("DIR");
  app.add_flag("--json", globals.json, "Print JSON");
  app.add_flag("-q,--quiet", globals.quiet, "Print nothing but results and errors");
  app.add_flag("--no-color", globals.no_color, "No colours, also on a terminal");
  globals.store = ".cairn";
  cli::add_init(app, globals, code);
  cli::add_ls(app, globals, code);
  cli::add_show(app, globals, code);
  cli::add_version(app, globals, code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int wish = app.exit(error);  // Prints the help, or what is wrong.
    return wish == 0 ? cli::Fine : cli::Usage;
  }
  if (app.get_subcommands().empty()) {
    std::cerr << app.help();
    return cli::Usage;
  }
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int code = run(argc, argv);
    if (!std::cout.flush()) {
      std::cerr << "cairn: writing to standard output failed\n";
      return cli::Internal;
    }
    return code;
  } catch (const std::exception& error) {
    std::cerr << "cairn: " << cli::escaped(error.what()) << '\n';
    return cli::Internal;
  }
}
