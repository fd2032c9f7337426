// Compares the secure-memory analysis with OP-TEE's own statistics on the device: before a session
// is open, with one, with a model in it, after unloading, after closing, with a second session,
// and after many loads.
//
// usage: device_memory TA-FILE TRUSTED-OS [WEIGHTS-KIB [CYCLES]]
//   TA-FILE     the installed trusted application
//   TRUSTED-OS  smartzone or stock (analyze/trusted_os.h)
// Prints a line for each check; the exit status is the number of checks that failed.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "analyze/report.h"
#include "engine/testing/plan_builder.h"
#include "ta/testing/commands.h"
#include "ta/tests/tee_channel.h"

namespace {

using namespace sz::ta::testing;
using sz::engine::testing::TestPlan;

constexpr std::int64_t kPage = 4096;

int failures = 0;

std::vector<std::byte> read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "%s cannot be read\n", path);
    std::exit(2);
  }
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return {bytes, bytes + text.size()};
}

std::int64_t allocated(TeeContext& context) {
  const auto statistics = read_statistics(context, Allocator::kTaMemory);
  if (!statistics) {
    std::fprintf(stderr, "this OP-TEE keeps no statistics (CFG_WITH_STATS)\n");
    std::exit(2);
  }
  return statistics->allocated;
}

// One page for each of `regions` may differ.
void check(const char* what, std::int64_t measured, std::uint64_t analysed, int regions) {
  const std::int64_t difference = measured - static_cast<std::int64_t>(analysed);
  const bool holds = std::abs(difference) <= regions * kPage;
  std::printf("%s  %-42s measured %10lld  analysed %10llu  difference %lld pages\n",
              holds ? "ok  " : "FAIL", what, static_cast<long long>(measured),
              static_cast<unsigned long long>(analysed),
              static_cast<long long>(difference / kPage));
  if (!holds) ++failures;
}

// x + constant, with so many bytes of constants.
TestPlan plan_with_weights(std::uint32_t kib) {
  sz::engine::testing::PlanBuilder builder;
  const std::vector<float> values(kib * 256u, 0.5f);
  const auto rows = static_cast<std::uint32_t>(values.size());
  const auto x = builder.arena({rows});
  const auto constant = builder.constant({rows}, values);
  const auto y = builder.arena({rows});
  builder.step(sz::ops::OpCode::kBinary, {x, constant}, {y}, sz::ops::BinaryAttributes{});
  builder.entry({x}, {y});
  return builder.finish();
}

Invoke invoke_of_tee(TeeSession& session) {
  return [&session](std::uint32_t command, sz::shim::Params& params) {
    return session.invoke(command, params);
  };
}

void check_cycles(TeeContext& context, const Invoke& invoke, const TestPlan& plan, int cycles) {
  const std::int64_t before = allocated(context);
  std::int64_t worst = 0;
  int refused = 0;
  for (int i = 0; i < cycles; ++i) {
    if (!load_model(invoke, plan.plan, plan.weights).ok()) ++refused;
    if (!unload(invoke).ok()) ++refused;
    worst = std::max(worst, std::abs(allocated(context) - before));
  }
  std::printf("      %d loads and unloads, %d refused\n", cycles, refused);
  if (refused != 0) ++failures;
  check("left behind by any of them", worst, 0, 0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: device_memory TA-FILE TRUSTED-OS [WEIGHTS-KIB [CYCLES]]\n");
    return 2;
  }
  const auto kib = static_cast<std::uint32_t>(argc > 3 ? std::atoi(argv[3]) : 1024);
  const int cycles = argc > 4 ? std::atoi(argv[4]) : 100;
  const TestPlan plan = plan_with_weights(kib);
  const auto* os = sz::analyze::find_trusted_os(argv[2]);
  if (os == nullptr) {
    std::fprintf(stderr, "%s is no trusted OS that is known here\n", argv[2]);
    return 2;
  }
  const auto report = sz::analyze::analyze(
      plan.plan, {.image = sz::analyze::read_ta_image(read_file(argv[1])), .trusted_os = os});
  std::printf("%s", report.as_table().c_str());

  TeeContext context;
  const std::int64_t before = allocated(context);
  check("OP-TEE itself", before, os->core_in_pool_bytes, 16);
  {
    TeeSession session(context);
    const Invoke invoke = invoke_of_tee(session);
    const std::int64_t opened = allocated(context);
    check("a session", opened - before, report.session, 4);
    {
      const TeeSession second(context);
      check("a second session", allocated(context) - opened, report.session - report.shared, 4);
    }
    check("after the second session", allocated(context) - opened, 0, 0);
    const Reply loaded = load_model(invoke, plan.plan, plan.weights);
    if (!loaded.ok()) {
      std::printf("FAIL  the model is refused with status %u, detail %u\n",
                  static_cast<unsigned>(loaded.status), loaded.detail);
      return failures + 1;
    }
    check("a loaded model", allocated(context) - opened, report.model, 4);
    smartzone_info facts{};
    check("and INFO says so",
          info(invoke, &facts).ok() ? static_cast<std::int64_t>(facts.mapped_now) : -1,
          report.model, 0);
    if (!unload(invoke).ok()) ++failures;
    check("after unloading", allocated(context) - opened, 0, 0);
    check_cycles(context, invoke, plan, cycles);
  }
  check("after closing", allocated(context) - before, 0, 0);
  return failures;
}
