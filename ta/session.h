// What one session does: the states of protocol/commands.h and the model behind them. Knows nothing
// of GlobalPlatform's parameters; ta/entry.cc translates.
#pragma once

#include <cstdint>

#include "base/memory.h"
#include "base/status.h"
#include "engine/model.h"
#include "protocol/commands.h"
#include "ta/conversation.h"
#include "ta/digest.h"
#include "ta/secure_cores.h"
#include "ta/secure_memory.h"

namespace sz::ta {

// One session, one model. All arguments are untrusted; spans may be shared memory, which the normal
// world can change at any time: each function says how it reads it.
//
// Errors common to the LOAD functions: kBadState. A LOAD function that fails drops the model.
class Session {
 public:
  // Takes a plan: copies it, once, into secure memory; checks the copy; takes the model's memory.
  // `plan` is shared: the header is read twice, and only the second reading counts. A model that
  // is there already is dropped first. `cores`: 1 .. SMARTZONE_MAX_CORES. `flags`: 0 or
  // SMARTZONE_LOAD_ASKS.
  // Errors: kBadParameters, every 2xx and 3xx status, kOutOfSecureMemory (detail = MemoryRegion),
  // kInternal.
  Failure load_begin(ByteSpan plan, std::uint32_t cores, std::uint32_t flags);

  // Takes the next piece of the weights, 1 .. SMARTZONE_MAX_CHUNK_BYTES bytes, which begin at
  // `offset` of the region. `chunk` is shared: read once. Errors: kBadParameters, kWeightsOffset.
  Failure load_weights(ByteSpan chunk, std::uint64_t offset);

  // All pieces are there; compares the digest. Errors: kWeightsIncomplete, kWeightsDigest, those of
  // Conversation::open.
  Failure load_end();

  // Runs entry point `entry`. `inputs` and `outputs` are shared: every byte is read or written
  // once. Stores the bytes of the reply in *written (0 on failure). `cores` is the most that may
  // be used, 1 .. the number reserved. Errors: kBadState, kBadParameters, those of
  // engine::Model::run; kHelperFault, which drops the model.
  Failure run(std::uint32_t entry, std::uint32_t cores, ByteSpan inputs, MutableByteSpan outputs,
              std::uint64_t* written);

  // The commands of a conversation (ta/conversation.h). All refuse with kBadState unless a language
  // model is ready. NEXT and SCORE compute: kBadParameters and kHelperFault as with run.
  Failure prompt(ByteSpan text, ByteSpan request, std::uint32_t* waiting, std::uint32_t* position);
  Failure next(std::uint32_t most, std::uint32_t cores, MutableByteSpan text,
               smartzone_next* reply);
  Failure score(std::uint32_t most, std::uint32_t cores, MutableByteSpan logits,
                std::uint64_t* written, smartzone_score* reply);
  Failure save(std::uint32_t piece, MutableByteSpan out, std::uint64_t* written,
               std::uint32_t* pieces);
  Failure resume(std::uint32_t piece, ByteSpan in, std::uint32_t* left);

  // Drops the model; its memory is wiped and given back. Errors: kInternal if the trusted OS does
  // not take memory back.
  Failure unload();

  void describe(smartzone_info* info) const;
  void describe(smartzone_cores* cores) const { secure_cores_.describe(cores); }

 private:
  Failure take_plan(ByteSpan plan, std::uint32_t cores);
  Failure take_memory(const engine::MemoryNeed& need, std::uint32_t cores);
  Failure take_weights(ByteSpan chunk, std::uint64_t offset);
  Failure check_weights();
  Failure check_talking() const;
  template <typename Work>
  Failure on_cores(std::uint32_t cores, Work work);
  Failure drop_on_error(Failure failure);
  bool take(SecureRegion* region, std::uint64_t bytes);
  std::uint64_t mapped() const;

  smartzone_state state_ = SMARTZONE_STATE_EMPTY;
  std::uint32_t cores_ = 0;
  bool asks_for_cores_ = false;
  std::uint64_t weights_received_ = 0;
  std::uint64_t mapped_peak_ = 0;
  engine::Model model_;
  Conversation conversation_;  // open if the model is a language model and ready
  Sha256 weights_digest_;
  SecureRegion control_;
  SecureRegion weights_;
  SecureRegion arena_;
  SecureRegion scratch_;
  SecureRegion state_memory_;
  SecureRegion language_;
  SecureRegion board_;
  SecureRegion stacks_;
  SecureCores secure_cores_;  // declared last: its helpers leave before the memory goes
};

}  // namespace sz::ta
