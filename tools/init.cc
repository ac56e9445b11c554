// cairn init: makes a store; the only command that does.

#include <iostream>

#include "cli.h"
#include "output.h"

namespace cli {

namespace {

int run_init(const Globals& globals) {
  cairn::OpenOptions existing;
  existing.mode = cairn::OpenOptions::Mode::ReadWrite;
  auto store = cairn::Store::open(globals.store, existing);
  if (store) {
    return fail(globals, {cairn::Code::AlreadyExists, globals.store + " is a cairn store already"});
  }
  if (store.error().code != cairn::Code::NotFound) {
    return fail(globals, store.error());
  }
  store = cairn::Store::open(globals.store);
  if (!store) {
    return fail(globals, store.error());
  }
  if (auto closed = store->close(); !closed) {
    return fail(globals, closed.error());
  }
  if (globals.json) {
    std::cout << to_text({{"store", globals.store}, {"format", cairn::format_version()}}) << '\n';
  } else if (!globals.quiet) {
    std::cout << "created a store in " << escaped(globals.store) << '\n';
  }
  return Fine;
}

}  // namespace

void add_init(CLI::App& app, Globals& globals, int& code) {
  auto* command = app.add_subcommand("init", "Make a store in a new or empty directory");
  command->footer("Example: cairn -s models.cairn init");
  command->callback([&] { code = run_init(globals); });
}

}  // namespace cli
