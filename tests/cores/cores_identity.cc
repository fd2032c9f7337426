// The same bits for any number of cores, on the device: cores_identity PACKAGE.szp RUNS [CORES ...]
// (default: 1 2 4). The real TA computes references alone on a few random inputs, then RUNS times
// with each number of cores, while lenders come and go, move between CPUs, and are starved at
// random by a real-time thread. Prints one line of JSON.

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>

#include "include/smartzone/smartzone.hpp"
#include "ta/testing/commands.h"
#include "tests/cores/device.h"
#include "tests/cores/outcome.h"

namespace {

using namespace sz::cores_test;
using sz::ta::testing::Invoke;
using sz::ta::testing::TeeSession;
using Bytes = std::vector<std::byte>;

constexpr std::uint32_t kMostCores = 4;
constexpr std::size_t kInputs = 4;

// Takes a random CPU for a random while, again and again, from whoever is on it.
class Disturber {
 public:
  Disturber() : thread_([this] { run(); }) {}
  ~Disturber() {
    ending_ = true;
    thread_.join();
  }
  Disturber(const Disturber&) = delete;

 private:
  void run() {
    const auto cpus = static_cast<std::uint32_t>(sysconf(_SC_NPROCESSORS_ONLN));
    const sched_param priority{.sched_priority = 50};
    pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority);
    std::minstd_rand random(60);
    while (!ending_) {
      pin_to_cpu(static_cast<int>(random() % cpus));
      const double seconds = static_cast<double>(random() % 400) / 1000;
      const Stopwatch watch;
      while (watch.seconds() < seconds) {
      }
      sleep_ms(static_cast<std::uint32_t>(random() % 300));
    }
  }

  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

class Model {
 public:
  Model(TeeContext& context, const sz::Package& package) : session_(context) {
    if (session_.open_result() != 0) throw std::runtime_error("no session with the TA");
    const auto loaded =
        sz::ta::testing::load_model(invoke(), package.plan(), package.weights(), kMostCores);
    if (!loaded.ok()) {
      throw std::runtime_error("the package is refused with status " +
                               std::to_string(static_cast<int>(loaded.status)));
    }
    if (!sz::ta::testing::info(invoke(), &info_).ok())
      throw std::runtime_error("the TA does not say what it is");
  }

  Bytes random_input(std::uint32_t seed) const {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> values(-1, 1);
    std::vector<float> floats(info_.inputs_bytes / sizeof(float));
    for (float& value : floats) value = values(random);
    const auto bytes = std::as_bytes(std::span(floats));
    return {bytes.begin(), bytes.end()};
  }

  Bytes run(const Bytes& input, std::uint32_t cores) {
    Bytes output(info_.outputs_bytes);
    const auto reply = sz::ta::testing::run(invoke(), input, &output, 0, cores);
    if (!reply.ok()) {
      throw std::runtime_error("a run failed with status " +
                               std::to_string(static_cast<int>(reply.status)));
    }
    return output;
  }

  smartzone_cores facts() {
    smartzone_cores cores{};
    sz::shim::Params params;
    params[0] = {.kind = sz::shim::Param::Kind::kMemrefOut, .data = &cores, .size = sizeof(cores)};
    params[3] = {.kind = sz::shim::Param::Kind::kValueOut};
    if (session_.invoke(SMARTZONE_CMD_CORES, params) != 0) {
      throw std::runtime_error("the TA does not say who computes");
    }
    return cores;
  }

 private:
  Invoke invoke() {
    return [this](std::uint32_t command, sz::shim::Params& params) {
      return session_.invoke(command, params);
    };
  }

  TeeSession session_;
  smartzone_info info_{};
};

void print_work(const smartzone_cores& before, const smartzone_cores& after, std::uint32_t cores,
                Outcome* outcome) {
  double all = 0, helpers = 0;
  for (std::uint32_t i = 0; i < SMARTZONE_MAX_CORES; ++i) {
    const auto work = static_cast<double>(after.work[i] - before.work[i]);
    all += work;
    if (i != 0) helpers += work;
  }
  const std::string suffix = "_" + std::to_string(cores);
  outcome->figure("helped" + suffix, all == 0 ? 0 : helpers / all);
  outcome->figure("evictions" + suffix, static_cast<double>(after.evictions - before.evictions));
  outcome->figure("redone" + suffix, static_cast<double>(after.redone - before.redone));
}

std::uint64_t differing_runs(Model& model, const std::vector<Bytes>& inputs,
                             const std::vector<Bytes>& references, std::uint32_t runs,
                             std::uint32_t cores) {
  std::uint64_t differing = 0;
  for (std::uint32_t i = 0; i < runs; ++i) {
    const std::size_t which = i % inputs.size();
    if (model.run(inputs[which], cores) != references[which]) ++differing;
  }
  return differing;
}

Outcome identity(const char* path, std::uint32_t runs, const std::vector<std::uint32_t>& numbers) {
  Outcome outcome("identity");
  const sz::Package package = sz::Package::open(path);
  for (const sz::TensorInfo& input : package.inputs()) {
    if (input.type != sz::ElementType::kF32)
      throw std::runtime_error("an input is not of type f32");
  }
  TeeContext context;
  Model model(context, package);
  outcome.equal(model.facts().usable, kMostCores, "usable cores");
  std::vector<Bytes> inputs, references;
  for (std::uint32_t i = 0; i < kInputs; ++i) {
    inputs.push_back(model.random_input(i + 1));
    references.push_back(model.run(inputs[i], 1));
  }
  outcome.check(references[0] != references[1], "the outputs do not depend on the inputs");
  const std::atomic<std::uint64_t> group = model.facts().group;
  LenderThreads lenders(group, {.count = kMostCores - 1, .longest_rest = 4000, .wanders = true});
  const Disturber disturber;
  std::uint64_t all = 0;
  for (const std::uint32_t cores : numbers) {
    const smartzone_cores before = model.facts();
    const Stopwatch watch;
    const std::uint64_t differing = differing_runs(model, inputs, references, runs, cores);
    outcome.equal(differing, 0, "runs that differ with cores " + std::to_string(cores));
    outcome.figure("seconds_" + std::to_string(cores), watch.seconds());
    const smartzone_cores after = model.facts();
    print_work(before, after, cores, &outcome);
    outcome.check(cores == 1 || after.shared_steps > before.shared_steps, "no step was shared");
    all += differing;
  }
  lenders.end();
  outcome.equal(lenders.faulted, 0, "faults");
  outcome.equal(lenders.other, 0, "answers of another kind");
  outcome.figure("runs", runs);
  outcome.figure("differing", static_cast<double>(all));
  outcome.figure("visits", static_cast<double>(lenders.visits()));
  return outcome;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: cores_identity PACKAGE.szp RUNS [CORES ...]\n");
    return 2;
  }
  std::vector<std::uint32_t> numbers;
  for (int i = 3; i < argc; ++i) {
    numbers.push_back(static_cast<std::uint32_t>(std::strtoul(argv[i], nullptr, 10)));
  }
  if (numbers.empty()) numbers = {1, 2, kMostCores};
  try {
    const auto runs = static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10));
    const Outcome outcome = identity(argv[1], runs, numbers);
    outcome.print();
    return outcome.passed() ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cores_identity: %s\n", error.what());
    return 2;
  }
}
