// Faults of secure cores, on the device: cores_faults CASE [NUMBER [NUMBER]]. Prints one line of
// JSON; exit status 0 if the case passed, 1 if not. Without arguments it lists the cases.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "tests/cores/cases.h"

namespace {

using namespace sz::cores_test;

struct Case {
  const char* name;
  std::uint32_t first;  // the numbers, where none are given; 0: takes none
  std::uint32_t second;
  std::function<Outcome(TeeContext&, std::uint32_t, std::uint32_t)> run;
};

Case fault(const char* name, Fault fault) {
  return {name, 0, 0, [name, fault](TeeContext& context, auto, auto) {
            return faulting_helper(context, fault, name);
          }};
}

Case simple(const char* name, Outcome (*run)(TeeContext&)) {
  return {name, 0, 0, [run](TeeContext& context, auto, auto) { return run(context); }};
}

Case counted(const char* name, std::uint32_t times, Outcome (*run)(TeeContext&, std::uint32_t)) {
  return {name, times, 0,
          [run](TeeContext& context, auto number, auto) { return run(context, number); }};
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      fault("unmapped", Fault::kUnmapped),
      fault("stack-overflow", Fault::kStackOverflow),
      fault("normal-world-memory", Fault::kNormalWorldMemory),
      fault("write-code", Fault::kWriteCode),
      fault("undefined-instruction", Fault::kUndefined),
      fault("panic", Fault::kPanic),
      fault("system-call", Fault::kSystemCall),
      fault("leaves-in-a-chunk", Fault::kReturn),
      fault("endless-loop", Fault::kLoop),
      simple("owner-panics", owner_panics),
      simple("mapped-after-start", mapped_after_start),
      simple("misused-commands", misused_commands),
      simple("group-ids", group_ids),
      simple("starved-lender", starved_lender),
      simple("stopped-lender", stopped_lender),
      counted("evicted-while-counting", 1, evicted_while_counting),
      counted("closed-while-counting", 1, closed_while_counting),
      counted("killed-lenders", 200, killed_lenders),
      counted("closing", 100, closing),
      counted("killed-clients", 20, killed_clients),
      counted("cycles", 10'000, cycles),
      {"crowd", 2, 7, crowd},
  };
  return all;
}

std::uint32_t number(int argc, char** argv, int index, std::uint32_t otherwise) {
  if (argc <= index) return otherwise;
  return static_cast<std::uint32_t>(std::strtoul(argv[index], nullptr, 10));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    for (const Case& one : cases()) std::printf("%s\n", one.name);
    return 0;
  }
  for (const Case& one : cases()) {
    if (one.name != std::string(argv[1])) continue;
    try {
      TeeContext context;
      const Outcome outcome =
          one.run(context, number(argc, argv, 2, one.first), number(argc, argv, 3, one.second));
      outcome.print();
      return outcome.passed() ? 0 : 1;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "cores_faults: %s: %s\n", one.name, error.what());
      return 2;
    }
  }
  std::fprintf(stderr, "cores_faults: no case '%s'\n", argv[1]);
  return 2;
}
