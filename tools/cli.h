// What the commands of the tool share: the global options, the exit codes, the way to the store.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include <cairn/cairn.h>

namespace cli {

// On the command line: never renumber.
enum ExitCode : int {
  Fine = 0,
  BadAnswer = 1,  // Damage was found, by whatever command; or what was compared differs.
  Usage = 2,
  SomeFailed = 3,
  NoSuchRef = 4,
  Internal = 5,  // I/O errors too.
  Refused = 6,   // It exists already, or something points at it.
  NoStore = 10,
  Locked = 11,  // Or changing right now: try again.
  NewerFormat = 12,
  Interrupted = 130,
};

// What an error of the library means for the exit code.
[[nodiscard]] ExitCode exit_code(const cairn::Error& error);

struct Globals {
  std::string store;  // -s, else $CAIRN_STORE, else ./.cairn.
  bool json = false;
  bool quiet = false;
  bool no_color = false;
};

// Ends a command: the error on stderr (as JSON with --json), and its exit code.
[[nodiscard]] int fail(const Globals& globals, const cairn::Error& error);

// Opens the store for reading; on an error prints it and sets `code`: 10 where there is none.
[[nodiscard]] cairn::Result<cairn::Store> open_for_reading(const Globals& globals, int& code);

// Each command adds itself; its exit code goes to `code` when it runs.
void add_init(CLI::App& app, Globals& globals, int& code);
void add_ls(CLI::App& app, Globals& globals, int& code);
void add_show(CLI::App& app, Globals& globals, int& code);
void add_version(CLI::App& app, Globals& globals, int& code);

}  // namespace cli
