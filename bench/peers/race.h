// Two engines that take turns, and what is made of their times.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace sz::peers {

struct RaceOptions {
  std::size_t rounds = 21;  // pairs of turns
  double turn_ms = 60;      // about how long a turn is; what one run takes decides how many it has
  std::size_t warmup = 3;   // runs of each before
};

// One engine's turn: it runs several times without a break, as a program would that has a stream
// of inputs. The first run finds the caches as the other engine left them and is not counted.
struct Turn {
  double median_ms = 0;
  double least_ms = 0;
  double busy_cores = 0;    // processor time of all threads of this process over time
  double processor_ms = 0;  // processor time of all threads for one run
};

struct Pair {
  Turn ours, theirs;
};

// The race. Who begins changes from round to round. Before each turn the threads of the one before
// come to rest: an engine whose threads spin for a while after a run would slow down the other.
// Throws Error if they never do.
std::vector<Pair> race(const std::function<void()>& ours, const std::function<void()>& theirs,
                       const RaceOptions& options);

// How many runs a turn has, beside the one that is not counted.
std::size_t runs_in_turn(double one_run_ms, double turn_ms);

struct Summary {
  double ours_ms = 0, theirs_ms = 0;              // medians of the turns' medians
  double ours_least_ms = 0, theirs_least_ms = 0;  // of all runs
  double ratio = 0;                               // ours / theirs: median over the pairs
  double ratio_of_least = 0;             // of the shortest runs: what a busy machine leaves
  double ratio_low = 0, ratio_high = 0;  // quartiles of the pairs' ratios
  // Ours / theirs of the processor time of a run, median over the pairs. With one thread it is what
  // the ratio would be if nobody else used the machine; with several it counts spinning as well.
  double processor_ratio = 0;
  double ours_busy_cores = 0, theirs_busy_cores = 0;
};

Summary summary_of(const std::vector<Pair>& pairs);  // of at least one

// Value at `part` (0 to 1) of the way through the sorted values, between two of them linearly.
double quantile(std::vector<double> values, double part);  // of at least one

}  // namespace sz::peers
