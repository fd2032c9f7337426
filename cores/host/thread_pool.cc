#include "cores/host/thread_pool.h"

#include <algorithm>

namespace sz::cores {
namespace {

// Looks for work before a thread goes to sleep: some tens of microseconds.
constexpr std::uint32_t kPatience = 2000;

// Looks at the last part before the caller lets other threads run on its core.
constexpr std::uint32_t kSpins = 20000;

}  // namespace

ThreadPool::ThreadPool(std::uint32_t workers)
    : count_(std::clamp<std::uint32_t>(workers, 1, kMaxWorkers)),
      board_(std::make_unique<JobBoard>()) {
  board_->open();
  for (std::uint32_t worker = 1; worker < count_; ++worker) {
    threads_.emplace_back([this, worker] { serve(worker); });
  }
}

ThreadPool::~ThreadPool() {
  board_->close();
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  job_posted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run(const Work& work) {
  if (count_ == 1 || work.chunks < 2 || !worth_sharing(work.cost)) return run_alone(work);
  board_->post(work);
  if (sleeping_.load_acquire() != 0) wake();
  board_->take_part();
  for (std::uint32_t spins = 0; !board_->done(); ++spins) {
    if (spins < kSpins) {
      relax_processor();
    } else {
      std::this_thread::yield();
    }
  }
}

void ThreadPool::wake() {
  {
    const std::lock_guard lock(mutex_);
    ++jobs_;
  }
  job_posted_.notify_all();
}

void ThreadPool::serve(std::uint32_t worker) {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    lock.unlock();
    board_->serve(worker, kPatience);
    lock.lock();
    if (ending_) return;
    const std::uint64_t seen = jobs_;
    sleeping_.fetch_add(1);
    job_posted_.wait(lock, [&] { return jobs_ != seen || ending_; });
    sleeping_.fetch_sub(1);
  }
}

}  // namespace sz::cores
