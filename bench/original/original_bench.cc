// SmartZone against the papers' "original trusted inference", rebuilt plainly, on the same package
// and input, run by run in turn.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "bench/original/measure.h"
#include "bench/original/session.h"

namespace sz::original {
namespace {

using Json = nlohmann::ordered_json;

// Results agree within this: max |a - b| / max |b|.
constexpr double kTolerance = 1e-4;

struct Options {
  std::string package;
  std::string backend = "host";
  std::string engine = "both";
  std::size_t runs = 11;
  std::size_t warmup = 1;
  std::uint32_t cores = 1;
  std::uint64_t seed = 1;
  bool json = false;
};

struct Contender {
  std::vector<double> times_ms;
  std::vector<double> core_seconds;
  std::uint64_t memory = 0;

  void add(const Cost& cost) {
    times_ms.push_back(cost.milliseconds);
    core_seconds.push_back(cost.core_seconds);
  }
  double mean_core_seconds() const {  // the clock is coarse: a mean, not a median
    double sum = 0;
    for (const double one : core_seconds) sum += one;
    return sum / static_cast<double>(core_seconds.size());
  }
};

// Both engines and their last results.
class Race {
 public:
  Race(const Options& options, const Package& package)
      : options_(options),
        backend_(parse_backend(options.backend)),
        inputs_(random_inputs(package.inputs(), options.seed)),
        smartzone_session_(
            sz::Session::open(backend_, sz::Session::Options{.cores = options.cores})),
        original_session_(backend_, package) {
    smartzone_session_.load(package);
  }

  // A run of each is compared before anything is timed; then every pair of runs is.
  void run() {
    run_pair(false);
    for (std::size_t i = 1; i < options_.warmup; ++i) run_pair(false);
    for (std::size_t i = 0; i < options_.runs; ++i) run_pair(true);
    original.memory = original_session_.memory();
    smartzone.memory = smartzone_session_.secure_memory().peak;
    cores = smartzone_session_.cores();
  }

  Contender original, smartzone;
  double worst_difference = 0;
  CoreReport cores;  // SmartZone's

  std::size_t layers() const { return original_session_.layers(); }
  Backend backend() const { return backend_; }

 private:
  bool wanted(const char* engine) const {
    return options_.engine == "both" || options_.engine == engine;
  }

  void run_pair(bool timed) {
    if (!timed || wanted("original")) {
      const Cost cost = cost_of([&] { original_outputs_ = original_session_.run(inputs_); });
      if (timed) original.add(cost);
    }
    if (!timed || wanted("smartzone")) {
      const Cost cost = cost_of([&] { smartzone_outputs_ = smartzone_session_.run(inputs_); });
      if (timed) smartzone.add(cost);
    }
    compare();
  }

  void compare() {
    for (std::size_t i = 0; i < smartzone_outputs_.size(); ++i) {
      const double apart = relative_difference(original_outputs_[i], smartzone_outputs_[i].f32());
      worst_difference = std::max(worst_difference, apart);
    }
  }

  const Options& options_;
  Backend backend_;
  std::vector<Tensor> inputs_;
  sz::Session smartzone_session_;
  Session original_session_;
  std::vector<std::vector<float>> original_outputs_;
  std::vector<Tensor> smartzone_outputs_;
};

Json contender_json(const Contender& one) {
  Json json;
  if (!one.times_ms.empty()) {
    json["median_ms"] = median(one.times_ms);
    json["times_ms"] = one.times_ms;
    json["core_seconds"] = one.mean_core_seconds();
  }
  json["peak_secure_memory"] = one.memory;
  return json;
}

double paired_ratio(const Race& race) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < race.original.times_ms.size(); ++i) {
    ratios.push_back(race.original.times_ms[i] / race.smartzone.times_ms[i]);
  }
  return median(ratios);
}

Json ratio_json(const Race& race) {
  Json json;
  if (!race.original.times_ms.empty() && !race.smartzone.times_ms.empty()) {
    json["of_medians"] = median(race.original.times_ms) / median(race.smartzone.times_ms);
    json["median_of_ratios"] = paired_ratio(race);
    const double cores = race.smartzone.mean_core_seconds();
    if (cores > 0) json["core_seconds"] = race.original.mean_core_seconds() / cores;
  }
  json["peak_secure_memory"] =
      static_cast<double>(race.original.memory) / static_cast<double>(race.smartzone.memory);
  return json;
}

