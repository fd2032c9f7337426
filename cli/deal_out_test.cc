#include "cli/deal_out.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <stdexcept>

namespace sz::cli {
namespace {

// An instance that notices if two threads use it at once.
struct Instance {
  std::atomic<bool> used{false};
  std::size_t jobs = 0;
  std::thread::id thread;

  Instance() = default;
  Instance(Instance&&) noexcept {}
};

std::size_t work_on(Instance& instance, std::size_t i) {
  EXPECT_FALSE(instance.used.exchange(true));
  if (instance.jobs == 0) instance.thread = std::this_thread::get_id();
  EXPECT_EQ(instance.thread, std::this_thread::get_id());
  ++instance.jobs;
  // Later jobs are done sooner, so that results arrive out of order.
  std::this_thread::sleep_for(std::chrono::microseconds(400 - 100 * (i % 4)));
  instance.used = false;
  return i * i;
}

TEST(DealOut, GivesResultsInOrderForAnyNumberOfInstances) {
  for (const std::size_t size : {1, 2, 3, 8}) {
    std::vector<Instance> instances(size);
    std::vector<std::size_t> taken;
    deal_out<Instance, std::size_t>(instances, 100, work_on,
                                    [&](std::size_t i, std::size_t square) {
                                      EXPECT_EQ(square, i * i);
                                      taken.push_back(i);
                                    });
    std::vector<std::size_t> wanted(100);
    std::iota(wanted.begin(), wanted.end(), 0u);
    EXPECT_EQ(taken, wanted);
    std::size_t jobs = 0;
    for (const Instance& one : instances) {
      jobs += one.jobs;
      EXPECT_EQ(one.thread == std::this_thread::get_id(), size == 1);
    }
    EXPECT_EQ(jobs, 100u);
  }
}

TEST(DealOut, HasNothingToDoForNoJobs) {
  std::vector<Instance> instances(3);
  deal_out<Instance, std::size_t>(instances, 0, work_on,
                                  [](std::size_t, std::size_t) { FAIL() << "no job, no result"; });
}

TEST(DealOut, TakesWhatComesBeforeAnErrorAndThrowsItOn) {
  for (const std::size_t size : {1, 3}) {
    std::vector<Instance> instances(size);
    std::size_t taken = 0;
    const auto fail_at_20 = [](Instance& instance, std::size_t i) {
      if (i == 20) throw std::runtime_error("twenty");
      return work_on(instance, i);
    };
    const auto count = [&](std::size_t, std::size_t) { ++taken; };
    try {
      deal_out<Instance, std::size_t>(instances, 1000, fail_at_20, count);
      FAIL() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "twenty");
    }
    EXPECT_EQ(taken, 20u);
    std::size_t jobs = 0;
    for (const Instance& one : instances) jobs += one.jobs;
    EXPECT_LT(jobs, 100u);
  }
}

TEST(DealOut, EndsWhenAResultIsNotWanted) {
  std::vector<Instance> instances(3);
  const auto refuse = [](std::size_t i, std::size_t) {
    if (i == 5) throw std::runtime_error("enough");
  };
  EXPECT_THROW((deal_out<Instance, std::size_t>(instances, 1000, work_on, refuse)),
               std::runtime_error);
}

}  // namespace
}  // namespace sz::cli
