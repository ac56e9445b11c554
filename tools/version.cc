// cairn version: of the library, the store format and RocksDB.
#include <iostream>

#include "cli.h"
#include "output.h"

namespace cli {

void add_version(CLI::App& app, Globals& globals, int& code) {
  auto* command = app.add_subcommand("version", "Print the versions of cairn, its format, RocksDB");
  command->footer("Example: cairn version --json");
  command->callback([&] {
    code = Fine;
    if (globals.json) {
      std::cout << to_text({{"cairn", cairn::version()},
                            {"format", cairn::format_version()},
                            {"rocksdb", cairn::rocksdb_version()}})
                << '\n';
      return;
    }
    std::cout << "cairn " << cairn::version() << ", store format " << cairn::format_version()
              << ", RocksDB " << cairn::rocksdb_version() << '\n';
  });
}

}  // namespace cli
