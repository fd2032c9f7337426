// Deals jobs out to several instances, each in a thread of its own, and takes the results in order.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace sz::cli {

// Calls work(instance, i) for every i in [0, count) on whichever instance is free, and take(i,
// result) on the calling thread, in order of i. An instance is used by one thread only. With one
// instance nothing but the calling thread is used. What `work` or `take` throws ends everything:
// results before it have been taken, and it is thrown on.
template <typename Instance, typename Result>
void deal_out(std::vector<Instance>& instances, std::size_t count,
              const std::function<Result(Instance&, std::size_t)>& work,
              const std::function<void(std::size_t, Result)>& take) {
  if (instances.size() == 1) {
    for (std::size_t i = 0; i < count; ++i) take(i, work(instances[0], i));
    return;
  }
  struct Slot {
    std::optional<Result> result;
    std::exception_ptr error;
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Slot> slots(count);
  std::size_t next = 0;
  bool stop = false;

  const auto serve = [&](Instance& instance) {
    for (;;) {
      std::size_t i = 0;
      {
        const std::lock_guard lock(mutex);
        if (stop || next == count) return;
        i = next++;
      }
      Slot slot;
      try {
        slot.result = work(instance, i);
      } catch (...) {
        slot.error = std::current_exception();
      }
      const std::lock_guard lock(mutex);
      // Jobs before this one have all been claimed: their results will come.
      stop = stop || slot.error != nullptr;
      slots[i] = std::move(slot);
      changed.notify_one();
    }
  };

  // Ends the threads, however this function is left.
  struct Threads {
    std::vector<std::thread> list;
    std::mutex& mutex;
    bool& stop;
    ~Threads() {
      {
        const std::lock_guard lock(mutex);
        stop = true;
      }
      for (std::thread& thread : list) thread.join();
    }
  } threads{{}, mutex, stop};
  for (Instance& instance : instances) threads.list.emplace_back(serve, std::ref(instance));

  for (std::size_t i = 0; i < count; ++i) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return slots[i].result || slots[i].error; });
    if (slots[i].error) std::rethrow_exception(slots[i].error);
    Result result = std::move(*slots[i].result);
    slots[i].result.reset();
    lock.unlock();
    take(i, std::move(result));
  }
}

}  // namespace sz::cli
