// Errors, exit codes, and opening the store that the global options name.
#include "cli.h"

#include <iostream>

#include <nlohmann/json.hpp>

#include "output.h"

namespace cli {

ExitCode exit_code(const cairn::Error& error) {
  using cairn::Code;
  switch (error.code) {
    case Code::NotFound:
      return NoSuchRef;
    case Code::AlreadyExists:
    case Code::Busy:
      return Refused;
    case Code::InvalidArgument:
    case Code::TypeMismatch:
    case Code::LimitExceeded:
      return Usage;
    case Code::Corruption:
      return BadAnswer;
    case Code::Locked:
    case Code::Retry:
      return Locked;
    case Code::NoSpace:
    case Code::Io:
      return Internal;
    case Code::NewerFormat:
      return NewerFormat;
    case Code::Cancelled:
      return Interrupted;
  }
  return Internal;
}

int fail(const Globals& globals, const cairn::Error& error) {
  if (globals.json) {
    const nlohmann::ordered_json out = {{"message_type", "error"},
                                        {"code", cairn::to_string(error.code)},
                                        {"message", error.message}};
    std::cerr << to_text(out) << '\n';
  } else {
    std::cerr << "cairn: " << escaped(error.message) << '\n';
  }
  return exit_code(error);
}

cairn::Result<cairn::Store> open_for_reading(const Globals& globals, int& code) {
  cairn::OpenOptions options;
  options.mode = cairn::OpenOptions::Mode::ReadOnly;
  auto store = cairn::Store::open(globals.store, options);
  if (!store) {
    code = fail(globals, store.error());
    const bool none = store.error().code == cairn::Code::NotFound ||
                      store.error().code == cairn::Code::InvalidArgument;
    code = none ? NoStore : code;
  }
  return store;
}

}  // namespace cli
