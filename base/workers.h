// How an operator spreads its work. Operators are written against this interface only; who
// stands behind it (the calling thread alone, a thread pool, lent secure cores) is decided by
// whoever runs the engine.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sz {

// One piece of work. `chunk` is in [0, chunks); `worker` is in [0, Workers::count()) and picks
// the scratch memory; worker 0 is the thread that called Workers::run. A chunk must write only
// what no other chunk of the same run touches, must not read what it writes, must not block or
// call the system, and must not care which worker runs it or whether it runs twice (a worker that
// the normal world withholds is thrown out, and its chunk is done again): that is what keeps
// results bit-identical for every number of cores.
using ChunkFn = void (*)(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept;

// A step's work, cut into chunks of about equal size.
struct Work {
  ChunkFn run = nullptr;
  void* context = nullptr;
  std::uint32_t chunks = 0;

  // Of all chunks together, in operations: about one for a multiply-add of a matrix product, one
  // for each byte that an operation without arithmetic to speak of reads or writes. Decides
  // whether other cores are worth their trouble, never what is computed.
  std::uint64_t cost = 0;
};

// Below this cost a step is done by the calling thread alone: handing out chunks and waiting for
// the last one takes some microseconds.
inline constexpr std::uint64_t kCostToShare = 1u << 17;

// Whether Workers with more than one worker share this work.
constexpr bool worth_sharing(std::uint64_t cost) { return cost >= kCostToShare; }

class Workers {
 public:
  // Upper bound of the `worker` argument that `run` passes on.
  virtual std::uint32_t count() const = 0;

  // Runs chunks 0 .. work.chunks-1, in any order, and returns when all are done.
  virtual void run(const Work& work) = 0;

 protected:
  ~Workers() = default;  // never deleted through this interface (no operator delete in the TA)
};

// The calling thread does everything, in order.
inline void run_alone(const Work& work) {
  for (std::uint32_t chunk = 0; chunk < work.chunks; ++chunk) work.run(work.context, chunk, 0);
}

class SingleWorker final : public Workers {
 public:
  std::uint32_t count() const override { return 1; }
  void run(const Work& work) override { run_alone(work); }
};

}  // namespace sz
