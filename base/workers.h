// How an operator spreads its work. Operators are written against this interface only; who
// stands behind it (the calling thread alone, a thread pool, lent secure cores) is decided by
// whoever runs the engine.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sz {

// One piece of work. `chunk` is in [0, chunks); `worker` is in [0, Workers::count()) and picks
// the scratch memory. A chunk must write only what no other chunk of the same run touches, must
// not read what it writes, and must not care which worker runs it or whether it runs twice:
// that is what keeps results bit-identical for every number of cores.
using ChunkFn = void (*)(void* context, std::uint32_t chunk, std::uint32_t worker) noexcept;

class Workers {
 public:
  // Upper bound of the `worker` argument that `run` passes on.
  virtual std::uint32_t count() const = 0;

  // Runs chunks 0 .. chunks-1, in any order, and returns when all are done.
  virtual void run(ChunkFn fn, void* context, std::uint32_t chunks) = 0;

 protected:
  ~Workers() = default;  // never deleted through this interface (no operator delete in the TA)
};

// The calling thread does everything, in order.
class SingleWorker final : public Workers {
 public:
  std::uint32_t count() const override { return 1; }
  void run(ChunkFn fn, void* context, std::uint32_t chunks) override {
    for (std::uint32_t chunk = 0; chunk < chunks; ++chunk) fn(context, chunk, 0);
  }
};

}  // namespace sz
