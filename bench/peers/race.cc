#include "bench/peers/race.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <thread>

#include "include/smartzone/smartzone.hpp"

namespace sz::peers {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr std::size_t kMostRunsInTurn = 1000;
// Threads are at rest if they use less than this part of one core over kRestInterval.
constexpr double kRestShare = 0.05;
constexpr Milliseconds kRestInterval{2};
constexpr Milliseconds kRestPatience{5000};

double processor_ms() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

template <typename Function>
double milliseconds_of(const Function& function) {
  const auto begin = Clock::now();
  function();
  return Milliseconds(Clock::now() - begin).count();
}

void wait_for_rest() {
  const auto begin = Clock::now();
  while (Clock::now() - begin < kRestPatience) {
    const double before = processor_ms();
    const double slept = milliseconds_of([] { std::this_thread::sleep_for(kRestInterval); });
    if (processor_ms() - before < kRestShare * slept) return;
  }
  throw Error("the engines' threads do not come to rest between two turns");
}

Turn take_turn(const std::function<void()>& run, std::size_t runs) {
  wait_for_rest();
  run();
  std::vector<double> times;
  const double processor_before = processor_ms();
  const double wall = milliseconds_of([&] {
    for (std::size_t i = 0; i < runs; ++i) times.push_back(milliseconds_of(run));
  });
  const double processor = processor_ms() - processor_before;
  return {quantile(times, 0.5), *std::min_element(times.begin(), times.end()), processor / wall,
          processor / static_cast<double>(runs)};
}

// The time of one run, after `warmup` others.
double time_of_one(const std::function<void()>& run, std::size_t warmup) {
  wait_for_rest();
  for (std::size_t i = 0; i < warmup; ++i) run();
  return milliseconds_of(run);
}

}  // namespace

std::size_t runs_in_turn(double one_run_ms, double turn_ms) {
  const double wanted = std::round(turn_ms / std::max(one_run_ms, 1e-6));
  return static_cast<std::size_t>(std::clamp(wanted, 1.0, double{kMostRunsInTurn}));
}

std::vector<Pair> race(const std::function<void()>& ours, const std::function<void()>& theirs,
                       const RaceOptions& options) {
  const std::size_t our_runs = runs_in_turn(time_of_one(ours, options.warmup), options.turn_ms);
  const std::size_t their_runs = runs_in_turn(time_of_one(theirs, options.warmup), options.turn_ms);
  std::vector<Pair> pairs(options.rounds);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (i % 2 == 0) pairs[i].ours = take_turn(ours, our_runs);
    pairs[i].theirs = take_turn(theirs, their_runs);
    if (i % 2 == 1) pairs[i].ours = take_turn(ours, our_runs);
  }
  return pairs;
}

double quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  const double place = part * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

Summary summary_of(const std::vector<Pair>& pairs) {
  std::vector<double> ours, theirs, ratios, processor_ratios, our_cores, their_cores;
  Summary summary;
  summary.ours_least_ms = summary.theirs_least_ms = std::numeric_limits<double>::infinity();
  for (const Pair& pair : pairs) {
    ours.push_back(pair.ours.median_ms);
    theirs.push_back(pair.theirs.median_ms);
    ratios.push_back(pair.ours.median_ms / pair.theirs.median_ms);
    processor_ratios.push_back(pair.ours.processor_ms / pair.theirs.processor_ms);
    our_cores.push_back(pair.ours.busy_cores);
    their_cores.push_back(pair.theirs.busy_cores);
    summary.ours_least_ms = std::min(summary.ours_least_ms, pair.ours.least_ms);
    summary.theirs_least_ms = std::min(summary.theirs_least_ms, pair.theirs.least_ms);
  }
  summary.ours_ms = quantile(ours, 0.5);
  summary.theirs_ms = quantile(theirs, 0.5);
  summary.ratio = quantile(ratios, 0.5);
  summary.processor_ratio = quantile(processor_ratios, 0.5);
  summary.ratio_of_least = summary.ours_least_ms / summary.theirs_least_ms;
  summary.ratio_low = quantile(ratios, 0.25);
  summary.ratio_high = quantile(ratios, 0.75);
  summary.ours_busy_cores = quantile(our_cores, 0.5);
  summary.theirs_busy_cores = quantile(their_cores, 0.5);
  return summary;
}

}  // namespace sz::peers
