// What the files of the C interface share: handles, and exceptions turned into codes.
#pragma once

#include <new>
#include <optional>
#include <string>

#include "include/smartzone/smartzone.h"
#include "include/smartzone/smartzone.hpp"

struct sz_package {
  sz::Package package;
};

struct sz_session {
  sz::Session session;
  std::optional<sz::Package> package = std::nullopt;  // what is loaded
  std::string advice = {};                            // what sz_session_cores gave last
};

namespace sz::c_api {

// Keeps an error for sz_last_error of this thread; gives the code back.
int fail(int code, const std::string& message, std::uint32_t status = 0) noexcept;
void clear_error() noexcept;

// Throws Error if the pointer is null.
void require(const void* pointer, const char* name);

// Runs `body`, which may throw, and turns what it throws into a code.
template <typename Body>
int guarded(Body body) noexcept {
  clear_error();
  try {
    body();
    return SZ_OK;
  } catch (const Error& error) {
    return fail(static_cast<int>(error.kind()), error.what(), error.status());
  } catch (const std::bad_alloc&) {
    return fail(SZ_ERROR_INTERNAL, "no memory in the normal world");
  } catch (const std::exception& error) {
    return fail(SZ_ERROR_INTERNAL, std::string("internal error: ") + error.what());
  } catch (...) {
    return fail(SZ_ERROR_INTERNAL, "internal error");
  }
}

}  // namespace sz::c_api
