// The memory through which one owner hands out chunks of work to helpers on other cores, and the
// rules by which they are claimed, done and, where a helper was thrown out, done again.
//
// The owner posts a job; owner and helpers claim its parts one by one with an atomic ticket until
// none is left; the owner waits for the last. Nobody takes a lock, so nobody who stops can hold
// one. What a stopped helper can still do is finish its own part: the owner either waits for it or
// makes sure, by other means (SECURE_CORES_CMD_STOP), that it never runs again, and does the part
// itself. cores/model/ has the protocol as a formal model; docs/secure-cores.md explains it.
#pragma once

#include <cstdint>

#include "base/atomic.h"
#include "base/workers.h"

namespace sz::cores {

inline constexpr std::uint32_t kMaxWorkers = 8;  // the owner and seven helpers

// Most parts that a job is handed out in. A job of more chunks gets several chunks a part.
inline constexpr std::uint32_t kMaxParts = 1024;

// What the workers have done, by worker; worker 0 is the owner.
struct Tally {
  std::uint64_t work[kMaxWorkers] = {};  // cost of the chunks done
  std::uint64_t jobs = 0;                // jobs handed out
  std::uint64_t redone = 0;              // parts done again by the owner
};

// Lies in memory that the owner and all helpers see at the same address. Zeroed memory is a closed
// board without a job. Trivially destructible.
class JobBoard {
 public:
  // ---- The owner's side: one thread.

  // Between open and close, helpers stay even if there is nothing to do just now, and workers
  // below `workers` may take parts. Neither waits.
  void open(std::uint32_t workers = kMaxWorkers);
  void close();

  // Hands out the chunks of `work`, which must stay where it is until the job is finished.
  // The last job must be finished: done(), or redone.
  void post(const Work& work);

  // Takes part after part as worker 0 until no part is left to take.
  void take_part();

  // Whether every part is done; what the helpers wrote is visible then.
  bool done() const;

  // Does what is not done. Only when no helper can run any more; they may begin anew afterwards.
  void redo();

  // Helpers that are in `serve` now. Those that were thrown out are counted until reset_present.
  std::uint32_t present() const { return present_.load_acquire(); }
  void reset_present() { present_.store_release(0); }

  // Only the owner may ask, while no job is handed out.
  const Tally& tally() const { return tally_; }
  void reset_tally() { tally_ = Tally(); }

  // ---- The helpers' side: any number of threads.

  // Helps as `worker` (1 .. kMaxWorkers-1, its own for each helper at a time) until the board
  // is closed again, or until there was nothing to do for `patience` looks. Comes a helper before
  // the board is opened, it waits as long. Returns how many parts it did.
  std::uint32_t serve(std::uint32_t worker, std::uint32_t patience);

 private:
  // A ticket: the job's number and the next part to claim. The number makes a ticket of an earlier
  // job worthless, however late it is shown.
  static constexpr std::uint32_t kPartBits = 16;
  static constexpr std::uint64_t kNoPart = (1u << kPartBits) - 1;

  enum class Claim { kNothingLeft, kLost, kDone };  // lost: somebody else was faster
  Claim take_one(std::uint32_t worker);
  void do_part(const Work& work, std::uint32_t parts, std::uint32_t part, std::uint32_t worker);

  alignas(128) Atomic<std::uint64_t> ticket_;
  alignas(128) Atomic<std::uint32_t> parts_done_;
  alignas(128) Atomic<std::uint32_t> epoch_;  // odd: open
  Atomic<std::uint32_t> workers_;
  Atomic<std::uint32_t> present_;
  // The job. Read before a part is claimed, when it may be half replaced by the next one; the
  // claim fails then. Hence atomic.
  alignas(128) Atomic<const Work*> work_;
  Atomic<std::uint32_t> parts_;
  Atomic<std::uint8_t> part_done_[kMaxParts];
  Tally tally_;
};

}  // namespace sz::cores
