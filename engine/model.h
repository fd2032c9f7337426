// A plan that has been proved and given its memory, ready to run. This is all of the engine that
// the TA sees: size it, prepare it, attach the regions, run it.
#pragma once

#include <cstdint>
#include <span>

#include "base/memory.h"
#include "base/status.h"
#include "base/workers.h"
#include "package/plan_reader.h"
#include "tensor/tensor.h"

namespace sz::engine {

// Secure memory of one loaded model, in bytes, before rounding to pages. The compiler's analysis
// and the TA call the same function, so that the one cannot differ from the other.
struct MemoryNeed {
  std::uint64_t control = 0;  // the plan's copy and the resolved tensor views
  std::uint64_t weights = 0;
  std::uint64_t arena = 0;
  std::uint64_t state = 0;     // key-value caches
  std::uint64_t language = 0;  // tokens and working memory of a conversation
  std::uint64_t scratch = 0;  // for all cores
  std::uint64_t board = 0;    // through which cores share work; 0 for one core
  std::uint64_t stacks = 0;   // of the helpers on other cores; 0 for one core

  std::uint64_t in_pages() const;  // the sum, each in whole pages
};

inline constexpr std::uint64_t kPageBytes = 4096;

// What a plan with this header needs on `cores` cores. The header must have passed
// package::plan_size. Errors: kPlanLimit.
Failure memory_need(const package::PlanHeader& header, std::uint32_t cores, MemoryNeed* need);

// The regions that a model works in. Each is page-aligned, owned by the caller, and lives until
// the model is dropped. Sizes are those of MemoryNeed or more.
struct ModelMemory {
  MutableByteSpan weights;
  MutableByteSpan arena;
  MutableByteSpan scratch;
  MutableByteSpan state = {};  // zeroed
};

// Sizes of the inputs (or outputs) of an entry point as they lie in a request (or reply):
// dense, one behind the other, each at a multiple of package::kIoAlignment.
struct IoSize {
  std::uint64_t inputs = 0;
  std::uint64_t outputs = 0;
};

// Trivially destructible; holds no memory of its own.
class Model {
 public:
  // Parses and checks the plan that lies in the first `plan_bytes` of `control` (a private copy,
  // page-aligned) and builds the resolved views behind it. Nothing is run or allocated.
  // Errors: every 2xx and 3xx status; kPlanSize if `control` is smaller than MemoryNeed::control.
  Failure prepare(MutableByteSpan control, std::uint64_t plan_bytes, package::Sha256Fn sha256);

  // Gives the model its regions. `cores` is the number of scratch areas. Errors: kInternal if a
  // region is too small or misaligned.
  Failure attach(const ModelMemory& memory, std::uint32_t cores);

  // Only after prepare.
  const package::PlanView& plan() const { return plan_; }
  Failure io_size(std::uint32_t entry, IoSize* size) const;

  // On how many cores, at most `most`, a run of any entry point gains more than bringing the
  // cores in costs; 1 or more.
  std::uint32_t useful_cores(std::uint32_t most) const;

  // Of a language model; nullptr for others.
  const package::LanguageRecord* language() const {
    return plan_.language().empty() ? nullptr : plan_.language().data();
  }

  // A language model's tables for its tokenizer, and its caches. Only after attach.
  ByteSpan tokenizer() const;
  MutableByteSpan state() const { return memory_.state; }

  // Runs `tokens`, which stand at `position` and the places behind it in the context, through a
  // language model's prefill or decode entry point; *logits are those of the last token, in the
  // arena, until the next run (may be overwritten). Errors: kBadEntryPoint; kInputSize (none, or
  // more tokens than the entry point takes); kContextFull; those of the steps.
  Failure run_tokens(std::uint32_t entry, std::span<const std::uint32_t> tokens,
                     std::uint32_t position, Workers& workers, std::span<float>* logits) const;

  // Copies the inputs in, runs the entry point's steps, copies the outputs out. `inputs` and
  // `outputs` have exactly the sizes that io_size gives; outputs are written only on success.
  // `inputs` and `outputs` may be shared memory: each byte is read (written) once.
  // The weights region must hold the weights. Errors: kBadEntryPoint (none, or one of a
  // language model), kInputSize,
  // kBufferTooSmall, kIndexOutOfRange, kInternal.
  Failure run(std::uint32_t entry, ByteSpan inputs, MutableByteSpan outputs, Workers& workers) const;

 private:
  // The rows that a language model's steps work on.
  struct Window {
    std::uint32_t rows = 0xffffffffu;
    std::uint32_t position = 0;
    std::uint32_t batch = 0;  // rows that a step's cost is stated for; 0: it is what it is
  };
  Failure run_steps(const package::EntryRecord& entry, const Window& window,
                    Workers& workers) const;

  package::PlanView plan_;
  std::span<TensorView> views_;
  ModelMemory memory_;
  std::uint64_t scratch_stride_ = 0;
};

}  // namespace sz::engine
