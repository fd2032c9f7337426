// What `bench` races: back ends on numbers of cores, in turn.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/app.h"

namespace sz::cli {

struct BenchOptions {
  std::string package;
  std::vector<std::string> backends;
  std::vector<std::string> cores = {"1"};
  std::string lenders = kClientLends;
  std::size_t runs = 20;
  std::size_t warmup = 2;
  std::uint64_t seed = 1;
  std::vector<std::string> files;
  std::size_t prompt_tokens = 128;  // of a language model
  std::size_t tokens = 64;
};

// A back end on a number of cores. Those of one back end share a session, loaded for the most.
struct Contender {
  unsigned asked;  // cores; 0: auto
  std::shared_ptr<Session> session;
  DeviceInfo device;
  SecureMemory memory;
  std::vector<double> times = {};         // milliseconds; of a network's runs
  CoreReport cores = {};                  // what its own runs added
  std::vector<double> prompt_times = {};  // of a language model
  std::vector<double> writing_times = {};

  // Does something on its cores, and counts what that added to the session's.
  void compute(const std::function<void(Session&)>& work);
};

// One of the lists of times.
using Series = std::vector<double> Contender::*;

// Opens a session for each back end and loads the package; ordered by back end, each with the same
// list of cores.
std::vector<Contender> open_contenders(const Globals& globals, const BenchOptions& options,
                                       const Package& package);

// After all runs. Lenders serve the session, whoever's run it is.
void count_lending(std::vector<Contender>* contenders);

// The same numbers for the same seed everywhere (SplitMix64).
std::uint64_t next_random(std::uint64_t* state);

// The first back end over each other one, on equal numbers of cores.
nlohmann::ordered_json ratios_json(const std::vector<Contender>& contenders,
                                   std::size_t core_counts, Series series);

// Each back end's one core over its other numbers of cores; nothing where one core did not race.
nlohmann::ordered_json speedups_json(const std::vector<Contender>& contenders,
                                     std::size_t core_counts, Series series);

// Both for people, with `what` in front of each line.
void print_comparisons(const std::vector<Contender>& contenders, std::size_t core_counts,
                       Series series, const std::string& what);

// `bench` of a language model.
int bench_language(const Globals& globals, const BenchOptions& options, const Package& package);

}  // namespace sz::cli
