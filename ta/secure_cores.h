// Cores that the normal world lends, as Workers: the owner's side of protocol/secure_cores.h and of
// cores/job_board.h. Without the trusted OS's extension everything is done on the caller's core.
#pragma once

#include <cstdint>

#include "base/memory.h"
#include "base/status.h"
#include "base/workers.h"
#include "cores/job_board.h"
#include "protocol/commands.h"

namespace sz::ta {

// States: stopped -> (start) -> started -> (begin_run, run ..., end_run) -> started -> (stop).
// Owned by one session. Nothing here fails for want of helpers.
class SecureCores final : public Workers {
 public:
  SecureCores() = default;
  ~SecureCores() { stop(); }
  SecureCores(const SecureCores&) = delete;
  SecureCores& operator=(const SecureCores&) = delete;

  // Lets helpers in for `cores` - 1 cores. `board` and `stacks` are secure memory of a mapping of
  // its own each, zeroed, of the sizes of engine::MemoryNeed; they belong to the helpers until stop.
  // Everything that operators touch must be mapped already. Where the trusted OS cannot do it (no
  // extension, no page tables), `usable` stays 1.
  // `asks`: begin_run asks the plugin of tee-supplicant for lenders if none is there.
  void start(MutableByteSpan board, MutableByteSpan stacks, std::uint32_t cores, bool asks);

  // Sends all helpers away. When it returns, none of them can touch this application's memory.
  void stop();

  // Around a run of the model: helpers may take part, at most `cores` - 1 of them.
  void begin_run(std::uint32_t cores);

  // kHelperFault (detail: OP-TEE's panic code) if a helper faulted: a defect of ours; the group is
  // stopped then. What was computed is complete all the same.
  Failure end_run();

  std::uint32_t count() const override { return cores_in_run_; }
  void run(const Work& work) override;

  // Most cores that a run can use.
  std::uint32_t usable() const { return usable_; }
  void describe(smartzone_cores* facts) const;

 private:
  bool open_group();
  bool start_group();
  void close_group();
  void wait_for_helpers();
  bool helper_faulted();
  void evict();
  void ask_for_cores() const;
  std::uint32_t command(std::uint32_t number, std::uint32_t types, void* params) const;

  void* session_ = nullptr;  // TEE_TASessionHandle of the pseudo-TA
  cores::JobBoard* board_ = nullptr;
  MutableByteSpan stacks_;
  std::uint64_t group_ = 0;
  std::uint32_t reserved_ = 1;  // cores that there is memory for
  std::uint32_t usable_ = 1;
  std::uint32_t cores_in_run_ = 1;
  std::uint32_t evictions_in_run_ = 0;
  std::uint32_t fault_ = 0;  // panic code of the first helper that faulted
  bool faulted_ = false;
  bool asks_ = false;
  std::uint64_t runs_ = 0;
  std::uint64_t evictions_ = 0;
};

}  // namespace sz::ta
