// The host back end: the trusted application's own sources, in this process. Not secure.

#include <vector>

#include "client/errors.h"
#include "client/transport.h"
#include "shim/loopback.h"
#include "shim/secure_pool.h"

namespace sz::client {
namespace {

class HeapBuffer final : public SharedBuffer {
 public:
  explicit HeapBuffer(std::size_t bytes) : bytes_(bytes) {}
  std::span<std::byte> bytes() override { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

shim::Param to_shim(const Parameter& parameter) {
  shim::Param param;
  switch (parameter.kind) {
    case Parameter::Kind::kNone:
      break;
    case Parameter::Kind::kValueIn:
      param.kind = shim::Param::Kind::kValueIn;
      break;
    case Parameter::Kind::kValueOut:
      param.kind = shim::Param::Kind::kValueOut;
      break;
    case Parameter::Kind::kMemoryIn:
      param.kind = shim::Param::Kind::kMemrefIn;
      break;
    case Parameter::Kind::kMemoryOut:
      param.kind = shim::Param::Kind::kMemrefOut;
      break;
  }
  param.a = parameter.a;
  param.b = parameter.b;
  if (parameter.buffer != nullptr) {
    param.data = parameter.buffer->bytes().data();
    param.size = parameter.size;
  }
  return param;
}

class LoopbackLender final : public Lender {
 public:
  Loan lend(std::uint64_t group) override {
    const shim::Loan loan = shim::lend(group);
    return {loan.result, loan.exit, loan.value};
  }
};

class LoopbackTransport final : public Transport {
 public:
  explicit LoopbackTransport(std::unique_ptr<shim::LoopbackSession> session)
      : session_(std::move(session)) {}

  Backend backend() const override { return Backend::kHost; }

  std::unique_ptr<SharedBuffer> allocate(std::size_t bytes) override {
    return std::make_unique<HeapBuffer>(bytes);
  }

  CallResult invoke(std::uint32_t command, Parameters& parameters) override {
    shim::Params params;
    for (std::size_t i = 0; i < params.size(); ++i) params[i] = to_shim(parameters[i]);
    const std::uint32_t result = session_->invoke(command, params);
    if (result == kTeeSuccess) {
      for (std::size_t i = 0; i < params.size(); ++i) {
        parameters[i].a = params[i].a;
        parameters[i].b = params[i].b;
        parameters[i].size = params[i].size;
      }
    }
    return {result, kOriginTa};
  }

  SecurePool pool() override {
    const shim::PoolStatistics statistics = shim::pool_statistics();
    return {true, statistics.limit, statistics.mapped, statistics.peak};
  }

  std::string description() override { return "in-process shim (not secure)"; }

  SecureCores secure_cores() override {
    shim::SecureCoresFacts facts;
    if (shim::query_secure_cores(&facts) != kTeeSuccess) return {};
    return {true, facts.version, facts.max_slots, facts.cores, facts.threads};
  }

  OpenLender lender_opener() override {
    return [] { return std::make_unique<LoopbackLender>(); };
  }

 private:
  std::unique_ptr<shim::LoopbackSession> session_;
};

}  // namespace

std::unique_ptr<Transport> open_loopback_transport() {
  std::unique_ptr<shim::LoopbackSession> session;
  const std::uint32_t result = shim::LoopbackSession::open(&session);
  if (result != kTeeSuccess) throw tee_error(Stage::kOpenSession, result, kOriginTa);
  return std::make_unique<LoopbackTransport>(std::move(session));
}

}  // namespace sz::client
