// Keeps exceptions in: memory that cannot be had, threads that cannot be started.
#pragma once

#include <exception>
#include <new>
#include <string>
#include <type_traits>

#include <cxxabi.h>

#include "cairn/error.h"

namespace cairn {

// The result of `call`, which returns a Result; an exception becomes its error.
template <class Call>
[[nodiscard]] std::invoke_result_t<Call> guarded(Call&& call) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return tl::unexpected(Error{Code::LimitExceeded, "out of memory"});
  } catch (const std::exception& error) {
    return tl::unexpected(Error{Code::Io, std::string("unexpected: ") + error.what()});
  } catch (const abi::__forced_unwind&) {
    throw;  // The thread is being cancelled: what unwinds it must not be kept in.
  } catch (...) {
    return tl::unexpected(Error{Code::Io, "unexpected: thrown was no std::exception"});
  }
}

}  // namespace cairn
