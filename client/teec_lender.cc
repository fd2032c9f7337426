// A lender's way through libteec: a context and a session of its own, so that threads do not meet
// in libteec or in the driver.
#include <tee_client_api.h>

#include <cstdint>

#include "client/errors.h"
#include "client/lender.h"
#include "client/teec_context.h"
#include "protocol/secure_cores.h"

namespace sz::client {
namespace {

constexpr TEEC_UUID kUuid = SECURE_CORES_UUID;

class TeecLender final : public Lender {
 public:
  TeecLender() {
    std::uint32_t origin = 0;
    const TEEC_Result result = TEEC_OpenSession(&context_.get(), &session_, &kUuid,
                                                TEEC_LOGIN_PUBLIC, nullptr, nullptr, &origin);
    if (result == TEEC_SUCCESS) return;
    throw Error(ErrorKind::kDevice, "this TEE opens no session for lending cores: " +
                                        tee_sentence(Stage::kOpenSession, result, origin));
  }
  ~TeecLender() override { TEEC_CloseSession(&session_); }

  Loan lend(std::uint64_t group) override {
    TEEC_Operation operation{};
    operation.paramTypes =
        TEEC_PARAM_TYPES(TEEC_VALUE_INPUT, TEEC_VALUE_OUTPUT, TEEC_NONE, TEEC_NONE);
    operation.params[0].value = {static_cast<std::uint32_t>(group),
                                 static_cast<std::uint32_t>(group >> 32)};
    const TEEC_Result result = invoke(SECURE_CORES_CMD_LEND, &operation);
    return {result, operation.params[1].value.a, operation.params[1].value.b};
  }

  SecureCores query() {
    TEEC_Operation operation{};
    operation.paramTypes =
        TEEC_PARAM_TYPES(TEEC_VALUE_OUTPUT, TEEC_VALUE_OUTPUT, TEEC_NONE, TEEC_NONE);
    if (invoke(SECURE_CORES_CMD_QUERY, &operation) != TEEC_SUCCESS) return {};
    return {true, operation.params[0].value.a, operation.params[0].value.b,
            operation.params[1].value.a, operation.params[1].value.b};
  }

 private:
  TEEC_Result invoke(std::uint32_t command, TEEC_Operation* operation) {
    std::uint32_t origin = 0;
    return TEEC_InvokeCommand(&session_, command, operation, &origin);
  }

  TeecContext context_;  // declared first: closed last
  TEEC_Session session_{};
};

}  // namespace

SecureCores query_tee_secure_cores() {
  try {
    return TeecLender().query();
  } catch (const Error&) {
    return {};  // an OP-TEE without the extension
  }
}

std::unique_ptr<Lender> open_tee_lender() { return std::make_unique<TeecLender>(); }

}  // namespace sz::client