void report(const Race& race, const Options& options, const Package& package) {
  const Json json{{"package", options.package},
                  {"model", package.name()},
                  {"backend", backend_name(race.backend())},
                  {"secure", race.backend() == Backend::kTee},
                  {"engine", options.engine},
                  {"runs", options.runs},
                  {"warmup", options.warmup},
                  {"seed", options.seed},
                  {"smartzone_cores",
                   {{"asked", race.cores.asked},
                    {"used", race.cores.used},
                    {"shared_steps", race.cores.shared_steps},
                    {"advice", race.cores.advice}}},
                  {"original_layers", race.layers()},
                  {"original", contender_json(race.original)},
                  {"smartzone", contender_json(race.smartzone)},
                  {"ratio", ratio_json(race)},
                  {"worst_difference", race.worst_difference},
                  {"agree", race.worst_difference <= kTolerance}};
  if (options.json) {
    std::cout << json.dump(2) << '\n';
    return;
  }
  std::printf("%s, %zu runs in turn, back end %s\n", package.name().c_str(), options.runs,
              backend_name(race.backend()));
  std::printf("%-34s %12s %12s %10s\n", "", "original", "SmartZone", "ratio");
  const auto line = [&](const char* what, const char* field, const char* ratio, double scale) {
    if (!json["original"].contains(field) || !json["smartzone"].contains(field)) return;
    std::printf("%-34s %12.4g %12.4g", what, json["original"][field].get<double>() * scale,
                json["smartzone"][field].get<double>() * scale);
    if (json["ratio"].contains(ratio)) {
      std::printf(" %10.2f", json["ratio"][ratio].get<double>());
    }
    std::printf("\n");
  };
  line("median time, ms", "median_ms", "of_medians", 1);
  if (json["ratio"].contains("median_of_ratios")) {
    std::printf("%-34s %36.2f\n", "  median of the pairs' ratios", paired_ratio(race));
  }
  line("core-seconds (stand-in for energy)", "core_seconds", "core_seconds", 1);
  line("peak secure memory, MiB", "peak_secure_memory", "peak_secure_memory", 0x1p-20);
  std::printf("SmartZone on %u core%s; ", race.cores.used, race.cores.used == 1 ? "" : "s");
  std::printf("original: %zu layers, one call each; results differ by %.2g (allowed %.0e)\n",
              race.layers(), race.worst_difference, kTolerance);
}

int run(const Options& options) {
  const Package package = Package::open(options.package);
  Race race(options, package);
  race.run();
  report(race, options, package);
  if (race.worst_difference <= kTolerance) return 0;
  std::cerr << "original_bench: the two engines' results differ by " << race.worst_difference
            << "\n";
  return 1;
}

}  // namespace
}  // namespace sz::original

int main(int argc, char** argv) {
  sz::original::Options options;
  CLI::App app{"SmartZone against the papers' original trusted inference, rebuilt plainly"};
  app.add_option("package", options.package, "compiled network (.szp)")->required();
  app.add_option("--backend", options.backend, "where both run")
      ->check(CLI::IsMember({"tee", "host"}))
      ->capture_default_str();
  app.add_option("--engine", options.engine,
                 "who runs in the timed runs (for counting instructions)")
      ->check(CLI::IsMember({"both", "original", "smartzone"}))
      ->capture_default_str();
  app.add_option("--runs", options.runs, "timed runs of each")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--warmup", options.warmup,
                 "runs of each before; at least one, to compare results")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--cores", options.cores, "cores of SmartZone; the original has one")
      ->check(CLI::Range(1, 8))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "of the random inputs")->capture_default_str();
  app.add_flag("--json", options.json, "print JSON");
  CLI11_PARSE(app, argc, argv);
  try {
    return sz::original::run(options);
  } catch (const std::exception& error) {
    std::cerr << "original_bench: " << error.what() << '\n';
    return 2;
  }
}
