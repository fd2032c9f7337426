// Threads of a test that lend their cores. Host only.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "shim/secure_cores_pta.h"

namespace sz::ta::testing {

// Threads that lend while it lives; each stays away at random for a while.
class Lenders {
 public:
  Lenders(std::uint64_t group, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      threads_.emplace_back([this, group, i] { lend(group, i); });
    }
  }
  ~Lenders() {
    ending_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  Lenders(const Lenders&) = delete;

 private:
  void lend(std::uint64_t group, std::uint32_t seed) {
    std::minstd_rand random(seed + 1);
    while (!ending_) {
      const shim::Loan loan = shim::lend(group);
      if (loan.result != 0 || random() % 4 == 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 500));
      }
    }
  }

  std::atomic<bool> ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sz::ta::testing
