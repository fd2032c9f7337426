// A conversation with a language model: its tokens, what of them waits to be computed, and how the
// next one is chosen. Trusted; all memory is lent.
#pragma once

#include <cstdint>
#include <span>

#include "base/memory.h"
#include "base/status.h"
#include "base/workers.h"
#include "engine/model.h"
#include "language/sampler.h"
#include "language/tokenizer.h"
#include "package/plan_format.h"

namespace sz::language {

struct PromptOptions {
  bool restart = false;   // forget the conversation first
  bool specials = false;  // text like "<|im_end|>" names control tokens
};

// What a step has done.
enum class Progress : std::uint32_t {
  kPrompt = 0,       // computed waiting tokens of a prompt
  kToken = 1,        // wrote a token
  kEndOfText = 2,    // the model ended its answer; so says every further step until the next prompt
  kContextFull = 3,  // there is no room for another token
  kIdle = 4,         // nothing waits and nothing was begun
};

struct StepResult {
  Progress progress = Progress::kIdle;
  std::uint32_t token = kNoToken;  // of kToken and kEndOfText
  ByteSpan text;                   // of kToken; may end within a character. Lives as the model does
};

// All of a conversation but its tokens and the model's caches, as plain data without padding, to be
// saved. tokens() begins with `position` computed and `waiting` further ones.
struct GeneratorState {
  std::uint32_t position = 0;
  std::uint32_t waiting = 0;
  std::uint32_t phase = 0;  // Phase
  std::uint32_t reserved = 0;
  SamplerSettings settings;
  SamplerState random;
};
static_assert(sizeof(GeneratorState) == 64);

enum class Phase : std::uint32_t {
  kPrompt = 0,  // tokens of a prompt wait, or none at all
  kReady = 1,   // none waits; the next step chooses a token
  kAnswer = 2,  // a token that was chosen waits
  kEnded = 3,   // one that ends the answer does
};

// Computes tokens at a position of the context: engine::Model::run_tokens, or a test's.
struct TokenRunner {
  Failure (*run)(const void* context, std::span<const std::uint32_t> tokens, std::uint32_t position,
                 Workers& workers, std::span<float>* logits) = nullptr;
  const void* context = nullptr;
};

// The memory of a conversation, exactly; a multiple of 64. PlanHeader::language_bytes.
std::uint64_t generator_bytes(const package::LanguageRecord& record);

// Trivially destructible. Borrows model and memory.
class Generator {
 public:
  // Begins, empty and greedy. The model has its memory and weights; `memory` is 8-byte aligned.
  // Errors: kTokenizerInvalid; kLanguageInvalid if the vocabulary is not the tokenizer's (1) or the
  // memory is too small (2).
  Failure open(const engine::Model& model, MutableByteSpan memory);
  Failure open(const package::LanguageRecord& record, ByteSpan tokenizer, TokenRunner runner,
               MutableByteSpan memory);

  // Room for the text of a prompt, most_text_bytes. Free but while prompt() runs.
  MutableByteSpan text_buffer() const { return text_; }

  // Adds text (private to the caller: read more than once) to what waits; with bos in front, if the
  // tokenizer wants it, where the context is empty. On an error nothing has changed. Errors:
  // kBadText with the offset of the first byte that is no UTF-8; kPromptTooLong with the bytes that
  // a text may have or the tokens for which there is room.
  Failure prompt(ByteSpan text, const PromptOptions& options);
  // The same with tokens as they are. Errors: kBadToken with the place of one past the vocabulary;
  // kPromptTooLong.
  Failure prompt_tokens(std::span<const std::uint32_t> tokens, bool restart);

  // How tokens are chosen from now on; the random numbers begin anew. Errors: kBadSampling.
  Failure sampling(const SamplerSettings& settings);

  // The next piece of work: computes up to a batch of a prompt's tokens; or computes the token that
  // was chosen last, if one waits, and chooses the next. Errors: those of running the model; the
  // same step can be tried again.
  Failure step(Workers& workers, StepResult* result);

  // Computes one waiting token. If it is not the context's first, adds its negative log-likelihood
  // after those before it to *nll, and 1 to *judged. *logits: those after it, until the next call
  // of anything. Errors: kBadState if none waits; those of running the model.
  Failure score(Workers& workers, double* nll, std::uint32_t* judged, std::span<float>* logits);

  // Forgets the conversation; settings and random numbers stay.
  void reset();

  std::uint32_t position() const { return state_.position; }
  std::uint32_t pending() const { return state_.waiting; }

  // For saving: the state with position() + pending() tokens from the begin of tokens(), which has
  // room for the whole context.
  GeneratorState state() const { return state_; }
  std::span<std::uint32_t> tokens() const { return tokens_; }
  // After tokens() and the model's caches have been put back. Errors: kSavedDamaged with the number
  // of the field, from 1, that makes no sense (of tokens: 0); then the conversation is empty.
  Failure restore(const GeneratorState& state);

 private:
  Failure run(std::uint32_t count, Workers& workers);
  Failure ensure_logits(Workers& workers);
  Failure choose(Workers& workers, StepResult* result);
  void add(std::span<const std::uint32_t> tokens, bool restart);
  std::uint32_t used() const { return state_.position + state_.waiting; }
  std::uint32_t context() const { return static_cast<std::uint32_t>(tokens_.size()); }
  bool is(Phase phase) const { return state_.phase == static_cast<std::uint32_t>(phase); }
  void enter(Phase phase) { state_.phase = static_cast<std::uint32_t>(phase); }

  TokenRunner runner_;
  Tokenizer tokenizer_;
  std::uint32_t batch_ = 0;
  MutableByteSpan text_;
  MutableByteSpan work_;             // of the tokenizer or the sampler
  std::span<std::uint32_t> tokens_;  // of the context
  std::span<std::uint32_t> fresh_;   // of a prompt that is being cut up
  std::span<float> logits_;          // after the last computed token; empty: they are lost
  GeneratorState state_;
};

}  // namespace sz::language
