// The race's arithmetic, and that the engines really take turns.
#include "bench/peers/race.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "bench/peers/onnx_runtime.h"

namespace sz::peers {
namespace {

Pair pair_of(double ours_ms, double theirs_ms) {
  return {{ours_ms, ours_ms - 0.5, 1.0, ours_ms}, {theirs_ms, theirs_ms - 0.5, 2.0, 2 * theirs_ms}};
}

TEST(PeerRace, QuantilesLieBetweenTheSortedValues) {
  EXPECT_EQ(quantile({3, 1, 2}, 0.5), 2);
  EXPECT_EQ(quantile({4, 1, 2, 3}, 0.5), 2.5);
  EXPECT_EQ(quantile({5, 1, 2, 3, 4}, 0.25), 2);
  EXPECT_EQ(quantile({7}, 0.75), 7);
  EXPECT_EQ(quantile({1, 2}, 1.0), 2);
}

TEST(PeerRace, TheRatioIsTheMedianOfThePairsNotOfTheTimes) {
  // The machine became twice as slow in the middle: every pair still says 0.5, but one.
  const Summary summary =
      summary_of({pair_of(1, 2), pair_of(2, 4), pair_of(2, 4), pair_of(1, 2), pair_of(4, 1)});
  EXPECT_EQ(summary.ratio, 0.5);
  EXPECT_EQ(summary.processor_ratio, 0.25);
  EXPECT_EQ(summary.ratio_low, 0.5);
  EXPECT_EQ(summary.ratio_high, 0.5);
  EXPECT_EQ(summary.ours_ms, 2);
  EXPECT_EQ(summary.theirs_ms, 2);
  EXPECT_EQ(summary.ours_least_ms, 0.5);
  EXPECT_EQ(summary.theirs_least_ms, 0.5);
  EXPECT_EQ(summary.ratio_of_least, 1);
  EXPECT_EQ(summary.ours_busy_cores, 1);
  EXPECT_EQ(summary.theirs_busy_cores, 2);
}

TEST(PeerRace, ATurnHasAtLeastOneRunAndABound) {
  EXPECT_EQ(runs_in_turn(1000, 60), 1u);
  EXPECT_EQ(runs_in_turn(20, 60), 3u);
  EXPECT_EQ(runs_in_turn(1e-9, 60), 1000u);
  EXPECT_EQ(runs_in_turn(0, 60), 1000u);
}

TEST(PeerRace, TheEnginesTakeTurnsAndWhoBeginsChanges) {
  std::string order;
  const auto pairs = race(
      [&] {
        order += 'o';
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      },
      [&] {
        order += 't';
        std::this_thread::sleep_for(std::chrono::milliseconds(4));
      },
      {.rounds = 3, .turn_ms = 0, .warmup = 2});
  // Warm-up and one run to choose the turn's length, then turns of one run that is not counted and
  // one that is.
  EXPECT_EQ(order, "oootttoottttoooott");
  ASSERT_EQ(pairs.size(), 3u);
  for (const Pair& pair : pairs) {
    EXPECT_GE(pair.ours.median_ms, 1);
    EXPECT_GE(pair.theirs.median_ms, 4);
  }
}

TEST(PeerLibrary, AnAbsentOrOtherLibraryIsRefused) {
  EXPECT_THROW(OnnxRuntime("/nowhere/libonnxruntime.so"), Error);
  EXPECT_THROW(OnnxRuntime("libm.so.6"), Error);
}

}  // namespace
}  // namespace sz::peers
