#include "cores/host/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace sz::cores {
namespace {

struct Squares {
  std::vector<std::uint64_t> values;
  static void run(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
    static_cast<Squares*>(context)->values[chunk] = std::uint64_t{chunk} * chunk;
  }
  Work work(std::uint64_t cost) {
    values.assign(values.size(), 0);
    return {.run = run,
            .context = this,
            .chunks = static_cast<std::uint32_t>(values.size()),
            .cost = cost};
  }
  void expect_done() const {
    for (std::uint64_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], i * i);
  }
};

TEST(ThreadPool, DoesEveryChunkForEveryNumberOfThreads) {
  for (const std::uint32_t workers : {0u, 1u, 2u, 3u, kMaxWorkers, kMaxWorkers + 9}) {
    ThreadPool pool(workers);
    EXPECT_GE(pool.count(), 1u);
    EXPECT_LE(pool.count(), kMaxWorkers);
    Squares squares{std::vector<std::uint64_t>(500)};
    for (int i = 0; i < 200; ++i) {
      pool.run(squares.work(kCostToShare));
      squares.expect_done();
    }
  }
}

TEST(ThreadPool, TinyWorkIsDoneByTheCallerAlone) {
  ThreadPool pool(4);
  Squares squares{std::vector<std::uint64_t>(100)};
  pool.run(squares.work(kCostToShare - 1));
  squares.expect_done();
  EXPECT_EQ(pool.tally().jobs, 0u);
}

TEST(ThreadPool, ThreadsThatFellAsleepComeBack) {
  ThreadPool pool(2);
  Squares squares{std::vector<std::uint64_t>(64)};
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    pool.run(squares.work(kCostToShare));
    squares.expect_done();
  }
}

TEST(ThreadPool, EndsWithThreadsAsleepAndAwake) {
  for (int i = 0; i < 50; ++i) {
    ThreadPool pool(3);
    Squares squares{std::vector<std::uint64_t>(8)};
    if (i % 2 == 0) pool.run(squares.work(kCostToShare));
  }
}

}  // namespace
}  // namespace sz::cores
