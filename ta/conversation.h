// What a session does with a language model: takes text, computes, gives text, saves itself. Knows
// neither states of a session nor cores; ta/session.h does.
#pragma once

#include <cstdint>

#include "base/memory.h"
#include "base/status.h"
#include "base/workers.h"
#include "engine/model.h"
#include "language/generator.h"
#include "protocol/commands.h"
#include "ta/saving.h"

namespace sz::ta {

// One conversation, in memory that the session has taken. Spans are shared memory: read or written
// once. Only open and close may be called while it is closed.
class Conversation {
 public:
  // Begins, empty, with a language model that has its memory and weights; `memory` is of
  // PlanHeader::language_bytes. Errors: kTokenizerInvalid, kLanguageInvalid.
  Failure open(const engine::Model& model, MutableByteSpan memory);
  void close();
  bool is_open() const { return model_ != nullptr; }

  // The commands of protocol/commands.h. PROMPT: `request` is a struct smartzone_prompt.
  Failure prompt(ByteSpan text, ByteSpan request);
  Failure next(std::uint32_t most, Workers& workers, MutableByteSpan text, smartzone_next* reply);
  Failure score(std::uint32_t most, Workers& workers, MutableByteSpan logits,
                std::uint64_t* written, smartzone_score* reply);
  Failure save(std::uint32_t piece, MutableByteSpan out, std::uint64_t* written,
               std::uint32_t* pieces);
  Failure resume(std::uint32_t piece, ByteSpan in, std::uint32_t* left);

  std::uint32_t waiting() const { return generator_.pending(); }
  std::uint32_t position() const { return generator_.position(); }

 private:
  Failure add_text(ByteSpan text, const smartzone_prompt& request);
  Failure add_tokens(ByteSpan tokens, bool restart);

  const engine::Model* model_ = nullptr;  // of the session
  language::Generator generator_;
  Saving saving_;
};

}  // namespace sz::ta
