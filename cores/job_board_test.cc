#include "cores/job_board.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace sz::cores {
namespace {

constexpr std::uint32_t kPatience = 1u << 20;

// Counts how often each chunk ran, and on which worker last.
struct Count {
  explicit Count(std::uint32_t chunks) : runs(chunks), worker(chunks) {}

  Work work(std::uint64_t cost = 1000) {
    return {.run = run,
            .context = this,
            .chunks = static_cast<std::uint32_t>(runs.size()),
            .cost = cost};
  }
  static void run(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
    auto& count = *static_cast<Count*>(context);
    ++count.runs[chunk];
    count.worker[chunk] = worker;
  }

  std::vector<std::uint32_t> runs;
  std::vector<std::uint32_t> worker;
};

TEST(JobBoard, OwnerAloneDoesEveryChunkOnce) {
  for (const std::uint32_t chunks : {1u, 2u, kMaxParts - 1, kMaxParts, kMaxParts + 1, 5000u}) {
    const auto board = std::make_unique<JobBoard>();
    Count count(chunks);
    const Work work = count.work();
    board->post(work);
    board->take_part();
    EXPECT_TRUE(board->done());
    EXPECT_EQ(count.runs, std::vector<std::uint32_t>(chunks, 1)) << chunks;
  }
}

TEST(JobBoard, HelperLeavesAClosedBoardWhenItsPatienceIsOver) {
  const auto board = std::make_unique<JobBoard>();
  EXPECT_EQ(board->serve(1, 100), 0u);
  EXPECT_EQ(board->present(), 0u);
}

TEST(JobBoard, HelperWithoutAPlaceIsSentAway) {
  const auto board = std::make_unique<JobBoard>();
  board->open();
  Count count(3);
  const Work work = count.work();
  board->post(work);
  EXPECT_EQ(board->serve(0, 100), 0u);
  EXPECT_EQ(board->serve(kMaxWorkers, 100), 0u);
  EXPECT_EQ(count.runs, std::vector<std::uint32_t>(3, 0));
}

TEST(JobBoard, HelperDoesAJobThatNobodyElseTakes) {
  const auto board = std::make_unique<JobBoard>();
  board->open();
  Count count(7);
  const Work work = count.work(700);
  board->post(work);
  EXPECT_FALSE(board->done());
  EXPECT_EQ(board->serve(3, 100), 7u);
  EXPECT_TRUE(board->done());
  EXPECT_EQ(count.worker, std::vector<std::uint32_t>(7, 3));
  EXPECT_EQ(board->tally().work[3], 700u);
  EXPECT_EQ(board->tally().work[0], 0u);
}

TEST(JobBoard, NothingIsClaimedWhileTheBoardIsClosed) {
  const auto board = std::make_unique<JobBoard>();
  Count count(7);
  const Work work = count.work();
  board->post(work);
  EXPECT_EQ(board->serve(1, 100), 0u);
  board->take_part();
  EXPECT_TRUE(board->done());
}

// A helper that takes a part and never comes back, as one that was thrown out: its thread is kept
// inside the chunk while the owner does the part again.
TEST(JobBoard, RedoDoesExactlyWhatIsNotDone) {
  const auto board = std::make_unique<JobBoard>();
  board->open();
  struct Stuck {
    Atomic<std::uint32_t> inside{0}, leave{0};
    std::uint32_t runs[4] = {};
    static void run(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept {
      auto& self = *static_cast<Stuck*>(context);
      if (worker == 1) {
        self.inside.store_release(1);
        while (self.leave.load_acquire() == 0) relax_processor();
        return;  // without having done anything
      }
      ++self.runs[chunk];
    }
  } stuck;
  const Work work{.run = Stuck::run, .context = &stuck, .chunks = 4, .cost = 4};
  board->post(work);
  std::thread helper([&] { board->serve(1, kPatience); });
  while (stuck.inside.load_acquire() == 0) std::this_thread::yield();
  board->take_part();
  EXPECT_FALSE(board->done());
  board->redo();
  EXPECT_TRUE(board->done());
  for (const std::uint32_t runs : stuck.runs) EXPECT_EQ(runs, 1u);
  EXPECT_EQ(board->tally().redone, 1u);
  EXPECT_EQ(board->present(), 1u);
  board->close();
  stuck.leave.store_release(1);
  helper.join();
}

TEST(JobBoard, ManyJobsWithHelpersThatComeAndGoLoseNoChunk) {
  const auto board = std::make_unique<JobBoard>();
  Atomic<std::uint32_t> ending{0};
  std::vector<std::thread> helpers;
  for (std::uint32_t worker = 1; worker < 4; ++worker) {
    helpers.emplace_back([&, worker] {
      while (ending.load_acquire() == 0) {
        board->serve(worker, 37 * worker);
        std::this_thread::yield();
      }
    });
  }
  for (std::uint32_t job = 0; job < 3000; ++job) {
    if (job % 10 == 0) board->open();
    Count count(1 + job % 40);
    const Work work = count.work();
    board->post(work);
    board->take_part();
    while (!board->done()) std::this_thread::yield();
    ASSERT_EQ(count.runs, std::vector<std::uint32_t>(count.runs.size(), 1)) << job;
    if (job % 10 == 9) board->close();
  }
  ending.store_release(1);
  for (std::thread& helper : helpers) helper.join();
  EXPECT_EQ(board->present(), 0u);
  EXPECT_EQ(board->tally().jobs, 3000u);
}

}  // namespace
}  // namespace sz::cores
