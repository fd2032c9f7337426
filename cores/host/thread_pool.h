// Workers over threads of an ordinary process, by the same board that secure cores use.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/workers.h"
#include "cores/job_board.h"

namespace sz::cores {

// The calling thread and `workers` - 1 threads of the pool. Used by one thread at a time. The pool's
// threads wait actively for a moment after a job, then sleep; the first job that comes afterwards
// may be done without them.
class ThreadPool final : public Workers {
 public:
  // workers: 1 .. kMaxWorkers; more are cut to that.
  explicit ThreadPool(std::uint32_t workers);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::uint32_t count() const override { return count_; }
  void run(const Work& work) override;

  const Tally& tally() const { return board_->tally(); }

 private:
  void serve(std::uint32_t worker);
  void wake();

  const std::uint32_t count_;
  const std::unique_ptr<JobBoard> board_;
  std::mutex mutex_;
  std::condition_variable job_posted_;
  std::uint64_t jobs_ = 0;                // by mutex_
  bool ending_ = false;                   // by mutex_
  Atomic<std::uint32_t> sleeping_{0};     // changed under mutex_, read without
  std::vector<std::thread> threads_;
};

}  // namespace sz::cores
