// The least that must work on a device: the trusted application answers, refuses what it must
// refuse, lives on, runs a small network with the very bits that the normal world computes, and
// gives all of its memory back. Prints a line for each check; the exit status is the number of
// checks that failed.

#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "engine/testing/plan_builder.h"
#include "shim/loopback.h"
#include "ta/testing/commands.h"
#include "ta/tests/tee_channel.h"

namespace {

using namespace sz::ta::testing;
using sz::Status;
using sz::engine::testing::TestPlan;

int failures = 0;

void check(const char* what, bool holds) {
  std::printf("%s  %s\n", holds ? "ok  " : "FAIL", what);
  if (!holds) ++failures;
}

void check_refusals(const Invoke& invoke) {
  check("LOAD_END before LOAD_BEGIN is refused", load_end(invoke).status == Status::kBadState);
  check("LOAD_WEIGHTS before LOAD_BEGIN is refused",
        load_weights(invoke, std::vector<std::byte>(16), 0).status == Status::kBadState);
  std::vector<std::byte> outputs(64);
  check("RUN before LOAD_BEGIN is refused",
        run(invoke, outputs, &outputs).status == Status::kBadState);
  check("an empty plan is refused", load_begin(invoke, {}).status == Status::kPlanTruncated);
  check("a plan of zeroes is refused",
        load_begin(invoke, std::vector<std::byte>(4096)).status == Status::kPlanMagic);
  sz::shim::Params params;
  check("a command without parameters is refused",
        invoke(SMARTZONE_CMD_INFO, params) == TEEC_ERROR_BAD_PARAMETERS);
  params[3].kind = sz::shim::Param::Kind::kValueOut;
  check(
      "an unknown command is refused",
      invoke(1000, params) == 0 && params[3].a == static_cast<std::uint32_t>(Status::kBadCommand));
}

std::vector<std::byte> run_network(const Invoke& invoke, const TestPlan& plan) {
  if (!load_model(invoke, plan.plan, plan.weights).ok()) return {};
  smartzone_info facts{};
  if (!info(invoke, &facts).ok() || facts.state != SMARTZONE_STATE_READY) return {};
  std::vector<std::byte> inputs(facts.inputs_bytes);
  for (std::size_t i = 0; i < inputs.size() / sizeof(float); ++i) {
    const float value = 0.01f * static_cast<float>((i * 37) % 101) - 0.5f;
    std::memcpy(inputs.data() + i * sizeof(float), &value, sizeof(float));
  }
  std::vector<std::byte> outputs(facts.outputs_bytes);
  return run(invoke, inputs, &outputs).ok() ? outputs : std::vector<std::byte>{};
}

void check_network(const char* name, const Invoke& secure, const TestPlan& plan) {
  std::unique_ptr<sz::shim::LoopbackSession> session;
  if (sz::shim::LoopbackSession::open(&session) != 0)
    return check("a session in this process", false);
  const std::vector<std::byte> expected = run_network(invoke_of(*session), plan);
  const std::vector<std::byte> computed = run_network(secure, plan);
  std::printf("      %s: %zu bytes of outputs\n", name, computed.size());
  check("the network runs in the normal world", !expected.empty());
  check("and gives the same bits in the secure world", !computed.empty() && computed == expected);
  check("and can be unloaded", unload(secure).ok());
}

}  // namespace

int main() {
  TeeContext context;
  const auto before = read_statistics(context, Allocator::kTaMemory);
  TeeSession session(context);
  std::printf("open session: 0x%08x\n", session.open_result());
  check("a session opens", session.open_result() == TEEC_SUCCESS);
  if (failures != 0) return failures;
  const Invoke invoke = [&](std::uint32_t command, sz::shim::Params& params) {
    return session.invoke(command, params);
  };

  smartzone_info facts{};
  check("INFO is answered", info(invoke, &facts).ok());
  check("with the protocol's version", facts.protocol_version == SMARTZONE_PROTOCOL_VERSION);
  check("and no model", facts.state == SMARTZONE_STATE_EMPTY && facts.mapped_now == 0);
  check_refusals(invoke);
  for (const auto kernel : {sz::ops::Kernel::kReference, sz::ops::Kernel::kVector}) {
    check_network("sequence", invoke, sz::engine::testing::sequence_plan(kernel).builder.finish());
    check_network("branches", invoke, sz::engine::testing::branches_plan(kernel).builder.finish());
  }
  check("INFO says that nothing is mapped", info(invoke, &facts).ok() && facts.mapped_now == 0);
  session.close();

  const auto after = read_statistics(context, Allocator::kTaMemory);
  if (before && after) {
    check("OP-TEE has all of its memory back", before->allocated == after->allocated);
  } else {
    std::printf("      this OP-TEE keeps no statistics\n");
  }
  return failures;
}
