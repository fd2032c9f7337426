// Threads that lend their cores to a trusted application while it computes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "client/lender.h"

namespace sz::client {

// How lenders wait between visits, and when they give a group up. A helper that did something
// comes back at once; one that found nothing to do, was turned away or thrown out waits `shortest`,
// then twice as long each time up to `longest`.
struct LendingPolicy {
  std::chrono::microseconds shortest{200};
  std::chrono::microseconds longest{2000};

  // Visits without work, one after the other, after which a lender goes to rest although end() has
  // not been called; 0: never. For whoever cannot know when the run is over.
  std::uint32_t idle_visits = 0;
};

struct LendingCounters {
  std::uint64_t visits = 0;   // that reached the trusted application and came back
  std::uint64_t evicted = 0;  // of these, thrown out
  std::uint64_t faulted = 0;  // of these, ended by a fault
  std::uint64_t refused = 0;  // calls that were turned away: busy, stopped, no memory
  std::uint64_t failed = 0;   // calls, or attempts to open a way, that failed otherwise
  std::uint64_t parts = 0;    // what the helpers said that they did, in sum
};

// Owns its threads. They open their ways to the pseudo-TA when they begin, rest on a condition
// variable, and are in the secure world between begin() and end(). An error of a lender is counted
// and hurts nobody: the computation goes on with those that are there. The threads block all
// signals, so that the program's handlers run where they did before.
//
// begin, end and the destructor are called by one thread (the owner), the rest by any.
class Lenders {
 public:
  // Starts `count` threads; fewer, if the system gives no more.
  Lenders(std::uint32_t count, OpenLender open, LendingPolicy policy = {});

  // Waits for the threads. One that is in the secure world comes back when its helper does, which
  // its patience bounds, or when the group is stopped.
  ~Lenders();
  Lenders(const Lenders&) = delete;
  Lenders& operator=(const Lenders&) = delete;

  // Sends `most` threads, or all if there are fewer, to this group; does not wait. Called just
  // before the run that they are to help.
  void begin(std::uint64_t group, std::uint32_t most = ~0u);

  // The run is over: nobody begins a visit any more. Does not wait for those who are inside.
  void end();

  // Threads that there are.
  std::uint32_t count() const { return static_cast<std::uint32_t>(threads_.size()); }

  // Whether no thread is at work or about to be.
  bool resting() const;

  LendingCounters counters() const;
  std::string last_failure() const;  // a sentence; empty if nothing failed

 private:
  void run(std::uint32_t index);
  std::unique_ptr<Lender> open_way();
  bool wait_for_round(std::uint32_t index, std::uint64_t* round, std::uint64_t* group);
  int owner_cpu() const;
  void serve(std::unique_ptr<Lender>* lender, std::uint64_t round, std::uint64_t group);
  bool count_and_judge(const Loan& loan, bool* worked);
  bool still_wanted(std::uint64_t round) const;
  void rest(std::uint64_t round);

  const OpenLender open_;
  const LendingPolicy policy_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool closing_ = false;
  bool wanted_ = false;        // between begin and end
  std::uint64_t round_ = 0;    // number of begin calls
  std::uint64_t group_ = 0;    // of this round
  int owner_cpu_ = -1;         // where begin was called
  std::uint32_t invited_ = 0;  // threads with a smaller index than this take part in it
  std::uint32_t at_work_ = 0;  // threads that have not yet gone to rest after this round
  LendingCounters counters_;
  std::string last_failure_;
  std::vector<std::thread> threads_;
};

}  // namespace sz::client
