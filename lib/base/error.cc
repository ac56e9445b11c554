// The names of the error codes, and an error as one line of text.
#include "cairn/error.h"

namespace cairn {

std::string_view to_string(Code code) noexcept {
  switch (code) {
    case Code::NotFound:
      return "NotFound";
    case Code::AlreadyExists:
      return "AlreadyExists";
    case Code::InvalidArgument:
      return "InvalidArgument";
    case Code::TypeMismatch:
      return "TypeMismatch";
    case Code::Corruption:
      return "Corruption";
    case Code::Locked:
      return "Locked";
    case Code::Retry:
      return "Retry";
    case Code::Busy:
      return "Busy";
    case Code::NoSpace:
      return "NoSpace";
    case Code::Io:
      return "Io";
    case Code::LimitExceeded:
      return "LimitExceeded";
    case Code::NewerFormat:
      return "NewerFormat";
    case Code::Cancelled:
      return "Cancelled";
  }
  return "unknown";
}

std::string Error::to_string() const {
  std::string out(cairn::to_string(code));
  out += ": ";
  out += message;
  return out;
}

}  // namespace cairn
