#include "cores/job_board.h"

namespace sz::cores {
namespace {

// Part `part` of `parts` covers the chunks from here on.
std::uint32_t first_chunk(const Work& work, std::uint32_t parts, std::uint32_t part) {
  return static_cast<std::uint32_t>(std::uint64_t{work.chunks} * part / parts);
}

}  // namespace

void JobBoard::open(std::uint32_t workers) {
  workers_.store_release(workers);
  epoch_.fetch_add(1);
}

void JobBoard::close() { epoch_.fetch_add(1); }

void JobBoard::post(const Work& work) {
  const std::uint32_t parts = work.chunks < kMaxParts ? work.chunks : kMaxParts;
  const std::uint64_t job = (ticket_.load_relaxed() >> kPartBits) + 1;
  // First nothing can be claimed, then the job is replaced, then it can be claimed. Whoever reads
  // a new field (acquire) also sees that its old ticket is void.
  ticket_.store_release(job << kPartBits | kNoPart);
  for (std::uint32_t part = 0; part < parts; ++part) part_done_[part].store_release(0);
  parts_done_.store_release(0);
  work_.store_release(&work);
  parts_.store_release(parts);
  ++tally_.jobs;
  ticket_.store_release(job << kPartBits);
}

void JobBoard::take_part() {
  while (take_one(0) != Claim::kNothingLeft) {
  }
}

JobBoard::Claim JobBoard::take_one(std::uint32_t worker) {
  const std::uint64_t ticket = ticket_.load_acquire();
  const Work* work = work_.load_acquire();
  const std::uint32_t parts = parts_.load_acquire();
  const std::uint64_t part = ticket & kNoPart;
  if (part >= parts) return Claim::kNothingLeft;
  // After the ticket: a limit of an earlier run comes with a ticket that is void by now.
  if (worker != 0 && worker >= workers_.load_acquire()) return Claim::kNothingLeft;
  // Only who wins may look at *work: the job is the one of the ticket then, and stays.
  if (!ticket_.exchange_if(ticket, ticket + 1)) return Claim::kLost;
  do_part(*work, parts, static_cast<std::uint32_t>(part), worker);
  return Claim::kDone;
}

void JobBoard::do_part(const Work& work, std::uint32_t parts, std::uint32_t part,
                       std::uint32_t worker) {
  const std::uint32_t end = first_chunk(work, parts, part + 1);
  for (std::uint32_t chunk = first_chunk(work, parts, part); chunk < end; ++chunk) {
    work.run(work.context, chunk, worker);
  }
  tally_.work[worker] += work.cost / parts;
  part_done_[part].store_release(1);
  parts_done_.fetch_add(1);
}

bool JobBoard::done() const { return parts_done_.load_acquire() == parts_.load_relaxed(); }

void JobBoard::redo() {
  const std::uint32_t parts = parts_.load_relaxed();
  const Work& work = *work_.load_relaxed();
  ticket_.store_release(ticket_.load_relaxed() | kNoPart);
  for (std::uint32_t part = 0; part < parts; ++part) {
    if (part_done_[part].load_acquire() != 0) continue;
    do_part(work, parts, part, 0);
    ++tally_.redone;
  }
  // A helper may have been thrown out between its mark and its count.
  parts_done_.store_release(parts);
}

std::uint32_t JobBoard::serve(std::uint32_t worker, std::uint32_t patience) {
  if (worker == 0 || worker >= kMaxWorkers) return 0;
  present_.fetch_add(1);
  std::uint32_t done = 0;
  std::uint32_t waited = 0;
  const std::uint32_t entered = epoch_.load_acquire();
  const std::uint32_t open = entered | 1;  // the epoch to help in: this one, or the next
  while (waited < patience) {
    const std::uint32_t now = epoch_.load_acquire();
    if (now != entered && now != open) break;
    const Claim claim = now == open ? take_one(worker) : Claim::kNothingLeft;
    if (claim == Claim::kDone) ++done;
    if (claim != Claim::kNothingLeft) {
      waited = 0;
    } else {
      ++waited;
      relax_processor();
    }
  }
  present_.fetch_sub(1);
  return done;
}

}  // namespace sz::cores
