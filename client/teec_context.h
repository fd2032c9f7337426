// A connection to the TEE, closed with its owner.
#pragma once

#include <tee_client_api.h>
#include <unistd.h>

#include "client/errors.h"

namespace sz::client {

class TeecContext {
 public:
  // Throws Error.
  TeecContext() {
    const TEEC_Result result = TEEC_InitializeContext(nullptr, &context_);
    if (result == TEEC_SUCCESS) return;
    // libteec does not tell a device file that may not be opened from one that is not there.
    const bool forbidden = access(kDevice, F_OK) == 0 && access(kDevice, R_OK | W_OK) != 0;
    throw tee_error(Stage::kConnect, forbidden ? kTeeAccessDenied : result, kOriginApi);
  }
  ~TeecContext() { TEEC_FinalizeContext(&context_); }
  TeecContext(const TeecContext&) = delete;
  TeecContext& operator=(const TeecContext&) = delete;

  TEEC_Context& get() { return context_; }

 private:
  static constexpr const char* kDevice = "/dev/tee0";

  TEEC_Context context_{};
};

}  // namespace sz::client
